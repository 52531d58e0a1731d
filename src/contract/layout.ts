/**
 * The names in a release directory: the fleet, the sidecars, the index, `rollouts/<rolloutId>.json`, and beside each its
 * signature.
 *
 * @module
 */

/** The fleet artifact, unless another name is given. */
export const FLEET_FILE = "fleet.resolved.json";
/** The sidecar with the hosts whose certificates are void. */
export const REVOCATIONS_FILE = "revocations.json";
/** The sidecar with the nonces that enrol a host once. */
export const BOOTSTRAP_NONCES_FILE = "bootstrap-nonces.json";
/** The list of the other files and their hashes, which binds them to each other. */
export const RELEASE_INDEX_FILE = "release-index.json";
/** What lies beside the fleet under names of its own, where a release has it. */
export const SIDECAR_FILES: readonly string[] = [REVOCATIONS_FILE, BOOTSTRAP_NONCES_FILE, RELEASE_INDEX_FILE];
/** The directory of the rollout manifests. */
export const ROLLOUTS_DIR = "rollouts";

/** What tells git to leave the files of a release as they are; no part of the release. */
export const ATTRIBUTES_FILE = ".gitattributes";

const SIGNATURE_SUFFIX = ".sig";

/** The path of the signature of a file. */
export function signaturePath(path: string): string {
  return `${path}${SIGNATURE_SUFFIX}`;
}

/** The path of what a signature signs; undefined when it is the path of no signature. */
export function signedPath(path: string): string | undefined {
  return path.endsWith(SIGNATURE_SUFFIX) ? path.slice(0, -SIGNATURE_SUFFIX.length) : undefined;
}

/** The path of a rollout's manifest. */
export function manifestPath(rolloutId: string): string {
  return `${ROLLOUTS_DIR}/${rolloutId}.json`;
}

/** What a manifest's name says its rollout id is; undefined when it is the path of no manifest. */
export function rolloutIdOf(path: string): string | undefined {
  return /^rollouts\/(.+)\.json$/.exec(path)?.[1];
}

/** What a publication that has begun is finished or taken back by. */
export const JOURNAL_FILE = ".fleet-release.journal";

/** Whether a path is that of a manifest as a release names it, or of its signature. */
export function isManifestPath(path: string): boolean {
  return /^[0-9a-f]{64}$/.test(rolloutIdOf(signedPath(path) ?? path) ?? "");
}

/** More than the documents of any fleet, which are read whole: 100,000 hosts are 20 MiB. */
export const MAX_FILE_BYTES: number = 64 * 2 ** 20;
/** The same for all files of a release directory, and less than what a machine that verifies has for it. */
export const MAX_RELEASE_BYTES: number = 2 ** 30;

/** How many bytes a file system takes for one name. */
export const LONGEST_NAME = 255;

/** Why a fleet cannot have a name, in words that continue `it`; undefined: it can. */
export function fleetNameProblem(name: string): string | undefined {
  return name === ""
    ? "is empty"
    : name === "." || name === ".." || /[/\\]/.test(name)
    ? "is not a plain file name"
    // deno-lint-ignore no-control-regex
    : /[\x00-\x1f\x7f]/.test(name)
    ? "has a control character in it"
    : isTemporaryName(name) || name === JOURNAL_FILE
    ? "is a name of the program's own temporary files"
    : name === REVOCATIONS_FILE || name === BOOTSTRAP_NONCES_FILE
    ? "is the name of a sidecar"
    : name === RELEASE_INDEX_FILE
    ? "is the name of the release index"
    : name === ROLLOUTS_DIR
    ? "is the name of the directory of the rollout manifests"
    : name.endsWith(SIGNATURE_SUFFIX)
    ? "ends as a signature's name does"
    : new TextEncoder().encode(signaturePath(name)).length > LONGEST_NAME
    ? `has no room for ".sig" within the ${LONGEST_NAME} bytes that a name may have`
    : undefined;
}

/** What the name of a file looks like before it has its final one. */
export function isTemporaryName(name: string): boolean {
  return /^\.fleet-release\..*\.tmp$/.test(name);
}

/** A name for a file that is to get its final one. */
export function temporaryName(): string {
  return `.fleet-release.${crypto.randomUUID()}.tmp`;
}

/**
 * Whether a path, relative to the release directory, can be that of a release's file: directly in it or in `rollouts/`,
 * and without a dot in front, unless it is that of the fleet.
 */
export function isReleasePath(path: string, artifactName: string): boolean {
  return /^(?:rollouts\/)?[^/.][^/]*$/.test(path) || isDocumentPath(path, artifactName);
}

/**
 * Whether a path can be that of a document of a release with this fleet, or of its signature. Of anything else that
 * lies in a release directory the name says all, so that nothing else is read.
 */
export function isDocumentPath(path: string, artifactName: string): boolean {
  const document = signedPath(path) ?? path;
  return document === artifactName ||
    SIDECAR_FILES.includes(document) ||
    isManifestPath(document);
}
