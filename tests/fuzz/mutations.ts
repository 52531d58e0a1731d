/**
 * Changes to the files of a release such as those who can write where it lies can make, and some that only somebody
 * with the key can. All by chance, and the same in each run with one seed.
 *
 * @module
 */
import type { Signer } from "../../src/crypto/private_key.ts";

/** A release's files, to be changed in place. */
export type Files = Map<string, Uint8Array<ArrayBuffer>>;

/** What chance is asked. */
export class Chance {
  readonly #random: () => number;

  /** @param random Numbers from 0 to below 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  /** One of these. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

/** What changes are made with. */
export interface Material {
  readonly chance: Chance;
  /** Other releases that trusted keys have signed, also of the same stamp. */
  readonly others: readonly Files[];
  readonly trusted: Signer;
  readonly stranger: Signer;
}

const encoder = new TextEncoder();

/** Texts that stand in documents, and what is put in their place. */
const EDITS: readonly (readonly [from: RegExp, to: string])[] = [
  [/"schemaVersion":1/, '"schemaVersion":2'],
  [/"schemaVersion":1/, '"schemaVersion":1.0'],
  [/"schemaVersion":1/, '"schemaVersion":"1"'],
  [/"signedAt":"[^"]*"/, '"signedAt":null'],
  [/"signedAt":"[^"]*"/, '"signedAt":"2026-06-01T12:00:00.5Z"'],
  [/"signedAt":"[^"]*"/, '"signedAt":"2026-06-01T14:00:00+02:00"'],
  [/"signedAt":"[^"]*"/, '"signedAt":"2025-06-01T12:00:00Z"'],
  [/"ciCommit":"[^"]*"/, '"ciCommit":null'],
  [/"signatureAlgorithm":"[^"]*"/, '"signatureAlgorithm":"ecdsa-p256"'],
  [/"channel":"stable"/, '"channel":"edge"'],
  [/"closureHash":"a/, '"closureHash":"b'],
  [/"waveIndex":0/, '"waveIndex":1'],
  [
    /"hosts":\{/,
    '"hosts":{"new":{"channel":"stable","closureHash":"x","pubkey":null,"system":"s","tags":[]},',
  ],
  [/\{/, '{"aUnknown":1,'],
  [/\{/, '{"aDeep":' + "[".repeat(200) + "]".repeat(200) + ","],
  [/\{/, '{"revocations":[],'],
  [/":/, '": '],
  [/$/, "\n"],
  [/^/, "\ufeff"],
  [/"meta"/, '"__proto__":{"a":1},"meta"'],
  [/[0-9a-f]{64}/, "0".repeat(64)],
];

/** A text in a document is replaced. */
export function edited(bytes: Uint8Array, chance: Chance): Uint8Array<ArrayBuffer> {
  return encoder.encode(new TextDecoder().decode(bytes).replace(...chance.pick(EDITS)));
}

/** Some bytes are changed, put in or taken out. */
export function damaged(bytes: Uint8Array, chance: Chance): Uint8Array<ArrayBuffer> {
  const at = chance.below(bytes.length + 1);
  const rest = bytes.slice(at);
  const begin = bytes.slice(0, at);
  const more = Uint8Array.from({ length: 1 + chance.below(3) }, () => chance.below(256));
  switch (chance.below(6)) {
    case 0:
      return begin;
    case 1:
      return Uint8Array.of(...begin, ...more, ...rest);
    case 2:
      return Uint8Array.of(...begin, ...rest.slice(1 + chance.below(4)));
    case 3:
      return new Uint8Array(chance.below(2) * 64);
    default: {
      const changed = Uint8Array.from(bytes);
      if (changed.length > 0) changed[Math.min(at, changed.length - 1)]! ^= 1 << chance.below(8);
      return changed;
    }
  }
}

const NAMES = [
  ...["fleet.resolved.json", "revocations.json", "bootstrap-nonces.json", "release-index.json", "other.json"],
  ...[
    "README.md",
    "rollouts/current.json",
    `rollouts/${"0".repeat(64)}.json`,
    `rollouts/${"A".repeat(64)}.json`,
  ],
];

/** Makes one change to a release in place. */
export async function mutate(files: Files, { chance, others, trusted, stranger }: Material): Promise<void> {
  const path = chance.pick([...files.keys()]);
  const bytes = files.get(path)!;
  const other = chance.pick(others);
  const document = path.replace(/\.sig$/, "");
  switch (chance.below(10)) {
    case 0:
      files.set(path, damaged(bytes, chance));
      break;
    case 1:
      files.delete(path);
      if (chance.below(2) === 0) { for (const both of [document, `${document}.sig`]) files.delete(both); }
      break;
    case 2: // The same file of another release, with or without its signature.
      for (const from of chance.below(2) === 0 ? [path] : [document, `${document}.sig`]) {
        if (other.has(from)) files.set(from, other.get(from)!);
      }
      break;
    case 3: { // Any document of another release beside those that are there.
      const from = chance.pick([...other.keys()]).replace(/\.sig$/, "");
      for (const both of [from, `${from}.sig`]) files.set(both, other.get(both)!);
      break;
    }
    case 4: { // Under another name.
      const name = chance.pick(NAMES);
      for (const suffix of ["", ".sig"]) {
        const moved = files.get(document + suffix);
        if (moved !== undefined) files.set(name + suffix, moved);
      }
      break;
    }
    case 5: { // Two files change places.
      const second = chance.pick([...files.keys()]);
      files.set(path, files.get(second)!);
      files.set(second, bytes);
      break;
    }
    case 6:
      if (files.has(document)) files.set(document, edited(files.get(document)!, chance));
      break;
    case 7: // Signed anew by a trusted key: the change has to be found by what it says.
    case 8:
      await resign(files, document, { chance, by: trusted });
      break;
    default:
      await resign(files, document, { chance, by: stranger });
  }
}

/** Edits a document and signs it; a manifest gets the name that its bytes say. */
async function resign(
  files: Files,
  document: string,
  { chance, by }: { readonly chance: Chance; readonly by: Signer },
): Promise<void> {
  const bytes = files.get(document);
  if (bytes === undefined) return;
  const changed = edited(bytes, chance);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", changed)).toHex();
  const isManifest = document.startsWith("rollouts/");
  if (isManifest) { for (const both of [document, `${document}.sig`]) files.delete(both); }
  const name = isManifest ? `rollouts/${hash}.json` : document;
  files.set(name, changed).set(`${name}.sig`, await by.sign(changed));
}
