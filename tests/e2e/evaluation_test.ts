import { assert, assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import { SMALLEST_FLEET } from "../../src/plan/smallest_fleet.ts";
import { SYSTEM } from "../support/command.ts";
import { type Draft, TestFleet } from "../support/fleet.ts";
import { expectReleaseByKey, releaseByKey, SharedFleets } from "../support/key_release.ts";
import { expectRefused } from "../support/refusal.ts";
import { contents, flakeOf, hold, nixFollowedBy, onlyHosts, shell, SIDECARS } from "../support/releases.ts";

const ALL_ONE: [string, string | null][] = [["db", "one"], ["web1", "one"], ["web2", "one"]];

/** Names that are code, patterns or properties somewhere on the way from the flake to the artifact. */
const ODD_NAMES = [
  "web.example.com",
  'quo"te',
  "single'quote",
  "''indented''",
  "dollar$",
  "${builtins.abort}",
  "$(exit 1)",
  "two words",
  "back\\slash",
  "line\nbreak",
  "ünïcödé",
  "日本",
  "🦕",
  "ﬀ",
  "constructor",
  "__proto__",
  "toString",
  "--hosts",
  "a/b",
  "a#b?c",
  "*",
  "..",
  "true",
  "1",
];

/** A flake whose hosts hold their own name. */
const NAME_FLAKE = `{
  outputs = _: let
    read = file: builtins.fromJSON (builtins.readFile file);
    configuration = name: {
      inherit name;
      value.config.system.build.toplevel = derivation {
        name = "toplevel";
        hostName = name;
        system = "${SYSTEM}";
        builder = "/bin/sh";
        args = ["-c" "printf '%s\\n' \\"$hostName\\" > $out"];
      };
    };
    configurations = names: builtins.listToAttrs (map configuration names);
  in {
    nixosConfigurations = configurations (read ./hosts.json).nixos;
    darwinConfigurations = configurations (read ./hosts.json).darwin;
    fleet.resolved = read ./fleet.json;
  };
}`;

/** In the order of their UTF-8 bytes. */
function inByteOrder(names: readonly string[]): string[] {
  const hex = (name: string) => new TextEncoder().encode(name).toHex();
  return [...names].sort((a, b) => hex(a) < hex(b) ? -1 : 1);
}

Deno.test("the program releases hosts of any name, each with its own closure, and those that --hosts gives", async () => {
  const darwin = ODD_NAMES.slice(0, 8);
  const nixos = ODD_NAMES.slice(8);
  await using fleet = await TestFleet.create({
    nixos,
    darwin,
    edit: onlyHosts(...ODD_NAMES),
    files: { "flake.nix": NAME_FLAKE },
  });
  const pushed = join(fleet.root, "home/pushed");
  const result = await expectReleaseByKey(fleet, [
    "--push-cmd",
    `printf '%s\\0' "$NIXFLEET_HOST" >> '${pushed}'; test "$(cat "$NIXFLEET_PATH")" = "$NIXFLEET_HOST"`,
    "--push-jobs=1",
  ]);
  const order = [...inByteOrder(nixos), ...inByteOrder(darwin)];
  assertEquals(result["hosts"].map(({ name }: Draft) => name), order);
  assertEquals((await Deno.readTextFile(pushed)).split("\0"), [...order, ""]);
  const byName = new Map(await contents(fleet));
  assertEquals(inByteOrder([...byName.keys()]), inByteOrder(ODD_NAMES));
  for (const name of ODD_NAMES) assertEquals(byName.get(name), name);
  const manifest = await fleet.json(result["artifacts"][1].path);
  assertEquals(manifest["hostSet"].map(({ hostname }: Draft) => hostname), inByteOrder(ODD_NAMES));

  // Of those that --hosts gives, in the order given.
  await Deno.remove(join(fleet.dir, "releases"), { recursive: true });
  const names = ["two words", "__proto__", "${builtins.abort}", 'quo"te', "web.example.com", "back\\slash"];
  const some = await expectReleaseByKey(fleet, ["--hosts", names.join(",")]);
  assertEquals(some["hosts"].map(({ name }: Draft) => name), names);
  const found = (await contents(fleet)).filter(([, content]) => content !== null);
  assertEquals(new Map(found), new Map(inByteOrder(names).map((name) => [name, name])));
});

Deno.test("the program releases a flake that has darwinConfigurations and no nixosConfigurations", async () => {
  const flake = flakeOf(`{ mac = host (build "mac" "echo built > $out"); }`);
  await using fleet = await TestFleet.create({
    edit: onlyHosts("mac"),
    files: { "flake.nix": flake.replace("nixosConfigurations", "darwinConfigurations") },
  });
  const { hosts } = await expectReleaseByKey(fleet);
  assertEquals(hosts.map(({ name, kind }: Draft) => [name, kind]), [["mac", "darwin"]]);
  assertEquals(await contents(fleet), [["mac", "built"]]);
});

Deno.test("the program releases what nix finds below legacyPackages, and what other flakes say", async () => {
  const flake = flakeOf(`{ db = host (build "db" "echo built > $out"); }`)
    .replace("nixosConfigurations =", `legacyPackages.${SYSTEM}.nixosConfigurations =`);
  await using fleet = await TestFleet.create({ edit: onlyHosts("db"), files: { "flake.nix": flake } });
  const other = join(fleet.root, "other");
  await ensureDir(other);
  await Deno.symlink("other", join(fleet.root, "link"));
  await Deno.writeTextFile(
    join(other, "flake.nix"),
    `{ outputs = _: { packages.${SYSTEM}.revocations = []; fleet."non.ces" = []; nixosConfigurations = throw "no"; }; }`,
  );
  const { hosts } = await expectReleaseByKey(fleet, [
    ...["--fleet-resolved-attr", "./#fleet.resolved", "--revocations-attr", "../link#revocations"],
    ...["--bootstrap-nonces-attr", '../link#fleet."non.ces"'],
  ]);
  assertEquals(hosts.map(({ name }: Draft) => name), ["db"]);
  assertEquals(await contents(fleet), [["db", "built"]]);
  assertEquals((await fleet.json("revocations.json"))["revocations"], []);
  assertEquals((await fleet.json("bootstrap-nonces.json"))["bootstrapNonces"], []);
});

Deno.test("the program refuses a flake that has neither attribute set, and writes nothing", async () => {
  const flake = flakeOf("{}").replace("nixosConfigurations", "otherConfigurations");
  await using fleet = await TestFleet.create({ files: { "flake.nix": flake } });
  await expectRefused(fleet, {}, {
    message: "No hosts to release",
    hint: "the flake must have a host in nixosConfigurations or darwinConfigurations",
  });
});

/** A fleet whose flake.nix lies in the directory `sub`, and reads its data from the directory above. */
async function inSubdirectory(): Promise<TestFleet> {
  const fleet = await TestFleet.create();
  await shell(fleet, `mkdir sub && sed 's,\\./,../,g' flake.nix > sub/flake.nix && rm flake.nix`);
  await fleet.commit("into a directory");
  return fleet;
}

/** Fleets that no test here changes. */
const fleets = new SharedFleets({ whole: () => TestFleet.create(), inSubdirectory });
Deno.test.afterAll(() => fleets[Symbol.asyncDispose]());

/** Where the program is started, below the test's directory, and how the flake is called there. */
const REFERENCES: [
  of: string,
  name: "whole" | "inSubdirectory",
  cwd: string,
  ref: (dir: string) => string,
][] = [
  ["by its absolute path", "whole", ".", (dir) => dir],
  ["as git+file with a branch", "whole", ".", (dir) => `git+file://${dir}?ref=main`],
  ["from a directory within it", "whole", "fleet/deep", () => ".."],
  ["in a sub-directory, from there", "inSubdirectory", "fleet/sub", () => "."],
  ["in a sub-directory, by a relative path", "inSubdirectory", ".", () => "./fleet/sub"],
  ["in a sub-directory, by its absolute path", "inSubdirectory", ".", (dir) => `${dir}/sub`],
  ["in a sub-directory, as ?dir=", "inSubdirectory", ".", (dir) => `git+file://${dir}?dir=sub`],
];

for (const [of, name, cwd, ref] of REFERENCES) {
  Deno.test(`the program releases a flake that is given ${of}, into the directory it is started in`, async () => {
    const fleet = await fleets.get(name);
    const start = join(fleet.root, cwd);
    await ensureDir(start);
    const result = await expectReleaseByKey(fleet, ["--build-flake", ref(fleet.dir)], { cwd: start });
    assertEquals([result["commit"], result["warnings"]], [await fleet.git("rev-parse", "HEAD"), []]);
    assertEquals(await contents(fleet, join(start, "releases")), ALL_ONE);
    await Deno.remove(join(start, "releases"), { recursive: true });
  });
}

Deno.test("the program names the commit of a repository that is given as a path:, and warns of it", async () => {
  await using fleet = await TestFleet.create();
  const commit = await fleet.git("rev-parse", "HEAD");
  await hold(fleet, { db: "edited" });
  const reference = `path:${fleet.dir}`;
  const result = await expectReleaseByKey(fleet, ["--build-flake", reference]);
  assertEquals(result["warnings"], [{
    code: "no-commit",
    message: `The source has no locked revision ("${reference}" is read as a plain directory): the release ` +
      `names commit ${commit.slice(0, 8)}, which need not contain what is built`,
  }]);
  assertEquals((await fleet.json())["meta"].ciCommit, commit);
  assertEquals(await contents(fleet), [["db", "edited"], ["web1", "one"], ["web2", "one"]]);
});

Deno.test("the program releases the commit that a shallow clone is at", async () => {
  await using fleet = await TestFleet.create();
  await hold(fleet, { db: "two" });
  const commit = await fleet.commit("second");
  await fleet.git("clone", "-q", "--depth", "1", `file://${fleet.dir}`, "../shallow");
  const cwd = join(fleet.root, "shallow");
  const result = await expectReleaseByKey(fleet, ["--require-clean"], { cwd });
  assertEquals([result["commit"], result["warnings"]], [commit, []]);
  assertEquals((await contents(fleet, join(cwd, "releases")))[0], ["db", "two"]);
});

Deno.test("the program releases the commit that HEAD is detached at", async () => {
  await using fleet = await TestFleet.create();
  const commit = await fleet.git("rev-parse", "HEAD");
  await hold(fleet, { db: "two" });
  await fleet.commit("second");
  await fleet.git("checkout", "-q", "--detach", commit);
  const result = await expectReleaseByKey(fleet, ["--require-clean"]);
  assertEquals([result["commit"], result["warnings"]], [commit, []]);
  assertEquals(await contents(fleet), ALL_ONE);
});

Deno.test("the program builds a changed tree as git sees it, and warns", async () => {
  await using fleet = await TestFleet.create();
  const commit = await fleet.git("rev-parse", "HEAD");
  await hold(fleet, { db: "edited" });
  const revoked = [{ hostname: "db", notBefore: "2026-05-01T00:00:00Z" }];
  await fleet.write({ "revocations.json": JSON.stringify(revoked), "bootstrap-nonces.json": "not JSON" });
  await fleet.git("add", "revocations.json");
  const result = await expectReleaseByKey(fleet, SIDECARS);
  assertEquals(result["warnings"], [{
    code: "dirty-tree",
    message:
      'The source has no locked revision (there are changes that are not committed: "hosts.json", "revocations.json"): the release ' +
      `names commit ${commit.slice(0, 8)}, which need not contain what is built`,
  }]);
  assertEquals(result["commit"], commit);
  assertEquals(await contents(fleet), [["db", "edited"], ["web1", "one"], ["web2", "one"]]);
  // What is staged is seen, and what git does not know is not.
  const revocations = (await fleet.json("revocations.json"))["revocations"];
  assertEquals(revocations.map(({ hostname }: Draft) => hostname), ["db"]);
  assertEquals((await fleet.json("bootstrap-nonces.json"))["bootstrapNonces"], []);
});

Deno.test("the program builds a changed tree in a sub-directory, or says that this nix cannot", async () => {
  await using fleet = await inSubdirectory();
  await hold(fleet, { db: "edited" });
  const { code, stderr } = await releaseByKey(fleet, ["--build-flake", "./sub"]);
  if (code === 0) {
    assertEquals((await contents(fleet))[0], ["db", "edited"]);
  } else {
    const hint =
      "hint: older versions of nix cannot fix a changed tree in a sub-directory: commit the changes\n";
    assertEquals([code, stderr.endsWith(hint), (await fleet.files()).size], [1, true, 0], stderr);
  }
});

Deno.test("the program releases the smallest fleet as it shows it where there is none", async () => {
  await using fleet = await TestFleet.create();
  const hosts = await Deno.readTextFile(join(fleet.dir, "flake.nix"));
  const flake = (more: string) =>
    `{ outputs = { self }: { inherit ((import ./hosts.nix).outputs { }) nixosConfigurations; ${more} }; }`;
  await fleet.write({ "flake.nix": flake(""), "hosts.nix": hosts });
  await fleet.commit("without a fleet");
  const without = await fleet.release();
  const smallest = SMALLEST_FLEET.map((line) => `    ${line}\n`).join("");
  assertEquals([without.code, without.stderr.includes(smallest)], [1, true], without.stderr);
  await fleet.write({ "flake.nix": flake(SMALLEST_FLEET.join("\n")) });
  await fleet.commit("a fleet");
  await expectReleaseByKey(fleet);
  assertEquals(await contents(fleet), ALL_ONE);
});

/** Changes everything in the flake, and takes a host away: once it is locked, and once the fleet is evaluated. */
const MOVE_ON = `
  # Once, though two may end at the same time.
  test $call -lt 2 || ! mkdir ../home/moved-on 2>&1 || {
    sed -i.old 's/one/later/' flake.nix
    echo '{"nixos": ["web1", "web2"], "darwin": [], "content": {"web1": "later", "web2": "later"}}' > hosts.json
    sed -i.old 's/:1440/:720/' fleet.json
    echo '[{"hostname": "web1", "notBefore": "2026-05-01T00:00:00Z"}]' > revocations.json
    AFTERWARDS
  }
`;

/** What the flake is at the start, and how a person goes on in it. */
const STARTS: { of: string; git: boolean; edited: boolean; afterwards: string }[] = [
  {
    of: "a commit",
    git: true,
    edited: false,
    afterwards: "git add -A; git commit -q --allow-empty -m later",
  },
  {
    of: "a changed tree",
    git: true,
    edited: true,
    afterwards: "git add -A; git commit -q --allow-empty -m later",
  },
  { of: "a plain directory", git: false, edited: false, afterwards: "rm *.old" },
];

for (const { of, git, edited, afterwards } of STARTS) {
  Deno.test(`the program releases ${of} as it was at the start, whatever is done to it during the run`, async () => {
    await using fleet = await TestFleet.create({ git });
    const commit = git ? await fleet.git("rev-parse", "HEAD") : null;
    if (edited) await hold(fleet, { db: "edited" });
    const env = await nixFollowedBy(fleet, MOVE_ON.replace("AFTERWARDS", afterwards));
    const result = await releaseByKey(fleet, SIDECARS, { env });
    assertEquals(result.code, 0, result.stderr);
    const released = await fleet.json();
    assertEquals(released["channels"].stable.freshnessWindow, 1440);
    // A changed tree has no commit of its own: the release names the one that HEAD was at when it was asked for.
    if (!edited) assertEquals(released["meta"].ciCommit, commit);
    assertEquals((await fleet.json("revocations.json"))["revocations"], []);
    const db = edited ? "edited" : "one";
    assertEquals(await contents(fleet), [["db", db], ["web1", "one"], ["web2", "one"]]);
    // And this is what it would have been.
    assert((await Deno.readTextFile(join(fleet.dir, "hosts.json"))).includes("later"));
    assert((await Deno.readTextFile(join(fleet.dir, "fleet.json"))).includes(":720"));
  });
}

Deno.test("the program tells each failing host's own error in one run, and names no other host", async () => {
  const hosts = `{
        healthy1 = host (build "healthy1" "echo > $out");
        throwing = host (throw "the disk of throwing is too small");
        healthy2 = host (build "healthy2" "echo > $out");
        missing = host ({}.absentName);
        endless = let loop = loop; in host loop;
        asserting = host (assert builtins.elem "raid" [ "zfs" ]; build "asserting" "echo > $out");
        healthy3 = host (build "healthy3" "echo > $out");
        aborting = host (abort "aborting gives up");
        bare = { config = { }; };
        text = host "a text";
        healthy4 = host (build "healthy4" "echo > $out");
      }`;
  // Far apart, since nix shows the lines around the one that it means.
  const flake = flakeOf(hosts.replaceAll(";\n", ";\n\n\n\n"));
  await using fleet = await TestFleet.create({ files: { "flake.nix": flake } });
  const { code, stderr } = await releaseByKey(fleet);
  assertEquals(code, 1);
  assertEquals(
    stderr.split("\n").filter((line) => line.startsWith("error: ")),
    ['error: Cannot evaluate 7 hosts: "aborting", "asserting", "bare", "endless", "missing", "text", "throwing"'],
  );
  // Each version of nix says it in its own words: of the lines for each host, those with the cause.
  const [, ...blocks] = stderr.split("\n  host ");
  const causes: [string, RegExp][] = [
    ["aborting", /aborting gives up/],
    ["asserting", /assertion.*failed/],
    ["bare", /not provide attribute 'nixosConfigurations\.bare\.config\.system\.build\.toplevel/],
    ["endless", /infinite recursion encountered/],
    ["missing", /attribute 'absentName' missing/],
    ["text", /config\.system\.build\.toplevel is a string/],
    ["throwing", /error: the disk of throwing is too small/],
  ];
  const found = blocks.map((block) => [
    block.slice(0, block.indexOf(":\n")),
    ...causes.filter(([, cause]) => cause.test(block)).map(([name]) => name),
  ]);
  assertEquals(found, causes.map(([name]) => [JSON.stringify(name), name]));
  assertEquals(stderr.includes("healthy"), false, stderr);
  // Of the code that reads the flake nothing is seen, and where the flake itself is wrong its line is.
  assertEquals(/string[»)]|getFlake/.test(stderr), false, stderr);
  assertEquals(
    stderr.match(/^ {4}\| {3}at flake\.nix:\d+:\d+$/gm)?.length,
    3,
    stderr,
  );
  assertEquals((await fleet.files()).size, 0);
});

/** As many steps of a trace as are in an evaluation of modules. */
const STEPS = Array.from(
  { length: 12 },
  (_, index) => `step${index} = { value = step${index + 1}.value + 1; };`,
);

/** Hosts that fail with much to say. */
const LOUD = `let
    lines = n: builtins.concatStringsSep "\\n" (builtins.genList (i: "- number \${toString i}") n);
    context = name: builtins.addErrorContext "while evaluating the option \`\${name}':";
    step12.value = context "services.foo" (throw "too deep");
    ${STEPS.join("\n")}
  in {
    asserting = host (throw "\\nFailed assertions:\\n\${lines 30}");
    long = host (throw "s3cr3t-of-the-flake\\n\${lines 200}");
    deep = host step0.value;
    deeper = host step0.value;
  }`;

Deno.test("the program shows the head and the end of a long error, and keeps the whole of it for its owner", async () => {
  await using fleet = await TestFleet.create({ files: { "flake.nix": flakeOf(LOUD) } });
  const tmp = join(fleet.root, "tmp");
  const env = { DEPLOY_TOKEN: "s3cr3t-of-the-flake" };
  const fail = async (hosts: string, ...args: string[]) => {
    const { code, stderr } = await releaseByKey(fleet, ["--hosts", hosts, ...args], { env });
    assertEquals(code, 1, stderr);
    const lines = stderr.trimEnd().split("\n");
    return lines.slice(lines.findIndex((line) => line.startsWith("error: ")) + 2);
  };
  const numbers = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => `    | - number ${from + index}`);
  const asserting = await fail("asserting");
  assertEquals(asserting.slice(0, 32), ["    | error:", "    | Failed assertions:", ...numbers(0, 30)]);
  assertEquals([...Deno.readDirSync(tmp)], []);

  const long = await fail("long");
  const [log] = [...Deno.readDirSync(tmp)].map(({ name }) => join(tmp, name));
  assertEquals(long.slice(0, 40), ["    | error: ***", ...numbers(0, 39)]);
  const steps = long.filter((line) => line.startsWith("    |   … "));
  assertEquals(long.slice(40), [
    `    … ${201 + steps.length - 60} lines are left out here: the whole is in ${log}`,
    ...numbers(180 + steps.length, 200),
    ...steps,
  ]);
  const kept = await Deno.readTextFile(log!);
  const whole = ["error: ***", ...numbers(0, 200).map((line) => line.slice(6))].join("\n");
  assertEquals(kept.startsWith(`host "long":\n${whole}\n`), true, kept);
  assertEquals((await Deno.stat(log!)).mode! & 0o777, 0o600);

  // The message stands before the trace, which only those see whole who ask for it.
  const placed = (lines: string[]) =>
    lines.filter((line) => /^ {4}\| {3}… .* at flake\.nix:\d+:\d+$/.test(line));
  const deep = await fail("deep,deeper");
  assertEquals([deep[0], placed(deep).length, deep.length], ["    | error: too deep", 1, 4], deep.join("\n"));
  assertEquals(deep.includes("    |   … while evaluating the option `services.foo':"), true, deep.join("\n"));
  assertEquals(/^ {4}… \d+ lines are left out here: the whole is in \//.test(deep[3]!), true, deep[3]);
  const asked = await fail("deep", "--option", "show-trace", "true");
  assertEquals([asked[0], placed(asked).length > STEPS.length], [deep[0], true], asked.join("\n"));
});

Deno.test("the program tells each warning of the evaluation once, with the hosts that gave it", async () => {
  const flake = flakeOf(`let
    escape = builtins.fromJSON ''"\\u001b"'';
    warn = text: builtins.trace "\${escape}[1;31mwarning: \${text}\${escape}[0m";
  in builtins.trace "of the flake" {
    db = warn "the option foo\\nis deprecated" (host (build "db" "echo > $out"));
    web1 = warn "the option foo\\nis deprecated" (host (build "web1" "echo > $out"));
    web2 = builtins.trace { note = "s3cr3t-of-the-flake"; } (host (build "web2" "echo > $out"));
  }`);
  await using fleet = await TestFleet.create({ files: { "flake.nix": flake } });
  const env = { DEPLOY_TOKEN: "s3cr3t-of-the-flake" };
  const { code, stdout, stderr } = await releaseByKey(fleet, ["--json", "-v"], { env });
  assertEquals(code, 0, stderr);
  const warnings = [
    { code: "evaluation", message: "Evaluation: of the flake" },
    {
      code: "evaluation",
      message: 'Evaluation of 2 hosts ("db", "web1"): the option foo is deprecated',
      hosts: ["db", "web1"],
    },
    { code: "evaluation", message: 'Evaluation of host "web2": { note = "***"; }', hosts: ["web2"] },
  ];
  assertEquals(JSON.parse(stdout).warnings, warnings);
  assertEquals(
    stderr.split("\n").filter((line) => line.startsWith("warning: ")),
    warnings.map(({ message }) => `warning: ${message}`),
  );
  // -v shows it as it comes, as text; what marks the hosts in it is none of it.
  const shown = stderr.split("\n").filter((line) => line.startsWith("| trace: "));
  assertEquals([...new Set(shown)].toSorted(), [
    "| trace: of the flake",
    "| trace: warning: the option foo",
    '| trace: { note = "***"; }',
  ]);
  assertEquals(stderr.includes("@nix"), false);
});

Deno.test("the program gives nix every --option, the last of a name last, and --max-jobs", async () => {
  const flake = flakeOf(`{
    db = host (build "db" ''
      echo \${builtins.readFile (build "part" "echo -n imported > $out")} $NIX_BUILD_CORES > $out
    '');
    plain = host (build "plain" "echo built > $out");
  }`);
  await using fleet = await TestFleet.create({
    edit: onlyHosts("db", "plain"),
    files: { "flake.nix": flake },
  });
  await expectRefused(fleet, { args: ["--hosts", "plain", "--max-jobs", "0"] }, {
    message: 'Cannot build host "plain": nix-store exited with 1',
    including: [
      'host "plain": ',
      "STORE/plain.drv was not built",
      "either increase '--max-jobs' or enable remote builds",
    ],
  });
  await expectRefused(fleet, { args: ["--option", "allow-import-from-derivation", "false"] }, {
    message: 'Cannot evaluate 1 host: "db"',
    including: ["because the option 'allow-import-from-derivation' is disabled"],
    hint: "to release the others: --hosts auto:exclude=db",
  });
  const options = ["allow-import-from-derivation true", "cores 5", "keep-failed false", "cores 3"];
  const args = options.flatMap((option) => ["--option", ...option.split(" ")]);
  await expectReleaseByKey(fleet, [...args, "--max-jobs", "1"]);
  assertEquals(await contents(fleet), [["db", "imported 3"], ["plain", "built"]]);
});
