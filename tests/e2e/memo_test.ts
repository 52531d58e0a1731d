// A second release on the same commit evaluates nothing, and gives the same.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { type Draft, PUBLIC_KEY, TestFleet } from "../support/fleet.ts";
import { contents, flakeOf, hold, NOW } from "../support/releases.ts";
import { which } from "../support/command.ts";

/** What one release came to. */
interface Released {
  /** How many processes evaluated something. */
  readonly evaluations: number;
  /** What was warned of. */
  readonly warnings: readonly Draft[];
  readonly files: ReadonlyMap<string, string>;
}

let count = 0;

/** Releases into a directory of its own. */
async function release(fleet: TestFleet, args: readonly string[] = []): Promise<Released> {
  const dir = join(fleet.root, `out${count++}`);
  const { code, stdout, stderr } = await fleet.release([
    ...["--release-dir", dir, "--now", NOW, "--json", "-v", "--log-format", "json"],
    ...args,
  ]);
  assertEquals(code, 0, stderr);
  const commands = stderr.trimEnd().split("\n").map((line): Draft => JSON.parse(line))
    .filter(({ event }) => event === "command").map(({ command }): string[] => command.split(" "));
  const files = [...Deno.readDirSync(dir)].filter(({ isFile }) => isFile)
    .map(({ name }): [string, string] => [name, Deno.readTextFileSync(join(dir, name))]);
  return {
    evaluations:
      commands.filter(([program, ...words]) => program === which("nix") && words.includes("eval")).length,
    warnings: JSON.parse(stdout).warnings,
    files: new Map(files),
  };
}

const cacheOf = (fleet: TestFleet) => join(fleet.root, "home/.cache/fleet-release/evaluations");
const isEmpty = (dir: string) => {
  try {
    return [...Deno.readDirSync(dir)].length === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
};

/** Serves the repositories in a directory, as another machine would, until it is disposed of. */
async function serve(dir: string): Promise<AsyncDisposable & { readonly url: string }> {
  const port = freePort();
  const server = new Deno.Command(which("git"), {
    args: [
      "daemon",
      "--verbose",
      "--export-all",
      "--listen=127.0.0.1",
      `--port=${port}`,
      `--base-path=${dir}`,
    ],
    stderr: "piped",
  }).spawn();
  const lines = server.stderr.getReader();
  // It says so when it is ready.
  await lines.read();
  return {
    url: `git://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.kill();
      while (!(await lines.read()).done);
      await server.status;
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

const FLAKE = flakeOf(`{
  web1 = builtins.trace "of web1" (host (build "web1" "echo 1 > $out"));
  web2 = host (build "web2" "echo 2 > $out");
  db = host (build "db" "echo 3 > $out");
}`);

Deno.test("the program evaluates nothing on a commit that it has released before, and releases the same", async () => {
  await using fleet = await TestFleet.create({ files: { "flake.nix": FLAKE } });
  const first = await release(fleet);
  assert(first.evaluations > 0);
  assertEquals(first.warnings.filter(({ code }) => code === "evaluation"), [
    { code: "evaluation", message: 'Evaluation of host "web1": of web1', hosts: ["web1"] },
  ]);
  const second = await release(fleet);
  assertEquals(second, { ...first, evaluations: 0 });
  // By its commit, too, which is another reference of the same; and some of the hosts alone.
  const head = await fleet.git("rev-parse", "HEAD");
  const byCommit = ["--build-flake", `git+file://${fleet.dir}?rev=${head}`];
  assertEquals((await release(fleet, byCommit)).files, first.files);
  assertEquals((await release(fleet, byCommit)).evaluations, 0);
  assertEquals((await release(fleet, ["--hosts", "db,web1,web2"])).evaluations, 0);
});

Deno.test("the program evaluates what it does not know: another commit, changes, other settings, and what is gone", async () => {
  await using fleet = await TestFleet.create();
  const first = await release(fleet);
  assertEquals((await release(fleet)).evaluations, 0);
  await hold(fleet, { web1: "two" });
  const changed = await release(fleet);
  assert(changed.evaluations > 0);
  assertNotEquals(changed.files.get("fleet.resolved.json"), first.files.get("fleet.resolved.json"));
  // What is not committed is not kept either.
  assert((await release(fleet)).evaluations > 0);
  await fleet.commit("two");
  assert((await release(fleet)).evaluations > 0);
  assertEquals((await release(fleet)).evaluations, 0);
  // The same files by another commit: what a flake sees of itself is another.
  await fleet.commit("nothing");
  assert((await release(fleet)).evaluations > 0);
  assertEquals((await release(fleet)).evaluations, 0);
  assert((await release(fleet, ["--option", "allow-import-from-derivation", "false"])).evaluations > 0);
  assertEquals((await release(fleet, ["--max-jobs", "2"])).evaluations, 0);
  assert((await release(fleet, ["--option", "pure-eval", "false"])).evaluations > 0);
  assert(
    (await release(fleet, [
      "--fleet-resolved-attr",
      "fleet.resolved",
      "--revocations-attr",
      "fleet.revocations",
    ])).evaluations > 0,
  );
});

Deno.test("the program evaluates no attributes of another flake again either", async () => {
  await using fleet = await TestFleet.create();
  const [, key] = PUBLIC_KEY.split(":");
  const keys = `{ schemaVersion = 1; ciReleaseKey.current = { algorithm = "ed25519"; public = "${key}"; }; }`;
  await using other = await TestFleet.create({
    files: { "flake.nix": `{ outputs = _: { keys = builtins.trace "of keys" ${keys}; }; }` },
  });
  const trust = ["--trust-attr", `git+file://${other.dir}#keys`];
  const first = await release(fleet, trust);
  assertEquals(first.warnings.map(({ message }) => message), ["Evaluation: of keys"]);
  assertEquals(await release(fleet, trust), { ...first, evaluations: 0 });
  assertEquals((await release(fleet)).warnings, []);
});

Deno.test("the program evaluates no host again of a commit of another machine", async () => {
  await using fleet = await TestFleet.create();
  await using server = await serve(fleet.root);
  const args = ["--build-flake", `${server.url}/fleet?ref=main`];
  const first = await release(fleet, args);
  // What is there now is asked for, and what it declares.
  assertEquals(await release(fleet, args), { ...first, evaluations: 2 });
});

Deno.test("the program takes no checkout with staged changes for the commit, though its files are the same", async () => {
  await using fleet = await TestFleet.create();
  await release(fleet);
  const stage = async () => {
    await fleet.write({ "fleet.json": `${await Deno.readTextFile(join(fleet.dir, "fleet.json"))}\n` });
    await fleet.git("add", "-A");
    await fleet.git("restore", "--source=HEAD", "--worktree", ".");
  };
  await stage();
  const { warnings } = await release(fleet, ["--no-memo"]);
  assertEquals((await release(fleet)).warnings, warnings);
});

Deno.test("the program keeps nothing of what native code may have told", async () => {
  const flake = FLAKE.replace("echo 3", 'echo ${toString (builtins.exec [ "sh" "-c" "cat $HOME/number" ])}');
  await using fleet = await TestFleet.create({ files: { "flake.nix": flake } });
  const native = ["--option", "allow-unsafe-native-code-during-evaluation", "true"];
  const releases: Released[] = [];
  for (const number of ["1", "2"]) {
    await Deno.writeTextFile(join(fleet.root, "home/number"), number);
    releases.push(await release(fleet, native));
  }
  const [first, second] = releases.map(({ files }) => files.get("fleet.resolved.json"));
  assertNotEquals(second, first);
});

Deno.test("the program evaluates a host again whose derivation is not in the store any more", async () => {
  await using fleet = await TestFleet.create();
  await hold(fleet, { web1: crypto.randomUUID() });
  await fleet.commit("of its own");
  const first = await release(fleet);
  const before = await contents(fleet, join(fleet.root, `out${count - 1}`));
  const { closureHash } = JSON.parse(first.files.get("fleet.resolved.json")!).hosts.web1;
  const env = fleet.env();
  const store = async (...args: string[]) => {
    const { stdout } = await new Deno.Command(which("nix-store"), { args, env, clearEnv: true }).output();
    return new TextDecoder().decode(stdout).trim();
  };
  const drv = await store("--query", "--deriver", `/nix/store/${closureHash}`);
  await store("--delete", `/nix/store/${closureHash}`);
  await store("--delete", drv);
  const second = await release(fleet);
  assertEquals(second, { ...first, evaluations: 1 });
  assertEquals(await contents(fleet, join(fleet.root, `out${count - 1}`)), before);
});

Deno.test("the program keeps nothing with --no-memo, and reads nothing that others may have written", async () => {
  await using fleet = await TestFleet.create();
  const first = await release(fleet, ["--no-memo"]);
  assert(isEmpty(cacheOf(fleet)));
  const without = { ...first, evaluations: 0 };
  const { evaluations } = await release(fleet);
  assertEquals(await release(fleet), without);
  assert((await release(fleet, ["--no-memo"])).evaluations > 0);
  // Cut short, changed, of another form: each is passed over, and written anew.
  const damages: ((path: string) => void)[] = [
    (path) => Deno.truncateSync(path, 70),
    (path) =>
      Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace(/\/nix\/store\/./, "/nix/store/0")),
    (path) => Deno.writeTextFileSync(path, ""),
  ];
  for (const damage of damages) {
    for (const { name } of Deno.readDirSync(cacheOf(fleet))) damage(join(cacheOf(fleet), name));
    assertEquals(await release(fleet), { ...first, evaluations });
    assertEquals(await release(fleet), without);
  }
  Deno.chmodSync(cacheOf(fleet), 0o777);
  assertEquals(await release(fleet), { ...first, evaluations });
});
