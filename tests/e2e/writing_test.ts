// Samples of whole runs. Modes, obstacles and errors of the disk are tested one by one at the release directory.

import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { TestFleet } from "../support/fleet.ts";
import { bytesOf } from "../support/git_fleet.ts";
import { interrupt } from "../support/interrupted.ts";
import { worldOf } from "../support/refusal.ts";
import { expectRelease, releaseBelow, shell, SIDECARS } from "../support/releases.ts";
import { STRACE } from "../support/strace.ts";

/** A fleet with sidecars that are not empty. */
function fleetWithSidecars(): Promise<TestFleet> {
  return TestFleet.create({
    files: {
      "revocations.json": JSON.stringify([{ hostname: "web1", notBefore: "2026-05-01T00:00:00Z" }]),
      "bootstrap-nonces.json": "[]",
    },
  });
}

Deno.test("the program writes the release, and no other file stays", async () => {
  await using fleet = await fleetWithSidecars();
  await fleet.write({
    "releases/.fleet-release.0c5a.tmp": "half of a file",
    "releases/rollouts/.fleet-release.0c5b.tmp": "half of a manifest",
    "releases/README": "the user's own",
    "releases/.keep": "the user's own",
  });
  // A publication that was killed between the fleet's signature and the fleet.
  const half = ["fleet.resolved.json", "fleet.resolved.json.sig"].map((path) =>
    [path, bytesOf("half")] as const
  );
  await interrupt(join(fleet.dir, "releases"), new Map(half), 1);
  const { artifacts, warnings } = await expectRelease(fleet, SIDECARS);
  const interrupted = warnings.filter(({ code }: { code: string }) => code === "interrupted-publication");
  assertEquals(interrupted.map(({ path }: { path: string }) => path), ["releases"]);
  const own = artifacts.flatMap(({ path }: { path: string }) => [path, `${path}.sig`]);
  assertEquals(own.length, 10);
  assertEquals([...(await fleet.files()).keys()], [".keep", "README", ...own].sort());
  assertEquals([...Deno.readDirSync(join(fleet.root, "tmp"))], []);
});

Deno.test("the program fails at a directory in place of the fleet, and leaves all as it was", async () => {
  await using fleet = await fleetWithSidecars();
  await fleet.write({ "releases/fleet.resolved.json/file": "the user's own" });
  const before = await worldOf(fleet);
  const { code, stdout, stderr } = await fleet.release(SIDECARS);
  const error = stderr.split("\n").find((line) => line.startsWith("error: ")) ?? "";
  assertEquals([code, stdout], [1, ""], stderr);
  assertEquals(
    error,
    'error: Cannot read "releases/fleet.resolved.json": it is a directory, expected a regular file',
  );
  assertEquals(await worldOf(fleet), before);
});

Deno.test("the program refuses links that lead out of the repository before anything is built", async () => {
  const links: [script: string, place: string][] = [
    ["mkdir -p ../out releases; ln -s ../../out releases/rollouts", "releases/rollouts"],
    ["rm -r releases; ln -s ../out releases", "releases"],
  ];
  await using fleet = await TestFleet.create();
  for (const [script, place] of links) {
    await shell(fleet, script);
    const before = await worldOf(fleet);
    const { code, stdout, stderr } = await fleet.release(["--push-cmd", "false"]);
    assertEquals([code, stdout], [1, ""], stderr);
    assert(stderr.startsWith('error: Cannot use "releases" as the release directory: '), stderr);
    assert(stderr.includes(place), stderr);
    assertEquals(await worldOf(fleet), before);
  }
});

for (const args of [[], ["--git-commit"]]) {
  Deno.test(
    `the program explains that a release directory is a file, ${
      args.length === 0 ? "and" : "with --git-commit, and"
    } leaves it`,
    async () => {
      await using fleet = await TestFleet.create({ files: { "releases": "a file" } });
      const { code, stdout, stderr } = await fleet.release(args);
      assertEquals([code, stdout], [1, ""], stderr);
      const errors = stderr.split("\n").filter((line) => line.startsWith("error: "));
      assertEquals([errors.length, errors[0]!.includes('"releases"')], [1, true], stderr);
      assertEquals(stderr.includes("Unforeseen"), false, stderr);
      assertEquals(await Deno.readTextFile(join(fleet.dir, "releases")), "a file");
    },
  );
}

/** One system call that is of interest here, with paths relative to the release directory. */
interface Call {
  readonly name: string;
  readonly path: string;
  /** What a file is renamed to. */
  readonly target: string;
}

/** Reads what `strace -f -y` wrote: the calls that change one directory and came to an end without an error. */
function callsOn(trace: string, dir: string): Call[] {
  const unfinished = new Map<string, string>();
  const calls: Call[] = [];
  for (const line of trace.split("\n")) {
    const [, pid = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest.endsWith("<unfinished ...>")) unfinished.set(pid, rest.slice(0, -"<unfinished ...>".length));
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const whole = resumed === null ? rest : (unfinished.get(pid) ?? "") + resumed[1];
    const [, name = "", args = "", result] = /^(\w+)\((.*)\) += (\S+)/.exec(whole) ?? [];
    if (result === undefined || result === "-1") continue;
    // What is laid ready is read once more before it is moved.
    if (name === "openat" && args.includes("O_RDONLY")) continue;
    // A path within quotes, or within angles behind the number of an open file.
    const paths = [...args.matchAll(/"([^"]*)"|\d<([^>]*)>/g)].map(([, quoted, open]) => quoted ?? open!);
    const [path, target = ""] = paths.filter((path) => path === dir || path.startsWith(`${dir}/`))
      .map((path) => path.slice(dir.length + 1));
    if (path !== undefined) calls.push({ name, path, target });
  }
  return calls;
}

/** The calls that a release makes on its directory. */
async function traceRelease(fleet: TestFleet, args: readonly string[]) {
  const trace = join(fleet.root, "home/trace");
  const names = "trace=openat,fsync,fdatasync,rename,renameat,renameat2,execve";
  // Its threads, and not what it starts.
  const above = [STRACE!, "-f", "-b", "execve", "-y", "-s", "4096", "-o", trace, "-e", names];
  const result = await releaseBelow(fleet, above, args);
  const text = await Deno.readTextFile(trace);
  return { result, text, calls: callsOn(text, join(fleet.dir, "releases")) };
}

if (STRACE === undefined) {
  Deno.test("the order of system calls is NOT tested: there is no strace on PATH, as there has to be in CI on Linux", () => {
    const required = Deno.build.os === "linux" && Deno.env.get("CI") === "true";
    assertEquals(required, false, "install strace");
  });
} else {
  Deno.test("the program names manifests, sidecars and then the fleet, each after its signature, with each file and directory synced before the next and before git", async () => {
    await using fleet = await fleetWithSidecars();
    const { result, text, calls } = await traceRelease(fleet, ["--git-commit", ...SIDECARS]);
    assertEquals(result.code, 0, result.stderr);
    // What git is to leave alone is written when it is committed.
    const renames = calls.filter(({ name, target }) =>
      name.startsWith("rename") && target !== ".gitattributes"
    );
    // The journal gets its name before the first of them, and loses it after the last.
    assertEquals([renames.length, renames[0]?.target, renames.at(-1)?.path], [
      ...[12, ".fleet-release.journal", ".fleet-release.journal"],
    ]);
    for (const [index, call] of calls.entries()) {
      if (!call.name.startsWith("rename")) continue;
      const before = calls.slice(0, index).map(({ name, path }) => `${name} ${path}`);
      // In the same directory, and synced after it was written to and under no other name.
      assertEquals(dirname(call.path), dirname(call.target));
      if (call !== renames.at(-1)) {
        assertEquals(before.filter((line) => line.endsWith(` ${call.path}`)), [
          `openat ${call.path}`,
          `fsync ${call.path}`,
        ]);
      }
      const next = calls.slice(index + 1).find(({ name }) => name.startsWith("rename") || name === "fsync")!;
      const dir = dirname(call.target).replace(/^\.$/, "");
      assertEquals(
        next.name === "fsync" ? next.path : dirname(next.target).replace(/^\.$/, ""),
        dir,
        `${call.target}: its directory is not synced before another one changes`,
      );
    }
    // Nothing gets its name before all bytes are on the disk.
    const first = calls.findIndex(({ name }) => name.startsWith("rename"));
    assertEquals(
      calls.slice(0, first).filter(({ name, path }) => name === "fsync" && path.endsWith(".tmp")).length,
      11,
    );
    // Nor does the journal go before all names are.
    const end = calls.indexOf(renames.at(-1)!);
    const moved = calls.indexOf(renames.at(-2)!);
    assertEquals(
      calls.slice(moved + 1, end).filter(({ name }) => name === "fsync").map(({ path }) => path),
      [""],
    );
    // The names that git takes are on the disk when it is started.
    const lines = text.split("\n");
    const last = lines.findLastIndex((line) => /^\d+ +rename\(/.test(line) && line.includes("/releases/"));
    const synced = lines.findIndex((line, index) =>
      index > last && line.includes("fsync(") && line.includes(`<${fleet.dir}/releases>)`)
    );
    const git = lines.findIndex((line) => line.includes('"hash-object", "-w"'));
    assert(last !== -1 && last < synced && synced < git, `rename ${last}, fsync ${synced}, git ${git}`);
    // What git has named is on the disk before the program ends, and the objects before the branch has them.
    const branch = lines.findIndex((line) => line.includes('"update-ref"'));
    const objects = (await fleet.git("rev-list", "--objects", "HEAD", "--not", "HEAD^")).split("\n");
    const shards = objects.map((object) => `objects/${object.slice(0, 2)}`);
    assert(objects.length > 10, `${objects.length} objects`);
    const unsynced = (dirs: readonly string[], part: readonly string[]) =>
      dirs.filter((dir) => !part.join("\n").includes(`<${join(fleet.dir, ".git", dir)}>) = 0`));
    assertEquals(unsynced([...shards, "objects"], lines.slice(git, branch)), []);
    assertEquals(unsynced(["refs/heads", "refs", ""], lines.slice(branch)), []);
    // Manifests, sidecars, the fleet, each after its signature.
    const targets = renames.slice(1, -1).map(({ target }) => target);
    const manifests = [...new Set(targets.slice(0, 4).map((path) => path.replace(/\.sig$/, "")))];
    assert(manifests.every((path) => /^rollouts\/[0-9a-f]{64}\.json$/.test(path)), manifests.join());
    const named = targets.map((path) =>
      manifests.reduce((text, manifest, index) => text.replace(manifest, `rollouts/${index + 1}.json`), path)
    );
    const order = ["rollouts/1", "rollouts/2", "revocations", "bootstrap-nonces", "fleet.resolved"];
    assertEquals(named, order.flatMap((name) => [`${name}.json.sig`, `${name}.json`]));
  });
}
