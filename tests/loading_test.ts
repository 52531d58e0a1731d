// What is loaded for which command: the start of the program is paid on every call.

import { assert, assertEquals } from "@std/assert";
import { expectRun, PROJECT } from "./support/command.ts";
import { DENO_ENV } from "./support/program.ts";

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly { code?: { specifier?: string }; isDynamic?: boolean }[];
}

const INFO: { modules: readonly Module[]; redirects?: Record<string, string> } = JSON.parse(
  await expectRun([Deno.execPath(), "info", "--json", "src/main.ts"], {
    cwd: PROJECT,
    env: { ...DENO_ENV, HOME: Deno.env.get("HOME") ?? "/", PATH: Deno.env.get("PATH") ?? "" },
  }),
);
const MODULES = new Map(INFO.modules.map((module) => [module.specifier, module]));

/**
 * What is loaded with a module: what it imports, and what it loads when it runs as far as that is followed.
 *
 * @returns paths in the project, and specifiers of packages
 */
function loadedWith(path: string, follow: (specifier: string) => boolean): string[] {
  const seen = new Set<string>();
  const queue = [new URL(`../${path}`, import.meta.url).href];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const specifier = INFO.redirects?.[next] ?? next;
    if (seen.has(specifier)) continue;
    seen.add(specifier);
    for (const { code, isDynamic } of MODULES.get(specifier)?.dependencies ?? []) {
      if (code?.specifier !== undefined && (!isDynamic || follow(code.specifier))) queue.push(code.specifier);
    }
  }
  const root = new URL("..", import.meta.url).href;
  return [...seen].map((specifier) => specifier.replace(root, "")).sort();
}

Deno.test("--version alone loads a handful of modules", () => {
  assertEquals(loadedWith("src/main.ts", () => false), [
    "deno.json",
    "src/bytes.ts",
    "src/commands/list.ts",
    "src/errors.ts",
    "src/main.ts",
    "src/text.ts",
    "src/world.ts",
  ]);
});

for (const command of ["verify", "prune", "keygen", "pubkey", "canonicalize", "completions", "man"]) {
  Deno.test(`${command} loads nothing of a release, dax with the first process, and hashing with the first digest`, () => {
    // All that it may load but what starts processes, which `verify --git` alone does.
    const loaded = loadedWith(`src/commands/${command}.ts`, (specifier) => !specifier.includes("dax"));
    assert(loaded.includes("src/cli/command.ts"), "nothing was followed");
    const release =
      /^src\/(stages\/|pipeline\.ts|commands\/release\.ts|adapters\/(nix|hooks)\/)|dax|^node:crypto$/;
    assertEquals(loaded.filter((path) => release.test(path)), []);
  });
}

Deno.test("a release loads what builds while hosts are evaluated, and an ssh-agent's messages when one signs", () => {
  const loaded = loadedWith("src/adapters/ports.ts", () => false);
  assert(["nix/nix", "signers"].every((name) => loaded.includes(`src/adapters/${name}.ts`)));
  const later = /^src\/adapters\/(nix\/(build|realise|host_builds|build_failure)|ssh_agent)\.ts$/;
  assertEquals(loaded.filter((path) => later.test(path)), []);
});

Deno.test("the help of all commands loads none that does what they do", () => {
  const loaded = loadedWith("src/main.ts", (specifier) => /\/(commands|cli)\/[^/]*$/.test(specifier));
  const working = /^src\/(stages|adapters|verify|pipeline)|valibot|dax/;
  // The permissions are asked of the world, and the settings read from it, when they are wanted.
  const wanted = /^src\/adapters\/(search_path|lookup|files|paths)\.ts$/;
  assertEquals(loaded.filter((path) => working.test(path) && !wanted.test(path)), []);
});
