/**
 * Edits a fleet by chance, and holds what `plan` says of each edit to what a release then changes.
 *
 *     deno task agree [SEED [COUNT]]    exits with 1 when they differ, and says after which edits
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { FLEET_FILE } from "../../src/contract/layout.ts";
import { changesAnything, changesBetween } from "../../src/plan/changes.ts";
import type { EvaluatedFleet } from "../../src/plan/compose.ts";
import { reportChanges } from "../../src/report/changes.ts";
import { releaseIn } from "../../src/stages/changes.ts";
import { Chance } from "../fuzz/mutations.ts";
import { type Draft, filesBelow, PUBLIC_KEY, sampleFleet, TestFleet } from "../support/fleet.ts";
import { SIDECARS } from "../support/releases.ts";
import { seededRandom } from "../support/signed_release.ts";
import { EDITS, type Files, type Tools } from "./edits.ts";

/** What the edits came to. */
export interface Agreement {
  /** How often something changed, nothing did, and plan and release refused. */
  changed: number;
  unchanged: number;
  refused: number;
  /** The kinds of edits that were made. */
  readonly kinds: Set<string>;
}

/** So many edits are made before a release at most. */
const MOST_EDITS = 3;

/** Which hosts are released: mostly all, and else some of those that there are. */
function chosen({ hosts: { nixos } }: Files, chance: Chance): string[] {
  switch (chance.below(6)) {
    case 0:
      return [`--hosts=${chance.pick(nixos)},${chance.pick(nixos)}`];
    case 1:
      return [`--hosts=auto:exclude=${chance.pick(nixos)}`];
    case 2:
      return ["--hosts=web*,@db"];
    default:
      return [];
  }
}

/**
 * Edits a fleet, plans, and releases, so many times.
 *
 * @throws {AssertionError} when the plan says anything else than what the release does, or changes a file
 */
export async function agreement(seed: number, count: number): Promise<Agreement> {
  const chance = new Chance(seededRandom(seed));
  const found: Agreement = { changed: 0, unchanged: 0, refused: 0, kinds: new Set() };
  await using fleet = await TestFleet.create();
  const commits = [await fleet.head()];
  const files: Files = {
    fleet: sampleFleet(),
    hosts: { nixos: ["web1", "web2", "db"], darwin: [], content: {} },
    revocations: [],
    nonces: [],
  };
  let now = Temporal.Instant.from("2026-06-01T12:00:00Z");
  for (let step = 0; step < count; step++) {
    now = now.add({ minutes: 30 + chance.below(600) });
    const time = () => `${now.add({ hours: chance.below(96) - 24 })}`;
    // What has just been released changes nothing.
    const edits = step === 1 ? ["nothing"] : edit(files, { chance, commits, time });
    edits.forEach((kind) => found.kinds.add(kind));
    await write(fleet, files);
    const isCommitted = step < 2 || chance.below(6) > 0;
    if (isCommitted) commits.push(await fleet.commit(edits.join(", ")));
    // Else the git of older versions of nix brings the index up to date with files that are written as they were.
    else await fleet.git("status");
    const args = [
      ...[`--now=${now}`, `--public-key=${PUBLIC_KEY}`, `--pin-source-url=git+file://${fleet.dir}`],
      // What is no longer asked for is left as it was.
      ...step < 2 || chance.below(4) > 0 ? SIDECARS : [],
      ...isCommitted && chance.below(3) === 0 ? ["--git-commit"] : [],
      ...step === 1 ? [] : chosen(files, chance),
    ];
    try {
      found[await compare(fleet, args)]++;
    } catch (error) {
      throw new Error(`step ${step} of seed ${seed}: ${edits.join(", ")}: ${args.join(" ")}`, {
        cause: error,
      });
    }
  }
  return found;
}

/** Makes a few edits. */
function edit(files: Files, tools: Tools): string[] {
  const { chance } = tools;
  const edits = Array.from({ length: 1 + chance.below(MOST_EDITS) }, () => chance.pick(Object.keys(EDITS)));
  edits.forEach((kind) => EDITS[kind]!(files, tools));
  return edits;
}

async function write(fleet: TestFleet, { fleet: draft, hosts, revocations, nonces }: Files): Promise<void> {
  await fleet.write({
    "fleet.json": JSON.stringify(draft),
    "hosts.json": JSON.stringify(hosts),
    "revocations.json": JSON.stringify(revocations),
    "bootstrap-nonces.json": JSON.stringify(nonces),
  });
}

/** Plans, and then releases. */
async function compare(
  fleet: TestFleet,
  args: readonly string[],
): Promise<"changed" | "unchanged" | "refused"> {
  const [before, tree] = [await releaseOf(fleet), await digest(fleet)];
  const planned = await fleet.run(["plan", "--json", "--exit-code", ...args]);
  assertEquals(await digest(fleet), tree);
  const released = await fleet.release(["--json", ...args]);
  if (released.code !== 0) {
    assertEquals(planned.code, released.code, `${planned.stderr}\n${released.stderr}`);
    return "refused";
  }
  const expected = changesBetween(before, (await releaseOf(fleet))!);
  const { changes, changed }: Draft = JSON.parse(planned.stdout);
  const isChanged = changesAnything(expected);
  assertEquals(changes, JSON.parse(released.stdout).changes);
  assertEquals(changes, JSON.parse(JSON.stringify(reportChanges(expected))), planned.stderr);
  assertEquals([changed, planned.code], [isChanged, isChanged ? 10 : 0]);
  return isChanged ? "changed" : "unchanged";
}

async function releaseOf(fleet: TestFleet): Promise<EvaluatedFleet | null> {
  return releaseIn(await filesBelow(join(fleet.dir, "releases")), FLEET_FILE);
}

/** A digest of all files of the flake and of its repository. */
async function digest(fleet: TestFleet): Promise<string> {
  const files = await filesBelow(fleet.dir);
  const parts = [...files].flatMap(([path, bytes]) => [new TextEncoder().encode(`\n${path}\n`), bytes]);
  const all = new Uint8Array(await new Blob(parts).arrayBuffer());
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all)).toHex();
}

if (import.meta.main) {
  const [seed = `${Date.now() % 2 ** 31}`, count = "200"] = Deno.args;
  const { changed, unchanged, refused, kinds } = await agreement(Number(seed), Number(count));
  assert(kinds.size > 0);
  // deno-lint-ignore no-console -- what the task prints
  console.log(
    `seed ${seed}: ${changed} changed something, ${unchanged} nothing, and ${refused} were refused; ` +
      `${kinds.size} kinds of edits`,
  );
}
