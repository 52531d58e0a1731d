import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ensureDir } from "@std/fs";
import { RealAgent } from "../support/agent.ts";
import { type Finished, PROJECT, run, which } from "../support/command.ts";
import { KEY, PUBLIC_KEY, TestFleet } from "../support/fleet.ts";
import { runInProcess } from "../support/in_process.ts";
import { marking, worldOf } from "../support/refusal.ts";
import { editFleet, NOW, onlyHosts, shell } from "../support/releases.ts";

const DENO = [Deno.execPath(), "run", "--cached-only", "--frozen"];

/** Where a program is run. */
interface Place {
  readonly cwd: string;
  readonly env: Record<string, string>;
}

/** Asks which flags a command line needs. */
function plan(args: readonly string[], place: Place): Promise<Finished> {
  const planner = [
    "--no-prompt",
    "--allow-read",
    "--allow-env",
    join(PROJECT, "src/main.ts"),
    "--print-permissions",
  ];
  return run([...DENO, ...planner, ...args], place);
}

/** The flags that a command line needs. What asks for them is itself run as a process in the first test alone. */
async function flagsFor(
  args: readonly string[],
  place: Place,
  planner: (args: readonly string[], place: Place) => Promise<Finished> = planHere,
): Promise<string[]> {
  const { code, stdout, stderr } = await planner(args, place);
  assertEquals([code, stderr], [0, ""], args.join(" "));
  return stdout.trimEnd().split("\n");
}

/** Asks the same in this process. */
async function planHere(args: readonly string[], { cwd, env }: Place): Promise<Finished> {
  return await runInProcess(["--print-permissions", ...args], { cwd: await Deno.realPath(cwd), env });
}

/** Runs the program with these flags as its only permissions. */
function runWith(
  flags: readonly string[],
  args: readonly string[],
  place: Place & { stdin?: Uint8Array },
): Promise<Finished> {
  return run([...DENO, ...flags, join(PROJECT, "src/main.ts"), ...args], place);
}

/** Runs the program with the permissions that it asks for. */
async function runPermitted(
  args: readonly string[],
  place: Place & { stdin?: Uint8Array },
): Promise<Finished> {
  return await runWith(await flagsFor(args, place), args, place);
}

/** A fleet of one host, which is pinned to the first of two commits. */
async function smallFleet(): Promise<TestFleet> {
  const fleet = await TestFleet.create({ edit: onlyHosts("db"), nixos: ["db"] });
  const commit = await fleet.git("rev-parse", "HEAD");
  await editFleet(fleet, ({ hosts }) => hosts.db.pin = { commit, reason: "audit" });
  await fleet.commit("pin");
  return fleet;
}

/** Programs, keys and a remote beside a fleet, each in a directory of its own, so that each is permitted by itself. */
interface Workshop extends Place {
  readonly fleet: TestFleet;
  readonly key: string;
  readonly trust: string;
  readonly remote: string;
}

/** Makes a workshop. In its environment are the programs of a release, and no others. */
async function workshopOf(fleet: TestFleet): Promise<Workshop> {
  const [bin, cwd, keys] = ["bin", "a directory", "keys"].map((name) => join(fleet.root, name)) as [
    string,
    string,
    string,
  ];
  for (const dir of [bin, cwd, keys]) await ensureDir(dir);
  for (const name of ["nix", "nix-store", "git", "sh"]) await Deno.symlink(which(name), join(bin, name));
  const key = join(keys, "key.pem");
  await Deno.writeTextFile(key, await Deno.readTextFile(KEY), { mode: 0o600 });
  const place: Place = { cwd, env: { ...fleet.env(), PATH: bin } };
  const trust = join(keys, "trust.json");
  const args = ["pubkey", key, "--format", "trust-file"];
  const { code, stdout, stderr } = await runPermitted(args, place);
  assertEquals([code, stderr], [0, ""]);
  await Deno.writeTextFile(trust, stdout);
  const remote = join(fleet.root, "remote.git");
  await fleet.git("init", "-q", "--bare", "-b", "main", remote);
  return { fleet, key, trust, remote, ...place };
}

/** Where the page about a release goes. */
function pageOf(fleet: TestFleet): string {
  return join(fleet.root, "run.html");
}

/** The options of a release that does all that a release can. */
function wholeRelease({ fleet, key, trust, remote }: Workshop, releaseDir: string): string[] {
  const source = `git+file://${fleet.dir}`;
  return [
    ...["--build-flake", source, "--pin-source-url", source, "--revocations-attr", "fleet.revocations"],
    ...["--push-cmd", `${marking(fleet)}; test "$TOKEN" = token`, "--hook-env", "TOKEN"],
    ...["--sign-key", key, "--trust-file", trust, "--release-dir", releaseDir],
    ...["--git-push", `${remote}:main`, "--now", NOW, "--report", pageOf(fleet)],
  ];
}

Deno.test("a whole release needs no more permissions than it asks for", async () => {
  await using fleet = await smallFleet();
  const workshop = await workshopOf(fleet);
  const env = { ...workshop.env, TOKEN: "token" };
  const dir = join(fleet.dir, "out/of the way/releases");
  const args = wholeRelease(workshop, dir);
  const place: Place = { ...workshop, env };
  const flags = await flagsFor(args, place, plan);
  assertEquals(await flagsFor(args, place), flags);
  const { code, stderr } = await runWith(flags, args, place);
  assertEquals([code, stderr.includes("warning: ")], [0, false], stderr);
  assert((await Deno.readTextFile(pageOf(fleet))).includes("<title>Released: "));
  const head = await fleet.git("rev-parse", "HEAD");
  assertEquals(
    [
      (await fleet.files(dir)).size,
      await fleet.git("log", "-1", "--format=%s"),
      await fleet.git("--git-dir", workshop.remote, "rev-parse", "main"),
      await Deno.readTextFile(join(fleet.root, "pushed")),
    ],
    [7, `chore(ci): release ${(await fleet.git("rev-parse", "HEAD^")).slice(0, 8)} [skip ci]`, head, "db\n"],
  );

  // What looks whether there can be another one needs no more either, and writes temporary files alone.
  const asked = ["doctor", ...args];
  const doctorFlags = await flagsFor(asked, place);
  const writes = doctorFlags.filter((flag) => flag.startsWith("--allow-write"));
  assertEquals(writes, [`--allow-write=${join(fleet.root, "tmp")}`]);
  const doctor = await runWith(doctorFlags, asked, place);
  assertEquals([doctor.code, doctor.stderr], [0, ""], doctor.stdout);
  // There is nothing on PATH that tells of disks and memory.
  const states = doctor.stdout.split("\n").filter((line) => !/^good |^ /.test(line)).map((line) =>
    line.slice(0, 15)
  );
  assertEquals(states, [
    "unknown  disk: ",
    "unknown  disk: ",
    "unknown  disk: ",
    "unknown  memory",
    "a release can b",
    "",
  ]);
});

/** Where the release is written, and from where, when it is not the flake's directory that it is started in. */
const PLACES: Record<string, {
  /** Prepares the place. */
  readonly before?: string;
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  readonly unset?: readonly string[];
  /** Relative to the fleet's root. */
  readonly cwd?: string;
  /** Relative to the fleet's root. */
  readonly releases?: string;
}> = {
  "in the flake's directory, without a HOME": { unset: ["HOME"] },
  "in a sub-directory of the repository, with a file named nix that cannot be run before nix on PATH": {
    before: "mkdir sub ../first; echo > sub/x; echo > ../first/nix; git add sub; git commit -qm sub",
    cwd: "fleet/sub",
    args: ["--build-flake", "..", "--release-dir", "../a/b/releases"],
    env: { PATH: `ROOT/first:${Deno.env.get("PATH")}` },
    releases: "fleet/a/b/releases",
  },
  "from another directory to one outside git, with temporary files elsewhere": {
    before: "mkdir '../other tmp'",
    cwd: "home",
    args: ["--build-flake", "../fleet", "--release-dir", "../out/a b/releases"],
    env: { TMPDIR: "ROOT/other tmp" },
    releases: "out/a b/releases",
  },
  "to a directory of another repository, with another nix-store on PATH than the one beside nix": {
    before: 'git init -q ../other; mkdir ../first; ln -s "$(command -v nix-store)" ../first/',
    args: ["--release-dir", "../other/x/releases"],
    env: { PATH: `ROOT/first:${Deno.env.get("PATH")}` },
    releases: "other/x/releases",
  },
  "of a plain directory over an earlier release, with temporary files behind a symbolic link": {
    before: "mkdir -p releases/rollouts; echo old > releases/fleet.resolved.json; ln -s tmp ../link",
    args: ["--build-flake", "path:.", "--reuse-unchanged-signature"],
    env: { TMPDIR: "ROOT/link" },
  },
  "of a plain directory by a wrapper of nix alone, without git": {
    before: `rm -r .git; mkdir ../wrapped ../others
      printf '#!/bin/sh\\nexec "%s" "$@"\\n' "$(command -v nix)" > ../wrapped/nix; chmod +x ../wrapped/nix
      ln -s "$(command -v nix-store)" "$(command -v sh)" ../others/`,
    args: ["--build-flake", "path:."],
    env: { PATH: "ROOT/wrapped:ROOT/others" },
  },
  "of a directory by its name alone, with the fleet of another behind a link": {
    before: "mkdir ../other; cp flake.nix fleet.json hosts.json ../other; ln -s other ../link",
    cwd: ".",
    args: [
      ...["--build-flake", "fleet", "--fleet-resolved-attr", "./link#fleet.resolved"],
      ...["--release-dir", "fleet/releases"],
    ],
  },
  "of a directory with # and ? in its name": {
    before: "mkdir 'a#b?c'; cp *.nix *.json 'a#b?c'; git add -A; git commit -qm sub",
    args: ["--build-flake", "a#b?c"],
  },
  "through symbolic links": {
    before: "ln -s fleet ../link; mkdir deep; ln -s deep/real releases; git add -A; git commit -qm link",
    cwd: "link",
    releases: "fleet/deep/real",
  },
  "through a symbolic link outside of the repository": {
    before: "mkdir ../real; ln -s real ../link",
    args: ["--release-dir", "../link/a/releases"],
    releases: "real/a/releases",
  },
  "of a flake behind a symbolic link to its repository": {
    before: "git init -q ../other; ln -s .. ../other/link",
    cwd: "other",
    args: ["--build-flake", "git+file://ROOT/other/link/fleet"],
    releases: "other/releases",
  },
  "in a work tree with a blank in its name": {
    before: "git worktree add -q -b tree '../a tree'",
    cwd: "a tree",
    args: ["--build-flake", "git+file://ROOT/a%20tree?ref=tree", "--git-commit"],
    releases: "a tree/releases",
  },
};

for (const [where, { before, args = [], env, unset = [], cwd, releases }] of Object.entries(PLACES)) {
  Deno.test(`a release needs no more permissions than it asks for: ${where}`, async () => {
    await using fleet = await TestFleet.create({ edit: onlyHosts("db"), nixos: ["db"] });
    if (before !== undefined) await shell(fleet, before);
    const inRoot = (text: string) => text.replaceAll("ROOT", fleet.root);
    const given = Object.entries({ ...fleet.env(), ...env }).filter(([name]) => !unset.includes(name));
    const place: Place = {
      cwd: join(fleet.root, cwd ?? "fleet"),
      env: Object.fromEntries(given.map(([name, value]) => [name, inRoot(value)])),
    };
    const options = ["--sign-key", KEY, "--public-key", PUBLIC_KEY, ...args.map(inRoot)];
    const { code, stderr } = await runPermitted(options, place);
    assertEquals(code, 0, stderr);
    const files = await fleet.files(join(fleet.root, releases ?? "fleet/releases"));
    assertEquals([...files.keys()].filter((path) => path !== ".gitattributes").length, 4, stderr);
  });
}

Deno.test("no permission is printed for a release directory that a link leads out of the repository with", async () => {
  await using fleet = await TestFleet.create();
  await shell(fleet, "mkdir ../out; ln -s ../out releases");
  const { code, stdout, stderr } = await plan(["--sign-key", KEY], { cwd: fleet.dir, env: fleet.env() });
  assertEquals([code, stdout, stderr], [
    1,
    "",
    `error: Cannot use "releases" as the release directory: the link "${fleet.dir}/releases" leads out of its ` +
    `repository, to "${fleet.root}/out"\n` +
    `hint: give the directory itself, if it is meant: --release-dir ${fleet.root}/out\n`,
  ]);
});

Deno.test("the other commands need no more permissions than they ask for", async () => {
  await using fleet = await TestFleet.create({ edit: onlyHosts("db"), nixos: ["db"] });
  const place: Place = { cwd: fleet.dir, env: fleet.env() };
  const expect = async (args: readonly string[], stdin?: string) => {
    const input = stdin === undefined ? {} : { stdin: new TextEncoder().encode(stdin) };
    const { code, stdout, stderr } = await runPermitted(args, { ...place, ...input });
    assertEquals([code, stderr], [0, ""], args.join(" "));
    return stdout;
  };
  const trust = join(fleet.root, "home/trust.json");
  await Deno.writeTextFile(trust, await expect(["keygen", "../home/key", "--format", "trust-file"]));
  assertEquals(
    await expect(["pubkey", "../home/key", "--format", "trust-file"]),
    await Deno.readTextFile(trust),
  );
  const released = await runPermitted(["--sign-key", "../home/key", "--git-commit", "--now", NOW], place);
  assertEquals(released.code, 0, released.stderr);

  const trusting = ["--trust-file", trust, "--now", NOW];
  const [manifest] = [...(await fleet.files()).keys()].filter((path) => /^rollouts\/.*\.json$/.test(path));
  const id = /([0-9a-f]{64})\.json$/.exec(manifest!)![1]!;
  for (
    const args of [
      ["releases"],
      ["releases", "--git", "HEAD"],
      ["artifact", "releases/fleet.resolved.json"],
      ["rollout-manifest", join("releases", manifest!), "--rollout-id", id, "--freshness-window", "60"],
    ]
  ) await expect(["verify", ...args, ...trusting]);
  assertEquals(await expect(["canonicalize"], '{"b": 1, "a": 2.0}'), '{"a":2,"b":1}');
  assert((await expect(["help", "verify"])).length > 0);
});

Deno.test("what is wrong with the settings of a flake app is told, not that permissions are missing", async () => {
  await using fleet = await TestFleet.create();
  const file = join(fleet.root, "home/settings.json");
  await Deno.writeTextFile(file, '{"release-dri": "x"}');
  const place: Place = { cwd: fleet.dir, env: { ...fleet.env(), FLEET_RELEASE_SETTINGS: file } };
  const args = ["--sign-key", KEY];
  const planned = await plan(args, place);
  const { code, stderr } = planned.code === 0
    ? await runWith(planned.stdout.trimEnd().split("\n"), args, place)
    : planned;
  assertEquals([code, stderr], [
    1,
    `error: Cannot use the settings "${file}": there is no option "release-dri"\n` +
    'hint: did you mean "release-dir"?\n',
  ]);
});

/** The flags without one value of one of their lists. */
function without(flags: readonly string[], flag: string, value: string): string[] {
  const [name, list] = flag.split("=", 2) as [string, string];
  const rest = list.split(",").filter((other) => other !== value);
  return flags.flatMap((other) =>
    other !== flag ? [other] : rest.length === 0 ? [] : [`${name}=${rest.join(",")}`]
  );
}

/** Every value of every list, with its flag. */
function grantsOf(flags: readonly string[]): { flag: string; value: string }[] {
  return flags.filter((flag) => flag.includes("=")).flatMap((flag) =>
    flag.slice(flag.indexOf("=") + 1).split(",").map((value) => ({ flag, value }))
  );
}

/** Does some work for every item, for two of them at a time. */
async function forEach<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all([worker(), worker()]);
}

/**
 * Runs the program without each of its programs, paths and sockets in turn, and without its variables, and gives what
 * was said where it did not fail by name.
 *
 * @param flags All that it needs
 * @param options `of` are the flags that are tried, by default all
 */
async function wronglyDone(
  flags: readonly string[],
  { args, place, fails, of = flags }: {
    args: readonly string[];
    place: Place;
    fails: (code: number) => boolean;
    of?: readonly string[];
  },
): Promise<string[]> {
  const wrong: string[] = [];
  const expectFailure = async (what: string, less: readonly string[], names: (error: string) => boolean) => {
    const { code, stdout, stderr } = await runWith(less, args, place);
    const error = stderr.slice(stderr.indexOf("error: "));
    if (!fails(code) || stdout !== "" || !names(error)) {
      wrong.push(`without ${what}: exit code ${code}\n${stderr}`);
    }
  };
  const [variables, others] = [
    of.filter((flag) => flag.startsWith("--allow-env=")),
    of.filter((flag) => !flag.startsWith("--allow-env=")),
  ];
  await forEach(
    grantsOf(others),
    ({ flag, value }) =>
      expectFailure(
        `${flag.split("=")[0]}=${value}`,
        without(flags, flag, value),
        (error) => error.includes(value),
      ),
  );
  for (const flag of variables) {
    const names = grantsOf([flag]).map(({ value }) => value);
    // What git takes from the variables of these names is known by GIT_CONFIG_COUNT. The last is Deno's own, which asks
    // for it when a program is started. The others are named all at once: any one is enough to fail (tests/world_test.ts).
    const patterns = names.filter((name) => name.includes("*"));
    const alone = names.filter((name) => ["GIT_CONFIG_COUNT", "NODE_V8_COVERAGE"].includes(name));
    const together = names.filter((name) => !patterns.includes(name) && !alone.includes(name));
    const rest = (missing: readonly string[]) =>
      flags.map((other) =>
        other === flag ? `--allow-env=${names.filter((name) => !missing.includes(name))}` : other
      );
    const hinted = (error: string) =>
      /^hint: give it with --allow-env=(\S*), beside what is there$/m.exec(error)?.[1]?.split(",").sort()
        .join();
    const numbered = [0, 1].flatMap((number) => patterns.map((name) => name.replace("*", `${number}`)));
    for (const [missing, named] of [[together, together], [patterns, numbered]] as const) {
      await expectFailure(`${missing}`, rest(missing), (error) => hinted(error) === named.toSorted().join());
    }
    for (const name of alone) await expectFailure(name, rest([name]), (error) => error.includes(name));
  }
  return wrong.sort();
}

Deno.test("a release without any one of its permissions fails, changes nothing, and names what is missing", async () => {
  await using fleet = await smallFleet();
  const workshop = await workshopOf(fleet);
  const place: Place = { cwd: workshop.cwd, env: { ...workshop.env, TOKEN: "token" } };
  // Several run at once.
  const args = [...wholeRelease(workshop, join(fleet.dir, "out/releases")), "--wait-lock", "60"];
  const flags = await flagsFor(args, place);
  const before = await worldOf(fleet);
  assertEquals(await wronglyDone(flags, { args, place, fails: (code) => code === 1 }), []);
  // A run that fails has a page, too.
  await Deno.remove(pageOf(fleet));
  assertEquals(await worldOf(fleet), before);
});

Deno.test("a release of a plain directory to another repository fails likewise without any path that it is permitted", async () => {
  await using fleet = await smallFleet();
  const workshop = await workshopOf(fleet);
  const other = join(fleet.root, "other");
  await fleet.git("init", "-q", other);
  const args = [
    ...["--build-flake", `path:${fleet.dir}`, "--pin-source-url", `git+file://${fleet.dir}`],
    ...["--sign-key", workshop.key, "--release-dir", join(other, "releases"), "--wait-lock", "60"],
  ];
  const flags = await flagsFor(args, workshop);
  const before = await worldOf(fleet);
  const paths = flags.filter((flag) => /^--allow-(read|write)=/.test(flag));
  assertEquals(
    await wronglyDone(flags, { of: paths, args, place: workshop, fails: (code) => code === 1 }),
    [],
  );
  assertEquals(await worldOf(fleet), before);
});

Deno.test("--sign-agent needs no more permissions than it asks for, and each of those of its socket", async () => {
  await using fleet = await TestFleet.create({ edit: onlyHosts("db"), nixos: ["db"] });
  await using agent = await RealAgent.start();
  await agent.key("key");
  const place: Place = { cwd: fleet.dir, env: { ...fleet.env(), SSH_AUTH_SOCK: agent.socket } };
  const args = ["--sign-agent", join(agent.dir, "key.pub")];
  const flags = await flagsFor(args, place);
  const before = await worldOf(fleet);
  const ofAgent = flags.filter((flag) => flag.includes(agent.dir));
  for (const { flag, value } of grantsOf(ofAgent).filter(({ value }) => value.includes(agent.dir))) {
    const { code, stderr } = await runWith(without(flags, flag, value), args, place);
    assertEquals(
      [code, stderr.includes(value.replace("unix:", ""))],
      [1, true],
      `without ${value} of ${flag}\n${stderr}`,
    );
  }
  assertEquals(await worldOf(fleet), before);
  const { code, stderr } = await runWith(flags, args, place);
  assertEquals(code, 0, stderr);
});

Deno.test("verify without any one of its permissions fails, and names what is missing", async () => {
  await using fleet = await TestFleet.create({ edit: onlyHosts("db"), nixos: ["db"] });
  const workshop = await workshopOf(fleet);
  const releases = join(fleet.dir, "releases");
  const flake = ["--build-flake", `git+file://${fleet.dir}`];
  const release = [
    ...flake,
    "--sign-key",
    workshop.key,
    "--release-dir",
    releases,
    "--git-commit",
    "--now",
    NOW,
  ];
  assertEquals((await runPermitted(release, workshop)).code, 0);
  const trusting = ["--trust-file", workshop.trust, "--now", NOW];
  const commands: [args: string[], failure: number, cwd?: string][] = [
    [["verify", releases, ...trusting], 2],
    [["verify", "artifact", join(releases, "fleet.resolved.json"), ...trusting], 2],
    [["verify", "releases", "--git", "HEAD", ...trusting], 2, fleet.dir],
  ];
  const before = await worldOf(fleet);
  for (const [args, failure, cwd = workshop.cwd] of commands) {
    const place: Place = { cwd, env: workshop.env };
    const flags = await flagsFor(args, place);
    assertEquals(await wronglyDone(flags, { args, place, fails: (code) => code === failure }), []);
  }
  assertEquals(await worldOf(fleet), before);
});

Deno.test("resign and status run with exactly what they ask for, and no nix is among it", async () => {
  await using fleet = await smallFleet();
  const place = await workshopOf(fleet);
  const { key, trust, remote } = place;
  const releaseDir = join(fleet.dir, "releases");
  const released = await fleet.run([
    ...["--sign-key", key, "--trust-file", trust, "--now", NOW, "--git-push", `${remote}:main`],
    ...["--pin-source-url", `git+file://${fleet.dir}`],
  ]);
  assertEquals(released.code, 0, released.stderr);
  const publish = ["--release-dir", releaseDir, "--git-push", `${remote}:main`];
  const args = [
    "resign",
    "--sign-key",
    key,
    "--trust-file",
    trust,
    "--now",
    "2026-06-01T13:00:00Z",
    ...publish,
  ];
  const flags = await flagsFor(args, place);
  assert(flags.every((flag) => !flag.includes("/bin/nix")), flags.join(" "));
  const resigned = await runWith(flags, args, place);
  assertEquals(resigned.code, 0, resigned.stderr);
  for (const where of [[releaseDir], [releaseDir, "--git", "HEAD"]]) {
    const look = ["status", ...where, "--trust-file", trust, "--now", "2026-06-01T13:30:00Z", "--json"];
    const { code, stdout, stderr } = await runPermitted(look, { ...place, cwd: fleet.dir });
    assertEquals([code, JSON.parse(stdout).signedAt], [0, "2026-06-01T13:00:00Z"], stderr);
  }
});
