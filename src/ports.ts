/**
 * What the pipeline needs of the world. Interfaces only: src/adapters has the real ones.
 *
 * @module
 */
import type { GitPushTarget, HostsSpec } from "./config.ts";
import type { StorePath } from "./contract/store_path.ts";
import type { SignatureAlgorithm, Timestamp } from "./contract/types.ts";
import type { PublicKey } from "./crypto/signature.ts";
import type { ReleaseError } from "./errors.ts";
import type {
  DerivedHost,
  HostDerivation,
  HostInFlake,
  HostNames,
  HostWork,
  LockedFlake,
  PackageChange,
  Warn,
  Warning,
} from "./model.ts";

/** What a flake reference refers to. */
export interface FlakeReference {
  /** The reference as nix is given it. */
  readonly text: string;
  /** The directory that it is the path of, without symbolic links; null when it is no path of one that is there. */
  readonly directory: string | null;
}

/** A source on this machine that nix copies into its store, where everybody can read it. */
export interface FlakeSource {
  /** Its root, absolute, without symbolic links. */
  readonly root: string;
  /** Whether git says what is in it: then only what git tracks is copied, and else everything. */
  readonly inGit: boolean;
  /** The commit, tag or branch of which it is copied; null: what is in the work tree. */
  readonly revision: string | null;
}

/** What the first, cheap evaluation finds. */
export interface Inventory {
  /** The version of the nix that evaluates, as in `2.26.3`. */
  readonly nixVersion: string;
  readonly storeDir: string;
  readonly hosts: HostNames;
  /** By the key that was asked for; undefined when the flake has no such attribute. */
  readonly attributes: ReadonlyMap<string, unknown>;
}

/** What becomes of the work on a host: it begins, breaks off to begin again later, or has ended well. */
export type HostState = "started" | "stopped" | "done";

/**
 * Told what becomes of the work on a host. What is done without a start was nothing to do.
 *
 * @param since The clock's milliseconds when it began, where that is told later
 */
export type HostProgress = (host: string, state: HostState, since?: number) => void;

/** How far something of which there are many has come. */
export interface Tally {
  /** How many have ended well. */
  readonly done: number;
  /** How many have ended otherwise. */
  readonly failed: number;
  /** How many it will be, with those, as far as is known by now. */
  readonly expected: number;
}

/** What nix has come to with all that hosts need. */
export interface Builds {
  /** The derivations that are built here. */
  readonly derivations: Tally;
  /** How many of those that are done are hosts themselves of which nix has not said yet which they are. */
  readonly unnamed: number;
  /** The outputs that are fetched from where they are built already. */
  readonly fetched: Tally;
  /** The names of what is being built or fetched, as far as they are known. */
  readonly running: readonly string[];
}

/** Told how building comes on. */
export interface BuildProgress {
  readonly onHost: HostProgress;
  readonly onBuilds: (builds: Builds) => void;
}

/** What an evaluation is asked for. */
export interface AskedOfFlake {
  /** Paths of attributes by keys of the caller's own, of which `fleet` says which hosts have pins. */
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  /** Which hosts are going to be evaluated. */
  readonly hosts: HostsSpec;
}

/** The nix commands of a run. */
export interface Nix {
  /** What a flake reference refers to: the directory of that path, when it is there, or what nix takes it for. */
  referTo(text: string): Promise<FlakeReference>;
  /**
   * The source that a flake reference names, of which nothing is copied yet, with the flake's directory in it, empty for
   * its root; null when it is not on this machine.
   */
  locate(reference: string): Promise<FlakeSource & { readonly dir: string } | null>;
  /**
   * Fixes a flake reference to what it means now.
   *
   * @param likely What is going to be asked of it, most likely, with which its evaluation may begin meanwhile
   */
  lock(reference: string, likely?: AskedOfFlake): Promise<LockedFlake>;
  /** Evaluates the attributes at the given paths, and gives those that the flake has by the keys of the paths. */
  attributes(
    flake: LockedFlake,
    attributes: ReadonlyMap<string, readonly string[]>,
    warn: Warn,
  ): Promise<ReadonlyMap<string, unknown>>;
  /**
   * Evaluates the host names and the attributes at the given paths, and may go on with the hosts that are going to be
   * asked for, until they are. What the flake warns of goes to `warn`.
   */
  inventory(
    flake: LockedFlake,
    attributes: ReadonlyMap<string, readonly string[]>,
    options: { warn: Warn; hosts: HostsSpec },
  ): Promise<Inventory>;
  /** Evaluates hosts of several flakes, in any order, and tells of each; fails with all that do not evaluate. */
  evaluateHosts(
    hosts: readonly HostInFlake[],
    options: {
      progress: HostProgress;
      warn: Warn;
      onDerived: (host: HostInFlake, derivation: HostDerivation) => void;
    },
  ): Promise<void>;
  /**
   * Builds everything, as it comes in, tells of each that is built, in any order, and keeps all of it from garbage
   * collection until the run ends.
   */
  build(
    derived: AsyncIterable<DerivedHost>,
    options: {
      /** All that may come: what their flakes set for nix holds for each build. */
      hosts: readonly HostInFlake[];
      storeDir: string;
      progress: BuildProgress;
      onBuilt: (host: DerivedHost, path: StorePath) => void;
    },
  ): Promise<void>;
  /**
   * What hosts are built as, by their names and by what their derivations say; those of which only a build tells it are
   * left out. Keeps the derivations from garbage collection until the run ends.
   */
  outputsOf(hosts: readonly DerivedHost[]): Promise<ReadonlyMap<string, string>>;
  /** Of these paths those that are in the store, and keeps them from garbage collection until the run ends. */
  present(paths: readonly StorePath[]): Promise<ReadonlySet<string>>;
  /** The packages that differ between two closures, which are both in the store. */
  diffClosures(before: StorePath, after: StorePath): Promise<readonly PackageChange[]>;
}

/** A git repository with the flake in it. */
export interface Repository {
  /** The root of the work tree, without symbolic links. */
  readonly root: string;
  /** The commit that HEAD names; null on an unborn branch. */
  readonly head: string | null;
}

/** A file of the release. */
export interface ReleaseFile {
  /** Path relative to the release directory. */
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The name and address that a commit is made with; undefined: what git is configured with. */
export interface Identity {
  readonly name: string | undefined;
  readonly email: string | undefined;
}

/** What a release commit is made on. */
export interface CommitBase {
  /** Its parent; null: it has none. */
  readonly parent: string | null;
  /** Whether what is checked out moves to the commit. */
  readonly moves: boolean;
  /** Whether the files go into the user's index, too. */
  readonly stages: boolean;
}

/**
 * How the branch of a remote stands to a commit: it is there, it can be moved there without losing anything (or is not
 * there yet), or has commits that this one lacks.
 */
export type Standing = "same" | "behind" | "apart";

/**
 * What HEAD names: a branch of this name, or that tracks one of this name; no branch but a commit; a branch that no remote is
 * known to have; or another branch.
 */
export type HeadOn = "branch" | "commit" | "unknown" | "other";

/** What became of a push: `moved` when the branch has got other commits meanwhile. */
export type PushResult = "pushed" | "moved";

/** The git commands of a run. */
export interface Git {
  /** The repository that a directory lies in, or null outside git. */
  repositoryOf(dir: string): Promise<Repository | null>;
  /** The full commit that a short commit, a tag or a branch names, or null. */
  resolveCommit(repository: Repository, name: string): Promise<string | null>;
  /** The commit that a name means which can mean no other; an error of kind `git` when it names none, or several. */
  findCommit(repository: Repository, revision: string): Promise<string>;
  /** Whether git tracks a path (relative to the root), in a commit, tag or branch, or in the work tree. */
  tracks(repository: Repository, path: string, revision: string | null): Promise<boolean>;
  /** What git tracks and the work tree or the index has otherwise than a commit, by its paths from the root. */
  changedFiles(repository: Repository, commit: string): Promise<readonly string[]>;
  /** The files below a directory (relative to the root) that git neither tracks nor ignores. */
  untracked(repository: Repository, dir: string): Promise<string[]>;
  /** The submodules in that directory, by their paths from the root. */
  submodules(repository: Repository, dir: string): Promise<string[]>;
  /** Of these paths (relative to the root), the first that git ignores, or null. */
  firstIgnored(repository: Repository, paths: readonly string[]): Promise<string | null>;
  /** Of these paths (relative to the root), the first that git never tracks, such as what is in `.git`, or null. */
  firstUntrackable(repository: Repository, paths: readonly string[]): Promise<string | null>;
  /** Of these paths (relative to the root), the first of which a checkout of a commit may have other bytes, or null. */
  firstChanged(repository: Repository, commit: string, paths: readonly string[]): Promise<string | null>;
  /** The bytes of regular files (their paths relative to the root) in a commit, of those that it has, by their paths. */
  readCommitted(
    repository: Repository,
    commit: string,
    paths: readonly string[],
  ): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>>;
  /** The manifests, and their signatures, that a commit has in a directory (relative to the root), by path from there. */
  committedManifests(
    repository: Repository,
    commit: string,
    dir: string,
  ): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>>;
  /** The documents and signatures of a release directory (relative to the root) in a commit, by path from there. */
  committedRelease(
    repository: Repository,
    release: { commit: string; dir: string; artifactName: string },
  ): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>>;
  /** The names of what a commit has in a directory (relative to the root), but not below it. */
  namesIn(repository: Repository, commit: string, dir: string): Promise<readonly string[]>;
  /** When a commit was made, as it says itself. */
  committedAt(repository: Repository, commit: string): Promise<Timestamp>;
  /** The parent of a commit that has one and changes nothing but a directory (relative to the root), or null. */
  onlyChange(repository: Repository, commit: string, dir: string): Promise<string | null>;
  /** The branch that HEAD names, or null when it names a commit. */
  branchOf(repository: Repository): Promise<string | null>;
  /** How HEAD stands to the branch of a remote. */
  headOn(repository: Repository, branch: string): Promise<HeadOn>;
  /**
   * How the branch stands to a commit (null: there is none yet), on top of which something is to be pushed. Fails when
   * the remote cannot be reached.
   */
  checkPush(repository: Repository, commit: string | null, target: GitPushTarget): Promise<Standing>;
  /** The commit that the branch of a remote is at, of which nothing is fetched; null when there is no such branch. */
  tipOf(repository: Repository, target: GitPushTarget): Promise<string | null>;
  /**
   * The commit that the branch is at, with all that a release on top of it needs, in a directory that is relative to the
   * root; null when there is no such branch.
   */
  fetchTip(repository: Repository, target: GitPushTarget, dir: string): Promise<string | null>;
  /** Whether a commit has another one in its history, as far as the clone goes, or is the same. */
  hasInHistory(repository: Repository, commit: string, ancestor: string): Promise<boolean>;
  /** Whether a branch of a remote has a commit, as far as the clone has been told. */
  isOnRemote(repository: Repository, commit: string): Promise<boolean>;
  /** Whether another commit comes before or after one; null when that is not so, or a remote cannot tell either. */
  orderOf(
    repository: Repository,
    remote: string,
    commits: { commit: string; other: string },
  ): Promise<"before" | "after" | null>;
  /** Fails when git has no name and address to commit with. */
  checkIdentity(repository: Repository, identity: Identity): Promise<void>;
  /** Fails when commits are to be signed and git cannot. */
  checkSigning(repository: Repository, identity: Identity): Promise<void>;
  /**
   * Commits exactly these files, as they are on disk, what is `beside` them, which is written where it is not there, and
   * that others are gone: what is said to be removed, whether it is there or not, and the manifests and sidecars that the
   * release directory lacks. When it fails, neither the branch nor the user's index is another.
   *
   * @returns the commit, or null when it would change nothing
   */
  commit(repository: Repository, options: {
    releaseDir: string;
    files: readonly ReleaseFile[];
    beside: readonly ReleaseFile[];
    removed: readonly string[];
    message: string;
    identity: Identity;
    on: CommitBase;
  }): Promise<string | null>;
  /** Whether two commits have the same in a directory (relative to the root). */
  sameIn(repository: Repository, dir: string, commits: readonly [string, string]): Promise<boolean>;
  /** Moves what is checked out from one commit back to another, and leaves the index and the files. */
  takeBack(repository: Repository, from: string, to: string): Promise<void>;
  /** Pushes a commit to a branch of a remote. */
  push(repository: Repository, commit: string, target: GitPushTarget): Promise<PushResult>;
}

/** The operator's own commands. */
export interface Hooks {
  /** Pushes one closure to where the machines fetch it; gives how that failed, or null. */
  push(
    command: string,
    closure: { host: string; storePath: StorePath; closureHash: string },
  ): Promise<PushFailure | null>;
  /** Pushes closures there, all at once. */
  pushAll(command: string, paths: readonly StorePath[]): Promise<PushFailure | null>;
}

/** A push that failed. */
export interface PushFailure {
  readonly error: ReleaseError;
  /** Whether another try may go better: the command could be run. */
  readonly mayPass: boolean;
}

/** What signs the artifacts: a key of our own, the ssh-agent, or the operator's command. */
export interface ArtifactSigner {
  /** The algorithm that the artifacts declare. */
  readonly algorithm: SignatureAlgorithm;
  /** The key that it signs with; null when only a command knows it. */
  readonly publicKey: PublicKey | null;
  /** What the user should know of it. */
  readonly warnings: readonly Warning[];
  /**
   * Signs the bytes of one artifact.
   *
   * @returns the 64 raw bytes of the signature, and the bytes that the signer had before it when it ended
   */
  sign(artifact: { path: string; bytes: Uint8Array<ArrayBuffer> }): Promise<Signed>;
}

/** What a signer leaves behind. */
export interface Signed {
  readonly signature: Uint8Array<ArrayBuffer>;
  readonly input: Uint8Array<ArrayBuffer>;
}

/** Files that the user names. */
export interface Inputs {
  /** Reads a small file whole, or the pipe that the user names in its place. */
  read(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Who may do what with a file, as in chmod; null where the system has no such thing. */
  mode(path: string): Promise<number | null>;
  /** Where a file really is, absolute and without symbolic links; null when it is no file of a directory, but a pipe. */
  realPath(path: string): Promise<string | null>;
}

/**
 * What became of a publication that had begun: every file has its place, or what was there before is back; or it is
 * left as it is, since others have changed the files or taken away what is needed.
 */
export type Recovery = "finished" | "taken-back" | "left";

/** What a publication has come to, by path. */
export interface Published {
  /** The files that were not there already with their bytes. */
  readonly written: readonly string[];
  /** What was to go and is gone. */
  readonly removed: readonly string[];
  /** What could not be taken away, and why: the files are published all the same. */
  readonly stuck: ReadonlyMap<string, ReleaseError>;
}

/** A directory that has a release, or is to have one. */
export interface ReadableReleaseDir {
  /** The directory, absolute, where it really is. */
  readonly path: string;
  /** Its path without symbolic links, and that of the nearest directory on the way to it that exists. */
  realPath(): Promise<{ path: string; existing: string }>;
  /** The bytes of a regular file, or null when nothing is there; an error of kind `contract` when no release has such. */
  read(path: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Whether something is there, whatever it is. */
  has(path: string): Promise<boolean>;
}

/** The directory that the release is written to. */
export interface ReleaseDir extends ReadableReleaseDir {
  /**
   * What is under the names of manifests and their signatures, by path: the bytes, or null for what is no file that a
   * release could have. When they come to more than `verify` reads, the rest is not among them.
   */
  manifests(): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer> | null>>;
  /** JSON beside the fleet that is no document of its release and has a signature, with that, by path, as `manifests`. */
  signedStrangers(artifactName: string): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer> | null>>;
  /** The paths of files under names that no document of a release has. */
  strangers(artifactName: string): Promise<readonly string[]>;
  /**
   * Finishes or takes back the publication of a run that ended in it, and removes what else such runs left here.
   *
   * @returns what was done; null: there was no such publication
   */
  recover(): Promise<Recovery | null>;
  /**
   * Puts a set of files in their places as one step, in this order, so that a reader who finds the last one finds all of
   * them, and then takes away what is of no use beside them. An error leaves what was there before.
   *
   * @param outdated The paths of manifests and sidecars, of which some may be gone already
   */
  publish(files: readonly ReleaseFile[], outdated?: readonly string[]): Promise<Published>;
}

/** What people and programs see of a run while it goes on. Several stages may run at the same time. */
export interface Log {
  /** A stage begins. */
  start(stage: Stage): void;
  /** A stage has ended well. */
  end(stage: Stage, result: string, seconds: number): void;
  /** A stage has failed, and others are running, which go on; what the run fails with says all of it at the end. */
  fail(stage: Stage, message: string, seconds: number): void;
  /** Something happened to a host, on which the stage of that name works; so many seconds of work it has taken by now. */
  host(work: HostWork, name: string, state: HostState, seconds: number): void;
  /** How far the builds have come that the stage `build` waits for. */
  builds(builds: Builds): void;
  /** Something that the user should know. */
  warn(warning: Warning): void;
}

/** A stage of the pipeline: its stable name, and what it is doing in words. */
export interface Stage {
  /** Stable name, for programs. */
  readonly name: string;
  /** As in `Building 9 hosts`. */
  readonly title: string;
  /** How many hosts it works on; undefined: it is at none. */
  readonly hosts?: number | undefined;
}

/** Time. */
export interface Clock {
  /** The present. */
  now(): Temporal.Instant;
  /** Milliseconds from some fixed point, never going back. */
  monotonic(): number;
}

/** What looking at a flake needs of the world: nothing is signed, written or pushed. */
export interface LookingPorts {
  readonly nix: Nix;
  readonly git: Git;
  readonly inputs: Inputs;
  readonly log: Log;
  readonly clock: Clock;
}

/** What looking at what a release would change needs, too. */
export interface PlanningPorts extends LookingPorts {
  readonly releaseDir: ReadableReleaseDir;
  /** Another directory with a release, at a path as the user gives it. It need not exist. */
  readonly directory: (path: string) => ReadableReleaseDir;
}

/** Everything that the pipeline needs of the world. */
export interface Ports extends LookingPorts {
  readonly hooks: Hooks;
  readonly signer: ArtifactSigner;
  readonly releaseDir: ReleaseDir;
  /** Asks whoever sits at the terminal, and gives the line that is answered; null: there is none any more. */
  readonly ask: (question: string) => Promise<string | null>;
  /** Waits for so many milliseconds. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** What nix is and does on a machine, as it says itself. */
export interface NixFacts {
  readonly storeDir: string;
  /** The functions that evaluations of a release call, of those that it has not. */
  readonly lacks: readonly string[];
  /** Its setting `store`, as in `auto`. */
  readonly store: string;
  /** Its setting `builders`. */
  readonly builders: string;
  /** Its setting `build-users-group`: the group whose users builds run as, where root builds; empty: as root. */
  readonly buildUsers: string;
}

/** What a release needs of the machine that it is made on, and finds out when it is at it. Nothing of it changes anything. */
export interface Machine {
  /** Where nix is, and the version that it says. */
  nixVersion(): Promise<{ path: string; version: string }>;
  nixFacts(): Promise<NixFacts>;
  /** Connects to a store as nix does (by default its own); gives what nix says when it cannot, or null. */
  openStore(url?: string): Promise<readonly string[] | null>;
  /** Whether nix would write to this directory of a store itself, and cannot. */
  isStoreClosed(storeDir: string): Promise<boolean>;
  /** Whether nix would build by itself here as users of this group, and there are none. */
  lacksBuildUsers(group: string): Promise<boolean>;
  /** The text of a file, or null when it cannot be read. */
  textOf(path: string): Promise<string | null>;
  /**
   * Finds out what is in the way of the page of `--report`, as far as it shows without a trial.
   *
   * @throws {ReleaseError} as a release would
   */
  checkReport(file: string): void;
  /** Whether a directory can be written. */
  canWrite(dir: string): Promise<boolean>;
  /** How many bytes are free where a directory is; null: nothing tells. */
  freeIn(dir: string): Promise<number | null>;
  /** How many bytes of memory may be taken still; null: nothing tells. */
  freeMemory(): Promise<number | null>;
  /** Of these programs those that hooks would not find. */
  missing(programs: readonly string[]): Promise<readonly string[]>;
  /** Whether a shell can read a command. */
  canParse(command: string): Promise<boolean>;
  /** Whether hooks get a variable. */
  isSet(variable: string): boolean;
  /** Which process has the release directory for itself, as far as its lock says so; undefined: none. */
  holder(): Promise<{ readonly pid?: number; readonly since?: string } | undefined>;
  /** The release in the release directory, and whether a publication has begun there that has not ended. */
  release(): Promise<
    { readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>; readonly interrupted: boolean }
  >;
  /** The directories of git that a commit changes; none outside of git. */
  readonly gitDirs: readonly string[];
}

/** A part of the world, or why it cannot be had. */
export type Part<T> = { readonly there: T } | { readonly problem: unknown };

/** The parts of a run's world that may be missing. */
export interface Parts {
  /** The temporary directory of the run. */
  readonly temporary: Part<string>;
  readonly nix: Part<Nix>;
  readonly git: Part<Git>;
  readonly signer: Part<ArtifactSigner>;
  readonly releaseDir: Part<ReleaseDir>;
}
