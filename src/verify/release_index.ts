/**
 * The release index: what binds files that have the same stamp to each other. Without it a sidecar of another release
 * with the same stamp, commit and key passes for one of this release, and one that is taken away is not missed.
 *
 * @module
 */
import { lookup } from "../contract/records.ts";
import { RELEASE_INDEX_FILE } from "../contract/layout.ts";
import type { ReleaseIndex } from "../contract/types.ts";
import type { FileFailure } from "./failure.ts";

/**
 * What a release index says against the documents beside it: it has to list exactly these, with these hashes.
 *
 * @param artifactName File name of the fleet artifact
 * @param documents SHA-256 in lower-case hex of each document of the release but the index, by path
 */
export function indexFailures(
  index: ReleaseIndex,
  artifactName: string,
  documents: ReadonlyMap<string, string>,
): FileFailure[] {
  const refuse = (path: string, message: string): FileFailure => ({ path, code: "wrong-index", message });
  const failures: FileFailure[] = [];
  if (index.artifact !== artifactName) {
    const message = `it is the index of a release whose fleet is named ${JSON.stringify(index.artifact)}`;
    failures.push(refuse(RELEASE_INDEX_FILE, message));
  }
  for (const [path, sha256] of documents) {
    const listed = lookup(index.files, path);
    if (listed === undefined) failures.push(refuse(path, "the release index does not list it"));
    else if (listed !== sha256) {
      failures.push(refuse(path, "its bytes are not those that the release index lists"));
    }
  }
  for (const path of Object.keys(index.files)) {
    if (!documents.has(path)) {
      failures.push(refuse(path, "the release index lists it, and it is no part of the release beside it"));
    }
  }
  return failures;
}
