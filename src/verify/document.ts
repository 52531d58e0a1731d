/**
 * Which document of a release some bytes are, and what it says.
 *
 * @module
 */
import { equalBytes } from "../bytes.ts";
import { canonicalBytes } from "../contract/canonical.ts";
import { decodeUtf8, parseJson } from "../contract/json.ts";
import { decode, type DocumentName } from "../contract/schema.ts";
import type { Meta } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Failure, FailureCode } from "./failure.ts";

/** What a signed document is. */
export type ArtifactKind = "fleet" | "revocations" | "bootstrap-nonces" | "rollout-manifest";

const DOCUMENTS: Readonly<Record<ArtifactKind, DocumentName>> = {
  "fleet": "fleet",
  "revocations": "revocationsArtifact",
  "bootstrap-nonces": "bootstrapNoncesArtifact",
  "rollout-manifest": "rolloutManifest",
};

/** The field that only this kind of document has. */
const MARKS: readonly [field: string, kind: ArtifactKind][] = [
  ["hosts", "fleet"],
  ["revocations", "revocations"],
  ["bootstrapNonces", "bootstrap-nonces"],
  ["hostSet", "rollout-manifest"],
];

/** A document that was read, as far as it can be. */
export interface ReadDocument {
  readonly kind: ArtifactKind | null;
  readonly document: { readonly meta: Meta } | null;
  readonly failures: readonly Failure[];
}

/** Reads a document and checks that its bytes are the canonical ones. */
export function readDocument(bytes: Uint8Array<ArrayBuffer>, expected?: ArtifactKind): ReadDocument {
  let value: unknown;
  try {
    value = parseJson(decodeUtf8(bytes));
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    const failure: Failure = { code: "not-json", message: error.message };
    return { kind: expected ?? null, document: null, failures: [failure] };
  }
  const failures: Failure[] = equalBytes(canonicalBytes(value), bytes)
    ? []
    : [{ code: "not-canonical", message: "its bytes are not canonical" }];
  const fields = typeof value === "object" && value !== null ? value : {};
  const kind = expected ?? MARKS.find(([field]) => Object.hasOwn(fields, field))?.[1] ?? null;
  const refuse = (code: FailureCode, message: string) => ({
    kind,
    document: null,
    failures: [...failures, { code, message }],
  });
  if (kind === null) return refuse("wrong-document", "it is no document of a release");
  const { schemaVersion } = fields as { schemaVersion?: unknown };
  if (typeof schemaVersion === "number" && schemaVersion !== 1) {
    return refuse("wrong-schema-version", `its schemaVersion is ${schemaVersion}, expected 1`);
  }
  try {
    return { kind, document: decode(DOCUMENTS[kind], value) as { meta: Meta }, failures };
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    return refuse("wrong-document", [error.message, ...error.lines].join("; "));
  }
}
