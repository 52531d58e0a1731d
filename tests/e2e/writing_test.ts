import { assert, assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { dirname, join } from "@std/path";
import { which } from "../support/command.ts";
import { TestFleet } from "../support/fleet.ts";
import { worldOf, writeEarlierRelease } from "../support/refusal.ts";
import { expectRelease, NOW, releaseBelow, shell, SIDECARS } from "../support/releases.ts";

/** A fleet with sidecars that are not empty. */
function fleetWithSidecars(): Promise<TestFleet> {
  return TestFleet.create({
    files: {
      "revocations.json": JSON.stringify([{ hostname: "web1", notBefore: "2026-05-01T00:00:00Z" }]),
      "bootstrap-nonces.json": "[]",
    },
  });
}

/** The permissions of a file or directory. */
function modeOf(path: string): string {
  return ((Deno.lstatSync(path).mode ?? 0) & 0o7777).toString(8);
}

for (const umask of ["077", "000", "022"]) {
  Deno.test(`the program writes files of mode 644 in directories of mode 755 under umask ${umask}`, async () => {
    await using fleet = await fleetWithSidecars();
    const above = [which("sh"), "-c", `umask ${umask} && exec "$@"`, "sh"];
    const { code, stderr } = await releaseBelow(fleet, above, [
      "--release-dir",
      "new/deep/releases",
      ...SIDECARS,
    ]);
    assertEquals(code, 0, stderr);
    const dirs = ["new", "new/deep", "new/deep/releases", "new/deep/releases/rollouts"];
    assertEquals(dirs.map((dir) => modeOf(join(fleet.dir, dir))), dirs.map(() => "755"));
    const releaseDir = join(fleet.dir, "new/deep/releases");
    const files = [...(await fleet.files(releaseDir)).keys()];
    assertEquals(files.length, 10);
    assertEquals(files.map((path) => modeOf(join(releaseDir, path))), files.map(() => "644"));
  });
}

Deno.test("the program leaves the permissions of directories that are there, and mends those of files", async () => {
  await using fleet = await fleetWithSidecars();
  await expectRelease(fleet, ["--now", NOW, ...SIDECARS]);
  await shell(
    fleet,
    "chmod 700 releases && chmod 750 releases/rollouts && chmod 600 releases/fleet.resolved.json",
  );
  const result = await expectRelease(fleet, ["--now", NOW, ...SIDECARS]);
  assertEquals(result["outcome"], "released");
  const paths = ["releases", "releases/rollouts", "releases/fleet.resolved.json"];
  assertEquals(paths.map((path) => modeOf(join(fleet.dir, path))), ["700", "750", "644"]);
});

Deno.test("the program writes the release, and no other file stays", async () => {
  await using fleet = await fleetWithSidecars();
  await fleet.write({
    "releases/.fleet-release.0c5a.tmp": "half of a file",
    "releases/rollouts/.fleet-release.0c5b.tmp": "half of a manifest",
    "releases/README": "the user's own",
    "releases/.keep": "the user's own",
  });
  const { artifacts } = await expectRelease(fleet, SIDECARS);
  const own = artifacts.flatMap(({ path }: { path: string }) => [path, `${path}.sig`]);
  assertEquals(own.length, 10);
  assertEquals([...(await fleet.files()).keys()], [".keep", "README", ...own].sort());
  assertEquals([...Deno.readDirSync(join(fleet.root, "tmp"))], []);
});

Deno.test("the program does not touch files that have their bytes already", async () => {
  await using fleet = await fleetWithSidecars();
  const args = ["--now", NOW, ...SIDECARS];
  await expectRelease(fleet, args);
  const long = new Date("2026-01-01T00:00:00Z");
  const paths = [...(await fleet.files()).keys()];
  for (const path of paths) await Deno.utime(join(fleet.dir, "releases", path), long, long);
  const touched = () =>
    paths.filter((path) =>
      Deno.statSync(join(fleet.dir, "releases", path)).mtime?.getTime() !== long.getTime()
    );
  assertEquals((await expectRelease(fleet, args))["outcome"], "no-change");
  assertEquals(touched(), []);
  // One that lost its bytes comes back, and it alone.
  await shell(fleet, "echo >> releases/revocations.json.sig");
  assertEquals((await expectRelease(fleet, args))["outcome"], "released");
  assertEquals(touched(), ["revocations.json.sig"]);
});

Deno.test("the program replaces a link by the file, and leaves what it led to", async () => {
  await using fleet = await TestFleet.create();
  await fleet.write({ "../home/target": "the user's own" });
  await ensureDir(join(fleet.dir, "releases"));
  await Deno.symlink("../../home/target", join(fleet.dir, "releases/fleet.resolved.json"));
  const result = await fleet.release();
  assertEquals(result.code, 0, result.stderr);
  assertEquals(Deno.lstatSync(join(fleet.dir, "releases/fleet.resolved.json")).isFile, true);
  assertEquals(await Deno.readTextFile(join(fleet.root, "home/target")), "the user's own");
});

/** Every file and link in the test's directory, by path. */
async function filesOf(fleet: TestFleet): Promise<Map<string, Uint8Array | string>> {
  const { paths } = await worldOf(fleet);
  return new Map([...paths].filter(([, content]) => content !== "directory"));
}

/** What stands in the way of the release, and which part of it: made by a script in the release directory. */
const OBSTACLES: [of: string, script: string, place: string][] = [
  ["a file in place of rollouts", "rm -rf rollouts; echo mine > rollouts", "rollouts"],
  ["a dangling link in place of rollouts", "rm -rf rollouts; ln -s nowhere rollouts", "rollouts"],
  [
    "a directory in place of the fleet",
    "rm -f fleet.resolved.json; mkdir fleet.resolved.json",
    "fleet.resolved.json",
  ],
  [
    "a directory in place of the fleet's signature",
    "rm -f fleet.resolved.json.sig; mkdir fleet.resolved.json.sig",
    "fleet.resolved.json.sig",
  ],
  ["a directory in place of a sidecar", "mkdir revocations.json", "revocations.json"],
];

for (const [of, script, place] of OBSTACLES) {
  for (const released of [false, true]) {
    const where = released ? "a release" : "a new directory";
    Deno.test(`the program fails at ${of}, and leaves ${where} as it was`, async () => {
      await using fleet = await fleetWithSidecars();
      if (released) await writeEarlierRelease(fleet);
      await ensureDir(join(fleet.dir, "releases"));
      await shell(fleet, `cd releases; ${script}`);
      const before = await filesOf(fleet);
      const { code, stdout, stderr } = await fleet.release(SIDECARS);
      const error = stderr.split("\n").find((line) => line.startsWith("error: ")) ?? "";
      assertEquals([code, stdout], [1, ""], stderr);
      assert(error.startsWith('error: Cannot write the release to "releases": '), stderr);
      assert(error.includes(place), error);
      const after = await filesOf(fleet);
      assertEquals([...after.keys()], [...before.keys()]);
      assertEquals(after, before);
    });
  }
}

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

/** Reads what `strace -f -y` wrote: the calls on one directory that came to an end without an error. */
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
    // A path within quotes, or within angles behind the number of an open file.
    const paths = [...args.matchAll(/"([^"]*)"|\d<([^>]*)>/g)].map(([, quoted, open]) => quoted ?? open!);
    const [path, target = ""] = paths.filter((path) => path === dir || path.startsWith(`${dir}/`))
      .map((path) => path.slice(dir.length + 1));
    if (path !== undefined) calls.push({ name, path, target });
  }
  return calls;
}

/** The calls that a release makes on its directory; `inject` makes some of them fail, as strace has it. */
async function traceRelease(fleet: TestFleet, args: readonly string[], inject: readonly string[] = []) {
  const trace = join(fleet.root, "home/trace");
  const names = "trace=openat,fsync,fdatasync,rename,renameat,renameat2,execve";
  // Its threads, and not what it starts: an injected error is to hit the program alone.
  const above = [which("strace"), "-f", "-b", "execve", "-y", "-s", "4096", "-o", trace, "-e", names];
  const result = await releaseBelow(
    fleet,
    [...above, ...inject.flatMap((rule) => ["-e", `inject=${rule}`])],
    args,
  );
  const text = await Deno.readTextFile(trace);
  return { result, text, calls: callsOn(text, join(fleet.dir, "releases")) };
}

/** Whether system calls can be seen here. */
function straceIsThere(): boolean {
  try {
    which("strace");
    return true;
  } catch {
    return false;
  }
}

if (!straceIsThere()) {
  Deno.test("the order of system calls is NOT tested: there is no strace on PATH, as there has to be in CI on Linux", () => {
    const required = Deno.build.os === "linux" && Deno.env.get("CI") === "true";
    assertEquals(required, false, "install strace");
  });
} else {
  Deno.test("the program syncs each file before it gets its name, and each directory before the next and before git", async () => {
    await using fleet = await fleetWithSidecars();
    const { result, text, calls } = await traceRelease(fleet, ["--git-commit", ...SIDECARS]);
    assertEquals(result.code, 0, result.stderr);
    const renames = calls.filter(({ name }) => name.startsWith("rename"));
    assertEquals(renames.length, 10);
    for (const [index, call] of calls.entries()) {
      if (!call.name.startsWith("rename")) continue;
      const before = calls.slice(0, index).map(({ name, path }) => `${name} ${path}`);
      // In the same directory, and synced after it was written to and under no other name.
      assertEquals(dirname(call.path), dirname(call.target));
      assertEquals(before.filter((line) => line.endsWith(` ${call.path}`)), [
        `openat ${call.path}`,
        `fsync ${call.path}`,
      ]);
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
      10,
    );
    // The names that git takes are on the disk when it is started.
    const lines = text.split("\n");
    const last = lines.findLastIndex((line) => /^\d+ +rename\(/.test(line) && line.includes("/releases/"));
    const synced = lines.findIndex((line, index) =>
      index > last && line.includes("fsync(") && line.includes(`<${fleet.dir}/releases>)`)
    );
    const git = lines.findIndex((line) => line.includes('"hash-object"'));
    assert(last !== -1 && last < synced && synced < git, `rename ${last}, fsync ${synced}, git ${git}`);
  });

  Deno.test("the program gives manifests their names first, then sidecars, the fleet last, each after its signature", async () => {
    await using fleet = await fleetWithSidecars();
    const { result, calls } = await traceRelease(fleet, SIDECARS);
    assertEquals(result.code, 0, result.stderr);
    const targets = calls.filter(({ name }) => name.startsWith("rename")).map(({ target }) => target);
    const manifests = [...new Set(targets.slice(0, 4).map((path) => path.replace(/\.sig$/, "")))];
    assert(manifests.every((path) => /^rollouts\/[0-9a-f]{64}\.json$/.test(path)), manifests.join());
    const named = targets.map((path) =>
      manifests.reduce((text, manifest, index) => text.replace(manifest, `rollouts/${index + 1}.json`), path)
    );
    const order = ["rollouts/1", "rollouts/2", "revocations", "bootstrap-nonces", "fleet.resolved"];
    assertEquals(named, order.flatMap((name) => [`${name}.json.sig`, `${name}.json`]));
  });

  /** Errors of the disk: from which call of a kind on they come, and what the system says. */
  const ERRORS: [of: string, inject: string, text: string][] = [
    ["the disk is full", "fsync:error=ENOSPC:when=3+", "No space left on device"],
    ["a file cannot be synced", "fsync:error=EIO:when=10+", "Input/output error"],
    ["a file cannot get its name", "rename:error=EACCES:when=1+", "Permission denied"],
  ];

  for (const [of, inject, text] of ERRORS) {
    Deno.test(`the program leaves the release on disk as it was when ${of}`, async () => {
      await using fleet = await fleetWithSidecars();
      await writeEarlierRelease(fleet);
      const before = await filesOf(fleet);
      const { result } = await traceRelease(fleet, SIDECARS, [inject]);
      assertEquals(result.code, 1, result.stderr);
      const error = result.stderr.split("\n").find((line) => line.startsWith("error: ")) ?? "";
      assert(error.startsWith('error: Cannot write the release to "releases": '), result.stderr);
      assert(error.includes(text), error);
      assertEquals(await filesOf(fleet), before);
    });
  }

  Deno.test("the program leaves the old fleet with all that it leads to when a sidecar cannot get its name", async () => {
    await using fleet = await fleetWithSidecars();
    await writeEarlierRelease(fleet);
    const before = await filesOf(fleet);
    const { result } = await traceRelease(fleet, SIDECARS, ["rename:error=EACCES:when=5+"]);
    assertEquals(result.code, 1, result.stderr);
    const after = await filesOf(fleet);
    for (const [path, bytes] of before) assertEquals(after.get(path), bytes, path);
    // What is new is of a name that no fleet on disk leads to.
    const added = [...after.keys()].filter((path) => !before.has(path));
    assertEquals(added.length, 4);
    assertEquals(
      added.filter((path) => !/^fleet\/releases\/rollouts\/[0-9a-f]{64}\.json(\.sig)?$/.test(path)),
      [],
    );
  });
}
