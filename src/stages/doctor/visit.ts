/**
 * What the checks of `doctor` are given, and what they find.
 *
 * @module
 */
import type { ReleaseConfig } from "../../config.ts";
import { JOURNAL_FILE } from "../../contract/layout.ts";
import { ReleaseError } from "../../errors.ts";
import type { Diagnosis, Warning } from "../../model.ts";
import { isOlder } from "../../plan/nix_version.ts";
import type { Machine, NixFacts, Part, Parts, Ports } from "../../ports.ts";
import type { Run } from "../run.ts";

/** What a check finds. */
export type Found = Omit<Diagnosis, "check">;

/** All is well. */
export function good(message: string): Found {
  return { state: "good", message, mend: null, lines: [] };
}

/** A release would be made, and somebody should know this first. */
export function warning(message: string, mend: string | null = null): Found {
  return { state: "warning", message, mend, lines: [] };
}

/** A release would fail, or what is there is not good for those who rely on it. */
export function bad(message: string, mend: string | null, lines: readonly string[] = []): Found {
  return { state: "bad", message, mend, lines };
}

/** It cannot be told. */
export function unknown(message: string, mend: string | null = null): Found {
  return { state: "unknown", message, mend, lines: [] };
}

/** What a release would warn of. */
export function ofWarning({ message }: Warning): Found {
  return warning(message);
}

/** What cannot be told, since something is missing that has a line of its own. */
export class NotKnown extends Error {}

/** What a check has failed with. */
export function ofError(error: unknown): Found {
  if (error instanceof NotKnown) return unknown(error.message);
  if (error instanceof ReleaseError) return bad(error.message, error.hint ?? null, error.lines);
  return bad(`It cannot be looked at: ${error instanceof Error ? error.message : String(error)}`, null);
}

/** Looks at one of several things of a check, of which each may fail by itself. */
export async function tried(look: () => Promise<Found | readonly Found[]>): Promise<readonly Found[]> {
  try {
    return [await look()].flat();
  } catch (error) {
    // What has ended all of it is for the caller.
    if (error instanceof ReleaseError || error instanceof NotKnown) return [ofError(error)];
    throw error;
  }
}

/** The oldest nix that a release is made with. */
export const OLDEST_NIX = "2.8";

/** What the checks are given. */
export interface Visit {
  readonly config: ReleaseConfig;
  /** A run as a release begins. Of its ports those that could not be opened throw {@linkcode NotKnown}. */
  readonly run: Run;
  readonly parts: Parts;
  readonly machine: Machine;
  /** Where temporary files go, absolute. */
  readonly tempDir: string;
  /** Where the page about a run goes, absolute; undefined: there is to be none. */
  readonly report: string | undefined;
  /** What nix says of itself, or why it says nothing; {@linkcode NotKnown} where there is none that is good enough. */
  readonly nixFacts: () => Promise<NixFacts>;
  /** The files of the release that is there; null: there is none. */
  readonly release: () => Promise<Awaited<ReturnType<Machine["release"]>> | null>;
}

/** What there is to look at. */
export type Opened = Pick<Visit, "parts" | "machine" | "tempDir" | "report">;

/**
 * The ports of a run of which parts may be missing. Whoever asks for one that is, is told so.
 *
 * @param others What is always there
 */
export function portsOf(
  { nix, git, signer, releaseDir }: Parts,
  others: Pick<Ports, "inputs" | "log" | "clock">,
): Ports {
  const nothing = () =>
    Promise.reject(new TypeError("doctor pushes nothing, asks nobody and waits for nothing"));
  return {
    ...others,
    hooks: { push: nothing, pushAll: nothing },
    ask: nothing,
    pause: nothing,
    get nix() {
      return needed(nix, "nix");
    },
    get git() {
      return needed(git, "git");
    },
    get signer() {
      return needed(signer, "the signing key");
    },
    get releaseDir() {
      return needed(releaseDir, "the release directory");
    },
  };
}

/**
 * A part, for what is not about it.
 *
 * @throws {NotKnown}
 */
export function needed<T>(part: Part<T>, name: string): T {
  if ("there" in part) return part.there;
  throw new NotKnown(`it is not known without ${name}`);
}

/**
 * A part, for the check that is about it.
 *
 * @throws why there is none
 */
export function there<T>(part: Part<T>): T {
  if ("there" in part) return part.there;
  throw part.problem;
}

/**
 * Begins a visit. What several checks want is looked at once.
 *
 * @param run With the ports that {@linkcode portsOf} gives
 */
export function beginVisit(run: Run, { parts, machine, tempDir, report }: Opened): Visit {
  const { config, ports } = run;
  return {
    ...{ config, run, parts, machine, tempDir, report },
    nixFacts: once(async () => {
      const found = await machine.nixVersion().catch(() => null);
      if (found === null || isOlder(found.version, OLDEST_NIX)) {
        throw new NotKnown("it is not known without a nix that is good enough");
      }
      return await machine.nixFacts();
    }),
    release: once(async () => {
      const { releaseDir } = ports;
      const isThere = await releaseDir.has(config.artifactName) || await releaseDir.has(JOURNAL_FILE);
      return isThere ? await machine.release() : null;
    }),
  };
}

/**
 * What nix says of itself, for what is not about that.
 *
 * @throws {NotKnown}
 */
export async function factsOfNix({ nixFacts }: Visit): Promise<NixFacts> {
  return await nixFacts().catch((error) => {
    throw error instanceof NotKnown ? error : new NotKnown("it is not known without what nix says of itself");
  });
}

function once<T>(look: () => Promise<T>): () => Promise<T> {
  let looking: Promise<T> | undefined;
  return () => looking ??= look();
}
