// Whatever stands in the way, a release directory has a whole release: the old one or the new one.

import { assert, assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import { sha256Hex } from "../../src/contract/canonical.ts";
import { createReleaseDir } from "../../src/adapters/release_dir.ts";
import type { ReleaseFile } from "../../src/ports.ts";
import { PROJECT, run, which } from "../support/command.ts";
import { bytesOf } from "../support/git_fleet.ts";
import { rejection } from "../support/pure.ts";
import { STRACE } from "../support/strace.ts";
import { TemporaryDirectory } from "../support/traced.ts";

/** The files of a release with both sidecars, in the order of writing. */
const PATHS = ["rollouts/a.json", "rollouts/b.json", "revocations.json", "bootstrap-nonces.json"]
  .concat("fleet.resolved.json").flatMap((path) => [`${path}.sig`, path]);

/** A release, each of whose files holds a text. Its first manifest is of no other release. */
function filesOf(text: string): ReleaseFile[] {
  return PATHS.map((path) => ({
    path: path.replace(/^rollouts\/(.)/, (_, name) => `rollouts/${sha256Hex(bytesOf(text + name))}`),
    bytes: bytesOf(`${text} ${path}`),
  }));
}

/** What is below a directory, by path: the mode and text of files, the mode of directories, where links lead. */
async function lookAt(dir: string, prefix = ""): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(join(dir, prefix))) {
    const path = join(prefix, name);
    if (isSymlink) found[path] = `link to ${await Deno.readLink(join(dir, path))}`;
    else {
      const mode = (((await Deno.lstat(join(dir, path))).mode ?? 0) & 0o7777).toString(8);
      found[path] = isDirectory ? mode : `${mode} ${await Deno.readTextFile(join(dir, path))}`;
    }
    if (isDirectory) Object.assign(found, await lookAt(dir, path));
  }
  return found;
}

/** Publishes in a process of its own, below another program. */
function publishBelow({ path }: TemporaryDirectory, above: readonly string[], dir = "releases") {
  const words = filesOf("new").flatMap(({ path, bytes }) => [path, new TextDecoder().decode(bytes)]);
  const program = ["run", "-A", "--no-check", "--cached-only", "--frozen"];
  const env = Object.fromEntries(["PATH", "HOME", "DENO_DIR", "JSR_URL"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
  return run(
    [...above, Deno.execPath(), ...program, join(PROJECT, "tests/support/publish_program.ts"), dir, ...words],
    { cwd: path, env },
  );
}

for (const umask of ["077", "000", "022"]) {
  Deno.test(`publish() makes files of mode 644 in directories of mode 755 under umask ${umask}`, async () => {
    await using dir = await TemporaryDirectory.create();
    const above = [which("sh"), "-c", `umask ${umask} && exec "$@"`, "sh"];
    const { code, stderr } = await publishBelow(dir, above, "new/deep/releases");
    assertEquals(code, 0, stderr);
    const dirs = ["new", "new/deep", "new/deep/releases", "new/deep/releases/rollouts"];
    assertEquals(
      await lookAt(dir.path),
      Object.fromEntries([
        ...dirs.map((path) => [path, "755"]),
        ...filesOf("new").map(({ path, bytes }) => [
          join("new/deep/releases", path),
          `644 ${new TextDecoder().decode(bytes)}`,
        ]),
      ]),
    );
  });
}

Deno.test("publish() that fails leaves no directory that it has made", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("new/releases", dir.path);
  const files = [...filesOf("new"), { path: "x".repeat(300), bytes: bytesOf("no file has such a name") }];
  assertEquals((await rejection(releases.publish(files))).kind, "io");
  assertEquals(await lookAt(dir.path), {});
  // But for one that is in use.
  await ensureDir(releases.path);
  await Deno.writeTextFile(join(releases.path, "README"), "the user's own");
  await rejection(releases.publish(files));
  assertEquals(Object.keys(await lookAt(dir.path)), ["new", "new/releases", "new/releases/README"]);
});

Deno.test("publish() leaves the permissions of directories that are there, and mends those of files", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  await releases.publish(filesOf("old"));
  await Deno.chmod(releases.path, 0o700);
  await Deno.chmod(join(releases.path, "rollouts"), 0o750);
  await Deno.chmod(join(releases.path, "fleet.resolved.json"), 0o600);
  assertEquals((await releases.publish(filesOf("old"))).written, ["fleet.resolved.json"]);
  const found = await lookAt(dir.path);
  const paths = ["releases", "releases/rollouts", "releases/fleet.resolved.json"];
  assertEquals(paths.map((path) => found[path]?.split(" ")[0]), ["700", "750", "644"]);
});

Deno.test("publish() does not touch files that have their bytes already", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  const files = filesOf("old");
  await releases.publish(files);
  const long = new Date("2026-01-01T00:00:00Z");
  for (const { path } of files) await Deno.utime(join(releases.path, path), long, long);
  const touched = () =>
    files.map(({ path }) => path)
      .filter((path) => Deno.statSync(join(releases.path, path)).mtime?.getTime() !== long.getTime());
  assertEquals([(await releases.publish(files)).written, touched()], [[], []]);
  // One that lost its bytes comes back, and it alone.
  await Deno.writeTextFile(join(releases.path, "revocations.json.sig"), "x", { append: true });
  assertEquals([(await releases.publish(files)).written, touched()], [["revocations.json.sig"], [
    "revocations.json.sig",
  ]]);
  assertEquals(await releases.read("revocations.json.sig"), bytesOf("old revocations.json.sig"));
});

Deno.test("publish() replaces a link by the file, and leaves what it led to", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  await Deno.writeTextFile(join(dir.path, "target"), "the user's own");
  await ensureDir(releases.path);
  await Deno.symlink("../target", join(releases.path, "fleet.resolved.json"));
  await releases.publish(filesOf("new"));
  assertEquals((await Deno.lstat(join(releases.path, "fleet.resolved.json"))).isFile, true);
  assertEquals(await Deno.readTextFile(join(dir.path, "target")), "the user's own");
});

/** What stands in the way of the release, and which part of it: made in the release directory. */
const OBSTACLES: [of: string, place: string, make: (path: string) => Promise<void>][] = [
  ["a file in place of rollouts", "rollouts", (path) => Deno.writeTextFile(path, "mine")],
  ["a dangling link in place of rollouts", "rollouts", (path) => Deno.symlink("nowhere", path)],
  ["a directory in place of the fleet", "fleet.resolved.json", (path) => Deno.mkdir(path)],
  ["a directory in place of the fleet's signature", "fleet.resolved.json.sig", (path) => Deno.mkdir(path)],
  ["a directory in place of a sidecar", "revocations.json", (path) => Deno.mkdir(path)],
];

for (const [of, place, make] of OBSTACLES) {
  for (const released of [false, true]) {
    const where = released ? "a release" : "a new directory";
    Deno.test(`publish() fails at ${of}, and leaves ${where} as it was`, async () => {
      await using dir = await TemporaryDirectory.create();
      const releases = createReleaseDir("releases", dir.path);
      if (released) await releases.publish(filesOf("old"));
      const path = join(releases.path, place);
      await Deno.remove(path, { recursive: true }).catch(() => {});
      await ensureDir(releases.path);
      await make(path);
      const before = await lookAt(dir.path);
      const { kind, message } = await rejection(releases.publish(filesOf("new")));
      assertEquals(kind, "io");
      const said = place === "rollouts"
        ? 'Cannot use "releases" as the release directory: '
        : 'Cannot write the release to "releases": ';
      assert(message.startsWith(said), message);
      assert(message.includes(place), message);
      assertEquals(await lookAt(dir.path), before);
    });
  }
}

/** Errors of the disk: from which call of a kind on they come, and what the system says. */
const ERRORS: [of: string, inject: string, text: string][] = [
  ["the disk is full", "fsync:error=ENOSPC:when=3+", "No space left on device"],
  ["a file cannot be synced", "fsync:error=EIO:when=10+", "Input/output error"],
  ["the journal cannot get its name", "rename:error=EACCES:when=1+", "Permission denied"],
  ["a manifest cannot get its name", "rename:error=EACCES:when=3", "Permission denied"],
  ["a sidecar cannot get its name", "rename:error=EIO:when=8", "Input/output error"],
  [
    "the fleet cannot get its name, beside its signature that has",
    "rename:error=EIO:when=11",
    "fleet.resolved.json",
  ],
  ["a directory cannot be synced after the last rename", "fsync:error=EIO:when=15", "Input/output error"],
  ["the journal cannot be ended", "rename:error=EIO:when=12", ".fleet-release.journal"],
  ["the end of the journal cannot be synced", "fsync:error=EIO:when=16", ".fleet-release.journal"],
];

/** Publishes while system calls fail, over a release of another time, in a directory of which it is told what was there. */
async function publishFailing(dir: TemporaryDirectory, inject: string) {
  const releases = createReleaseDir("releases", dir.path);
  await releases.publish(filesOf("old"));
  const before = await lookAt(dir.path);
  const calls = ["-e", "trace=fsync,rename", "-e", `inject=${inject}`];
  const { code, stderr } = await publishBelow(dir, [STRACE!, "-f", "-o", "/dev/null", ...calls]);
  assertEquals(code, 1, stderr);
  assert(stderr.startsWith('io: Cannot write the release to "releases": '), stderr);
  return { releases, before, stderr };
}

for (const [of, inject, text] of ERRORS) {
  Deno.test({
    name: `publish() leaves the release on disk as it was when ${of}`,
    ignore: STRACE === undefined,
    fn: async () => {
      await using dir = await TemporaryDirectory.create();
      const { before, stderr } = await publishFailing(dir, inject);
      assert(stderr.includes(text), stderr);
      assertEquals(await lookAt(dir.path), before);
    },
  });
}

Deno.test({
  name: "publish() that can be neither finished nor taken back is what the next run finishes",
  ignore: STRACE === undefined,
  fn: async () => {
    await using dir = await TemporaryDirectory.create();
    const { releases, before } = await publishFailing(dir, "rename:error=EIO:when=9+");
    assertEquals(await releases.recover(), "finished");
    const added = filesOf("new").map(({ path, bytes }) => [
      join("releases", path),
      `644 ${new TextDecoder().decode(bytes)}`,
    ]);
    assertEquals(await lookAt(dir.path), { ...before, ...Object.fromEntries(added) });
  },
});
