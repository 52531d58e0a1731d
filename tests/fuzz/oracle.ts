/**
 * What an accepted release has to be, found again in another way: node's cryptography in place of WebCrypto, V8's
 * JSON in place of our reader, and nothing of src/ but types and the names of files.
 *
 * @module
 */
// deno-lint-ignore no-external-import -- another implementation than the one that is checked
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { PublicKey } from "../../src/crypto/signature.ts";
import type { ReleaseFiles } from "../../src/verify/bindings.ts";
import type { ReleaseVerdict } from "../../src/verify/release.ts";

/** JSON as tests need it. */
// deno-lint-ignore no-explicit-any
type Json = any;

/** SHA-256 in lower-case hex, by node. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A public key as node has it. */
export function nodeKey({ algorithm, bytes }: PublicKey): KeyObject {
  const base64url = (part: Uint8Array) => part.toBase64({ alphabet: "base64url", omitPadding: true });
  const key = algorithm === "ed25519"
    ? { kty: "OKP", crv: "Ed25519", x: base64url(bytes) }
    : { kty: "EC", crv: "P-256", x: base64url(bytes.subarray(0, 32)), y: base64url(bytes.subarray(32)) };
  return createPublicKey({ key, format: "jwk" });
}

/** Whether node takes a raw signature for one of these bytes. */
export function nodeVerifies(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  if (key.asymmetricKeyType === "ed25519") return verify(null, bytes, key, signature);
  return verify("sha256", bytes, { key, dsaEncoding: "ieee-p1363" }, signature);
}

/** RFC 8785 for documents without numbers beyond 2^53: keys sorted by UTF-16 code units, all else as V8 writes it. */
export function canonicalText(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) =>
    `${JSON.stringify(key)}:${canonicalText(value[key])}`
  );
  return `{${members.join(",")}}`;
}

/** What is wrong with one document that was accepted; nothing when it is right. */
export function documentProblems(
  bytes: Uint8Array,
  signature: Uint8Array | undefined,
  { keys, now, window }: { keys: readonly KeyObject[]; now: string; window: number },
): string[] {
  const text = new TextDecoder().decode(bytes);
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    return ["it is no JSON"];
  }
  const age = (Date.parse(now) - Date.parse(value?.meta?.signedAt)) / 1000;
  const problems: [boolean, string][] = [
    [
      signature !== undefined && keys.some((key) => nodeVerifies(key, bytes, signature)),
      "no key verifies it",
    ],
    [canonicalText(value) === text, "it is not canonical"],
    [value?.schemaVersion === 1 && value?.meta?.schemaVersion === 1, "its schemaVersion is not 1"],
    [age >= -60 && age <= window + 60, `its age is ${age} s`],
  ];
  return problems.filter(([holds]) => !holds).map(([, problem]) => problem);
}

/** What an accepted release is checked by. */
export interface ReleaseOracle {
  readonly keys: readonly KeyObject[];
  readonly artifactName: string;
  readonly now: string;
  readonly requireIndex: boolean;
}

/** What is wrong with a release that was accepted; nothing when it is right. */
export function releaseProblems(
  files: ReleaseFiles,
  verdict: ReleaseVerdict,
  { keys, artifactName, now, requireIndex }: ReleaseOracle,
): string[] {
  const parse = (path: string): Json => JSON.parse(new TextDecoder().decode(files.get(path)));
  const problems: string[] = [];
  const fleet = parse(artifactName);
  const windows = Object.values(fleet.channels).map((channel) => (channel as Json).freshnessWindow * 60);
  const stamp = (path: string) => {
    const { signedAt, ciCommit, signatureAlgorithm } = parse(path).meta;
    return JSON.stringify([signedAt, ciCommit, signatureAlgorithm]);
  };
  const reported = new Map(verdict.files.map(({ path, sha256 }) => [path, sha256]));
  for (const [path, hash] of reported) {
    const bytes = files.get(path)!;
    const found = documentProblems(bytes, files.get(`${path}.sig`), {
      keys,
      now,
      window: Math.max(...windows),
    });
    if (sha256(bytes) !== hash) found.push("its hash is another one");
    if (stamp(path) !== stamp(artifactName)) found.push("its stamp is another one");
    if (path.startsWith("rollouts/") && path !== `rollouts/${hash}.json`) {
      found.push("its name is not its hash");
    }
    if (path.startsWith("rollouts/")) {
      found.push(...manifestProblems(parse(path), fleet, reported.get(artifactName)));
    }
    problems.push(...found.map((problem) => `${path}: ${problem}`));
  }
  for (const path of [artifactName, "revocations.json", "bootstrap-nonces.json", "release-index.json"]) {
    if (files.has(path) && !reported.has(path)) problems.push(`${path} is there, and not reported`);
  }
  const channels = new Set(
    Object.values(fleet.hosts).filter((host) => (host as Json).closureHash !== null).map((host) =>
      (host as Json).channel
    ),
  );
  const expected = [...channels].filter((channel) => Object.hasOwn(fleet.channels, channel)).length;
  const manifests = [...reported.keys()].filter((path) => path.startsWith("rollouts/")).length;
  if (manifests !== expected) problems.push(`${manifests} manifests, expected ${expected}`);
  const isIndexed = files.has("release-index.json");
  if (requireIndex && !isIndexed) problems.push("there is no index");
  if (isIndexed) {
    const others = [...reported].filter(([path]) => path !== "release-index.json");
    const index = parse("release-index.json");
    if (
      canonicalText(index.files) !== canonicalText(Object.fromEntries(others)) ||
      index.artifact !== artifactName
    ) {
      problems.push("the index lists other files");
    }
  }
  return problems;
}

/** A manifest beside its fleet, as far as that is short to say: the hosts and what they run. */
function manifestProblems(manifest: Json, fleet: Json, fleetHash: string | undefined): string[] {
  const hosts = Object.entries(fleet.hosts as Record<string, Json>)
    .filter(([, host]) => host.channel === manifest.channel && host.closureHash !== null)
    .map(([name, host]) => `${name} ${host.closureHash}`).sort();
  const listed = manifest.hostSet.map((host: Json) => `${host.hostname} ${host.targetClosure}`).sort();
  return [
    ...(manifest.fleetResolvedHash === fleetHash ? [] : ["it names another fleet"]),
    ...(String(hosts) === String(listed) ? [] : ["it has other hosts than the fleet"]),
  ];
}

/** What is wrong with the keys that were taken from a trust file. */
export function trustProblems(bytes: Uint8Array, keys: readonly PublicKey[]): string[] {
  const text = new TextDecoder().decode(bytes);
  const value: Json = JSON.parse(text);
  const slots = [value?.ciReleaseKey?.current, value?.ciReleaseKey?.previous];
  const problems = keys.flatMap(({ algorithm, bytes }) =>
    slots.some((slot) => slot?.algorithm === algorithm && slot?.public === bytes.toBase64())
      ? []
      : ["a key of no slot"]
  );
  if (value?.schemaVersion !== 1 || /"schemaVersion":1[.e]/.test(text)) {
    problems.push("its schemaVersion is not 1");
  }
  if (text.includes("[".repeat(127))) problems.push("it is nested deeper than the reference reads");
  return problems;
}
