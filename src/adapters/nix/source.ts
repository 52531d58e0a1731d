/**
 * Where the source of a flake is, found out before nix copies any of it.
 *
 * @module
 */
import { dirname, join, relative, resolve } from "@std/path";
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import { type LocalReference, localReference } from "../../plan/flake_reference.ts";
import type { FlakeSource } from "../../ports.ts";
import { gitContext } from "../git/context.ts";
import { findRepository } from "../git/repository.ts";
import { lastLines } from "../process.ts";
import type { NixContext } from "./context.ts";
import { parseShape, parseText } from "./output.ts";

/** What `builtins.fetchTree` is given: attributes, or a URL. */
export type Tree = string | Readonly<Record<string, unknown>>;

/** A flake's source, and how nix is told to fetch it without its inputs. */
export interface FetchableSource {
  readonly tree: Tree;
  /** The flake's directory in it; empty for its root. */
  readonly dir: string;
  /** Where it is; null when it is not on this machine. */
  readonly local: FlakeSource | null;
}

/**
 * Finds the source that a flake reference names. Nothing is fetched or copied.
 *
 * @returns null when there is no flake where the reference leads on this machine, which nix has words for
 * @throws {ReleaseError} of kind `evaluation` when nix cannot read the reference, and `git` when git refuses to look
 */
export async function findSource(nix: NixContext, reference: string): Promise<FetchableSource | null> {
  const local = localReference(reference);
  return local === undefined ? await remoteSource(nix, reference) : await localSource(nix, local);
}

async function localSource(
  { shell, env }: NixContext,
  { scheme, directory, query }: LocalReference,
): Promise<FetchableSource | null> {
  const asked = resolve(shell.cwd, directory);
  // Nix looks for the flake from here up, but only where it is given no URL.
  const flakeDir = await realPath(scheme === "found" ? await flakeAbove(asked) : asked);
  if (flakeDir === null) return null;
  const repository = scheme === "found" ? await findRepository(gitContext(shell, env), flakeDir) : null;
  const root = repository?.root ?? flakeDir;
  const dir = query.get("dir") ?? relative(root, flakeDir);
  if (scheme === "path" || (scheme === "found" && repository === null)) {
    return { tree: { type: "path", path: root }, dir, local: { root, inGit: false, revision: null } };
  }
  const revision = query.get("rev") ?? query.get("ref");
  const parameters = new URLSearchParams(query);
  parameters.delete("dir");
  // A shallow repository cannot be read otherwise; of any other, this leaves out the number of its commits.
  parameters.set("shallow", "1");
  const path = root.split("/").map(encodeURIComponent).join("/");
  return { tree: `git+file://${path}?${parameters}`, dir, local: { root, inGit: true, revision } };
}

/** The nearest directory, from here up to the root of a repository, that has a flake in it. */
async function flakeAbove(dir: string): Promise<string | null> {
  if (await realPath(join(dir, "flake.nix")) !== null) return dir;
  if (dir === dirname(dir) || await realPath(join(dir, ".git")) !== null) return null;
  return await flakeAbove(dirname(dir));
}

async function realPath(path: string | null): Promise<string | null> {
  try {
    return path === null ? null : await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return null;
    throw error;
  }
}

/** A registry with the one entry that {@linkcode remoteSource} puts into it. */
const REGISTRY = v.object({ flakes: v.tuple([v.object({ to: v.record(v.string(), v.unknown()) })]) });

/**
 * Has nix take a reference apart by putting it into a registry of our own: of all its commands that one alone reads any
 * reference and fetches none.
 */
async function remoteSource(
  { shell, nix, flags, env }: NixContext,
  reference: string,
): Promise<FetchableSource> {
  const temporary = await Deno.makeTempDir({
    prefix: "fleet-release-",
    ...(env["TMPDIR"] ? { dir: env["TMPDIR"] } : {}),
  });
  try {
    const registry = join(temporary, "registry.json");
    const argv = [nix, ...flags, "registry", "add", "--registry", registry, "fleet", reference];
    const result = await shell.run(argv, { env });
    if (result.code !== 0) throw unreadable(reference, result);
    const said = parseText(await Deno.readFile(registry), "nix registry add");
    const { dir = "", ...tree } = parseShape(REGISTRY, said, "nix registry add").flakes[0].to;
    return { tree, dir: String(dir), local: null };
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

/** The URL of a tree at a revision; undefined when nix knows none for its kind. */
export function urlAt(tree: Tree, rev: string): string | undefined {
  if (typeof tree === "string") return atRevision(tree, rev);
  const { type, url, owner, repo, ref, host, submodules } = tree;
  const more = Object.entries({ ref, submodules: submodules === true ? "1" : undefined, rev })
    .flatMap(([name, value]) => value === undefined ? [] : [[name, String(value)]]);
  if (type === "git") return `git+${url}${String(url).includes("?") ? "&" : "?"}${new URLSearchParams(more)}`;
  if (owner === undefined || repo === undefined) return undefined;
  const query = host === undefined ? "" : `?${new URLSearchParams({ host: String(host) })}`;
  return `${type}:${owner}/${repo}/${rev}${query}`;
}

function atRevision(url: string, rev: string): string {
  return /[?&]rev=/.test(url) ? url : `${url}${url.includes("?") ? "&" : "?"}rev=${rev}`;
}

/** The error for a flake that nix cannot read. */
export function unreadable(
  reference: string,
  { code, stderr }: { readonly code: number; readonly stderr: readonly string[] },
  hint?: string,
): ReleaseError {
  return new ReleaseError("evaluation", `Cannot read the flake "${reference}": nix exited with ${code}`, {
    lines: lastLines(stderr, 20),
    hint,
  });
}
