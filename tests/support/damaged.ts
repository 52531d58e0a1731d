/**
 * Release directories in which something is damaged, as a run finds them, and what `verify` says of one that it leaves.
 *
 * @module
 */
import { join } from "@std/path";
import { readReleaseFiles } from "../../src/adapters/release_dir.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import { signedPath } from "../../src/contract/layout.ts";
import { verifyRelease } from "../../src/verify/release.ts";
import { decodeTrust, trustAt } from "../../src/verify/trust.ts";
import { newSigner } from "./signed_release.ts";
import { trustBytes, trustOf } from "./trust.ts";
import { WorldOnDisk } from "./world_on_disk.ts";

/** When releases are made. */
export const TIMES: readonly string[] = ["12:00", "12:10", "12:20"].map((time) => `2026-06-01T${time}:00Z`);
const [FIRST, SECOND, THIRD] = TIMES as [string, string, string];

/** Both sidecars, an index, and the keys that consumers trust. */
export const SETTINGS: Partial<ReleaseConfig> = {
  revocationsAttr: "r",
  bootstrapNoncesAttr: "n",
  releaseIndex: true,
  trustFile: "trust.json",
};

/** A world with releases of the first two times on disk; the manifests of the first one are there, too. */
export async function releasedTwice(): Promise<WorldOnDisk> {
  const disk = await WorldOnDisk.create();
  const { world } = disk;
  world.outputs.set("r", [{ hostname: "web1", notBefore: FIRST }]).set("n", []);
  world.inputs.set("trust.json", trustBytes({ current: world.signer.publicKey! }));
  await disk.release({ ...SETTINGS, now: FIRST });
  await disk.release({ ...SETTINGS, now: SECOND });
  return disk;
}

/** What `verify` says against the directory. */
export async function refusals(disk: WorldOnDisk, now = THIRD): Promise<string[]> {
  const files = await readReleaseFiles({ dir: "releases", cwd: disk.dir }, "fleet.resolved.json");
  const record = decodeTrust("trust", () => trustOf({ current: disk.world.signer.publicKey! }));
  const verdict = await verifyRelease(files, {
    artifactName: "fleet.resolved.json",
    trust: trustAt(record, now).trust,
    now,
    freshnessWindowSeconds: undefined,
  });
  return [...verdict.failures, ...verdict.warnings].map(({ path, code }) => `${path}: ${code}`);
}

/** The manifests of a release on disk, by its signing time. */
export async function manifestsOf(disk: WorldOnDisk, signedAt: string): Promise<string[]> {
  const decode = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
  return [...await disk.files()]
    .filter(([path, bytes]) => /^rollouts.*json$/.test(path) && decode(bytes).meta.signedAt === signedAt)
    .map(([path]) => path);
}

/** A file of a release directory. */
interface Place {
  /** Where it is, absolute. */
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Something that happens to a file: a script of the shell, or a change. */
type Damage = string | ((place: Place) => Promise<Uint8Array>);

/** Ways to damage a file. */
export const DAMAGES: readonly (readonly [of: string, damage: Damage])[] = [
  ["gone", "rm FILE"],
  ["empty", ": > FILE"],
  ["cut", "head -c 20 FILE > t; mv t FILE"],
  ["longer", "echo >> FILE"],
  ["of zeros", "head -c 64 /dev/zero > FILE"],
  [
    "flipped in one bit",
    ({ bytes }) => Promise.resolve(bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 1)),
  ],
  ["another document", "echo '{\"schemaVersion\":1}' > FILE"],
  ["that of another file", "x=FILE; cp $(ls releases/*.${x##*.} | grep -v $x | head -n 1) $x"],
  ["by another key", byAnotherKey],
  ["a link", "rm FILE; ln -s /dev/zero FILE"],
  ["a pipe", "rm FILE; mkfifo FILE"],
  ["huge", "truncate -s 100M FILE"],
];

/** What another key signs, of the same bytes; of what is no signature, what that key's owner would make of it. */
async function byAnotherKey({ path, bytes }: Place): Promise<Uint8Array> {
  const document = signedPath(path);
  if (document !== undefined) return await (await newSigner()).sign(await Deno.readFile(document));
  return new TextEncoder().encode(new TextDecoder().decode(bytes).replace("T12:", "T11:"));
}

/** Damages a file of the release. */
export async function damageFile(disk: WorldOnDisk, place: string, damage: Damage): Promise<void> {
  if (typeof damage === "string") {
    return await disk.shell(damage.replaceAll("FILE", `releases/${place}`));
  }
  const path = join(disk.dir, "releases", place);
  await Deno.writeFile(path, await damage({ path, bytes: await Deno.readFile(path) }));
}

/** A file of each kind of the two releases. */
export async function placesIn(disk: WorldOnDisk): Promise<string[]> {
  const [[old], [current]] = [await manifestsOf(disk, FIRST), await manifestsOf(disk, SECOND)];
  const sidecars = ["revocations.json", "bootstrap-nonces.json", "release-index.json"];
  return ["fleet.resolved.json", ...sidecars, old!, current!].flatMap((path) => [path, `${path}.sig`]);
}

/** Lays these files into the release directory, and nothing else. */
export async function layOut(disk: WorldOnDisk, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await disk.shell("rm -rf releases; mkdir -p releases/rollouts");
  await disk.write(files);
}
