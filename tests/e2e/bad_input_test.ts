import { FORM } from "../../src/plan/smallest_fleet.ts";
import { assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import { which } from "../support/command.ts";
import { FLAKE, type FleetOptions, TestFleet } from "../support/fleet.ts";
import type { FakeWorld } from "../support/fake_ports.ts";
import { FleetWithoutNix } from "../support/fleet_without_nix.ts";
import { SharedFleets } from "../support/key_release.ts";
import { type Attempt, expectRefused, type Refusal, writeEarlierRelease } from "../support/refusal.ts";

/** Something that the program refuses: how the sample fleet or the command line differs, and what is said. */
interface Case {
  /** What is refused, for the test's name. */
  of: string;
  /** A fleet of its own; by default one that is shared, since a refusal leaves it as it is. */
  fleet?: FleetOptions;
  shared?: keyof typeof SHARED;
  /** A fleet of its own whose nix and git are in memory, where these give what is refused: how it differs. */
  withoutNix?: (memory: FakeWorld) => void;
  attempt?: Attempt;
  refusal: Refusal;
  /** Whether it is also refused where nothing was released before: one of each kind. */
  unreleased?: true;
}

/** The fleets that are shared, each with a release from before but for the first. */
const SHARED = {
  unreleased: () => TestFleet.create(),
  released: () => releasedFleet(),
  uncommittable: async () => {
    const fleet = await TestFleet.create();
    const { root, dir } = fleet;
    await fleet.write({
      ".gitignore": "unsigned/*.sig\n",
      ".git/info/exclude": "excluded/rollouts\n",
    });
    await fleet.git("init", "-q", "inner");
    await ensureDir(join(root, "out"));
    await Deno.symlink("../out", join(dir, "link"));
    await fleet.git("add", ".gitignore", "link");
    await fleet.git("commit", "-q", "-m", "ignore");
    await writeEarlierRelease(fleet);
    return fleet;
  },
  // Beside it, for each program a directory of all the others.
  incomplete: async () => {
    const fleet = await releasedFleet();
    for (const missing of PROGRAMS) {
      const bin = join(fleet.root, "without", missing);
      await ensureDir(bin);
      for (const program of PROGRAMS.filter((program) => program !== missing)) {
        await Deno.symlink(which(program), join(bin, program));
      }
    }
    return fleet;
  },
};
const PROGRAMS = ["nix", "nix-store", "git", "sh"];

const fleets = new SharedFleets(SHARED);
Deno.test.afterAll(() => fleets[Symbol.asyncDispose]());

async function releasedFleet(): Promise<TestFleet> {
  const fleet = await TestFleet.create();
  await writeEarlierRelease(fleet);
  return fleet;
}

/** Runs each case where there is a release from before: it is left as it is, too. */
function testRefusals(cases: readonly Case[]): void {
  for (
    const { of, fleet: options, shared = "released", withoutNix, attempt = {}, refusal, unreleased } of cases
  ) {
    Deno.test(`the program refuses ${of}, and writes nothing`, async () => {
      if (withoutNix !== undefined) {
        await using fleet = await FleetWithoutNix.create();
        withoutNix(fleet.memory);
        await writeEarlierRelease(fleet);
        await expectRefused(fleet, attempt, refusal);
        return assertEquals(fleet.memory.committed, []);
      }
      if (options === undefined) {
        if (unreleased) await expectRefused(await fleets.get("unreleased"), attempt, refusal);
        return await expectRefused(await fleets.get(shared), attempt, refusal);
      }
      await using fleet = await TestFleet.create(options);
      if (unreleased) await expectRefused(fleet, attempt, refusal);
      await writeEarlierRelease(fleet);
      await expectRefused(fleet, attempt, refusal);
    });
  }
}

testRefusals([
  {
    of: "an unknown flag, and names the nearest one",
    unreleased: true,
    attempt: { args: ["--revocation-attr", "fleet.revocations"] },
    refusal: { message: 'Unknown option "--revocation-attr"', hint: "did you mean --revocations-attr?" },
  },
  ...["noon", "-1", "1780315200.5", "253402300800"].map((text) => ({
    of: `the signing time ${text} of SOURCE_DATE_EPOCH`,
    attempt: { env: { SOURCE_DATE_EPOCH: text } },
    refusal: {
      message: `Cannot read SOURCE_DATE_EPOCH "${text}"`,
      hint: "expected the signing time in whole seconds since 1970, as `date +%s` prints it; or unset it",
    },
  })),
  {
    of: 'the artifact name "../fleet.json"',
    attempt: { args: ["--artifact-name", "../fleet.json"] },
    refusal: {
      message: 'Cannot use --artifact-name "../fleet.json": it is not a plain file name',
      hint: 'give a file name such as "fleet.resolved.json"',
    },
  },
]);

testRefusals([
  {
    of: "a host in both attribute sets",
    fleet: { darwin: ["db"] },
    refusal: {
      message: 'Host "db" is in both nixosConfigurations and darwinConfigurations',
      hint: "disambiguate: rename it in one of them, or leave it out with --hosts auto:exclude=NAME",
    },
  },
]);

/** The flake of the sample fleet, with one piece of its code replaced. */
function flakeWith(piece: string, replacement: string): FleetOptions {
  assertEquals(FLAKE.split(piece).length, 2, `the flake has to have "${piece}" once`);
  return { files: { "flake.nix": FLAKE.replace(piece, () => replacement) } };
}

/** The sample fleet with another builder's script for each host; \${name} is the host's name. */
function builtBy(script: string): FleetOptions {
  return flakeWith(`"echo '\${hosts.content.\${name} or "one"}' > $out"`, script);
}

const CANNOT_EVALUATE = 'Cannot evaluate the fleet of ".": nix exited with 1';

testRefusals([
  {
    of: "a flake with a syntax error",
    fleet: { files: { "flake.nix": "{ outputs = _: {" } },
    refusal: { message: 'Cannot read the flake ".": nix exited with 1', including: ["syntax error"] },
  },
  // The reference takes any failure with these words for an attribute set that is not there, and loses its hosts.
  ...["nixosConfigurations", "darwinConfigurations"].map((set): Case => ({
    of: `a flake whose ${set} throw a message with "has no attribute" in it`,
    fleet: flakeWith(
      `${set} = configurations`,
      `${set} = throw "the flake has no attribute '${set}'" configurations`,
    ),
    refusal: { message: CANNOT_EVALUATE, including: [`error: the flake has no attribute '${set}'`] },
  })),
  {
    of: 'a flake whose fleet throws a message with "has no attribute" in it',
    fleet: flakeWith("resolved = read", "resolved = throw \"it has no attribute 'fleet.resolved'\" read"),
    refusal: { message: CANNOT_EVALUATE, including: ["error: it has no attribute 'fleet.resolved'"] },
  },
  {
    of: 'a flake of which two hosts fail with "has no attribute", and tells the error of each',
    fleet: builtBy(`(
      if name == "web2" then throw "has no attribute 'toplevel'"
      else if name == "db" then {}.nothing
      else "echo > $out"
    )`),
    refusal: {
      message: 'Cannot evaluate 2 hosts: "db", "web2"',
      including: ['host "db":', "attribute 'nothing' missing", 'host "web2":', "has no attribute 'toplevel'"],
      hint: "to release the others: --hosts auto:exclude=db,web2",
    },
  },
  {
    of: "a flake without the attribute that an option names",
    unreleased: true,
    attempt: { args: ["--revocations-attr", "fleet.revoked"] },
    refusal: {
      message: 'The flake has no attribute "fleet.revoked", which --revocations-attr names',
      at: "fleet.revoked",
      hint: "add it to the flake's outputs, or give another --revocations-attr",
    },
  },
]);

const TIME = 'an RFC 3339 time such as "2026-06-01T12:00:00Z"';
const TIME_HINT =
  "write a full date, a full time with seconds, at most 9 digits of fraction, and Z or an offset " +
  "such as +02:00";

testRefusals([
  {
    of: "a fleet with a pin that expires at no time",
    withoutNix: ({ fleet }) =>
      fleet["hosts"].db.pin = { commit: "v1", reason: "audit", expiresAt: "tomorrow" },
    refusal: {
      message: `Cannot read the fleet: "hosts.db.pin.expiresAt" is "tomorrow", expected ${TIME}`,
      at: "hosts.db.pin.expiresAt",
      hint: TIME_HINT,
    },
  },
  {
    of: "a fleet with several faults, and lists them",
    unreleased: true,
    fleet: {
      edit: ({ hosts }) => Object.assign(hosts, { "web.example.com": { system: 1, channel: "edge" } }),
    },
    refusal: {
      message: 'Cannot read the fleet: "hosts."web.example.com".system" is 1, expected a string',
      at: 'hosts."web.example.com".system',
      lines: ['also: "hosts."web.example.com".tags" is missing'],
      hint: `what it has to look like: ${FORM}`,
    },
  },
  {
    of: "a revocation with a bad time",
    withoutNix: ({ outputs }) =>
      outputs.set("fleet.revocations", [{ hostname: "db", notBefore: "2026-06-01" }]),
    attempt: { args: ["--revocations-attr", "fleet.revocations"] },
    refusal: {
      message: `Cannot read the revocations: "revocations.0.notBefore" is "2026-06-01", expected ${TIME}`,
      at: "revocations.0.notBefore",
      hint: TIME_HINT,
    },
  },
  {
    of: 'a disruption budget that chooses hosts by "and" under --strict',
    withoutNix: ({ fleet }) =>
      fleet["disruptionBudgets"] = [
        { selector: { all: true }, maxInFlight: 1 },
        { selector: { tags: ["web"], and: [{ tags: ["db"] }] }, maxInFlight: 1 },
      ],
    attempt: { args: ["--strict"] },
    refusal: {
      message: 'Disruption budget 1 chooses hosts by "and", which consumers cannot understand: it protects ' +
        "other hosts than its author meant",
      at: "disruptionBudgets.1.selector.and",
      hint: "choose the hosts by tags, tagsAny, hosts, channel or all, or leave out --strict",
    },
  },
]);

testRefusals([
  {
    of: "a release directory that is a link out of the repository",
    shared: "uncommittable",
    attempt: { args: ["--release-dir", "link"] },
    refusal: {
      message: 'Cannot use "link" as the release directory: the link "ROOT/fleet/link" leads out of its ' +
        'repository, to "ROOT/out"',
      hint: "give the directory itself, if it is meant: --release-dir ROOT/out",
    },
  },
  {
    of: "to commit a release directory that is in a repository of its own",
    shared: "uncommittable",
    attempt: { args: ["--release-dir", "inner/releases"] },
    refusal: {
      message: 'Cannot commit "inner/releases": it is outside the repository of the flake',
      hint: "give a --release-dir within ROOT/fleet, or leave out --git-commit and --git-push",
    },
  },
  ...([
    [".gitignore", "unsigned", "fleet.resolved.json.sig"],
    [".git/info/exclude", "excluded", "rollouts/manifest.json"],
  ] as const).map(([file, dir, ignored]): Case => ({
    of: `to commit what ${file} ignores: ${dir}/${ignored}`,
    shared: "uncommittable",
    attempt: { args: ["--release-dir", dir] },
    refusal: {
      message: `Cannot commit "${dir}": git ignores "${dir}/${ignored}"`,
      hint:
        "take it out of the file that `git check-ignore -v` names (.gitignore, mostly), or give another --release-dir",
    },
  })),
]);

const INSTALL_NIX = "install Nix (https://nixos.org/download), or add its bin directory to PATH";

for (
  const [missing, where, hint] of [
    ["nix", "on PATH", INSTALL_NIX],
    ["nix-store", 'beside "ROOT/without/nix-store/nix" or on PATH', INSTALL_NIX],
    ["git", "on PATH", "install git, or add the directory that it is in to PATH"],
    ["sh", "on PATH", "install sh, or add the directory that it is in to PATH"],
  ] as const
) {
  Deno.test(`the program refuses to run without ${missing}, and writes nothing`, async () => {
    const fleet = await fleets.get("incomplete");
    await expectRefused(fleet, { env: { PATH: join(fleet.root, "without", missing) } }, {
      message: `Cannot find "${missing}" ${where}`,
      hint,
    });
  });
}
