/**
 * Makes the objects of a commit: files, trees and the commit itself.
 *
 * @module
 */
import { crypto } from "@std/crypto";
import { join } from "@std/path";
import { ReleaseError } from "../../errors.ts";
import type { Identity, ReleaseFile } from "../../ports.ts";
import { DURABLE, expectGit, type GitContext } from "./context.ts";
import { identityEnv } from "./identity.ts";

/** A file that git has. */
export interface TreeEntry {
  /** Its object. */
  readonly id: string;
  /** Its path, relative to the root of the work tree. */
  readonly path: string;
}

/** What a commit is made of. */
export interface CommitParts {
  readonly tree: string;
  /** Null for the first commit. */
  readonly parent: string | null;
  readonly message: string;
  readonly identity: Identity;
  /** Whether git signs it, as it is configured. */
  readonly signed: boolean;
}

const encoder = new TextEncoder();

/**
 * Stores files of the work tree as they are, and checks that they have the bytes that were signed.
 *
 * @param directory The root of the work tree, and the release directory relative to it
 * @param files Their paths relative to the release directory, and their bytes
 * @returns the objects, in their order
 * @throws {ReleaseError} of kind `git` when a file cannot be stored, or has other bytes
 */
export async function storeFiles(
  git: GitContext,
  { root, prefix }: { readonly root: string; readonly prefix: string },
  files: readonly ReleaseFile[],
): Promise<TreeEntry[]> {
  const args = [...DURABLE, "hash-object", "-w", "--no-filters", "--stdin-paths"];
  // A name that begins with a quote would be read as quoted.
  const stdin = files.map(({ path }) => `./${join(prefix, path)}\n`).join("");
  const ids = (await expectGit(git, "store the release files", args, { cwd: root, stdin })).split("\n");
  return files.map(({ path, bytes }, index) => {
    const id = ids[index];
    if (id !== undefined && id === blobId(bytes, id.length)) return { id, path: join(prefix, path) };
    throw new ReleaseError("git", `Cannot commit "${path}": the file is not what was signed`, {
      hint: "something else wrote to the release directory during the run; run again",
    });
  });
}

/** The object id that git gives to these bytes: SHA-1, or SHA-256 where the repository's ids are that long. */
function blobId(bytes: Uint8Array<ArrayBuffer>, idLength: number): string {
  const header = encoder.encode(`blob ${bytes.length}\0`);
  const object = new Uint8Array(header.length + bytes.length);
  object.set(header);
  object.set(bytes, header.length);
  return new Uint8Array(crypto.subtle.digestSync(idLength === 64 ? "SHA-256" : "SHA-1", object)).toHex();
}

/**
 * The tree that has nothing in it, which git knows without storing it.
 *
 * @param root The root of the work tree
 * @throws {ReleaseError} of kind `git` when git fails
 */
export async function emptyTree(git: GitContext, root: string): Promise<string> {
  const args = ["hash-object", "-t", "tree", "--stdin"];
  return await expectGit(git, "name the empty tree", args, { cwd: root, stdin: "" });
}

/**
 * Makes a commit, which no branch names yet.
 *
 * @param root The root of the work tree
 * @returns the commit
 * @throws {ReleaseError} of kind `git` when git fails
 */
export async function makeCommit(
  git: GitContext,
  root: string,
  { tree, parent, message, identity, signed }: CommitParts,
): Promise<string> {
  return await expectGit(
    git,
    "make the commit",
    [...DURABLE, "commit-tree", ...(signed ? ["-S"] : []), tree, ...(parent === null ? [] : ["-p", parent])],
    { cwd: root, stdin: message, env: identityEnv(identity), asks: signed },
  );
}
