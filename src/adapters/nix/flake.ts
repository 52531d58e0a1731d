/**
 * Fixes a flake reference to what it means now.
 *
 * @module
 */
import { resolve } from "@std/path";
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import type { LockedFlake } from "../../ports.ts";
import type { NixContext } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { FETCH, INPUTS, LOCKED } from "./expressions.ts";
import { parseOutput, parseShape } from "./output.ts";
import { type FetchableSource, findSource, unreadable, urlAt } from "./source.ts";

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
 * Fixes a flake reference to what it means now. Nix looks at the inputs of a flake when it does that, and copies each
 * that is not locked into its store, for all to read, whatever it is told (`--no-update-lock-file` refuses after that).
 * So the source alone is fetched before, and the inputs are held against the lock file by an evaluation that fetches
 * none.
 *
 * @throws {ReleaseError} of kind `evaluation` when nix cannot read it, an input is not locked, or nix prints what no
 * version that we know prints
 */
export async function lockFlake(nix: NixContext, reference: string): Promise<LockedFlake> {
  const source = await findSource(nix, reference);
  const narHash = source === null ? null : await checkLocked(nix, reference, source);
  const argv = [nix.nix, ...nix.flags, "flake", "metadata", "--json", "--no-write-lock-file", reference];
  const result = await nix.shell.run(argv, { env: nix.env });
  if (result.code !== 0) throw unreadable(reference, result);
  const metadata = parseShape(METADATA, parseOutput(result, "nix flake metadata"), "nix flake metadata");
  const found = metadata.locked.narHash;
  if (source === null || (found !== undefined && found !== narHash)) {
    throw new ReleaseError("evaluation", `Cannot read the flake "${reference}": it has changed meanwhile`, {
      hint: "run it again when nothing else writes to it; if the flake sets inputs.self.submodules, " +
        "give its reference with ?submodules=1",
    });
  }
  return lockedFlake(metadata, nix.shell.cwd);
}

/** What {@linkcode FETCH} gives. */
const FETCHED = v.object({ path: v.string(), narHash: v.string(), rev: v.nullable(v.string()) });

/** Refuses a flake with an input that is not locked. Gives the hash of its source. */
async function checkLocked(nix: NixContext, reference: string, source: FetchableSource): Promise<string> {
  const fetched = await evaluate(nix, FETCH, source.tree, UNRESTRICTED);
  if (fetched.code !== 0) throw unreadable(reference, fetched);
  const found = parseShape(FETCHED, fetched.value, "nix eval");
  const url = lockedUrl(source, found);
  const locked = await evaluate(nix, LOCKED, url, PURE);
  if (locked.code === 0) return found.narHash;
  const hints = [
    ...(source.dir !== "" && url.startsWith("path:")
      ? ["older versions of nix cannot fix a changed tree in a sub-directory: commit the changes"]
      : []),
    ...(await hasInputs(nix, { path: found.path, narHash: found.narHash, dir: source.dir })
      ? ["an input that is not locked is refused: run `nix flake lock`, and commit flake.lock"]
      : []),
  ];
  throw unreadable(reference, locked, hints.join("; ") || undefined);
}

/** What fetches, and has no code of a flake in it, may look where a flake may not. */
const UNRESTRICTED = ["--option", "pure-eval", "false", "--option", "restrict-eval", "false"];

/** Code of a flake sees nothing but what is locked, here as everywhere. */
const PURE = ["--option", "pure-eval", "true"];

/** Whether a fetched flake can be read, and has inputs, so that they may be what is wrong with it. */
async function hasInputs(
  nix: NixContext,
  flake: { readonly path: string; readonly narHash: string; readonly dir: string },
): Promise<boolean> {
  const { code, value } = await evaluate(nix, INPUTS, flake, PURE);
  return code === 0 && parseShape(v.array(v.string()), value, "nix eval").length > 0;
}

/** A URL of what has been fetched that a pure evaluation takes. */
function lockedUrl(
  { tree, dir }: FetchableSource,
  { path, narHash, rev }: v.InferOutput<typeof FETCHED>,
): string {
  // Of a copy in the store, older versions of nix cannot be told the directory that the flake is in.
  const committed = dir === "" || rev === null ? undefined : urlAt(tree, rev);
  const query = new URLSearchParams(dir === "" ? {} : { dir });
  return committed === undefined
    ? `path:${path}?${new URLSearchParams({ narHash })}${dir === "" ? "" : `&${query}`}`
    : `${committed}${committed.includes("?") ? "&" : "?"}${query}`;
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
