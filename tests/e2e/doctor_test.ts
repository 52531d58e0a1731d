// `fleet-release doctor`: what would keep a release from being made is named, all of it at once, and nothing is changed.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lockReleaseDir } from "../../src/adapters/lock.ts";
import type { Diagnosis } from "../../src/model.ts";
import type { DoctorReport } from "../../src/report/doctor.ts";
import { SYSTEM_CLOCK } from "../../src/world.ts";
import { JOURNAL_FILE } from "../../src/contract/layout.ts";
import { filesBelow, PUBLIC_KEY, TestFleet } from "../support/fleet.ts";
import { onlyHosts, shell } from "../support/releases.ts";
import { newSigner } from "../support/signed_release.ts";
import { trustBytes } from "../support/trust.ts";

const ORIGIN = ["--git-push", "origin:main"];
const HOST = { edit: onlyHosts("web1"), nixos: ["web1"] };

/** A small fleet with a bare remote. */
async function fleetWithRemote(): Promise<TestFleet> {
  const fleet = await TestFleet.create(HOST);
  await shell(
    fleet,
    "git clone -q --bare . ../remote.git && git remote add origin ../remote.git && git fetch -q",
  );
  return fleet;
}

/** What doctor says: its exit code, and of what is not good, the check and how it stands. */
async function examined(fleet: TestFleet, args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await fleet.run(["doctor", "--json", ...args], { env });
  assertEquals(stderr, "");
  const { checks, ...report }: DoctorReport = JSON.parse(stdout);
  const problems = checks.filter(({ state }) => state !== "good");
  return { code, report, checks, problems: problems.map(({ check, state }) => `${state} ${check}`) };
}

function found(checks: readonly Diagnosis[], check: string): Diagnosis {
  const one = checks.filter((diagnosis) => diagnosis.check === check);
  assertEquals(one.length, 1, check);
  return one[0]!;
}

/** A directory in front of PATH with these scripts. */
async function withPrograms(fleet: TestFleet, programs: Record<string, string>): Promise<string> {
  const bin = join(fleet.root, "bin");
  await Deno.mkdir(bin, { recursive: true });
  for (const [name, text] of Object.entries(programs)) {
    await Deno.writeTextFile(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  return bin;
}

/** All files of the fleet, of the remote, and of those that are temporary. */
async function allFiles({ root }: TestFleet) {
  const dirs = ["fleet", "remote.git", "tmp"].map((dir) => join(root, dir));
  return await Promise.all(dirs.map((dir) => filesBelow(dir)));
}

Deno.test("a fleet that can be released has nothing that is bad until its branch goes another way, and is as it was", async () => {
  await using fleet = await fleetWithRemote();
  const options = [
    "--sign-key",
    fleet.key,
    "--public-key",
    PUBLIC_KEY,
    "--push-cmd",
    'test -n "$X"',
    ...ORIGIN,
  ];
  const before = await examined(fleet, options);
  assertEquals([before.code, before.problems], [0, []]);
  const { code, stderr } = await fleet.release([...ORIGIN, "--hook-env=X", "--push-cmd", 'test -n "$X"'], {
    env: { X: "y" },
  });
  assertEquals(code, 0, stderr);
  const files = await allFiles(fleet);
  const after = await examined(fleet, options);
  assertEquals([after.code, after.problems, after.report], [
    0,
    [],
    { schema: "fleet-release/doctor/1", ok: true, counts: { good: 20, warning: 0, bad: 0, unknown: 0 } },
  ]);
  assertEquals(/^signed at .*Z, and due at .*Z$/.test(found(after.checks, "last-release").message), true);
  assertEquals(/^\d+\.\d+.*, at \/.*\/nix$/.test(found(after.checks, "nix").message), true);
  assertEquals(await allFiles(fleet), files);
  await shell(fleet, 'git push -qf origin "$(git commit-tree -p HEAD^ -m other HEAD^{tree})":main');
  // What signs need not be there to tell of what is signed.
  const apart = await examined(fleet, ["--sign-key", "none.pem", ...options.slice(2)]);
  assertEquals([apart.code, apart.problems], [1, ["bad remote", "bad key", "unknown trust"]]);
  const { message, mend } = found(apart.checks, "remote");
  assertEquals(
    /^"main" of "origin", at \w{8}, has gone another way than \w{8}, which is checked out$/.test(message),
    true,
  );
  assertEquals(mend, "`git pull --rebase` mends it");
});

Deno.test("without nix, a key, a name, a remote, a program and temporary files, each is named, and what wants them is not known", async () => {
  await using fleet = await fleetWithRemote();
  const bin = await withPrograms(fleet, {});
  const { code, checks, problems } = await examined(fleet, [
    ...["--sign-key", "../home/none.pem", "--public-key", PUBLIC_KEY, "--git-push", "upstream:main"],
    ...["--push-cmd", 'no-such-program "$NIXFLEET_PATH"', "--hook-env", "TOKEN"],
  ], {
    PATH: await pathWithoutNix(bin),
    TMPDIR: join(fleet.root, "none"),
    ...{ GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "user.useConfigOnly", GIT_CONFIG_VALUE_0: "true" },
  });
  assertEquals(code, 1);
  assertEquals(
    problems,
    [
      "bad nix",
      "unknown nix-features",
      "unknown store",
      "unknown builders",
      "unknown flake",
      "bad identity",
      "unknown commit-signing",
      "bad remote",
      "bad key",
      "unknown key-place",
      "unknown trust",
      "bad hooks",
      "warning hooks",
      "bad temporary-files",
      "unknown disk",
      "unknown disk",
      "unknown release-directory",
    ],
  );
  const said = (check: string) => {
    const { message, mend } = checks.find((one) => one.check === check)!;
    return [message, mend];
  };
  assertEquals(said("nix"), [
    'Cannot find "nix" on PATH',
    "install Nix (https://nixos.org/download), or add its bin directory to PATH",
  ]);
  assertEquals(said("identity"), [
    "Cannot commit: git has no name and address to commit with",
    "give --git-user-name and --git-user-email, or configure user.name and user.email",
  ]);
  assertEquals(said("remote"), [
    'Cannot push to the remote "upstream"',
    'the repository has the remotes "origin"',
  ]);
  assertEquals(said("key")[0]!.startsWith('Cannot read "../home/none.pem": '), true);
  assertEquals(said("key")[1], "`fleet-release keygen ../home/none.pem` makes a key there");
  assertEquals(said("hooks"), [
    'The command of --push-cmd runs "no-such-program", which cannot be found',
    "install it, or add the directory that it is in to PATH",
  ]);
});

/** A PATH with what git and the shell need, and without nix, wherever that is. */
async function pathWithoutNix(bin: string): Promise<string> {
  for (const dir of (Deno.env.get("PATH") ?? "").split(":").filter((dir) => dir.startsWith("/"))) {
    for (const name of ["cat", "chmod", "df", "git", "id", "ps", "rm", "setsid", "sh", "sleep", "ssh"]) {
      const isThere = await Deno.stat(join(dir, name)).then(() => true, () => false);
      if (isThere) await Deno.symlink(join(dir, name), join(bin, name)).catch(() => {});
    }
  }
  return bin;
}

Deno.test("an old nix, a key that others can read and nobody trusts, and a stale release are named", async () => {
  await using fleet = await fleetWithRemote();
  const { code: released, stderr } = await fleet.release(["--now", "2026-06-01T12:00:00Z"]);
  assertEquals(released, 0, stderr);
  const bin = await withPrograms(fleet, { nix: 'echo "nix (Nix) 2.3.16"', "nix-store": "exit 1" });
  await Deno.chmod(fleet.key, 0o644);
  const other = await newSigner();
  await Deno.writeFile(join(fleet.root, "trust.json"), trustBytes({ current: other.publicKey }));
  const args = ["--sign-key", fleet.key, "--git-push", "origin:mian", "--push-all-cmd", "while true; do"];
  const PATH = `${bin}:${fleet.env()["PATH"]}`;
  const { code, checks, problems } = await examined(fleet, [...args, "--trust-file", "../trust.json"], {
    PATH,
  });
  assertEquals([code, problems], [1, [
    "bad nix",
    "unknown nix-features",
    "unknown store",
    "unknown builders",
    "warning remote",
    "warning key",
    "bad trust",
    "bad hooks",
    "unknown disk",
    "bad last-release",
  ]]);
  assertEquals(found(checks, "nix").message, `"${bin}/nix" is 2.3.16, expected 2.8 or later`);
  assertEquals(
    found(checks, "key").message.includes("can be read by others (mode 0644): chmod 600 mends it"),
    true,
  );
  assertEquals(
    found(checks, "remote").message,
    '"mian" of "origin" is not there: the first push makes it',
  );
  assertEquals(
    found(checks, "trust").message,
    `The signing key ${PUBLIC_KEY} is none of --trust-file ../trust.json`,
  );
  assertEquals(found(checks, "hooks").message, "A shell cannot read the command of --push-all-cmd");
  // Signed by a key that is not trusted now; by that key it is too old.
  assertEquals(found(checks, "last-release").message, "Consumers refuse it");
  const stale = await examined(fleet, ["--sign-key", fleet.key]);
  assertEquals([stale.code, stale.problems], [1, ["warning key", "warning trust", "bad last-release"]]);
  assertEquals(
    found(stale.checks, "last-release").message,
    "Consumers refuse it for its age: it was signed at 2026-06-01T12:00:00Z",
  );
  const due = await examined(fleet, ["--sign-key", fleet.key, "--now", "2026-06-01T13:30:00Z"]);
  assertEquals([due.code, due.problems], [0, ["warning key", "warning trust", "warning last-release"]]);
  const denied = await examined(fleet, [
    "--sign-key",
    fleet.key,
    "--now",
    "2026-06-01T13:30:00Z",
    "--deny-warnings",
  ]);
  assertEquals([denied.code, denied.report.ok], [1, false]);
});

Deno.test("a closed store, a silent builder, a key in the flake, a damaged release and a wrong clock are named", async () => {
  await using fleet = await fleetWithRemote();
  const later = new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+Z$/, "Z");
  const { code: released, stderr } = await fleet.release(["--now", later]);
  assertEquals(released, 0, stderr);
  await Deno.copyFile(fleet.key, join(fleet.dir, "key.pem"));
  await Deno.chmod(join(fleet.dir, "key.pem"), 0o600);
  await fleet.commit("a key");
  const signing = ["--sign-key", "key.pem", "--public-key", PUBLIC_KEY];
  const future = await examined(fleet, [...signing, "--option", "store", "/proc/none", ...ORIGIN]);
  assertEquals([future.code, future.problems], [1, [
    "bad store",
    "bad key-place",
    "warning hooks",
    "bad clock",
    "bad last-release",
  ]]);
  assertEquals(
    found(future.checks, "store").message,
    'The store "/proc/none" cannot be opened to be written',
  );
  assertEquals(
    found(future.checks, "clock").message.endsWith(`the release on disk was signed later, at ${later}`),
    true,
  );
  // What is damaged is not read for anything else.
  const path = join(fleet.dir, "releases/fleet.resolved.json");
  await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace("web1", "web2"));
  const damaged = await examined(fleet, [
    ...signing,
    "--builders",
    "ssh://us:hunter2secret@nowhere.invalid",
  ], {
    SOURCE_DATE_EPOCH: "1577836800",
  });
  assertEquals([damaged.code, damaged.problems], [1, [
    "bad builders",
    "warning flake",
    "bad key-place",
    "bad clock",
    "bad clock",
    "bad last-release",
  ]]);
  assertEquals(
    found(damaged.checks, "builders").message,
    'The builder "ssh://***@nowhere.invalid" cannot be reached',
  );
  assertEquals(JSON.stringify(damaged).includes("hunter2secret"), false);
  assertEquals(found(damaged.checks, "last-release").lines.length > 0, true);
});

Deno.test("a directory that git ignores, another run, one that ended half way, and no key at all are named", async () => {
  await using fleet = await TestFleet.create({ ...HOST, files: { ".gitignore": "out/\n" } });
  const args = ["--sign-key", fleet.key, "--public-key", PUBLIC_KEY, "--release-dir", "out", "--git-commit"];
  await Deno.mkdir(join(fleet.dir, "out"));
  await Deno.writeTextFile(join(fleet.dir, "out", JOURNAL_FILE), "[]");
  const ended = await examined(fleet, args);
  assertEquals([ended.code, ended.problems], [1, [
    "bad release-directory",
    "warning runs",
  ]]);
  assertEquals(
    found(ended.checks, "release-directory").message,
    'Cannot commit "out": git ignores "out/fleet.resolved.json"',
  );
  using _ = await lockReleaseDir(join(fleet.dir, "out"), "out", {
    ...{ wait: undefined, clock: SYSTEM_CLOCK, signal: undefined, warn: () => {} },
  });
  await Deno.writeTextFile(join(fleet.dir, "out/fleet.resolved.json"), "{}");
  const { checks, code, problems } = await examined(fleet, [...args.slice(2, -1), "--allow-previous-key"]);
  assertEquals([code, problems], [1, ["bad key", "bad trust", "warning runs", "unknown last-release"]]);
  assertEquals(
    found(checks, "key").message,
    "No way to sign: none of --sign-key, --sign-agent and --sign-cmd is given",
  );
  assertEquals(
    found(checks, "trust").message,
    "--allow-previous-key is given without keys of which one is the previous",
  );
  assertEquals(
    found(checks, "runs").message.startsWith(`Another run is at work on "out": process ${Deno.pid}, since 2`),
    true,
  );
});
