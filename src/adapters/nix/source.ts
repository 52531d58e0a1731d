/**
 * Where the source of a flake is, found out before nix copies any of it.
 *
 * @module
 */
import { dirname, join, relative, resolve } from "@std/path";
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import {
  type LocalReference,
  localReference,
  parseQuery,
  urlPath,
  withParameters,
} from "../../plan/flake_reference.ts";
import type { FlakeSource } from "../../ports.ts";
import { tempDirIn } from "../../world.ts";
import { gitContext } from "../git/context.ts";
import { findRepository, isBareRepository } from "../git/repository.ts";
import { MOST_SHOWN } from "../excerpts.ts";
import { lastSaid, text } from "../process.ts";
import { makeTemporaryDirectory } from "../temporary.ts";
import type { NixContext } from "./context.ts";
import { outputLines, parseShape, parseText } from "./output.ts";

/** What `builtins.fetchTree` is given: attributes, or a URL. */
export type Tree = string | Readonly<Record<string, unknown>>;

/** A flake's source, and how nix is told to fetch it without its inputs. */
export interface FetchableSource {
  readonly tree: Tree;
  /** The flake's directory in it; empty for its root. */
  readonly dir: string;
  /** Where it is; null when it is not on this machine. */
  readonly local: FlakeSource | null;
  /** The commit that is checked out there, where it was looked at. */
  readonly head?: string | null;
}

/**
 * Finds the source that a flake reference names, through the registries when it is an alias. Nothing is fetched or
 * copied, but for the registry that nix has from the network.
 *
 * @throws {ReleaseError} of kind `evaluation` when nix cannot read the reference or the registries, these do not say
 * what it stands for, or there is no flake where it leads on this machine, and `git` when git refuses to look
 */
export async function findSource(nix: NixContext, reference: string): Promise<FetchableSource> {
  return await sourceOf(nix, reference, []);
}

/** @param aliases What has led here through the registries */
async function sourceOf(
  nix: NixContext,
  reference: string,
  aliases: readonly string[],
): Promise<FetchableSource> {
  const local = localReference(reference);
  // Whether "%20" in a plain path is a space depends on the version of nix.
  const isPlain = local !== undefined && !(local.scheme === "path" && reference.includes("%"));
  if (isPlain) return await localSource(nix, reference, local);
  const { dir = "", ...tree } = await takeApart(nix, reference);
  if (tree["type"] !== "indirect") return await attributedSource(nix, reference, { tree, dir: String(dir) });
  if (aliases.includes(reference)) throw unresolved(reference, "the registries lead back to it");
  return await sourceOf(nix, await lookUp(nix, reference, { ...tree, dir }), [...aliases, reference]);
}

async function localSource(
  nix: NixContext,
  reference: string,
  { scheme, directory, query }: LocalReference,
): Promise<FetchableSource> {
  const { shell, env } = nix;
  const asked = resolve(shell.cwd, directory);
  // Nix looks for the flake from here up, but only where it is given no URL.
  const flakeDir = scheme === "found"
    ? await realPath(await realPath(asked) && await flakeAbove(asked))
    : await realDirectory(nix, asked);
  if (flakeDir === null) throw await noFlake(nix, reference, { scheme, asked });
  const repository = scheme === "found" ? await findRepository(gitContext(shell, env), flakeDir) : null;
  const root = repository?.root ?? flakeDir;
  const dir = query.get("dir") ?? relative(root, flakeDir);
  if (scheme === "path" || (scheme === "found" && repository === null)) {
    const tree = { ...attributesOf(query), type: "path", path: root };
    return { tree, dir, local: { root, inGit: false, revision: null } };
  }
  const revision = query.get("rev") ?? query.get("ref");
  const parameters = new URLSearchParams(query);
  parameters.delete("dir");
  // Nix reads a shallow repository only when it is told to, and tells itself where it looks for the flake.
  if (scheme === "found" && await realPath(join(root, ".git", "shallow")) !== null) {
    parameters.set("shallow", "1");
  }
  const tree = withParameters(`git+file://${urlPath(root)}`, parameters);
  return { tree, dir, local: { root, inGit: true, revision }, ...repository && { head: repository.head } };
}

/** What the reference of a plain directory says of where it comes from, which nix repeats to the flake. */
function attributesOf(query: URLSearchParams): Record<string, unknown> {
  return Object.fromEntries(
    [...query].filter(([name]) => name !== "dir")
      .map(([name, value]) => [name, /^(?:revCount|lastModified)$/.test(name) ? Number(value) : value]),
  );
}

/** The error for a place on this machine that has no flake. */
async function noFlake(
  nix: NixContext,
  reference: string,
  { scheme, asked }: { readonly scheme: LocalReference["scheme"]; readonly asked: string },
): Promise<ReleaseError> {
  const isThere = scheme === "found" && await realDirectory(nix, asked) !== null;
  const problem = isThere
    ? `there is no flake.nix in "${asked}", nor above it in its repository`
    : `there is no directory "${asked}"`;
  const isBare = isThere && await isBareRepository(gitContext(nix.shell, nix.env), asked);
  return new ReleaseError("evaluation", `Cannot read the flake "${reference}": ${problem}`, {
    hint: isBare
      ? `it is a bare git repository: give it as git+file://${asked}?ref=BRANCH`
      : "name the directory of its flake.nix, or the repository that has it at its root: with --build-flake the fleet's",
  });
}

/** The nearest directory, from here up to the root of a repository, that has a flake in it. */
export async function flakeAbove(dir: string): Promise<string | null> {
  if (await realPath(join(dir, "flake.nix")) !== null) return dir;
  if (dir === dirname(dir) || await realPath(join(dir, ".git")) !== null) return null;
  return await flakeAbove(dirname(dir));
}

/** A path without symbolic links; null when nothing is there. */
export async function realPath(path: string | null): Promise<string | null> {
  try {
    return path === null ? null : await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return null;
    throw error;
  }
}

/**
 * A directory without symbolic links; null when there is none that can be entered. By the shell: this process may not be
 * permitted to read what a registry leads to, and nix may.
 */
export async function realDirectory({ shell, env }: NixContext, path: string): Promise<string | null> {
  const argv = [shell.find("sh"), "-c", 'cd -- "$1" && pwd -P', "sh", path];
  const result = await shell.run(argv, { env });
  return result.code === 0 ? text(result) : null;
}

/** The source that nix has taken a reference apart into. */
async function attributedSource(
  nix: NixContext,
  reference: string,
  { tree, dir }: { readonly tree: Readonly<Record<string, unknown>>; readonly dir: string },
): Promise<FetchableSource> {
  const { type, url, rev, ref } = tree;
  if (type === "path") {
    const { type: _, path: directory, ...more } = tree;
    const query = new URLSearchParams(
      Object.entries({ ...more, ...(dir === "" ? {} : { dir }) })
        .map(([name, value]) => [name, String(value)]),
    );
    return await localSource(nix, reference, { scheme: "path", directory: String(directory), query });
  }
  const isFile = (type === "git" || type === "hg") && /^file:/i.test(String(url));
  const root = isFile ? await realDirectory(nix, decodeURIComponent(new URL(String(url)).pathname)) : null;
  if (root === null) return { tree, dir, local: null };
  // What Mercurial tracks is not looked at: every file beside it counts as copied.
  const revision = rev ?? ref;
  return {
    tree,
    dir,
    local: { root, inGit: type === "git", revision: revision === undefined ? null : String(revision) },
  };
}

const FORMS =
  "give the directory of the flake.nix, as in ./fleet, or a flake reference, as in github:OWNER/REPOSITORY";

/** A registry with the one entry that {@linkcode takeApart} puts into it. */
const REGISTRY = v.object({ flakes: v.tuple([v.object({ to: v.record(v.string(), v.unknown()) })]) });

/**
 * Has nix take a reference apart by putting it into a registry of our own: of all its commands that one alone reads any
 * reference and fetches none.
 */
async function takeApart(
  nix: NixContext,
  reference: string,
): Promise<Record<string, unknown>> {
  // What may stay of it goes with the next run, which says so if it cannot.
  await using temporary = await makeTemporaryDirectory(tempDirIn(nix.env), () => {});
  const registry = join(temporary.path, "registry.json");
  const argv = [nix.nix, ...nix.flags, "registry", "add", "--registry", registry, "fleet", reference];
  const result = await nix.shell.run(argv, { env: nix.env });
  if (result.code !== 0) throw unreadable(nix, reference, result, FORMS);
  const said = parseText(await Deno.readFile(registry), "nix registry add");
  return parseShape(REGISTRY, said, "nix registry add").flakes[0].to;
}

/**
 * The reference that an alias stands for in the registries: the first, as nix takes it. With a branch or a revision nix
 * passes over entries that are marked as exact, which it does not show, so that there has to be one entry alone.
 */
async function lookUp(
  nix: NixContext,
  reference: string,
  { id, ref, rev, dir }: Readonly<Record<string, unknown>>,
): Promise<string> {
  const result = await nix.shell.run([nix.nix, ...nix.flags, "registry", "list"], { env: nix.env });
  if (result.code !== 0) throw unreadable(nix, reference, result, hintOfAlias(reference));
  const alias = `flake:${id}`;
  const entries = outputLines(result)
    // Older versions of nix write a path as it is, with the spaces in it.
    .flatMap((line) => {
      const [, from = "", to = ""] = /^\S+\s+(\S+) (.*)$/.exec(line) ?? [];
      return from === alias || from.startsWith(`${alias}/`) ? [{ from, to }] : [];
    });
  const more = Object.entries({ ref, rev }).filter(([, value]) => value !== undefined);
  if (more.length > 0 && entries.length > 1) {
    throw unresolved(reference, `the registries have several entries for "${id}"`);
  }
  const whole = [alias, ...more.map(([, value]) => value)].join("/");
  const found = entries.find(({ from }) => from === alias || from === whole);
  if (found === undefined) throw unresolved(reference, `the registries have no entry for "${id}"`);
  const [location, query] = found.to.split("?", 2);
  const parameters = parseQuery(query ?? "");
  for (const [name, value] of found.from === whole ? [] : more) parameters.set(name, String(value));
  // A directory in the entry goes over one in the reference.
  if (dir !== "" && !parameters.has("dir")) parameters.set("dir", String(dir));
  return withParameters(location!, parameters);
}

function unresolved(reference: string, problem: string): ReleaseError {
  return new ReleaseError("evaluation", `Cannot read the flake "${reference}": ${problem}`, {
    hint: hintOfAlias(reference),
  });
}

function hintOfAlias(reference: string): string {
  return `"${reference}" is no directory here: give the path of one, or the reference that it stands for; ` +
    "`nix registry list` shows the registries";
}

/** The URL of a tree at a revision; undefined when nix knows none for its kind. */
export function urlAt(tree: Tree, rev: string): string | undefined {
  if (typeof tree === "string") return /[?&]rev=/.test(tree) ? tree : withParameters(tree, { rev });
  const { type, owner, repo, host } = tree;
  if (type === "git") return gitUrl({ ...tree, rev });
  if (owner === undefined || repo === undefined) return undefined;
  return withParameters(`${type}:${owner}/${repo}/${rev}`, host === undefined ? {} : { host: String(host) });
}

/** The URL of a git repository. How it is fetched (with submodules, say) is part of what it is. */
export function gitUrl({ type: _, url, narHash: __, ...more }: Readonly<Record<string, unknown>>): string {
  const parameters = Object.entries(more).map((
    [name, value],
  ) => [name, value === true ? "1" : String(value)]);
  // Of the schemes of git this one is read without the word before it alone.
  const prefix = /^git:/i.test(String(url)) ? "" : "git+";
  return withParameters(`${prefix}${url}`, Object.fromEntries(parameters));
}

/** The error for a flake that nix cannot read. */
export function unreadable(
  { shell }: NixContext,
  reference: string,
  { code, stderr }: { readonly code: number; readonly stderr: readonly string[] },
  hint?: string,
): ReleaseError {
  const title = `the flake ${reference}`;
  return new ReleaseError("evaluation", `Cannot read the flake "${reference}": nix exited with ${code}`, {
    lines: shell.excerpts.of({ title, lines: lastSaid(stderr, Infinity) }, MOST_SHOWN),
    hint,
  });
}
