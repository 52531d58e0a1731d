/**
 * What documents and releases are refused for.
 *
 * @module
 */

/** Why a document or a release is refused: stable words for programs. */
export type FailureCode =
  | "not-json"
  | "not-canonical"
  | "not-normal"
  | "wrong-schema-version"
  | "wrong-document"
  | "no-signature"
  | "bad-signature"
  | "no-keys"
  | "wrong-algorithm"
  | "unsigned"
  | "rejected"
  | "stale"
  | "future"
  | "wrong-rollout-id"
  | "wrong-stamp"
  | "wrong-fleet"
  | "missing-fleet"
  | "missing-manifest"
  | "missing-document"
  | "missing-index"
  | "wrong-index"
  | "stranger";

/** One reason to refuse a document. */
export interface Failure<Code extends string = FailureCode> {
  /** Stable word, for programs. */
  readonly code: Code;
  /** A clause for people whose subject is the document: `its bytes are not canonical`. */
  readonly message: string;
}

/** A reason to refuse a file. */
export interface FileFailure extends Failure {
  /** Path relative to the release directory. */
  readonly path: string;
}
