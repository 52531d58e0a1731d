/**
 * Fixes a flake reference to what it means now.
 *
 * @module
 */
import { resolve } from "@std/path";
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import type { LockedFlake } from "../../ports.ts";
import { lastLines } from "../process.ts";
import type { NixContext } from "./context.ts";
import { parseOutput, parseShape } from "./output.ts";

/** The part of `nix flake metadata --json` that both old and new versions print. */
const METADATA = v.object({
  url: v.string(),
  resolvedUrl: v.string(),
  path: v.string(),
  locked: v.object({
    type: v.string(),
    rev: v.optional(v.string()),
    narHash: v.optional(v.string()),
    lastModified: v.optional(v.number()),
    dir: v.optional(v.string()),
  }),
});
type FlakeMetadata = v.InferOutput<typeof METADATA>;

/**
 * Sources that nix checks a revision of. A `rev` in any other reference (`path:`, a tarball) is only repeated in the
 * locked metadata, whatever the source contains.
 */
const REVISIONED = ["git", "github", "gitlab", "sourcehut", "hg"];

/**
 * Fixes a flake reference to what it means now.
 *
 * @throws {ReleaseError} of kind `evaluation` when nix cannot read it, or prints what no version that we know prints
 */
export async function lockFlake(
  { shell, nix, flags, env }: NixContext,
  reference: string,
): Promise<LockedFlake> {
  const argv = [nix, ...flags, "flake", "metadata", "--json", "--no-write-lock-file", reference];
  const result = await shell.run(argv, { env });
  if (result.code !== 0) {
    throw new ReleaseError(
      "evaluation",
      `Cannot read the flake "${reference}": nix exited with ${result.code}`,
      { lines: lastLines(result.stderr, 20) },
    );
  }
  const metadata = parseOutput(result, "nix flake metadata");
  return lockedFlake(parseShape(METADATA, metadata, "nix flake metadata"), shell.cwd);
}

function lockedFlake({ url, resolvedUrl, path, locked }: FlakeMetadata, cwd: string): LockedFlake {
  const revision = REVISIONED.includes(locked.type) ? locked.rev ?? null : null;
  return {
    url: revision === null ? snapshotUrl(path, locked) : url,
    revision,
    dirty: locked.type === "git" && revision === null,
    localDir: localDirOf(resolvedUrl, cwd),
  };
}

/**
 * What nix copied into the store when it looked at a source without a commit. That copy is what all later calls
 * evaluate, so that an edit made during the run cannot mix two states.
 */
function snapshotUrl(path: string, { narHash, lastModified, dir }: FlakeMetadata["locked"]): string {
  const query = new URLSearchParams();
  if (lastModified !== undefined) query.set("lastModified", String(lastModified));
  if (narHash !== undefined) query.set("narHash", narHash);
  if (dir !== undefined) query.set("dir", dir);
  return `path:${path}?${query}`;
}

/** The directory of a flake on this machine; null for any other. */
function localDirOf(resolvedUrl: string, cwd: string): string | null {
  const local = /^(?:git\+file:\/\/|path:)([^?]*)(?:\?(.*))?$/.exec(resolvedUrl);
  if (local === null) return null;
  return resolve(cwd, decodeURIComponent(local[1]!), new URLSearchParams(local[2] ?? "").get("dir") ?? "");
}
