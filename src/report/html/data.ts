/**
 * What a page is made of.
 *
 * @module
 */
import type { FleetResolved, Timestamp } from "../../contract/types.ts";
import type { SigningKey, Warning } from "../../model.ts";
import type { Changes } from "../../plan/changes.ts";
import type { Publication, ReleasedArtifact, ReleasedHost } from "../outcome.ts";

/** What a page is made of: plain data, without secrets. What is not known is null or empty, and is not shown. */
export interface ReportPage {
  /** What the run came to. */
  readonly outcome: Publication["outcome"] | "failed";
  /** What there is to say of the run as a whole, in this order. */
  readonly facts: readonly Fact[];
  /** The fleet that is released, as far as the run has come: with its closures, or without. */
  readonly fleet: FleetResolved | null;
  /** What changes against the last release. Of hosts that stay as they are nothing has to be said. */
  readonly changes: Pick<Changes, "first" | "hosts" | "parts"> | null;
  /** When the release was signed, and with what; null: it was not. */
  readonly signature: SignatureFacts | null;
  /** What the run failed with. */
  readonly failure: Failure | null;
  readonly warnings: readonly Warning[];
  /** Seconds per stage, in the order in which they ended. */
  readonly stages: Publication["stages"];
  /** Seconds of the work on each host, by its name. */
  readonly seconds: ReadonlyMap<string, ReleasedHost["seconds"]>;
  /** The signed files. */
  readonly artifacts: readonly ReleasedArtifact[];
  /** Version of this program. */
  readonly programVersion: string;
}

/** One thing that there is to say of a run. */
export interface Fact {
  readonly name: string;
  readonly value: string;
}

/** What is known of the signatures of a release. */
export interface SignatureFacts {
  readonly signedAt: Timestamp;
  /** The key that signed the fleet; null: only a command knows it, and nobody has said which keys are trusted. */
  readonly key: SigningKey | null;
}

/** What a run failed with. */
export interface Failure {
  readonly message: string;
  /** Path into the document that is wrong. */
  readonly path: string | null;
  readonly hint: string | null;
  /** What the run was at, as in `Building 9 hosts`. */
  readonly at: readonly string[];
  /** The hosts that it is about; empty when it is not about some of them. */
  readonly hosts: readonly string[];
  /** The end of a log, or one line for each host. */
  readonly lines: readonly string[];
  /** What the program ended with. */
  readonly exitCode: number;
}
