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
export type ArtifactKind =
  | "fleet"
  | "revocations"
  | "bootstrap-nonces"
  | "rollout-manifest"
  | "release-index";

const ARTIFACT_KINDS: readonly ArtifactKind[] = [
  "fleet",
  "revocations",
  "bootstrap-nonces",
  "rollout-manifest",
  "release-index",
];

/** What there is to know of a kind of document. */
interface Kind {
  /** What it decodes as. */
  readonly name: DocumentName;
  /** The field that no other kind has. */
  readonly mark: string;
  /** What people call it. */
  readonly title: string;
}

const KINDS: Readonly<Record<ArtifactKind, Kind>> = {
  "fleet": { name: "fleet", mark: "hosts", title: "the fleet" },
  "revocations": { name: "revocationsArtifact", mark: "revocations", title: "the revocations" },
  "bootstrap-nonces": {
    name: "bootstrapNoncesArtifact",
    mark: "bootstrapNonces",
    title: "the bootstrap nonces",
  },
  "rollout-manifest": { name: "rolloutManifest", mark: "hostSet", title: "a rollout manifest" },
  "release-index": { name: "releaseIndex", mark: "files", title: "the release index" },
};

/** A document that was read, as far as it can be. */
export interface ReadDocument {
  /** What it is, or else what it has to be; null when neither is known. */
  readonly kind: ArtifactKind | null;
  readonly document: { readonly meta: Meta } | null;
  readonly failures: readonly Failure[];
}

/**
 * Reads a document that a trusted key has signed, and checks that its bytes are the canonical ones.
 *
 * @param expected What it has to be; when absent it may be any kind
 */
export function readDocument(bytes: Uint8Array<ArrayBuffer>, expected?: ArtifactKind): ReadDocument {
  const parsed = parseCanonical(bytes);
  if (parsed.value === undefined) {
    return { kind: expected ?? null, document: null, failures: parsed.failures };
  }
  const { value, failures } = parsed;
  const fields = typeof value === "object" && value !== null ? value : {};
  const marked = kindsOf(fields);
  const isOther = expected !== undefined && marked[0] !== undefined && !marked.includes(expected);
  const kind = (isOther ? marked[0] : expected ?? marked[0]) ?? null;
  const refuse = (code: FailureCode, message: string) => ({
    kind,
    document: null,
    failures: [...failures, { code, message }],
  });
  if (kind === null) return refuse("wrong-document", "it is no document of a release");
  if (isOther) {
    return refuse("wrong-document", `it is ${KINDS[kind].title}, expected ${KINDS[expected].title}`);
  }
  const { schemaVersion } = fields as { schemaVersion?: unknown };
  if (typeof schemaVersion === "number" && schemaVersion !== 1) {
    return refuse("wrong-schema-version", `its schemaVersion is ${schemaVersion}, expected 1`);
  }
  try {
    return { kind, document: decode(KINDS[kind].name, value) as { meta: Meta }, failures };
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    return refuse("wrong-document", [error.message, ...error.lines].join("; "));
  }
}

/** More than this is not even parsed unless a trusted key has signed it. */
const MAX_UNSIGNED_BYTES = 1 << 20;

/**
 * What there is to say of bytes that no trusted key has signed, beside that: whether something damaged them on the way,
 * such as a changed line end. They may be anybody's, so nothing in them is decoded or believed.
 */
export function readUnsigned(bytes: Uint8Array<ArrayBuffer>, expected?: ArtifactKind): ReadDocument {
  const failures = bytes.length > MAX_UNSIGNED_BYTES ? [] : parseCanonical(bytes).failures;
  return { kind: expected ?? null, document: null, failures };
}

/** The value of strict JSON, undefined when it is none, and what is wrong with its bytes. */
function parseCanonical(bytes: Uint8Array<ArrayBuffer>): { value: unknown; failures: Failure[] } {
  try {
    const value = parseJson(decodeUtf8(bytes), { asReference: true });
    const failures: Failure[] = equalBytes(canonicalBytes(value), bytes)
      ? []
      : [{ code: "not-canonical", message: "its bytes are not canonical" }];
    return { value, failures };
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    return { value: undefined, failures: [{ code: "not-json", message: error.message }] };
  }
}

/** The kinds that a document has the mark of: one, but for fields that the contract does not know. */
function kindsOf(fields: object): ArtifactKind[] {
  return ARTIFACT_KINDS.filter((kind) => Object.hasOwn(fields, KINDS[kind].mark));
}
