/**
 * Whether a release can be put into the release directory, and how the one stands that is there.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { ROLLOUTS_DIR } from "../../contract/layout.ts";
import { compareTimestamps } from "../../contract/time.ts";
import { verifyRelease } from "../../verify/release.ts";
import { statusOf } from "../../verify/status.ts";
import { checkClock, lookAtHead } from "../clock.ts";
import { findEarlier, refuseOlder } from "../order.ts";
import { warnOfOtherPlace } from "../oversights.ts";
import { lookIntoRepository, ownRepository, placeOfFlake, RIGHTS } from "./git.ts";
import { keysOfRelease } from "./keys.ts";
import { bad, type Found, good, needed, there, tried, unknown, type Visit, warning } from "./visit.ts";

/** That it is, or can be made, where it is said to be, and can be written and committed. */
export async function lookAtDirectory(visit: Visit): Promise<readonly Found[]> {
  const { parts, machine } = visit;
  const releaseDir = there(parts.releaseDir);
  const { path, existing } = await releaseDir.realPath();
  const dirs = [existing, ...await releaseDir.has(ROLLOUTS_DIR) ? [join(path, ROLLOUTS_DIR)] : []];
  const closed: Found[] = [];
  for (const dir of dirs) {
    if (!await machine.canWrite(dir)) closed.push(bad(`"${dir}" cannot be written`, RIGHTS));
  }
  // Whether there is a flake is a matter of its own.
  const place = await placeOfFlake(visit.run).catch(() => null);
  if (place !== null) await warnOfOtherPlace(visit.run, place);
  const found = [...closed, ...await lookIntoRepository(visit)];
  if (found.length > 0) return found;
  return [good(path === existing ? `"${path}" can be written` : `"${path}" is made by the first release`)];
}

/** That the page about a run can be put where it is asked for, beside the release. */
export async function lookAtReport({ report, parts, machine }: Visit): Promise<Found | null> {
  if (report === undefined) return null;
  needed(parts.releaseDir, "the release directory");
  machine.checkReport(report);
  const dir = dirname(report);
  return await machine.canWrite(dir)
    ? good(`"${report}" can be written`)
    : bad(`"${dir}" is not there, or cannot be written`, `make it, or ${RIGHTS}`);
}

/** That no other run is at work there, and none has ended half way. */
export async function lookAtRuns({ config, run, machine, release }: Visit): Promise<Found> {
  const { releaseDir } = config;
  // Where it cannot be found, that is told already.
  await run.ports.releaseDir.realPath();
  const holder = await machine.holder();
  if (holder !== undefined) {
    const { pid, since } = holder;
    const who = pid === undefined ? "" : `: process ${pid}, since ${since}`;
    return warning(
      `Another run is at work on "${releaseDir}"${who}`,
      "wait for it to end, as with --wait-lock 600",
    );
  }
  const found = await release().catch(() => null);
  if (found?.interrupted !== true) return good("none is at work, and none has ended half way");
  return warning(
    `A run has ended while it put a release into "${releaseDir}"`,
    "nothing has to be done: the next run finishes it, or takes it back",
  );
}

/** That what is signed now is later than what is there: the commit, and the last release. */
export async function lookAtClock({ run, release }: Visit): Promise<readonly Found[]> {
  const repository = await ownRepository(run).catch(() => null);
  const found = [
    ...await tried(async () => {
      checkClock(run, repository, await lookAtHead(run, repository));
      return [];
    }),
    ...run.config.allowOlder ? [] : await tried(async () => {
      const keys = await keysOfRelease(run).catch(async (error) => {
        if (await release() !== null) throw error;
        return null;
      });
      if (keys === null) return [];
      const origin = { repository, ciCommit: repository?.head ?? null, place: null, attributes: [] };
      refuseOlder(run, await findEarlier(run, origin, keys));
      return [];
    }),
  ];
  return found.length > 0
    ? found
    : [good(`${run.now}, by ${run.timeFrom === "clock" ? "the clock" : run.timeFrom}`)];
}

/** That consumers accept the release that is there, and for how long. */
export async function lookAtLastRelease({ config, run, machine, release }: Visit): Promise<Found> {
  const found = await release();
  const { artifactName } = config;
  if (found === null || !found.files.has(artifactName)) return good("none yet");
  const trust = await keysOfRelease(run);
  const rules = { artifactName, trust, now: run.now, freshnessWindowSeconds: undefined };
  const verdict = await verifyRelease(found.files, rules);
  const { state, channels } = await statusOf(found.files, verdict, rules);
  const lines = verdict.failures.map(({ path, message }) => `${path}: ${message}`);
  const signed = `signed at ${verdict.meta?.signedAt}`;
  switch (state) {
    case "fresh":
      return good(
        `${signed}, and due at ${channels.map(({ dueAt }) => dueAt).sort(compareTimestamps)[0] ?? "no time"}`,
      );
    case "due":
      return warning(
        `It was ${signed}, and is due to be signed anew`,
        "`fleet-release resign`, or make a release",
      );
    case "stale":
      return bad(
        `Consumers refuse it for its age: it was ${signed}`,
        "make a release, or `fleet-release resign --allow-older`",
        lines,
      );
    case "refused":
      // No two files change at one time.
      if (await machine.holder() !== undefined) return unknown("another run may be changing it");
      return bad("Consumers refuse it", "restore it from git, or make a release, which replaces it", lines);
  }
}
