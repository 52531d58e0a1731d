/**
 * Decoding: untyped JSON in, records of the contract out, or an error with the path.
 *
 * A record holds the fields of the contract and no others, so that writing it back gives the normal form.
 *
 * @module
 */
import * as v from "valibot";
import { ReleaseError } from "../errors.ts";
import { FractionText } from "./json.ts";
import { documentPath } from "./records.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "./time.ts";
import type {
  BootstrapNonce,
  BootstrapNonces,
  Channel,
  ChannelEdge,
  Compliance,
  ComplianceProbesGate,
  DisruptionBudget,
  Edge,
  FailedUnitsGate,
  FleetResolved,
  HealthGate,
  Host,
  Meta,
  Pin,
  PolicyWave,
  ReleaseIndex,
  Revocation,
  Revocations,
  RolloutBudget,
  RolloutHost,
  RolloutManifest,
  RolloutPolicy,
  Selector,
  Timestamp,
  TrustedKeyRecord,
  TrustFile,
  Wave,
} from "./types.ts";

/** A schema that reads anything and gives a `T`. Its messages say what was expected. */
type Schema<T> = v.GenericSchema<unknown, T>;

/** The schema of each field; a field that may be left out may also come out as undefined. */
type Entries<T> = {
  [Key in keyof T]-?: Schema<Record<never, never> extends Pick<T, Key> ? T[Key] | undefined : T[Key]>;
};

const text: Schema<string> = v.pipe(
  v.string("a string"),
  v.check((value) => value.isWellFormed(), "a string without lone surrogates"),
);
const integer: Schema<number> = v.pipe(
  v.number("an integer from 0 to 4294967295"),
  v.check(
    (value) => Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff,
    "an integer from 0 to 4294967295",
  ),
);
const schemaVersion: Schema<number> = v.pipe(
  integer,
  v.check((value) => value === 1, "1, the only schema version that this program knows"),
);
const boolean: Schema<boolean> = v.boolean("true or false");
const timestamp: Schema<Timestamp> = v.pipe(
  v.string(TIMESTAMP_FORM),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const time = parseTimestamp(dataset.value);
    if (time !== undefined) return time;
    addIssue({ message: TIMESTAMP_FORM });
    return NEVER;
  }),
);

/** Written as null when absent. */
const orNull = <T>(schema: Schema<T>): Schema<T | null> => v.nullish(schema, null);
/** Left out when absent or null. */
const omitted = <T>(schema: Schema<T>): Schema<T | undefined> =>
  v.pipe(v.nullish(schema), v.transform((value) => value ?? undefined));
const list = <T>(item: Schema<T>): Schema<T[]> => v.array(item, "a list");
const withDefault = <T>(schema: Schema<T>, value: () => T): Schema<T> => v.optional(schema, value);

// Valibot takes a list for an object, and the reference reads `[]` as an object of defaults: both would lose data.
const anObject = v.custom<Record<string, unknown>>(
  (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof FractionText),
  "an object",
);

/** What else there is to say of an object's fields. */
interface ObjectOptions {
  /** Other names for fields. */
  aliases?: Readonly<Record<string, string>>;
  /** Fields that the contract does not know, and that nobody misses when they are null or an empty list. */
  saysNothingEmpty?: readonly string[];
}

/** An object with exactly these fields. Fields that come out undefined are left out. */
function object<T extends object>(
  entries: Entries<T>,
  { aliases = {}, saysNothingEmpty = [] }: ObjectOptions = {},
): Schema<T> {
  return v.pipe(
    anObject,
    v.metadata({ aliases, saysNothingEmpty }),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const value = { ...dataset.value };
      for (const [alias, name] of Object.entries(aliases)) {
        if (!Object.hasOwn(value, alias)) continue;
        if (Object.hasOwn(value, name)) {
          addIssue({
            input: value[alias],
            message: `only one of "${name}" and "${alias}", which are two names for the same field`,
            path: [{ type: "object", origin: "value", input: value, key: alias, value: value[alias] }],
          });
          return NEVER;
        }
        value[name] = value[alias];
      }
      return value;
    }),
    v.object(entries as Record<string, Schema<unknown>>),
    v.transform((value) => {
      for (const key of Object.keys(value)) if (value[key] === undefined) delete value[key];
      return value as T;
    }),
  );
}

/**
 * An object whose keys are names that users choose. A map in between, because Valibot's own `record` silently
 * drops the keys `__proto__`, `prototype` and `constructor`: a host of that name would be lost.
 */
function dictionary<T>(value: Schema<T>): Schema<Record<string, T>> {
  return v.pipe(
    anObject,
    v.transform((record) => new Map<unknown, unknown>(Object.entries(record))),
    v.map(text, value),
    v.transform((map) => Object.fromEntries(map)),
  );
}

const meta = object<Meta>({
  schemaVersion,
  signedAt: orNull(timestamp),
  ciCommit: orNull(text),
  signatureAlgorithm: omitted(text),
});
const selector = object<Selector>({
  tags: withDefault(list(text), () => []),
  tagsAny: withDefault(list(text), () => []),
  hosts: withDefault(list(text), () => []),
  channel: orNull(text),
  all: withDefault(boolean, () => false),
  // The usual fleet library writes `and` and `not` always.
}, { saysNothingEmpty: ["and", "not"] });
const pin = object<Pin>({ commit: text, reason: text, expiresAt: omitted(timestamp) });
const host = object<Host>({
  system: text,
  tags: list(text),
  channel: text,
  closureHash: orNull(text),
  pubkey: orNull(text),
  pin: omitted(pin),
});
const channel = object<Channel>({
  rolloutPolicy: text,
  reconcileIntervalMinutes: integer,
  freshnessWindow: integer,
  signingIntervalMinutes: integer,
  compliance: object<Compliance>({ frameworks: list(text), mode: text }),
});
const healthGate = object<HealthGate>({
  systemdFailedUnits: omitted(object<FailedUnitsGate>({ max: integer })),
  complianceProbes: omitted(object<ComplianceProbesGate>({ required: boolean })),
});
const rolloutPolicy = object<RolloutPolicy>({
  strategy: text,
  waves: list(object<PolicyWave>({ selector, soakMinutes: integer })),
  healthGate: withDefault(healthGate, () => ({})),
  onHealthFailure: v.picklist(["halt", "rollback-and-halt"], '"halt" or "rollback-and-halt"'),
});
const disruptionBudget = object<DisruptionBudget>({
  selector,
  maxInFlight: orNull(integer),
  maxInFlightPct: orNull(integer),
});
const fleetResolved = object<FleetResolved>({
  schemaVersion,
  hosts: dictionary(host),
  channels: dictionary(channel),
  rolloutPolicies: withDefault(dictionary(rolloutPolicy), () => ({})),
  waves: dictionary(list(object<Wave>({ hosts: list(text), soakMinutes: integer }))),
  edges: withDefault(list(object<Edge>({ gated: text, gates: text, reason: orNull(text) })), () => []),
  channelEdges: withDefault(
    list(
      object<ChannelEdge>({ gates: text, gated: text, reason: orNull(text) }, {
        aliases: { before: "gates", after: "gated" },
      }),
    ),
    () => [],
  ),
  disruptionBudgets: withDefault(list(disruptionBudget), () => []),
  meta,
});
const revocation = object<Revocation>({
  hostname: text,
  notBefore: timestamp,
  reason: orNull(text),
  revokedBy: orNull(text),
});
const bootstrapNonce = object<BootstrapNonce>({
  nonce: text,
  hostname: text,
  expiresAt: timestamp,
  mintedAt: orNull(timestamp),
  mintedBy: orNull(text),
});

const sha256: Schema<string> = v.pipe(
  v.string("a SHA-256 in lower-case hex"),
  v.regex(/^[0-9a-f]{64}$/, "a SHA-256 in lower-case hex"),
);

const trustedKey = object<TrustedKeyRecord>({ algorithm: text, public: text });
const trustFile = object<TrustFile>({
  schemaVersion,
  ciReleaseKey: object<TrustFile["ciReleaseKey"]>({
    current: orNull(trustedKey),
    previous: orNull(trustedKey),
    successor: orNull(trustedKey),
    retireAt: orNull(timestamp),
    rejectBefore: orNull(timestamp),
  }),
});

/** The documents that this module decodes, and what error messages call them. */
const DOCUMENTS = {
  fleet: { title: "the fleet", schema: fleetResolved },
  revocations: { title: "the revocations", schema: list(revocation) },
  bootstrapNonces: { title: "the bootstrap nonces", schema: list(bootstrapNonce) },
  revocationsArtifact: {
    title: "the revocations artifact",
    schema: object<Revocations>({ schemaVersion, revocations: list(revocation), meta }),
  },
  bootstrapNoncesArtifact: {
    title: "the bootstrap nonces artifact",
    schema: object<BootstrapNonces>({ schemaVersion, bootstrapNonces: list(bootstrapNonce), meta }),
  },
  releaseIndex: {
    title: "the release index",
    schema: object<ReleaseIndex>({ schemaVersion, artifact: text, files: dictionary(sha256), meta }),
  },
  trustFile: { title: "the trusted keys", schema: trustFile },
  rolloutManifest: {
    title: "the rollout manifest",
    schema: object<RolloutManifest>({
      schemaVersion,
      displayName: text,
      channel: text,
      channelRef: text,
      fleetResolvedHash: text,
      hostSet: list(object<RolloutHost>({ hostname: text, waveIndex: integer, targetClosure: text })),
      healthGate,
      complianceFrameworks: list(text),
      disruptionBudgets: list(
        object<RolloutBudget>({
          selector,
          hosts: list(text),
          maxInFlight: orNull(integer),
          maxInFlightPct: orNull(integer),
        }),
      ),
      meta,
    }),
  },
} as const;

/** A document of the contract. */
export type DocumentName = keyof typeof DOCUMENTS;
/** The record that a document decodes to. */
export type DocumentOf<Name extends DocumentName> = v.InferOutput<(typeof DOCUMENTS)[Name]["schema"]>;

/** Something in a document that is not as the contract has it. */
export interface Problem {
  readonly path: string;
  /** As in `"channels" is missing`. */
  readonly text: string;
  readonly hint: string | undefined;
}

/**
 * Decodes a document of the contract, or finds all that is wrong with it.
 *
 * @param name Which document it is
 * @param value The parsed JSON
 */
export function tryDecode<Name extends DocumentName>(
  name: Name,
  value: unknown,
): { readonly document: DocumentOf<Name> } | {
  readonly title: string;
  readonly problems: readonly Problem[];
} {
  const { title, schema } = DOCUMENTS[name];
  const result = v.safeParse(schema as Schema<DocumentOf<Name>>, value, { abortPipeEarly: true });
  if (result.success) return { document: result.output };
  const problems = result.issues.map((issue) => {
    const path = pathOf(issue, prefixOf(name));
    const text = describe(issue, path);
    return {
      path: path === "" ? name : path,
      text,
      hint: text.endsWith(TIMESTAMP_FORM)
        ? "write a full date, a full time with seconds, at most 9 digits of fraction, and Z or an offset such as +02:00"
        : undefined,
    };
  });
  return { title, problems };
}

/**
 * Decodes a document of the contract.
 *
 * @param name Which document it is
 * @param value The parsed JSON
 * @throws {ReleaseError} of kind `contract`, with the path of the first thing that is wrong and a line for each
 * further one
 */
export function decode<Name extends DocumentName>(name: Name, value: unknown): DocumentOf<Name> {
  const read = tryDecode(name, value);
  if ("document" in read) return read.document;
  const [first, ...others] = read.problems;
  throw new ReleaseError("contract", `Cannot read ${read.title}: ${first!.text}`, {
    path: first!.path,
    lines: others.slice(0, 20).map((problem) => `also: ${problem.text}`),
    hint: first!.hint,
  });
}

type Issue = v.BaseIssue<unknown>;

function pathOf(issue: Issue, prefix: readonly string[]): string {
  return documentPath([...prefix, ...(issue.path ?? []).map((item) => item.key as string | number)]);
}

/** A list has no name of its own: its path starts with the name that the library's input gives it. */
function prefixOf(name: DocumentName): string[] {
  return name === "revocations" || name === "bootstrapNonces" ? [name] : [];
}

function describe(issue: Issue, path: string): string {
  const last = issue.path?.at(-1);
  // Valibot reports a missing field on the object that lacks it, with the path of the field.
  if (issue.type === "object" && last !== undefined) return `"${path}" is missing`;
  const subject = path === "" ? "it" : `"${path}"`;
  const at = last?.type === "map" && (last as { origin?: string }).origin === "key"
    ? `the key ${subject}`
    : subject;
  return `${at} is ${show(issue.input)}, expected ${issue.message}`;
}

function show(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null && !(value instanceof FractionText)) return "an object";
  const json = value instanceof FractionText ? value.text : JSON.stringify(value) ?? String(value);
  return json.length > 80 ? `${json.slice(0, 77)}...` : json;
}

/**
 * The fields of a document that the contract does not know, and which therefore do not reach the artifact.
 *
 * Fields of the same name at the same place of several records are given once: `hosts.web1.rack`, with how many
 * there are.
 *
 * @param name Which document it is
 * @param value The parsed JSON, which {@linkcode decode} has accepted
 */
export function unknownFields(name: DocumentName, value: unknown): { path: string; count: number }[] {
  const found = new Map<string, { path: string; count: number }>();
  const report = ({ path, pattern }: Place) => {
    const key = pattern.join("\0");
    const entry = found.get(key);
    if (entry === undefined) found.set(key, { path: documentPath(path), count: 1 });
    else entry.count++;
  };
  collectUnknown(DOCUMENTS[name].schema, value, { place: { path: prefixOf(name), pattern: [] }, report });
  return [...found.values()];
}

/** The parts of Valibot's schemas that tell which fields there are. */
interface SchemaShape {
  type?: string;
  pipe?: readonly SchemaShape[];
  wrapped?: SchemaShape;
  item?: SchemaShape;
  entries?: Readonly<Record<string, SchemaShape>>;
  value?: SchemaShape;
  metadata?: ObjectOptions;
}

/** A place in a document. */
interface Place {
  readonly path: readonly (string | number)[];
  /** The path with `*` for every index and every name that the user chooses. */
  readonly pattern: readonly (string | number)[];
}

/** Where a value stands, and who is told of the unknown fields in it. */
interface Search {
  readonly place: Place;
  readonly report: (place: Place) => void;
}

function collectUnknown(schema: SchemaShape, value: unknown, { place, report }: Search): void {
  if (typeof value !== "object" || value === null) return;
  const below = (key: string | number, part: string | number = key): Place => ({
    path: [...place.path, key],
    pattern: [...place.pattern, part],
  });
  const parts = schema.pipe ?? [schema];
  const { aliases = {}, saysNothingEmpty = [] } =
    parts.find((part) => part.metadata !== undefined)?.metadata ?? {};
  for (const part of parts) {
    if (part.wrapped !== undefined) collectUnknown(part.wrapped, value, { place, report });
    if (part.type === "array" && Array.isArray(value)) {
      value.forEach((item, index) => collectUnknown(part.item!, item, { place: below(index, "*"), report }));
    }
    if (part.type === "map") {
      for (const [key, item] of Object.entries(value)) {
        collectUnknown(part.value!, item, { place: below(key, "*"), report });
      }
    }
    if (part.type === "object") {
      for (const [key, item] of Object.entries(value)) {
        const known = part.entries![aliases[key] ?? key];
        if (known !== undefined) collectUnknown(known, item, { place: below(key), report });
        else if (!(saysNothingEmpty.includes(key) && saysNothing(item))) report(below(key));
      }
    }
  }
}

function saysNothing(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}
