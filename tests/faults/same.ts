/**
 * Releases of one commit at one time, in clones, locales, time zones and umasks of their own: what is committed and what
 * lies in the work tree is the same, byte for byte and mode for mode.
 *
 * @module
 */
import { join } from "@std/path";
import { sha256Hex } from "../../src/contract/canonical.ts";
import { plural } from "../../src/text.ts";
import { expectRun, PROJECT, run, which } from "../support/command.ts";
import { TestFleet } from "../support/fleet.ts";
import { filesIn } from "../support/interrupted.ts";
import type { Figures } from "./figures.ts";

/** Alphabets that are sorted and written otherwise, clocks that are at another day, and files that others may not read. */
const LOCALES: readonly string[] = ["C", "tr_TR.UTF-8", "ar_EG.UTF-8"];
const ZONES: readonly string[] = ["UTC", "Pacific/Kiritimati", "America/St_Johns"];
const UMASKS: readonly string[] = ["0022", "0077"];

/** The arguments of each run: a release with all that it can have, committed. */
const ARGS: readonly string[] = [
  ...["--now", "2026-06-01T12:00:00Z", "--git-commit", "--release-index", "--json"],
  ...["--revocations-attr", "fleet.revocations", "--bootstrap-nonces-attr", "fleet.bootstrapNonces"],
];

/** Makes up to 20 releases of one commit. */
export async function sameReleases(most: number): Promise<Figures> {
  await using fleet = await TestFleet.create({
    files: {
      "revocations.json": JSON.stringify([{ hostname: "web1", notBefore: "2026-05-01T00:00:00Z" }]),
      "bootstrap-nonces.json": "[]",
    },
  });
  const problems: string[] = [];
  const found = new Map<string, number>();
  const count = Math.min(most, 20);
  for (let number = 0; number < count; number++) {
    const place = {
      locale: LOCALES[number % 3]!,
      zone: ZONES[Math.floor(number / 3) % 3]!,
      umask: UMASKS[number % 2]!,
      dir: join(fleet.root, `clone-${number}`),
    };
    const of = `${place.locale}, ${place.zone}, ${place.umask}`;
    const first = await releaseAt(fleet, place);
    if (first.outcome !== "released") problems.push(`${of}: ${first.outcome}`);
    found.set(first.tree, (found.get(first.tree) ?? 0) + 1);
    // The commit is another one now, that of the release, and the release is not.
    const again = await releaseAt(fleet, place, ["--reuse-unchanged-signature"]);
    if (again.outcome !== "no-change" || again.tree !== first.tree) {
      problems.push(`${of}, again: ${again.outcome}`);
    }
  }
  if (found.size !== 1) {
    problems.push(`${found.size} trees: ${[...found].map(([tree, n]) => `${n} ${tree}`)}`);
  }
  return {
    name: "releases of one commit at one time",
    tried: count,
    problems,
    note: plural(found.size, "tree"),
  };
}

/** Where and how a release is made. */
interface Place {
  readonly dir: string;
  readonly locale: string;
  readonly zone: string;
  readonly umask: string;
}

/** Releases in a clone, which is made when it is not there, and tells the tree of the commit and what is beside it. */
async function releaseAt(
  fleet: TestFleet,
  { dir, locale, zone, umask }: Place,
  more: readonly string[] = [],
): Promise<{ outcome: string; tree: string }> {
  const options = { cwd: fleet.root, env: { ...fleet.env(), LC_ALL: locale, LANG: locale, TZ: zone } };
  const inPlace = `umask ${umask}; exec "$@"`;
  const main = [Deno.execPath(), "run", "-A", "--cached-only", "--frozen", join(PROJECT, "src/main.ts")];
  const clone = [which("git"), "clone", "-q", fleet.dir, dir];
  if (await Deno.stat(dir).catch(() => null) === null) await expectRun(clone, options);
  const { code, stdout, stderr } = await run(
    [which("sh"), "-ec", inPlace, "sh", ...main, ...ARGS, ...more, "--sign-key", fleet.key],
    { ...options, cwd: dir },
  );
  if (code !== 0) return { outcome: stderr, tree: "" };
  const tree = await expectRun([which("git"), "rev-parse", "HEAD^{tree}"], { ...options, cwd: dir });
  const releases = join(dir, "releases");
  const modeOf = (path: string) => (Deno.statSync(join(releases, path)).mode! & 0o777).toString(8);
  const files = [...await filesIn(releases)].sort().map(([path, bytes]) =>
    `${modeOf(path)} ${path} ${sha256Hex(bytes)}\n`
  );
  const dirs = ["", "rollouts"].map((path) => `${modeOf(path)} ${path}\n`);
  const lines = new TextEncoder().encode(`${tree}${[...files, ...dirs].join("")}`);
  return { outcome: JSON.parse(stdout).outcome, tree: sha256Hex(lines) };
}
