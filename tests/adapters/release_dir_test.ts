// The order in which a release is written is seen from outside, in the end-to-end tests.

import { assertEquals } from "@std/assert";
import { basename, dirname, join } from "@std/path";
import {
  createReleaseDir,
  readManifests,
  readRelease,
  readReleaseFiles,
} from "../../src/adapters/release_dir.ts";
import { expectRun, which } from "../support/command.ts";
import { PUBLIC_KEY } from "../support/fleet.ts";
import { bytesOf } from "../support/git_fleet.ts";
import { runProgram } from "../support/program.ts";
import { refusal, rejection } from "../support/pure.ts";
import { replaced } from "../support/replaced.ts";
import { TemporaryDirectory } from "../support/traced.ts";

const PATH = Deno.env.get("PATH")!;
const FILES = [
  { path: "rollouts/a.json", bytes: bytesOf("[]") },
  { path: "fleet.resolved.json", bytes: bytesOf("{}") },
];
const PATHS = FILES.map(({ path }) => path);

/** How to mend what is no regular file. */
const TAKE_AWAY = "put the file itself in its place, or take it away";

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
  assertEquals((await releases.publish(FILES)).written, PATHS);
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
  assertEquals((await releases.publish(FILES)).written, []);
  const [manifest, fleet] = FILES as [typeof FILES[0], typeof FILES[0]];
  assertEquals((await releases.publish([manifest, { ...fleet, bytes: bytesOf("[1]") }])).written, [
    fleet.path,
  ]);
  const after = await Deno.stat(path);
  assertEquals([after.ino, after.mtime], [ino, mtime]);
  await Deno.chmod(path, 0o600);
  assertEquals((await releases.publish([manifest])).written, [manifest.path]);
  await Deno.remove(path);
  await Deno.symlink("../fleet.resolved.json", path);
  assertEquals((await releases.publish([{ ...manifest, bytes: bytesOf("[1]") }])).written, [manifest.path]);
  assertEquals((await Deno.lstat(path)).isFile, true);
});

Deno.test("recover() takes away what a run left behind, and nothing else", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  assertEquals(await releases.recover(), null);
  await releases.publish(FILES);
  await Deno.writeTextFile(join(releases.path, ".other.tmp"), "");
  for (const left of [".fleet-release.1.tmp", "rollouts/.fleet-release.2.tmp"]) {
    await Deno.writeTextFile(join(releases.path, left), "");
  }
  assertEquals(await releases.recover(), null);
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
    message: 'Cannot read "releases/a.json": it is a directory, expected a regular file',
    hint: TAKE_AWAY,
  });
});

/** What can be in the place of a file. */
const NO_FILES: [kind: string, make: string][] = [
  ["a link", "ln -s file FILE"],
  ["a link", "ln -s /dev/zero FILE"],
  ["a pipe", "mkfifo FILE"],
];

for (const [kind, make] of NO_FILES) {
  Deno.test(`a file of a release that is ${kind} (${make}) is there, is not read, and is replaced`, async () => {
    await using dir = await TemporaryDirectory.create();
    const releases = createReleaseDir("releases", dir.path);
    await Deno.mkdir(join(releases.path, "rollouts"), { recursive: true });
    for (const [path, text] of [["fleet.resolved.json", "{}"], ["rollouts/a.json", "[]"]] as const) {
      const file = join(releases.path, path);
      await Deno.writeTextFile(join(dirname(file), "file"), text);
      await expectRun([which("sh"), "-c", make.replace("FILE", file)], { env: { PATH } });
      assertEquals(await rejection(releases.read(path)), {
        kind: "contract",
        message: `Cannot read "releases/${path}": it is ${kind}, expected a regular file`,
        hint: TAKE_AWAY,
      });
      assertEquals(await releases.has(path), true);
    }
    assertEquals((await releases.publish(FILES)).written, PATHS);
    assertEquals(await releases.read("fleet.resolved.json"), bytesOf("{}"));
    assertEquals(await Deno.readTextFile(join(releases.path, "file")), "{}");
  });
}

Deno.test("readManifests() reads a manifest with its signature or not at all, as far as it may", async () => {
  await using dir = await TemporaryDirectory.create();
  const root = join(dir.path, "releases");
  await Deno.mkdir(join(root, "rollouts"), { recursive: true });
  const ids = ["1", "2", "3"].map((digit) => `rollouts/${digit.repeat(64)}.json`);
  for (const path of ids) {
    await Deno.writeFile(join(root, path), new Uint8Array(1000));
    await Deno.writeFile(join(root, `${path}.sig`), new Uint8Array(64));
  }
  await Deno.writeTextFile(join(root, "rollouts/README"), "the user's own");
  const location = { root, dir: "releases", cwd: dir.path };
  for (const [most, count] of [[3192, 3], [3191, 2], [2128, 2], [1100, 1], [0, 0]] as const) {
    const found = readManifests(location, most);
    assertEquals(found.size, 2 * count);
    assertEquals(
      ids.filter((path) => found.get(path)?.length === 1000 && found.get(`${path}.sig`)?.length === 64)
        .length,
      count,
    );
  }
});

Deno.test("publish() takes away what is of no use any more, follows no link, and says what it cannot take away", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  const manifest = (digit: string) => `rollouts/${digit.repeat(64)}.json`;
  const outdated = [manifest("a"), manifest("b"), "revocations.json", "revocations.json.sig", manifest("c")];
  await releases.publish([
    ...FILES,
    ...outdated.slice(0, 3).map((path) => ({ path, bytes: bytesOf("old") })),
  ]);
  await Deno.writeTextFile(join(dir.path, "target"), "the user's own");
  await Deno.remove(join(releases.path, manifest("b")));
  await Deno.symlink(join(dir.path, "target"), join(releases.path, manifest("b")));
  await Deno.mkdir(join(releases.path, manifest("c"), "inner"), { recursive: true });
  const { written, removed, stuck } = await releases.publish(FILES, outdated);
  assertEquals([written, removed], [[], outdated.slice(0, 4)]);
  assertEquals(
    [...stuck].map(([path, { kind, message }]) => [path, kind, message]),
    [[manifest("c"), "io", `Cannot remove "releases/${manifest("c")}": it is a directory`]],
  );
  assertEquals(await Deno.readTextFile(join(dir.path, "target")), "the user's own");
  const dirs = ["rollouts", manifest("c"), `${manifest("c")}/inner`];
  assertEquals(Object.keys(await modesIn(releases.path)).sort(), [...dirs, ...PATHS].sort());
  // Alone, it is not what ends a publication that was left.
  await Deno.writeTextFile(join(releases.path, ".fleet-release.journal"), "[[]]");
  assertEquals((await rejection(releases.publish([], outdated))).kind, "io");
});

Deno.test("has() is false for what is not there", async () => {
  await using dir = await TemporaryDirectory.create();
  assertEquals(await createReleaseDir("releases", dir.path).has("fleet.resolved.json"), false);
});

Deno.test("read() refuses a file that is larger than any release's", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir(".", dir.path);
  await Deno.writeTextFile(join(dir.path, "a.json"), "");
  await Deno.truncate(join(dir.path, "a.json"), 2 ** 40);
  assertEquals(await rejection(releases.read("a.json")), {
    kind: "contract",
    message: 'Cannot read "a.json": it is larger than 64 MiB',
    hint: "put another file in its place, or take it away",
  });
});

Deno.test("createReleaseDir() follows links as far as there are directories", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.mkdir(join(dir.path, "real"));
  await Deno.symlink(join(dir.path, "real"), join(dir.path, "link"));
  const real = join(dir.path, "real");
  assertEquals(await createReleaseDir("link", dir.path).realPath(), { path: real, existing: real });
  assertEquals(createReleaseDir("link/a/b", dir.path).path, join(real, "a/b"));
  assertEquals(await createReleaseDir("link/a/b", dir.path).realPath(), {
    path: join(real, "a/b"),
    existing: real,
  });
});

const create = (dir: string, cwd: string) => rejection(Promise.try(() => createReleaseDir(dir, cwd)));

Deno.test("createReleaseDir() refuses a file in its place, also behind a link, and one on the way", async () => {
  await using dir = await TemporaryDirectory.create();
  const file = join(dir.path, "file");
  await Deno.writeTextFile(file, "");
  await Deno.symlink("file", join(dir.path, "link"));
  const places: [place: string, problem: string][] = [
    ["file", "it is a file"],
    ["./link", "it is a file"],
    ["file/sub", `"${file}" is a file`],
    ["link/a/b", `"${file}" is a file`],
  ];
  for (const [place, problem] of places) {
    assertEquals(await create(place, dir.path), {
      kind: "io",
      message: `Cannot use "${place}" as the release directory: ${problem}`,
    });
  }
});

Deno.test("createReleaseDir() follows links within a repository, and refuses those that lead out of it", async () => {
  await using dir = await TemporaryDirectory.create();
  const [repository, outside] = [join(dir.path, "repository"), join(dir.path, "outside")];
  for (const path of [join(repository, ".git"), join(repository, "deep"), outside]) {
    await Deno.mkdir(path, { recursive: true });
  }
  const links: Record<string, string> = {
    "repository/in": "deep/new",
    "repository/absolute": join(repository, "deep"),
    "repository/out": "../outside",
    "repository/deep/on": "../out",
    "repository/missing": "../outside/new",
    "repository/over": "new/../../outside",
    "repository/circle": "circle",
    "outside/back": "../repository/deep",
    "outside/through": "../repository/out",
  };
  for (const [path, target] of Object.entries(links)) await Deno.symlink(target, join(dir.path, path));
  const followed = ["repository/in", "repository/absolute/x", "outside/back", "outside"];
  assertEquals(followed.map((path) => createReleaseDir(path, dir.path).path), [
    join(repository, "deep/new"),
    join(repository, "deep/x"),
    join(repository, "deep"),
    outside,
  ]);
  const out = (link: string, to: string) => ({
    kind: "io" as const,
    problem: `the link "${join(repository, link)}" leads out of its repository, to "${to}"`,
    hint: `give the directory itself, if it is meant: --release-dir ${to}`,
  });
  const nowhere = { kind: "io" as const, problem: `the link "${repository}/over" leads nowhere` };
  const circle = { kind: "io" as const, problem: `the link "${repository}/circle" leads in a circle` };
  const refused = {
    "repository/out": out("out", outside),
    "repository/out/x/y": out("out", join(outside, "x/y")),
    "repository/deep/on": out("deep/on", outside),
    "repository/missing": out("missing", join(outside, "new")),
    "outside/through": out("out", outside),
    "repository/over": nowhere,
    "repository/circle": circle,
  };
  for (const [path, { problem, ...others }] of Object.entries(refused)) {
    const message = `Cannot use "${path}" as the release directory: ${problem}`;
    assertEquals(await create(path, dir.path), { ...others, message });
  }
});

for (
  const make of ["ln -s ../elsewhere rollouts", "ln -s nowhere rollouts", "touch rollouts", "mkfifo rollouts"]
) {
  const kind = make.startsWith("ln") ? "a link" : make.startsWith("touch") ? "a file" : "a pipe";
  Deno.test(`a release directory with ${kind} for rollouts (${make}) is refused, and nothing is written`, async () => {
    await using dir = await TemporaryDirectory.create();
    const [releases, elsewhere] = [join(dir.path, "releases"), join(dir.path, "elsewhere")];
    for (const path of [releases, elsewhere]) await Deno.mkdir(path);
    // One that was there at the start, and one that comes when the run has begun.
    const begun = createReleaseDir("releases", dir.path);
    await expectRun([which("sh"), "-c", make], { cwd: releases, env: { PATH } });
    const refused = {
      kind: "io" as const,
      message: `Cannot use "releases" as the release directory: "releases/rollouts" is ${kind}`,
      hint: "a release keeps its manifests in a directory of its own: take away what is in its place",
    };
    assertEquals(await create("releases", dir.path), refused);
    assertEquals(await rejection(begun.publish(FILES)), refused);
    assertEquals(await rejection(begun.read("rollouts/a.json")), refused);
    assertEquals([await modesIn(elsewhere), Object.keys(await modesIn(releases))], [{}, ["rollouts"]]);
  });
}

Deno.test("publish() refuses a directory that has become a link during the run", async () => {
  await using dir = await TemporaryDirectory.create();
  const [releases, elsewhere] = [join(dir.path, "a/releases"), join(dir.path, "elsewhere")];
  for (const path of [releases, join(elsewhere, "releases")]) await Deno.mkdir(path, { recursive: true });
  const begun = createReleaseDir("a/releases", dir.path);
  await Deno.rename(join(dir.path, "a"), join(dir.path, "b"));
  await Deno.symlink("elsewhere", join(dir.path, "a"));
  assertEquals(await rejection(begun.publish(FILES)), {
    kind: "io",
    message:
      `Cannot use "a/releases" as the release directory: it led to "${releases}" when the run began, and now to ` +
      `"${elsewhere}/releases"`,
    hint: "something else changed it during the run; run again",
  });
  assertEquals(Object.keys(await modesIn(elsewhere)), ["releases"]);
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

/** Reads the directory that a path names from within another. */
const readFiles = (dir: string, cwd: string) => readReleaseFiles({ dir, cwd }, "fleet.resolved.json");

const ID = "0123456789abcdef".repeat(4);

Deno.test("readReleaseFiles() reads documents and signatures, and of other files the names alone", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  const documents = ["fleet.resolved.json", "release-index.json.sig", `rollouts/${ID}.json`];
  const others = ["README.md", "other.json", "rollouts/a.json", "z.sig"];
  const outside = [".hidden", "rollouts/.hidden", "rollouts/deeper/b.json", "other/c.json"];
  await releases.publish(
    [...documents, ...others, ...outside].map((path) => ({ path, bytes: bytesOf(path) })),
  );
  const expected = [...documents, ...others].sort((a, b) =>
    Number(a.startsWith("rollouts/")) - Number(b.startsWith("rollouts/")) || (a < b ? -1 : 1)
  ).map((path) => [path, others.includes(path) ? new Uint8Array() : bytesOf(path)]);
  assertEquals([...await readFiles("releases", dir.path)], expected);
  assertEquals([...await readFiles(".", releases.path)], expected);
  assertEquals([...await readFiles(releases.path, "/")], expected);
  await Deno.remove(join(releases.path, "rollouts"), { recursive: true });
  assertEquals((await readFiles("releases", dir.path)).size, 5);
});

Deno.test("readReleaseFiles() names what cannot be read as it was given, in the reason too", async () => {
  await using dir = await TemporaryDirectory.create();
  assertEquals(await rejection(readFiles("./gone", dir.path)), {
    kind: "io",
    message: `Cannot read "gone": No such file or directory (os error 2): readdir 'gone'`,
    hint: "the first release makes it: give the directory that has one, relative to the current directory",
  });
  await Deno.mkdir(join(dir.path, "releases"));
  await Deno.symlink("gone", join(dir.path, "releases/a.json"));
  assertEquals(await rejection(readFiles("releases", dir.path)), {
    kind: "io",
    message: `Cannot read "releases/a.json": No such file or directory (os error 2): stat 'releases/a.json'`,
  });
  await Deno.remove(join(dir.path, "releases/a.json"));
  await Deno.writeTextFile(join(dir.path, "releases/rollouts"), "");
  assertEquals(await rejection(readFiles("releases", dir.path)), {
    kind: "io",
    message: `Cannot read "releases/rollouts": Not a directory (os error 20): readdir 'releases/rollouts'`,
  });
});

Deno.test("createReleaseDir() says why nothing can be written there, before anything is", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.symlink("loop", join(dir.path, "loop"));
  await Deno.writeTextFile(join(dir.path, "file"), "");
  const deep = `${"y".repeat(200)}/`.repeat(19);
  const bytes = new TextEncoder().encode(join(dir.path, deep)).length - 1;
  const refused: [path: string, problem: string][] = [
    ["loop", `the link "${join(dir.path, "loop")}" leads in a circle`],
    ["loop/below", `the link "${join(dir.path, "loop")}" leads in a circle`],
    ["file", "it is a file"],
    ["re\nleases", "it has a line break in it"],
    ["file/below", `"${join(dir.path, "file")}" is a file`],
    [`gone/${"x".repeat(256)}`, "a name in it has 256 bytes, expected at most 255"],
    ["\u00e9".repeat(128), "a name in it has 256 bytes, expected at most 255"],
    [deep, `its path has ${bytes} bytes, expected at most 3839, so that names have room behind it`],
  ];
  for (const [path, problem] of refused) {
    assertEquals(refusal(() => createReleaseDir(path, dir.path)), {
      kind: "io",
      message: `Cannot use "${path}" as the release directory: ${problem}`,
    });
  }
  const longest = createReleaseDir("x".repeat(255), dir.path);
  assertEquals((await longest.publish([{ path: `${"f".repeat(251)}.sig`, bytes: bytesOf("x") }])).written, [
    `${"f".repeat(251)}.sig`,
  ]);
});

/** What may lie in a release directory, as made by a shell in it, and why it is not read. */
const UNREADABLE: Record<string, [script: string, path: string, problem: string, hint?: string]> = {
  "a pipe": ["mkfifo revocations.json", "revocations.json", "it is no regular file"],
  "a pipe that no release has": ["mkfifo other.json", "other.json", "it is no regular file"],
  "a link to a device": [
    "ln -s /dev/zero revocations.json.sig",
    "revocations.json.sig",
    "it is no regular file",
  ],
  "a link to a directory": [
    "mkdir d; ln -s d bootstrap-nonces.json",
    "bootstrap-nonces.json",
    "it is no regular file",
  ],
  "a link that leads out": [
    "ln -s ../outside revocations.json",
    "revocations.json",
    "it is a link that leads out of the directory",
    "put the file itself there",
  ],
  "a link to a directory beside it with a longer name": [
    "mkdir ../releases2; echo {} >../releases2/x; ln -s ../releases2/x revocations.json",
    "revocations.json",
    "it is a link that leads out of the directory",
    "put the file itself there",
  ],
  "manifests behind a link that leads out": [
    "mkdir ../others; ln -s ../others rollouts",
    "rollouts",
    "it is a link that leads out of the directory",
    "put the file itself there",
  ],
  "a file that is too large": [
    "truncate -s 67108865 fleet.resolved.json",
    "fleet.resolved.json",
    "it has 65 MiB, and no file of a release has more than 64 MiB",
  ],
};

for (const [what, [script, path, problem, hint]] of Object.entries(UNREADABLE)) {
  Deno.test(`readReleaseFiles() refuses ${what}, without reading it`, async () => {
    await using dir = await TemporaryDirectory.create();
    const releases = join(dir.path, "releases");
    await Deno.mkdir(releases);
    await Deno.writeTextFile(join(dir.path, "outside"), "{}");
    await expectRun([which("sh"), "-ec", script], { cwd: releases, env: {} });
    const expected = {
      kind: "io" as const,
      message: `Cannot read "releases/${path}": ${problem}`,
      ...(hint === undefined ? {} : { hint }),
    };
    assertEquals(await rejection(readFiles("releases", dir.path)), expected);
  });
}

Deno.test("readReleaseFiles() follows links that stay within the directory, and looks at nothing that no release has", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = join(dir.path, "releases");
  await Deno.mkdir(releases);
  // By any of these it would be held up, or run out of memory.
  const script =
    "mkdir v1; echo [] >v1/f; ln -s v1/f fleet.resolved.json; mkfifo pipe; ln -s /dev/zero zero; " +
    "truncate -s 5G README.md; ln -s / root";
  await expectRun([which("sh"), "-ec", script], { cwd: releases, env: {} });
  await Deno.symlink("releases", join(dir.path, "current"));
  for (const name of ["releases", "current"]) {
    assertEquals([...await readFiles(name, dir.path)], [
      ["README.md", new Uint8Array()],
      ["fleet.resolved.json", bytesOf("[]\n")],
      ["pipe", new Uint8Array()],
      ["root", new Uint8Array()],
      ["zero", new Uint8Array()],
    ]);
  }
});

Deno.test("readReleaseFiles() refuses files that come to more than a machine has memory for", async () => {
  await using dir = await TemporaryDirectory.create();
  const rollouts = join(dir.path, "releases/rollouts");
  await Deno.mkdir(rollouts, { recursive: true });
  // Sparse: they take no room on the disk.
  for (let file = 0; file <= 16; file++) {
    const id = file.toString(16).padStart(64, "0");
    using sparse = await Deno.create(join(rollouts, `${id}.json`));
    await sparse.truncate(64 * 2 ** 20);
  }
  assertEquals(await rejection(readFiles("releases", dir.path)), {
    kind: "io",
    message: 'Cannot verify "releases": its files come to more than 1024 MiB',
    hint:
      "remove the rollout manifests of earlier releases with `fleet-release prune`: no consumer asks for them any more",
  });
});

Deno.test("readRelease() reads anew what goes or is replaced while it is read, and not for ever", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  const manifest = `rollouts/${"a".repeat(64)}.json`;
  await releases.publish([{ path: manifest, bytes: bytesOf("{}") }, ...FILES.slice(1)]);
  const read = () => readRelease({ dir: "releases", cwd: dir.path }, "fleet.resolved.json");
  const { openSync } = Deno;
  const opened: string[] = [];
  const change = { path: "", by: (_: string) => {} };
  using _ = replaced("openSync", (path, options) => {
    if (path === change.path) change.by(change.path);
    opened.push(basename(String(path)));
    return openSync(path, options);
  });
  // As when the manifests of an old release are removed.
  Object.assign(change, { path: join(releases.path, manifest), by: Deno.removeSync });
  assertEquals([...(await read()).files.keys()], ["fleet.resolved.json"]);
  assertEquals(opened, ["fleet.resolved.json", basename(manifest), "fleet.resolved.json"]);
  // As when one publication comes after the other.
  const journal = join(releases.path, ".fleet-release.journal");
  const by = (path: string) => {
    Deno.writeTextFileSync(`${path}.new`, "[]");
    Deno.renameSync(`${path}.new`, path);
  };
  by(journal);
  assertEquals((await read()).interrupted, true);
  Object.assign(change, { path: journal, by });
  opened.splice(0);
  const { kind, message } = await rejection(read());
  assertEquals([kind, message.split(": ")[1]], ["io", "it was replaced while it was read"]);
  assertEquals(opened.filter((name) => name === basename(journal)).length, 10);
});

Deno.test("readReleaseFiles() reads more files than a call takes as its arguments", async () => {
  await using dir = await TemporaryDirectory.create();
  const rollouts = join(dir.path, "rollouts");
  await Deno.mkdir(rollouts);
  await Deno.writeTextFile(join(dir.path, "empty"), "");
  for (let index = 0; index < 8000; index++) {
    const path = join(rollouts, `${index.toString(16).padStart(64, "0")}.json`);
    Deno.linkSync(join(dir.path, "empty"), path);
    Deno.linkSync(join(dir.path, "empty"), `${path}.sig`);
  }
  // There may be years of them. With a tenth of its stack a call takes a tenth of its arguments.
  const flags = ["--v8-flags=--stack-size=100", "--allow-read", "--allow-env"];
  const { stdout } = await runProgram(flags, ["status", "--public-key", PUBLIC_KEY, "."], { cwd: dir.path });
  assertEquals(stdout.split(":")[0], "refused");
});
