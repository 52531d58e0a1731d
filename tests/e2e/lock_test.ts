// One run at a time on a release directory: real processes, and the system's own locks.

import { assertEquals } from "@std/assert";
import { exists } from "@std/fs";
import { join } from "@std/path";
import { lockReleaseDir } from "../../src/adapters/lock.ts";
import { lockFilesOf } from "../../src/adapters/lookup.ts";
import type { Warning } from "../../src/model.ts";
import { SYSTEM_CLOCK } from "../../src/world.ts";
import { expectRun, which } from "../support/command.ts";
import { runInProcess } from "../support/in_process.ts";

import { rejection } from "../support/pure.ts";
import { TemporaryDirectory } from "../support/traced.ts";

/** Locks a release directory, by default without waiting. */
function lock(
  dir: string,
  options: { wait?: number; commits?: boolean; warnings?: Warning[] } = {},
): Promise<Disposable> {
  const { wait, commits = false, warnings = [] } = options;
  const warn = (...found: Warning[]) => warnings.push(...found);
  return lockReleaseDir(dir, "releases", { wait, commits, clock: SYSTEM_CLOCK, signal: undefined, warn });
}

/** Puts something else in the place of what the runtime does, and gives that back at the end. */
function replace<Of extends object, Name extends keyof Of>(
  of: Of,
  name: Name,
  by: (real: Of[Name]) => Of[Name],
): Disposable {
  const real = of[name];
  of[name] = by(real);
  return { [Symbol.dispose]: () => void (of[name] = real) };
}

/** A program that locks a directory, says so, and sleeps. */
const HOLDER = (dir: string) =>
  `import { lockReleaseDir } from ${JSON.stringify(import.meta.resolve("../../src/adapters/lock.ts"))};
   const clock = { now: () => Temporal.Now.instant(), monotonic: () => performance.now() };
   await lockReleaseDir(${JSON.stringify(dir)}, "releases", { clock, warn() {} });
   const child = new Deno.Command("sleep", { args: ["60"], stdin: "null", stdout: "null" }).spawn();
   console.log(child.pid);
   setTimeout(() => {}, 60_000);`;

Deno.test("a release directory is locked for one run, which a second one names, and waits for when it is told to", async () => {
  await using temp = await TemporaryDirectory.create();
  const dir = join(temp.path, "not/there/releases");
  {
    using _held = await lock(dir);
    const { kind, message, hint } = await rejection(lock(dir));
    assertEquals(kind, "locked");
    const named = message.replace(/20\d\d-\S+Z$/, "TIME");
    assertEquals(named, `Another run is at work on "releases": process ${Deno.pid}, since TIME`);
    assertEquals(hint, "wait for it to end, as with --wait-lock 600");
    // The program says the same, before it looks for a flake.
    const { code, stderr } = await runInProcess(
      ["--sign-cmd", "sign", "--release-dir", dir, "--build-flake", "/gone"],
      { cwd: temp.path },
    );
    assertEquals([code, stderr.includes(`process ${Deno.pid}, since`)], [75, true]);
    const pruned = await runInProcess(["prune", dir], { cwd: temp.path });
    assertEquals([pruned.code, pruned.stderr.includes(`process ${Deno.pid}, since`)], [75, true]);
    // That reads alone.
    const tried = await runInProcess(["prune", dir, "--dry-run"], { cwd: temp.path });
    assertEquals([tried.code, tried.stderr.includes("is not there")], [1, true]);
  }
  const first = await lock(dir);
  const second = lock(dir, { wait: 60 });
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
  const left = [...Deno.readDirSync(join(temp.path, "not/there"))].map(({ name }) => name);
  assertEquals(left, []);
});

Deno.test("locks lie in git's directory: of each release directory, and of those that commit to a work tree", async () => {
  await using temp = await TemporaryDirectory.create();
  const git = (...args: string[]) =>
    expectRun([which("git"), "-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      cwd: temp.path,
      env: { HOME: temp.path, PATH: Deno.env.get("PATH") ?? "" },
    });
  await git("init", "-q", "main");
  await git("-C", "main", "commit", "-q", "--allow-empty", "-m", "first");
  await git("-C", "main", "worktree", "add", "-q", "../linked");
  const [main, below, linked] = ["main/releases", "main/below/releases", "linked/releases"].map((path) =>
    join(temp.path, path)
  );
  {
    using _main = await lock(main!, { commits: true });
    using _linked = await lock(linked!, { commits: true });
    using _below = await lock(below!);
    assertEquals(await git("-C", "linked", "status", "--porcelain"), "");
    const files = [
      "releases.fleet-release.lock",
      "fleet-release.lock",
      "below%2Freleases.fleet-release.lock",
    ];
    for (const path of [...files, ...files.slice(0, 2).map((file) => `worktrees/linked/${file}`)]) {
      assertEquals((await Deno.stat(join(temp.path, "main/.git", path))).isFile, true);
    }
  }
  using _main = await lock(main!, { commits: true });
  const { kind, message } = await rejection(lock(below!, { commits: true }));
  assertEquals([kind, message.replace(/:.*/, "")], [
    "locked",
    'Another run is about to commit to the repository of "releases"',
  ]);
  // What it had by then is free again.
  using _below = await lock(below!);
});

Deno.test("a lock that another user had to take in another place counts, as long as it is held", async () => {
  await using temp = await TemporaryDirectory.create();
  const dir = join(temp.path, "releases");
  await Deno.mkdir(dir);
  const [first, within] = lockFilesOf(dir, "releases").directory as [string, string];
  await Deno.writeTextFile(within, '{"pid":7,"since":"2026-06-01T12:00:00Z"}\n');
  {
    using other = await Deno.open(within);
    await other.lock(true);
    const { kind, message } = await rejection(lock(dir));
    assertEquals([kind, message], [
      "locked",
      'Another run is at work on "releases": process 7, since 2026-06-01T12:00:00Z',
    ]);
    assertEquals(await exists(first), false);
  }
  using _held = await lock(dir);
  assertEquals(await exists(first), true);
});

Deno.test("a link in the place of a lock is refused, and what it names is left alone", async () => {
  await using temp = await TemporaryDirectory.create();
  const path = join(temp.path, ".releases.fleet-release.lock");
  await Deno.writeTextFile(join(temp.path, "precious"), "bytes");
  for (const target of ["precious", "gone"]) {
    await Deno.symlink(target, path);
    const { kind, message } = await rejection(lock(join(temp.path, "releases")));
    assertEquals([kind, message], ["io", `Cannot lock "${path}": it is a link, expected a file`]);
    await Deno.remove(path);
  }
  assertEquals(await Deno.readTextFile(join(temp.path, "precious")), "bytes");
  assertEquals([...Deno.readDirSync(temp.path)].length, 1);
});

Deno.test("a lock whose file is exchanged while it is taken is taken at once, and no other's file is removed", async () => {
  await using temp = await TemporaryDirectory.create();
  const dir = join(temp.path, "releases");
  const path = join(temp.path, ".releases.fleet-release.lock");
  const exchange = () => {
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, "other");
  };
  let turns = 0;
  const held = await (async () => {
    using _ = replace(Deno.FsFile.prototype, "tryLockSync", (real) =>
      function (this: Deno.FsFile, ...args) {
        if (turns++ === 0) exchange();
        return real.apply(this, args);
      });
    return await lock(dir);
  })();
  assertEquals([turns, (await Deno.readTextFile(path)).startsWith('{"pid":')], [2, true]);
  exchange();
  held[Symbol.dispose]();
  assertEquals(await Deno.readTextFile(path), "other");
  const again = await lock(dir);
  await Deno.remove(path);
  again[Symbol.dispose]();
});

Deno.test("where nothing can be locked a run goes on, with a warning, and leaves no file", async () => {
  await using temp = await TemporaryDirectory.create();
  const dir = join(temp.path, "releases");
  const warnings: Warning[] = [];
  {
    using _ = replace(Deno.FsFile.prototype, "tryLockSync", () => () => {
      throw new Error("No locks available (os error 37)");
    });
    using _none = await lock(dir, { warnings });
  }
  assertEquals(warnings, [{
    code: "not-locked",
    message:
      'Nothing keeps another run away from "releases" meanwhile, since it cannot be locked: No locks available (os error 37)',
  }]);
  assertEquals([...Deno.readDirSync(temp.path)], []);
  await Deno.mkdir(dir);
  // What cannot be written beside the directory can be in it.
  using _ = replace(Deno, "openSync", (real) => (path, options) => {
    if (`${path}`.endsWith("/.releases.fleet-release.lock")) throw new Deno.errors.PermissionDenied("no");
    return real(path, options);
  });
  using _lock = await lock(dir, { warnings });
  assertEquals([[...Deno.readDirSync(dir)].map(({ name }) => name), warnings.length], [[
    ".fleet-release.lock",
  ], 1]);
  assertEquals((await rejection(lock(dir))).kind, "locked");
});

Deno.test("a lock is free once the run that held it is killed, whatever that has started", async () => {
  await using temp = await TemporaryDirectory.create();
  const dir = join(temp.path, "releases");
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = holder.stdin.getWriter();
  await writer.write(new TextEncoder().encode(HOLDER(dir)));
  await writer.close();
  const { value } = await holder.stdout.getReader().read();
  const child = Number(new TextDecoder().decode(value));
  assertEquals((await rejection(lock(dir))).message.includes(`process ${holder.pid}, since`), true);
  holder.kill("SIGKILL");
  await holder.status;
  (await lock(dir))[Symbol.dispose]();
  // It is there still.
  Deno.kill(child, "SIGKILL");
});
