/**
 * Mutates releases, single documents, trust files, directories and commits by chance, and has every verdict checked in
 * another way.
 *
 *     deno task fuzz [SEED [COUNT]]    exits with 1 when a verdict is contradicted, and says how it came about
 *
 * @module
 */
import { ReleaseError } from "../../src/errors.ts";
import { generatePrivateKey, parsePrivateKey, type Signer } from "../../src/crypto/private_key.ts";
import { verifyArtifact } from "../../src/verify/artifact.ts";
import type { Failure } from "../../src/verify/failure.ts";
import { parseTrustFile, trustAt } from "../../src/verify/trust.ts";
import type { Draft } from "../support/fleet.ts";
import { opensslVerifies } from "../support/openssl.ts";
import { seededRandom, signedRelease } from "../support/signed_release.ts";
import { trustBytes } from "../support/trust.ts";
import { Chance, damaged, edited, type Files } from "./mutations.ts";
import { documentProblems, nodeKey, nodeVerifies, releaseProblems, trustProblems } from "./oracle.ts";
import { fuzzPlaces } from "./places.ts";
import { type Findings, FLEET, type FuzzSizes, type FuzzWorld, judge, mutated, note, NOW } from "./world.ts";

/** Tries as many as it is told to, the same for the same seed but for ECDSA, whose keys and signatures are by chance. */
export async function fuzz(seed: number, sizes: FuzzSizes): Promise<Findings> {
  const [trusted, stranger] = [await ed25519Signer(seed + 1), await ed25519Signer(seed + 2)];
  const previous = await parsePrivateKey((await generatePrivateKey("ecdsa-p256")).pem);
  const tagged = (host: string) => (fleet: Draft) => void fleet["hosts"][host].tags.push("other");
  const good = [
    await signedRelease({ signer: trusted, releaseIndex: true }),
    await signedRelease({ signer: trusted }),
    // Other fleets with the same stamp.
    await signedRelease({ signer: trusted, edit: tagged("db"), reason: "lost" }),
    await signedRelease({ signer: trusted, edit: tagged("web1"), reason: "sold", releaseIndex: true }),
    await signedRelease({ signer: trusted, signedAt: "2026-06-01T12:10:00Z", ciCommit: "abcdef0123" }),
    await signedRelease({ signer: trusted, signedAt: "2026-06-01T11:00:00Z", releaseIndex: true }),
    await signedRelease({ signer: previous, signedAt: "2026-06-01T11:30:00Z" }),
  ];
  const others = [...good, await signedRelease({ signer: stranger, releaseIndex: true })];
  const world: FuzzWorld = {
    ...{ others, trusted, stranger, sizes, good },
    chance: new Chance(seededRandom(seed)),
    keys: [{ slot: "current", ...trusted.publicKey }, { slot: "previous", ...previous.publicKey }],
    findings: {
      tried: { releases: 0, documents: 0, trustFiles: 0, places: 0, samples: 0 },
      accepted: 0,
      codes: {},
      contradictions: [],
    },
  };
  await fuzzReleases(world);
  await fuzzDocuments(world);
  fuzzTrustFiles(world);
  await fuzzPlaces(world);
  return world.findings;
}

/** A key that is the same for the same number. */
async function ed25519Signer(seed: number): Promise<Signer> {
  const random = seededRandom(seed);
  const secret = Uint8Array.from({ length: 32 }, () => Math.floor(random() * 256));
  const der = new Uint8Array([...Uint8Array.fromHex("302e020100300506032b657004220420"), ...secret]);
  return await parsePrivateKey(`-----BEGIN PRIVATE KEY-----\n${der.toBase64()}\n-----END PRIVATE KEY-----\n`);
}

async function fuzzReleases(world: FuzzWorld): Promise<void> {
  const keys = world.keys.map(nodeKey);
  for (let count = 0; count < world.sizes.releases; count++) {
    const { files, original } = await mutated(world);
    const requireIndex = world.chance.below(4) === 0;
    const verdict = await judge(files, world, requireIndex);
    const problems: string[] = [];
    if (verdict.verified) {
      problems.push(
        ...releaseProblems(files, verdict, { keys, artifactName: FLEET, now: NOW, requireIndex }),
      );
      for (const { path } of verdict.files) problems.push(...await askOpenssl(world, files, path, true));
    } else if (isSame(files, original) && (!requireIndex || files.has("release-index.json"))) {
      problems.push("a good release is refused");
    }
    for (const { path } of verdict.failures.filter(({ code }) => code === "bad-signature")) {
      const [bytes, signature] = [files.get(path)!, files.get(`${path}.sig`)!];
      if (keys.some((key) => nodeVerifies(key, bytes, signature))) {
        problems.push(`the signature of ${path} is good`);
      }
      problems.push(...await askOpenssl(world, files, path, false));
    }
    note(world, "releases", verdict, problems);
  }
}

function isSame(files: Files, original: Files): boolean {
  return files.size === original.size &&
    [...original].every(([path, bytes]) => String(files.get(path)) === String(bytes));
}

/** What openssl says against a signature that is accepted or refused: it is asked about both in turn. */
async function askOpenssl(
  { keys, findings: { tried }, sizes }: FuzzWorld,
  files: Files,
  path: string,
  accepted: boolean,
): Promise<string[]> {
  const [bytes, signature] = [files.get(path)!, files.get(`${path}.sig`)!];
  const isWanted = tried.samples < sizes.samples && (tried.samples % 2 === 0) === accepted;
  if (!isWanted || signature.length !== 64) return [];
  tried.samples++;
  const answers = await Promise.all(
    keys.map(({ algorithm, bytes: publicKey }) =>
      opensslVerifies({ algorithm, publicKey, bytes, signature })
    ),
  );
  return answers.includes(true) === accepted ? [] : [`openssl does not agree about ${path}`];
}

async function fuzzDocuments(world: FuzzWorld): Promise<void> {
  const { chance, good, others, keys, trusted, stranger, sizes } = world;
  const oracle = { keys: keys.map(nodeKey), now: NOW, window: 7200 };
  for (let count = 0; count < sizes.documents; count++) {
    const files = chance.pick(others);
    const path = chance.pick([...files.keys()]).replace(/\.sig$/, "");
    let [bytes, signature] = [files.get(path)!, files.get(`${path}.sig`)!];
    const change = chance.below(6);
    if (change === 1) bytes = damaged(bytes, chance);
    if (change === 2) signature = damaged(signature, chance);
    if (change >= 3) bytes = edited(bytes, chance);
    if (change >= 4) signature = await (change === 4 ? stranger : trusted).sign(bytes);
    const options = { bytes, signature, keys, now: NOW, freshnessWindowSeconds: oracle.window };
    const verdict = await verifyArtifact(options);
    const problems = verdict.verified ? documentProblems(bytes, signature, oracle) : [];
    const isSigned = oracle.keys.some((key) => nodeVerifies(key, bytes, signature));
    if ((verdict.key !== null) !== isSigned) problems.push(`a key verifies ${path}: ${isSigned}`);
    if (verdict.key === null && verdict.document !== null) problems.push(`${path} is decoded and not signed`);
    if (change === 0 && good.includes(files) && !verdict.verified) {
      problems.push(`${path} is good and refused`);
    }
    note(world, "documents", verdict, problems);
  }
}

/** What stands in a trust file, and what is put in its place. */
const TRUST_EDITS: readonly (readonly [from: RegExp, to: string])[] = [
  [/"schemaVersion":1/, '"schemaVersion":1.0'],
  [/"schemaVersion":1/, '"schemaVersion":-1'],
  [/"schemaVersion":1/, '"schemaVersion":1e0'],
  [/"schemaVersion":1/, '"schemaVersion":1,"x":1.0'],
  [/"schemaVersion":1/, '"schemaVersion":1,"schemaVersion":1'],
  [/"schemaVersion":1/, `"x":${"[".repeat(126)}${"]".repeat(126)},"schemaVersion":1`],
  [/"schemaVersion":1/, `"x":${"[".repeat(127)}${"]".repeat(127)},"schemaVersion":1`],
  [/"current":/, '"previous":'],
  [/"ed25519"/, '"ecdsa-p256"'],
  [/"public":"/, '"public":" '],
  [/="/, '"'],
  [/:null/, ':"2026-06-01T12:00:00Z"'],
  [/:null/, ":{}"],
];

function fuzzTrustFiles(world: FuzzWorld): void {
  const { chance, trusted: { publicKey: current }, stranger: { publicKey: previous }, sizes } = world;
  const text = new TextDecoder().decode(trustBytes({ current, previous }));
  for (let count = 0; count < sizes.trustFiles; count++) {
    const changed = text.replace(...chance.pick(TRUST_EDITS));
    const bytes = chance.below(2) === 0
      ? new TextEncoder().encode(changed)
      : damaged(trustBytes({ current }), chance);
    try {
      const { trust } = trustAt(parseTrustFile("trust.json", bytes), NOW);
      note(world, "trustFiles", { verified: true, failures: [] }, trustProblems(bytes, trust.keys));
    } catch (error) {
      const refused: Failure = { code: "no-keys", message: String(error) };
      const problems = error instanceof ReleaseError ? [] : [`unforeseen: ${error}`];
      note(world, "trustFiles", { verified: false, failures: [refused] }, problems);
    }
  }
}

if (import.meta.main) {
  const [seed = 1, count = 20_000] = Deno.args.map(Number);
  const sizes: FuzzSizes = {
    releases: Math.ceil(count * 0.6),
    documents: Math.ceil(count * 0.3),
    trustFiles: Math.ceil(count * 0.08),
    places: Math.ceil(count * 0.02),
    samples: Math.ceil(count * 0.02),
  };
  const { contradictions, ...figures } = await fuzz(seed, sizes);
  const report = JSON.stringify({ seed, ...figures, contradictions: contradictions.length }, null, 2);
  const lines = [report, ...contradictions.slice(0, 100), ""].join("\n");
  await Deno.stdout.write(new TextEncoder().encode(lines));
  Deno.exitCode = contradictions.length === 0 ? 0 : 1;
}
