import { assertEquals } from "@std/assert";
import { type Draft, TestFleet } from "../support/fleet.ts";
import { FleetWithoutNix } from "../support/fleet_without_nix.ts";
import {
  acceptedByOpenssl,
  GUIDE,
  MAY_SKIP,
  missing,
  provideAgent,
  provideCloud,
  provideHsm,
  provideSecret,
  provideTpm,
  scriptsOf,
  Workshop,
} from "../support/signing_recipes.ts";

/** What a recipe of the guide needs. */
interface Recipe {
  /** Programs that a machine may lack. */
  readonly programs?: readonly string[];
  /** Whether it is tried with nix and git: one recipe with a key of our own, and one with a command. */
  readonly real?: boolean;
  /** Makes the device that the recipe uses. */
  readonly provide?: (workshop: Workshop) => Promise<void>;
}

const RECIPES: Record<string, Recipe> = {
  "key-file": { real: true },
  "ci-secret": { provide: provideSecret },
  "ssh-agent": { provide: provideAgent, programs: ["ssh-agent", "ssh-add", "ssh-keygen"] },
  "openssl-ed25519": {},
  "openssl-p256": { real: true },
  "tpm": { provide: provideTpm, programs: ["swtpm", "tpm2_sign"] },
  "hsm": { provide: provideHsm, programs: ["softhsm2-util", "pkcs11-tool"] },
  "aws": { provide: (workshop) => provideCloud(workshop, "aws") },
  "gcloud": { provide: (workshop) => provideCloud(workshop, "gcloud") },
  "azure": { provide: (workshop) => provideCloud(workshop, "az"), programs: ["basenc"] },
  "vault": { provide: (workshop) => provideCloud(workshop, "vault") },
};

Deno.test("every recipe of the signing guide is tested", () => {
  assertEquals([...scriptsOf("recipe").keys()], Object.keys(RECIPES));
});

for (const [name, { programs = [], real = false, provide }] of Object.entries(RECIPES)) {
  const lacking = missing(programs);
  const skipped = lacking.length > 0 && MAY_SKIP;
  const claim = `the ${name} recipe signs a release that verify and openssl accept`;
  Deno.test({
    name: skipped ? `${claim} (skipped: no ${lacking.join(", no ")})` : claim,
    ignore: skipped,
    fn: async () => {
      await using fleet = await (real ? TestFleet : FleetWithoutNix).create();
      await using workshop = await Workshop.open(fleet);
      await provide?.(workshop);
      await workshop.expect(scriptsOf("recipe").get(name)!);
      const verdict = await fleet.run(["verify", "releases", "--trust-file", "trust.json", "--json"]);
      assertEquals([verdict.code, verdict.stderr], [0, ""], verdict.stdout);
      const { verified, files } = JSON.parse(verdict.stdout);
      const documents = [...(await fleet.files()).keys()].filter((path) => path.endsWith(".json"));
      const found = Object.fromEntries(files.map(({ path, key }: Draft) => [path, key]));
      assertEquals([verified, found], [true, Object.fromEntries(documents.map((path) => [path, "current"]))]);
      assertEquals(documents.length, 3);
      assertEquals(await acceptedByOpenssl(workshop), documents);
    },
  });
}

/** The old key and the trust file that machines have, and what the old key signed on 4 January. */
async function useOldKey(workshop: Workshop): Promise<void> {
  await workshop.expect(
    `fleet-release keygen ~/keys/old.pem --format trust-file >trust.json
    fleet-release --sign-key ~/keys/old.pem --trust-file trust.json`,
    "2027-01-04T12:00:00Z",
  );
}

const ROTATION = scriptsOf("rotation");
const RETIRE_AT = "2027-03-01T00:00:00Z";

Deno.test("every step of the key rotation guide is tested", () => {
  const steps = ["announce", "change", "promote", "reach", "forget", "emergency"];
  assertEquals([...ROTATION.keys()], steps);
});

Deno.test("machines accept what the table in the key rotation guide says, whichever step they have reached", async () => {
  await using fleet = await FleetWithoutNix.create();
  await using workshop = await Workshop.open(fleet, "everything");
  const step = (name: string, now: string) => workshop.expect(ROTATION.get(name)!, now);
  const keep = (what: string, name: string) => workshop.expect(`cp -R ${what} ~/${name}`);
  const verify = (release: string, trustFile: string, now: string) =>
    fleet.run(["verify", release, "--trust-file", trustFile, "--now", now], { cwd: workshop.home });

  await useOldKey(workshop);
  await keep("trust.json", "before");
  await step("announce", "2027-01-10T12:00:00Z");
  await keep("trust.json", "announced");
  await keep("releases", "by-old");
  await step("change", "2027-02-10T12:00:00Z");
  await keep("releases", "by-new");
  await step("promote", "2027-02-20T12:00:00Z");
  await keep("trust.json", "promoted");

  const bySlip = await workshop.run(
    "fleet-release --sign-key ~/keys/old.pem --trust-file trust.json",
    "2027-02-21T12:00:00Z",
  );
  assertEquals([bySlip.code, errorOf(bySlip.stderr)], [3, [
    "error: The signing key is the previous key of --trust-file trust.json",
    "hint: sign with the current key, or accept it for now with --allow-previous-key",
  ]]);
  await step("reach", "2027-02-22T12:00:00Z");
  for (const trustFile of ["before", "announced", "promoted"]) {
    const { code, stdout } = await verify("../fleet/releases", trustFile, "2027-02-22T12:00:00Z");
    assertEquals(code, 0, stdout);
  }
  await step("forget", RETIRE_AT);
  await keep("trust.json", "forgotten");
  await keep("releases", "by-new-later");

  const releases = [
    ["by-old", "2027-01-10T12:00:00Z"],
    ["by-new", "2027-02-10T12:00:00Z"],
    ["by-new-later", RETIRE_AT],
  ] as const;
  const found = [];
  for (const trustFile of ["before", "announced", "promoted", "forgotten"]) {
    const answers = [];
    for (const [release, now] of releases) {
      const { code } = await verify(release, trustFile, now);
      answers.push({ 0: "yes", 1: "no" }[code] ?? `exit ${code}`);
    }
    found.push(answers);
  }
  assertEquals(found, consumersTable());
});

/** What the guide says that consumers take: a row for each trust file, a column for each release. */
function consumersTable(): string[][] {
  const rows = GUIDE.split("\n").filter((line) => line.startsWith("|")).slice(2);
  return rows.map((row) => row.split("|").slice(2, -1).map((cell) => cell.trim()));
}

/** The error at the end of a log, in its lines. */
function errorOf(stderr: string): string[] {
  const lines = stderr.trimEnd().split("\n");
  return lines.slice(lines.findIndex((line) => line.startsWith("error: ")));
}

Deno.test("after an emergency nothing by the stolen key is accepted, and nothing that is older than the new key", async () => {
  await using fleet = await FleetWithoutNix.create();
  await using workshop = await Workshop.open(fleet, "everything");
  await useOldKey(workshop);
  await workshop.expect("cp -R releases ~/stolen");
  const now = "2027-01-10T12:00:00Z";
  await workshop.expect(ROTATION.get("emergency")!, now);
  await workshop.expect("fleet-release verify releases --trust-file trust.json", now);

  const stolen = await workshop.run(
    "fleet-release verify ~/stolen --trust-file trust.json --json",
    "2027-01-04T12:00:00Z",
  );
  const codes = new Set(JSON.parse(stolen.stdout).failures.map(({ code }: Draft) => code));
  assertEquals([stolen.code, [...codes].sort()], [1, ["bad-signature"]]);

  const released = await fleet.files();
  const byOldKey = await workshop.run(
    "fleet-release --sign-key ~/keys/old.pem --trust-file trust.json --allow-previous-key",
    now,
  );
  const publicKey = (await workshop.expect("fleet-release pubkey ~/keys/old.pem --format public-key")).trim();
  assertEquals([byOldKey.code, errorOf(byOldKey.stderr)], [3, [
    `error: The signing key ${publicKey} is none of --trust-file trust.json`,
    "hint: consumers would refuse its signatures",
  ]]);
  const tooOld = await workshop.run(
    "fleet-release --sign-key ~/keys/new.pem --trust-file trust.json",
    "2027-01-10T11:59:59Z",
  );
  assertEquals([tooOld.code, errorOf(tooOld.stderr)[0]], [
    3,
    `error: Consumers refuse what is signed before ${now}, and this release is of 2027-01-10T11:59:59Z`,
  ]);
  assertEquals(await fleet.files(), released);
});
