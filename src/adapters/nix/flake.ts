/**
 * Fixes a flake reference to what it means now.
 *
 * @module
 */
import { join } from "@std/path";
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import type { LockedFlake, OpenedFlake } from "../../model.ts";
import type { FlakeSource } from "../../ports.ts";
import { compareWithCommit, type OddLayout, oddLayout, uncommitted } from "../git/checkout.ts";
import { gitContext } from "../git/context.ts";
import { isShallow, resolveCommit } from "../git/repository.ts";
import { withParameters } from "../../plan/flake_reference.ts";
import type { LikelyFlake } from "./ahead.ts";
import type { NixContext } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { hashOf, type Memo } from "./memo.ts";
import { DECLARED, FETCH, LOCKED } from "./expressions.ts";
import { nixConfigOf, settingFlags } from "./nix_config.ts";
import { parseOutput, parseShape } from "./output.ts";
import { type FetchableSource, findSource, gitUrl, type Tree, unreadable, urlAt } from "./source.ts";

/**
 * Fixes a flake reference to what it means now. The source is fetched once, and all that is evaluated later is of that
 * copy, so that a change made meanwhile cannot mix two states.
 *
 * Nix looks at the inputs of a flake when it locks it, and copies each that is not locked into its store, for all to
 * read, whatever it is told (`--no-update-lock-file` refuses after that). So the source alone is fetched, and the inputs
 * are held against the lock file by an evaluation that fetches none.
 *
 * @throws {ReleaseError} of kind `evaluation` when nix cannot read it, an input is not locked, or nix prints what no
 * version that we know prints
 */
export async function lockFlake(
  nix: NixContext,
  reference: string,
  { memo, onRead }: LockOptions = {},
): Promise<LockedFlake> {
  return await lockSource(nix, reference, { source: await findSource(nix, reference), memo, onRead });
}

/** What is made of a flake that is locked. */
export interface LockOptions {
  /** What is known from earlier runs; undefined: nothing. */
  readonly memo?: Memo | undefined;
  /**
   * Told that nix has read the source; and of a commit on this machine that was not locked before, what the flake nearly
   * always is: as if it declared nothing of how it is fetched and evaluated, and git gave its files as they are in the
   * commit. Nobody knows yet whether that is so.
   */
  readonly onRead?: ((likely: LikelyFlake | undefined) => void) | undefined;
}

/** What is locked. */
interface ToLock extends LockOptions {
  readonly source: FetchableSource;
}

async function lockSource(
  nix: NixContext,
  reference: string,
  { source, memo, onRead }: ToLock,
): Promise<LockedFlake> {
  const known = memo && await knownSource(nix, source, memo);
  // What is kept is kept by that. There is time to ask while nix fetches, and none while it builds.
  if (known === undefined) memo?.identity().catch(() => {});
  const fetched = { source, copy: known?.copy ?? await fetchSource(nix, reference, source) };
  const revision = revisionOf(fetched);
  const isLikely = known === undefined && source.local?.inGit && revision !== null;
  onRead?.(isLikely ? likelyFlake(fetched, revision) : undefined);
  const [declared, checkout] = await Promise.all([
    known?.declared ?? readDeclarations(nix, reference, fetched),
    lookAtCheckout(nix, { ...fetched, revision }),
  ]);
  const isClean = !checkout.shallow && checkout.differing.length === 0;
  // What nix numbers its commits by may be another by now.
  if (known !== undefined && !isClean) return await lockSource(nix, reference, { source, onRead });
  const whole = asDeclared(source, declared.self);
  if (whole !== source) return await lockSource(nix, reference, { source: whole, memo, onRead });
  const opened = openedFlake(fetched, revision, checkout);
  const nixConfig = await nixConfigOf(nix, declared.nixConfig);
  const isOddPlace = opened.info !== null && source.dir !== "";
  if (known === undefined && (declared.inputs.length > 0 || isOddPlace)) {
    const locked = await evaluate(nix, LOCKED, opened.url, {
      options: [...settingFlags(nixConfig.used), ...PURE],
      source: fetched.copy.path,
    });
    if (locked.code !== 0) {
      throw unreadable(
        nix,
        reference,
        locked,
        hintsFor({ hasInputs: declared.inputs.length > 0, isOddPlace }),
      );
    }
  }
  const flake: LockedFlake = {
    reference,
    url: urlOf(fetched, revision) ?? opened.url,
    revision,
    dirty: isGit(source) && revision === null,
    localDir: source.local === null ? null : join(source.local.root, source.dir),
    storePath: fetched.copy.path,
    opened,
    nixConfig,
    differing: checkout.differing,
    repositoryUrl: isGit(source) ? repositoryUrl(source) : null,
  };
  if (memo !== undefined && revision !== null && opened.info === null && isClean) {
    // What nix has fetched from elsewhere may be known, too, though it is locked anew.
    memo.admit(flake, known !== undefined || typeof source.tree !== "string");
    if (known === undefined) keepSource(memo, source, { commit: revision, copy: fetched.copy, declared });
  }
  return flake;
}

function hintsFor({ hasInputs, isOddPlace }: { hasInputs: boolean; isOddPlace: boolean }): string {
  return [
    ...(isOddPlace
      ? ["older versions of nix cannot fix a changed tree in a sub-directory: commit the changes"]
      : []),
    ...(hasInputs
      ? ["an input that is not locked is refused: run `nix flake lock`, and commit flake.lock"]
      : []),
  ].join("; ");
}

/** What {@linkcode FETCH} gives. */
const COPY = v.object({
  path: v.string(),
  system: v.string(),
  readsWorkTree: v.boolean(),
  info: v.looseObject({
    narHash: v.string(),
    lastModified: v.optional(v.number()),
    rev: v.optional(v.string()),
    revCount: v.optional(v.number()),
  }),
});
/** A source in the store: where, and what the flake in it sees of where it comes from. */
type Copy = v.InferOutput<typeof COPY>;

/** What fetches, and has no code of a flake in it, may look where a flake may not. */
const UNRESTRICTED = ["--option", "pure-eval", "false", "--option", "restrict-eval", "false"];

/** Code of a flake sees nothing but what is locked, here as everywhere. */
const PURE = ["--option", "pure-eval", "true"];

async function fetchSource(
  nix: NixContext,
  reference: string,
  { tree, local }: FetchableSource,
): Promise<Copy> {
  const fetched = await evaluate(nix, FETCH, tree, { options: UNRESTRICTED });
  if (fetched.code === 0) return parseShape(COPY, fetched.value, "nix eval");
  throw unreadable(nix, reference, fetched, local?.inGit ? await unreadableBecause(nix, local) : undefined);
}

/** What keeps nix from reading a repository, or may; undefined: nothing that we know. */
async function unreadableBecause(
  nix: NixContext,
  { root, revision }: FlakeSource,
): Promise<string | undefined> {
  const git = gitContext(nix.shell, nix.env);
  const odd = await oddLayout(git, root);
  if (odd === "shallow" && revision !== null && await resolveCommit(git, root, revision) === null) {
    return "the repository is shallow, and lacks that commit: `git fetch --unshallow` brings all of them";
  }
  return odd === null ? undefined : ODD_LAYOUTS[odd];
}

/** What may keep nix from reading a repository that git reads. */
const ODD_LAYOUTS: Readonly<Record<OddLayout, string>> = {
  "bare": "the repository is bare: name the branch, as in git+file:///fleet.git?ref=main",
  "sha256":
    "the repository has SHA-256 object names, which many versions of nix cannot read; give it as path:DIR, " +
    "or use one with SHA-1",
  "shallow": "the repository is shallow: add shallow=1 to the reference, as in git+file:///fleet?shallow=1",
  "sparse-index": "the repository has a sparse index, which nix cannot read: " +
    "`git sparse-checkout reapply --no-sparse-index` expands it",
};

/** What {@linkcode DECLARED} gives. */
const DECLARATIONS = v.nullable(v.object({
  inputs: v.array(v.string()),
  nixConfig: v.unknown(),
  self: v.record(v.string(), v.unknown()),
}));

/** What is kept of a source, by the commit that it was at. */
const KEPT = v.object({
  sources: v.array(v.object({
    identity: v.string(),
    commit: v.string(),
    copy: COPY,
    declared: v.nonNullable(DECLARATIONS),
  })),
});
type KeptSource = v.InferOutput<typeof KEPT>["sources"][number];

/** Of one reference so many commits are kept. */
const MOST_COMMITS = 10;

function nameOf({ tree, dir }: FetchableSource): string {
  return `source-${hashOf([tree, dir])}`;
}

/** What `nix flake prefetch` prints. */
const PREFETCHED = v.object({
  hash: v.string(),
  storePath: v.string(),
  locked: v.optional(v.looseObject({ rev: v.optional(v.string()) })),
});

/** A source that was locked before, at the commit that it is at now, when nix reads the same from it. */
async function knownSource(
  nix: NixContext,
  source: FetchableSource,
  memo: Memo,
): Promise<KeptSource | undefined> {
  const { tree, local } = source;
  // What has been asked for once only, is not looked at any further.
  const sources = memo.read(nameOf(source), KEPT)?.sources;
  if (sources === undefined || typeof tree !== "string" || !local?.inGit) return undefined;
  const commit = local.revision === null && source.head !== undefined
    ? source.head
    : await resolveCommit(gitContext(nix.shell, nix.env), local.root, local.revision ?? "HEAD");
  const candidates = sources.filter((one) => one.commit === commit);
  if (candidates.length === 0) return undefined;
  const [identity, read] = await Promise.all([memo.identity(), prefetch(nix, tree)]);
  return candidates.find(({ identity: by, copy: { path, info, readsWorkTree } }) =>
    by === identity && path === read?.storePath && info.narHash === read.hash &&
    // What is staged makes a checkout one with changes, though all of its files are those of the commit.
    (!readsWorkTree || read.locked?.rev === commit)
  );
}

/** What nix reads from a source now. */
async function prefetch({ shell, nix, flags, env }: NixContext, url: string) {
  // It would look for the reference in registries, though it is no alias, and fetch them.
  const without = ["--option", "flake-registry", "/dev/null/none"];
  const result = await shell.run([nix, ...flags, ...without, "flake", "prefetch", "--json", url], { env });
  return result.code === 0
    ? parseShape(PREFETCHED, parseOutput(result, "nix flake prefetch"), "nix flake prefetch")
    : undefined;
}

function keepSource(memo: Memo, source: FetchableSource, found: Omit<KeptSource, "identity">): void {
  memo.later(async () => {
    const identity = await memo.identity();
    if (identity === undefined || typeof source.tree !== "string") return;
    const others = (memo.read(nameOf(source), KEPT)?.sources ?? []).filter((one) =>
      one.commit !== found.commit || one.identity !== identity
    );
    memo.write(nameOf(source), { sources: [{ identity, ...found }, ...others].slice(0, MOST_COMMITS) });
  });
}

/** A source that has been found, and its copy in the store. */
interface FetchedSource {
  readonly source: FetchableSource;
  readonly copy: Copy;
}

async function readDeclarations(nix: NixContext, reference: string, { source, copy }: FetchedSource) {
  const { path, info: { narHash } } = copy;
  const data = { path, narHash, dir: source.dir };
  const read = await evaluate(nix, DECLARED, data, { options: PURE, source: path });
  if (read.code !== 0) throw unreadable(nix, reference, read);
  const declared = parseShape(DECLARATIONS, read.value, "nix eval");
  if (declared !== null) return declared;
  const file = join(source.dir, "flake.nix");
  throw new ReleaseError(
    "evaluation",
    `Cannot read the flake "${reference}": there is no "${file}" in its source`,
    {
      hint: source.local?.inGit
        ? `nix sees what git tracks: if it is there, \`git add ${file}\` shows it to nix`
        : "name the directory of its flake.nix: with --build-flake the fleet's",
    },
  );
}

/** The source with what the flake says of how it is to be fetched, where the reference says nothing of that. */
function asDeclared(source: FetchableSource, self: Readonly<Record<string, unknown>>): FetchableSource {
  const { tree } = source;
  if (!isGit(source)) return source;
  const wanted = Object.keys(self).filter((name) => self[name] === true);
  const isSaid = (name: string) =>
    typeof tree === "string" ? new RegExp(`[?&]${name}=`).test(tree) : tree[name] !== undefined;
  const more = wanted.filter((name) => !isSaid(name));
  if (more.length === 0) return source;
  return {
    ...source,
    tree: typeof tree === "string"
      ? withParameters(tree, Object.fromEntries(more.map((name) => [name, "1"])))
      : { ...tree, ...Object.fromEntries(more.map((name) => [name, true])) },
  };
}

/** What git says of the checkout that nix has read. */
interface Checkout {
  /** Whether it lacks a part of its history. */
  readonly shallow: boolean;
  /** The files of it that are not what the commit has. */
  readonly differing: readonly string[];
}

async function lookAtCheckout(
  nix: NixContext,
  { source: { local }, copy, revision }: FetchedSource & { readonly revision: string | null },
): Promise<Checkout> {
  const git = gitContext(nix.shell, nix.env);
  if (!local?.inGit) return { shallow: false, differing: [] };
  // One that is asked for may not be here: nix may have it from when it was, or from elsewhere.
  const commit = local.revision === null && revision !== null
    ? revision
    : await resolveCommit(git, local.root, revision ?? "HEAD");
  if (commit === null) return { shallow: false, differing: [] };
  const where = { root: local.root, commit, copy: copy.path };
  if (revision === null) return { shallow: false, differing: await uncommitted(git, where) };
  const [shallow, { changed }] = await Promise.all([
    copy.readsWorkTree && isShallow(git, local.root),
    compareWithCommit(git, where),
  ]);
  // What a copy of a commit leaves out, attributes of that commit leave out.
  return { shallow, differing: changed };
}

/**
 * How a flake is opened so that it sees of itself what `nix build` shows it. By its commit, when that says all. By the
 * copy, when it is of no commit, or when nix has read a work tree, and would read the commit in another way: it numbers
 * the commits of a shallow checkout, takes files as git's filters have left them, and submodules as they are there.
 */
function openedFlake(fetched: FetchedSource, revision: string | null, checkout: Checkout): OpenedFlake {
  const { source, copy: { info, system, readsWorkTree } } = fetched;
  const byCommit = isGit(source) ? urlOf(fetched, revision) : undefined;
  const isOfWorkTree = readsWorkTree && source.local !== null && source.local.revision === null;
  const isOther = checkout.shallow || says(source.tree, "shallow") || says(source.tree, "submodules") ||
    checkout.differing.length > 0;
  if (byCommit !== undefined && !(isOfWorkTree && isOther)) return { url: byCommit, info: null, system };
  const url = snapshotUrl(fetched);
  return { url, info: isGit(source) ? info : null, system };
}

/** What a flake at a commit nearly always is. */
function likelyFlake(fetched: FetchedSource, revision: string): LikelyFlake {
  return {
    opened: openedFlake(fetched, revision, { shallow: false, differing: [] }),
    nixConfig: { used: [], passedOver: [] },
    storePath: fetched.copy.path,
  };
}

/** Whether a parameter of a git repository is on. */
function says(tree: Tree, name: "shallow" | "submodules"): boolean {
  return typeof tree === "string" ? new RegExp(`[?&]${name}=1(&|$)`).test(tree) : tree[name] === true;
}

/** Sources that nix checks a revision of: in any other reference (`path:`, a tarball) it only repeats what that says. */
const REVISIONED = /^(?:git|github|gitlab|sourcehut|hg)$/;

function typeOf({ tree }: FetchableSource): unknown {
  return typeof tree === "string" ? "git" : tree["type"];
}

function isGit(source: FetchableSource): boolean {
  return typeOf(source) === "git";
}

function revisionOf({ source, copy: { info } }: FetchedSource): string | null {
  return REVISIONED.test(String(typeOf(source))) ? info.rev ?? null : null;
}

/** The URL of a commit; undefined when there is none, or nix knows no URL for its kind of source. */
function urlOf({ source: { tree, dir } }: FetchedSource, revision: string | null): string | undefined {
  const url = revision === null ? undefined : urlAt(tree, revision);
  return url === undefined ? undefined : withDir(url, dir);
}

/** A reference to the flake's repository, of which a commit can be asked for. */
function repositoryUrl({ tree, dir }: FetchableSource): string {
  return withDir(typeof tree === "string" ? tree : gitUrl(tree), dir);
}

function withDir(url: string, dir: string): string {
  return withParameters(url, dir === "" ? {} : { dir });
}

/** The copy in the store, and as much of where it comes from as a URL of a copy can say. */
function snapshotUrl({ source: { dir }, copy: { path, info } }: FetchedSource): string {
  const { narHash, lastModified, rev, revCount } = info;
  const said = Object.entries({ lastModified, narHash, rev, revCount, dir: dir || undefined })
    .flatMap(([name, value]) => value === undefined ? [] : [[name, String(value)]]);
  return withParameters(`path:${path}`, Object.fromEntries(said));
}
