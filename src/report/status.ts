/**
 * What is going on in a run, in a line.
 *
 * @module
 */
import type { Stage } from "../ports.ts";
import { plural } from "../text.ts";

/** A stage that is running, and what is known of the hosts in it. */
export interface RunningStage {
  readonly stage: Stage;
  /** By the monotonic clock. */
  readonly start: number;
  /** How many hosts are done. */
  done: number;
  /** The hosts that are worked on, in the order in which that began. */
  readonly at: Set<string>;
}

/** How many of the hosts are named where a line has no end of its own. */
const NAMES = 3;

/** For a terminal, as in `1.5 s · Building 9 hosts: 2 done, now web1, web2`. */
export function statusOf(running: readonly RunningStage[], now: number): string {
  const stages = running.map(({ stage: { title }, done, at }) => {
    const facts = [
      ...done > 0 ? [`${done} done`] : [],
      ...at.size > 0 ? [`now ${[...at].join(", ")}`] : [],
    ];
    return facts.length === 0 ? title : `${title}: ${facts.join(", ")}`;
  });
  return [elapsed(running, now), ...stages].join(" · ");
}

/** For a log, as in `  after 60.0 s still building 9 hosts: 2 hosts done, now web1, web2`. */
export function heartbeatOf(running: readonly RunningStage[], now: number): string {
  const stages = running.map(({ stage: { title, hosts }, done, at }) => {
    const names = [...at];
    const more = names.length > NAMES ? ` and ${names.length - NAMES} more` : "";
    const facts = [
      ...hosts === undefined ? [] : [`${plural(done, "host")} done`],
      ...names.length > 0 ? [`now ${names.slice(0, NAMES).join(", ")}${more}`] : [],
    ];
    const what = `${title.charAt(0).toLowerCase()}${title.slice(1)}`;
    return facts.length === 0 ? what : `${what}: ${facts.join(", ")}`;
  });
  return `  after ${elapsed(running, now)} still ${stages.join("; ")}`;
}

/** Since the first of the stages has begun. */
function elapsed(running: readonly RunningStage[], now: number): string {
  return duration((now - Math.min(...running.map(({ start }) => start))) / 1000);
}

/** Seconds for people: as in `12 ms`, `1.5 s`, `3 min 0 s`. */
export function duration(seconds: number): string {
  if (seconds < 0.1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
