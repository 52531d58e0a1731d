// One run at a time on a release directory: real processes, and the system's own locks.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lockReleaseDir } from "../../src/adapters/lock.ts";
import { SYSTEM_CLOCK } from "../../src/world.ts";
import { expectRun, which } from "../support/command.ts";
import { runInProcess } from "../support/in_process.ts";

import { rejection } from "../support/pure.ts";
import { TemporaryDirectory } from "../support/traced.ts";

/** Locks a release directory, without waiting. */
function lock(dir: string, wait?: number): Promise<Disposable> {
  return lockReleaseDir(dir, "releases", { wait, clock: SYSTEM_CLOCK, signal: undefined });
}

/** A program that locks a directory, says so, and sleeps. */
const HOLDER = (dir: string) =>
  `import { lockReleaseDir } from ${JSON.stringify(import.meta.resolve("../../src/adapters/lock.ts"))};
   const clock = { now: () => Temporal.Now.instant(), monotonic: () => performance.now() };
   await lockReleaseDir(${JSON.stringify(dir)}, "releases", { clock });
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
  }
  const first = await lock(dir);
  const second = lock(dir, 60);
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
  const left = [...Deno.readDirSync(join(temp.path, "not/there"))].map(({ name }) => name);
  assertEquals(left, []);
});

Deno.test("a lock lies in git's directory, one for each work tree", async () => {
  await using temp = await TemporaryDirectory.create();
  const git = (...args: string[]) =>
    expectRun([which("git"), "-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      cwd: temp.path,
      env: { HOME: temp.path, PATH: Deno.env.get("PATH") ?? "" },
    });
  await git("init", "-q", "main");
  await git("-C", "main", "commit", "-q", "--allow-empty", "-m", "first");
  await git("-C", "main", "worktree", "add", "-q", "../linked");
  using _main = await lock(join(temp.path, "main/releases"));
  using _linked = await lock(join(temp.path, "linked/releases"));
  assertEquals((await rejection(lock(join(temp.path, "main/below/releases")))).kind, "locked");
  for (const path of ["main/.git", "main/.git/worktrees/linked"]) {
    assertEquals((await Deno.stat(join(temp.path, path, "fleet-release.lock"))).isFile, true);
  }
  assertEquals(await git("-C", "linked", "status", "--porcelain"), "");
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
