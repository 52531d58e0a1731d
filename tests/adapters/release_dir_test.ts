// The order in which a release is written is seen from outside, in the end-to-end tests.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { createReleaseDir, readReleaseFiles } from "../../src/adapters/release_dir.ts";
import { bytesOf } from "../support/git_fleet.ts";
import { rejection } from "../support/pure.ts";
import { TemporaryDirectory } from "../support/traced.ts";

const FILES = [
  { path: "rollouts/a.json", bytes: bytesOf("[]") },
  { path: "fleet.resolved.json", bytes: bytesOf("{}") },
];
const PATHS = FILES.map(({ path }) => path);

/** The files below a directory, hidden ones too, with their modes. */
async function modesIn(dir: string, prefix = ""): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(join(dir, prefix))) {
    const path = join(prefix, name);
    found[path] = (((await Deno.lstat(join(dir, path))).mode ?? 0) & 0o777).toString(8);
    if (isDirectory) Object.assign(found, await modesIn(dir, path));
  }
  return found;
}

Deno.test("publish() writes files that all can read, in directories that all can read", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("new/releases", dir.path);
  assertEquals(releases.path, join(dir.path, "new/releases"));
  assertEquals(await releases.publish(FILES), PATHS);
  assertEquals(await modesIn(dir.path), {
    "new": "755",
    "new/releases": "755",
    "new/releases/fleet.resolved.json": "644",
    "new/releases/rollouts": "755",
    "new/releases/rollouts/a.json": "644",
  });
  assertEquals(await releases.read("rollouts/a.json"), bytesOf("[]"));
});

Deno.test("publish() gives what was not there with these bytes and this mode, and writes nothing else", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  await releases.publish(FILES);
  const path = join(releases.path, "rollouts/a.json");
  const { ino, mtime } = await Deno.stat(path);
  assertEquals(await releases.publish(FILES), []);
  const [manifest, fleet] = FILES as [typeof FILES[0], typeof FILES[0]];
  assertEquals(await releases.publish([manifest, { ...fleet, bytes: bytesOf("[1]") }]), [fleet.path]);
  const after = await Deno.stat(path);
  assertEquals([after.ino, after.mtime], [ino, mtime]);
  await Deno.chmod(path, 0o600);
  assertEquals(await releases.publish([manifest]), [manifest.path]);
  await Deno.remove(path);
  await Deno.symlink("../fleet.resolved.json", path);
  assertEquals(await releases.publish([{ ...manifest, bytes: bytesOf("[1]") }]), [manifest.path]);
  assertEquals((await Deno.lstat(path)).isFile, true);
});

Deno.test("interrupted() tells of what a run left behind, and publish() takes it away", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  assertEquals(await releases.interrupted(), false);
  await releases.publish(FILES);
  await Deno.writeTextFile(join(releases.path, ".other.tmp"), "");
  assertEquals(await releases.interrupted(), false);
  for (const left of [".fleet-release.1.tmp", "rollouts/.fleet-release.2.tmp"]) {
    await Deno.writeTextFile(join(releases.path, left), "");
    assertEquals(await releases.interrupted(), true, left);
    assertEquals(await releases.publish(FILES), []);
    assertEquals(await releases.interrupted(), false, left);
  }
  assertEquals(Object.keys(await modesIn(releases.path)).sort(), [
    ...[".other.tmp", "fleet.resolved.json", "rollouts", "rollouts/a.json"],
  ]);
});

Deno.test("publish() writes nothing when a directory is in the place of one file", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  await Deno.mkdir(join(releases.path, "fleet.resolved.json"), { recursive: true });
  assertEquals(await rejection(releases.publish(FILES)), {
    kind: "io",
    message: `Cannot write the release to "releases": "${releases.path}/fleet.resolved.json" is a directory`,
  });
  assertEquals(Object.keys(await modesIn(releases.path)), ["fleet.resolved.json"]);
});

Deno.test("read() gives null for what is not there, and refuses what cannot be read", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  assertEquals(await releases.read("fleet.resolved.json"), null);
  await Deno.mkdir(join(releases.path, "a.json"), { recursive: true });
  assertEquals(await rejection(releases.read("a.json")), {
    kind: "io",
    message:
      `Cannot read "releases/a.json": Is a directory (os error 21): readfile '${releases.path}/a.json'`,
  });
});

Deno.test("realPath() follows links as far as there are directories", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.mkdir(join(dir.path, "real"));
  await Deno.symlink(join(dir.path, "real"), join(dir.path, "link"));
  const real = join(dir.path, "real");
  assertEquals(await createReleaseDir("link", dir.path).realPath(), { path: real, existing: real });
  assertEquals(await createReleaseDir("link/a/b", dir.path).realPath(), {
    path: join(real, "a/b"),
    existing: real,
  });
});

Deno.test("createReleaseDir() refuses a file in its place, also behind a link", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.writeTextFile(join(dir.path, "file"), "");
  await Deno.symlink("file", join(dir.path, "link"));
  assertEquals(await rejection(Promise.try(() => createReleaseDir("./link", dir.path))), {
    kind: "io",
    message: 'Cannot use "./link" as the release directory: it is a file',
  });
});

Deno.test({
  name: "createReleaseDir() refuses a directory that it may not write, before anything is made",
  permissions: { read: true },
  fn: async () => {
    assertEquals(await rejection(Promise.try(() => createReleaseDir("releases", "/srv/fleet"))), {
      kind: "io",
      message: 'No permission to write "/srv/fleet/releases"',
      hint: "give it with --allow-write=/srv/fleet/releases, beside what is there",
    });
  },
});

Deno.test("readReleaseFiles() reads what can be a release's files, and no hidden or deeper ones", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  await releases.publish([
    ...FILES,
    ...[".hidden", "rollouts/.hidden", "rollouts/deeper/b.json", "other/c.json", "z.sig"]
      .map((path) => ({ path, bytes: bytesOf("x") })),
  ]);
  const expected = new Map([
    ["fleet.resolved.json", bytesOf("{}")],
    ["z.sig", bytesOf("x")],
    ["rollouts/a.json", bytesOf("[]")],
  ]);
  assertEquals([...await readReleaseFiles("releases", dir.path)], [...expected]);
  assertEquals([...await readReleaseFiles(".", releases.path)], [...expected]);
  assertEquals([...await readReleaseFiles(releases.path, "/")], [...expected]);
  await Deno.remove(join(releases.path, "rollouts"), { recursive: true });
  assertEquals([...(await readReleaseFiles("releases", dir.path)).keys()], ["fleet.resolved.json", "z.sig"]);
});

Deno.test("readReleaseFiles() names what cannot be read as it was given, in the reason too", async () => {
  await using dir = await TemporaryDirectory.create();
  assertEquals(await rejection(readReleaseFiles("./gone", dir.path)), {
    kind: "io",
    message: `Cannot read "gone": No such file or directory (os error 2): readdir 'gone'`,
  });
  await Deno.mkdir(join(dir.path, "releases"));
  await Deno.symlink("gone", join(dir.path, "releases/a.json"));
  assertEquals(await rejection(readReleaseFiles("releases", dir.path)), {
    kind: "io",
    message: `Cannot read "releases/a.json": No such file or directory (os error 2): stat 'releases/a.json'`,
  });
  await Deno.remove(join(dir.path, "releases/a.json"));
  await Deno.writeTextFile(join(dir.path, "releases/rollouts"), "");
  assertEquals(await rejection(readReleaseFiles("releases", dir.path)), {
    kind: "io",
    message: `Cannot read "releases/rollouts": Not a directory (os error 20): readdir 'releases/rollouts'`,
  });
});
