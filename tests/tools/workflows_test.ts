import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { PROJECT } from "../support/command.ts";

const DIRS = [
  ".github/workflows",
  "templates/default/.github/workflows",
  "templates/default/.forgejo/workflows",
];

const WORKFLOWS = DIRS.flatMap((dir) =>
  [...Deno.readDirSync(join(PROJECT, dir))].map(({ name }) => ({
    path: `${dir}/${name}`,
    text: Deno.readTextFileSync(join(PROJECT, dir, name)),
  }))
);

Deno.test("workflows pin each action to a commit, with its version beside it, and everywhere to the same", () => {
  const pins = new Map<string, string>();
  for (const { path, text } of WORKFLOWS) {
    for (const [, used = ""] of text.matchAll(/uses: *(.*)/g)) {
      const [, action, pin] = /^([\w-]+\/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$/.exec(used) ?? [];
      assertEquals([pin !== undefined, path, used], [true, path, used]);
      assertEquals(pin, pins.get(action!) ?? pin, path);
      pins.set(action!, pin!);
    }
  }
  assertEquals([...pins.keys()].sort(), [
    "actions/checkout",
    "cachix/install-nix-action",
    "denoland/setup-deno",
  ]);
});

Deno.test("workflows on GitHub permit nothing but what a job says for itself", () => {
  for (const { path, text } of WORKFLOWS.filter(({ path }) => path.includes(".github"))) {
    assertEquals(/^permissions: (.*)$/m.exec(text)?.[1], "{}", path);
    const jobs = text.slice(text.indexOf("\njobs:")).match(/^ {2}\w+:$/gm) ?? [];
    assertEquals(text.match(/^ {4}permissions:$/gm)?.length, jobs.length, path);
  }
});
