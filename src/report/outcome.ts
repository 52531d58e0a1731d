/**
 * What a run came to: what logs, JSON and reports are views of.
 *
 * @module
 */
import type { StorePath } from "../contract/store_path.ts";
import type { FleetResolved, Timestamp } from "../contract/types.ts";
import type { BuiltHost, HostKind, HostWork, SignedArtifact, SigningKey, Stamp, Warning } from "../model.ts";
import type { Changes } from "../plan/changes.ts";
import type { Secrets } from "../secrets.ts";
import { reportChanges, type ReportedChanges } from "./changes.ts";
import { warningWithoutSecrets } from "./log.ts";

/** What became of a release that was signed, or could stay as it was. */
export interface Publication {
  /**
   * `no-change`: what is on disk, or committed, is this release already. `pushed`: so it is, and the commit with it was
   * not upstream yet. `already-released`: another run has released this commit upstream, and nothing was written.
   */
  readonly outcome: "released" | "no-change" | "pushed" | "already-released";
  /** The commit that was released; null outside git. */
  readonly commit: string | null;
  /** What the release is stamped with. */
  readonly signedAt: Timestamp;
  /** The commit that holds the release files; null without `gitCommit`, and when nothing changed. */
  readonly releaseCommit: string | null;
  /** Where the release commit was pushed to, without a password in the URL; null when it was not. */
  readonly pushedTo: { readonly remote: string; readonly branch: string } | null;
  /** Version of this program. */
  readonly programVersion: string;
  /** What it changes against the release before it. */
  readonly changes: ReportedChanges;
  /** The signed files, in the order in which they were signed. */
  readonly artifacts: readonly ReleasedArtifact[];
  /** What the user should know. */
  readonly warnings: readonly Warning[];
  /** Seconds per stage, in the order in which they ended. Some run at the same time. */
  readonly stages: readonly { readonly stage: string; readonly seconds: number }[];
}

/** What a run came to. */
export interface RunOutcome extends Publication {
  /** What nix read, as a flake reference that always means it, without a password in the URL. */
  readonly flake: string;
  /** Version of the nix that evaluated it. */
  readonly nixVersion: string;
  /** The hosts that were built, in the order of the release. */
  readonly hosts: readonly ReleasedHost[];
}

/** What signing a release anew came to. */
export interface ResignOutcome extends Publication {
  /** When the release that was there had been signed. */
  readonly signedBefore: Timestamp;
}

/** A host that was built. */
export interface ReleasedHost {
  /** Name of the host. */
  readonly name: string;
  /** Which of the flake's attribute sets it comes from. */
  readonly kind: HostKind;
  /** Its channel; null when the fleet does not know the host. */
  readonly channel: string | null;
  /** The commit that it was built from, when a pin holds it there. */
  readonly pinnedTo: string | null;
  /** The store path of its derivation. */
  readonly derivation: string;
  /** What was built. */
  readonly storePath: StorePath;
  /** The base name of the store path, which consumers know it by. */
  readonly closureHash: string;
  /**
   * How long each work took until it was done for the host, in seconds. A build is counted from the beginning of the process
   * that built it, with others, since that builds what the host needs before it, and to its end where nix does not say before which host was built. 0
   * where there was nothing to do.
   */
  readonly seconds: Readonly<Partial<Record<HostWork, number>>>;
}

/** A file that was signed. */
export interface ReleasedArtifact {
  /** Path relative to the release directory. */
  readonly path: string;
  /** SHA-256 of the bytes, in lower-case hex. */
  readonly sha256: string;
  /** The rollout's id; null when the file is no rollout manifest. */
  readonly rolloutId: string | null;
  /** Whether the signature on disk was kept. */
  readonly reused: boolean;
}

/** The facts of a publication, as its stages leave them. */
export interface PublicationFacts
  extends Pick<Publication, "outcome" | "releaseCommit" | "pushedTo" | "programVersion"> {
  readonly stamp: Stamp;
  readonly signed: readonly SignedArtifact[];
  /** Whether the signatures on disk were kept. */
  readonly reused: boolean;
  readonly changes: Changes;
  readonly notes: {
    readonly warnings: RunOutcome["warnings"];
    readonly stages: RunOutcome["stages"];
    readonly seconds: ReadonlyMap<string, ReleasedHost["seconds"]>;
  };
}

/** The facts of a run, as its stages leave them. */
export interface RunFacts extends PublicationFacts, Pick<RunOutcome, "flake" | "nixVersion"> {
  readonly hosts: readonly BuiltHost[];
}

/** How a run has ended, for those who show it. */
export interface EndedRun<Outcome extends Publication = RunOutcome> {
  /** What it came to, or what it failed with, without secrets. */
  readonly end: { readonly outcome: Outcome } | { readonly error: unknown };
  /** What it has noted, with what nobody must see; undefined: it failed before it began. */
  readonly notes: RunNotes | undefined;
  readonly secrets: Secrets;
}

/** What a run notes while it goes on. */
export interface RunNotes extends Pick<Publication, "warnings" | "stages"> {
  /** Seconds of work, by the host. */
  readonly seconds: ReadonlyMap<string, ReleasedHost["seconds"]>;
  /** The fleet that is released: as it evaluates, and then with its closures; null: it is not known yet. */
  readonly fleet: FleetResolved | null;
  /** The key that has signed it; null: nobody has, or only a command knows. */
  readonly key: SigningKey | null;
  /** What it changes against the last release; null: it has not come to compare them. */
  readonly changes: Changes | null;
  /** The stages that are running, or have failed. */
  readonly at: readonly { readonly title: string }[];
}

/** The result of a run. */
export function outcomeOf({ flake, nixVersion, hosts, ...facts }: RunFacts): RunOutcome {
  const { changes, artifacts, warnings, stages, programVersion, ...head } = publicationOf(facts);
  return {
    ...head,
    flake,
    nixVersion,
    programVersion,
    hosts: hosts.map(({ name, kind, channel, pinnedTo, drvPath, storePath, closureHash }) => ({
      ...{ name, kind, channel, pinnedTo, derivation: drvPath, storePath, closureHash },
      seconds: facts.notes.seconds.get(name) ?? {},
    })),
    changes,
    artifacts,
    warnings,
    stages,
  };
}

/** The result of signing a release anew. */
export function resignOutcomeOf(facts: PublicationFacts, signedBefore: Timestamp): ResignOutcome {
  const { outcome, commit, signedAt, ...others } = publicationOf(facts);
  return { outcome, commit, signedAt, signedBefore, ...others };
}

function publicationOf({ stamp, signed, reused, changes, notes, ...facts }: PublicationFacts): Publication {
  const { outcome, releaseCommit, pushedTo, programVersion } = facts;
  return {
    outcome,
    commit: stamp.ciCommit,
    signedAt: stamp.signedAt,
    releaseCommit,
    pushedTo,
    programVersion,
    changes: reportChanges(changes),
    artifacts: signed.map(({ path, sha256, rolloutId = null }) => ({ path, sha256, rolloutId, reused })),
    warnings: notes.warnings,
    stages: notes.stages,
  };
}

/** A result that says nothing of what the run knows to be secret. Names, paths and hashes are data, and stay. */
export function outcomeWithoutSecrets<Outcome extends Publication & { readonly flake?: string }>(
  outcome: Outcome,
  secrets: Secrets,
): Outcome {
  const { flake, pushedTo, warnings } = outcome;
  return {
    ...outcome,
    ...(flake === undefined ? {} : { flake: secrets.hide(flake) }),
    pushedTo: pushedTo && { ...pushedTo, remote: secrets.hide(pushedTo.remote) },
    warnings: warnings.map((warning) => warningWithoutSecrets(warning, secrets)),
  };
}
