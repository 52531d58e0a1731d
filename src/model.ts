/**
 * What goes through a run: the flake, hosts, artifacts, the stamp, warnings. Each stage adds to what it is given.
 *
 * @module
 */
import type { StorePath } from "./contract/store_path.ts";
import type { SignatureAlgorithm, Timestamp } from "./contract/types.ts";

/** A flake at one fixed state. */
export interface LockedFlake {
  /** The reference that it was locked by: what it is called in messages. */
  readonly reference: string;
  /** Flake reference that always means this state. */
  readonly url: string;
  /** The full commit, or null when nix cannot lock the source to one. */
  readonly revision: string | null;
  /** Whether the source is a git work tree with changes that are not committed. */
  readonly dirty: boolean;
  /** The flake's own directory, or null when it is not on this machine. */
  readonly localDir: string | null;
  /** Where its source is in nix's store. */
  readonly storePath: string;
  /** What every later evaluation is given. */
  readonly opened: OpenedFlake;
  /** What the flake sets in its `nixConfig`. */
  readonly nixConfig: NixConfig;
  /**
   * The files that nix has read in another way than the commit has them. With a revision, git has changed them when it
   * checked them out, as its filters do: LFS, say. Without one they are what has not been committed.
   */
  readonly differing: readonly string[];
  /** A reference of which a commit can be asked for; null: it is no git repository. */
  readonly repositoryUrl: string | null;
}

/** A locked flake, as evaluations are given it. */
export interface OpenedFlake {
  /** A reference that a pure evaluation takes. */
  readonly url: string;
  /** What the flake sees of its source, where that reference does not say all of it; else null. */
  readonly info: Readonly<Record<string, unknown>> | null;
  /** The system that nix runs on, as in `x86_64-linux`: what it looks up, it looks for there first. */
  readonly system: string;
}

/** What a flake sets in its `nixConfig`, by whether nix goes by it. */
export interface NixConfig {
  /** What nix goes by, as it would for `nix build`. */
  readonly used: readonly (readonly [name: string, value: string])[];
  /** The names of what it passes over, since nobody has trusted it. */
  readonly passedOver: readonly string[];
}

/** Which of the flake's attribute sets a host comes from. */
export type HostKind = "nixos" | "darwin";

/** A host of the flake. */
export interface HostRef {
  /** Name of the host. */
  readonly name: string;
  /** Which attribute set it is in. */
  readonly kind: HostKind;
}

/** A host, and the commit that it is built from. */
export interface PinnedHost extends HostRef {
  /** Its channel; null when the fleet does not know the host. */
  readonly channel: string | null;
  /** The commit that a pin holds it at; null when it is built from the source that is released. */
  readonly pinnedTo: string | null;
}

/** A host, and the flake that it is in at the commit that it is built from. */
export interface HostInFlake extends PinnedHost {
  readonly flake: LockedFlake;
}

/** A host, evaluated: what has to be built. */
export interface HostDerivation extends HostRef {
  readonly drvPath: string;
  readonly outPath: string;
  readonly outputName: string;
}

/** A host with its flake and its derivation: what has to be built. */
export interface DerivedHost extends HostInFlake, HostDerivation {}

/** A host, built. */
export interface BuiltHost extends DerivedHost {
  readonly storePath: StorePath;
  /** The base name of the store path, which consumers know it by. */
  readonly closureHash: string;
}

/** How a package differs between two closures, as nix tells it. */
export interface PackageChange {
  readonly name: string;
  /** Its versions and by how much its size differs, as far as they do: `1.0 → 1.1, +12.3 KiB`. */
  readonly change: string;
}

/** What is done for a host. */
export type HostWork = "evaluate" | "build" | "push";

/** The names in the flake's two attribute sets of hosts. */
export type HostNames = Readonly<Record<HostKind, readonly string[]>>;

/** One document of a release: where it goes, and its canonical bytes. */
export interface Artifact {
  /** Path relative to the release directory. */
  readonly path: string;
  /** The canonical bytes: what is signed and what is written. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the bytes, in lower-case hex. */
  readonly sha256: string;
  /** The rollout's id, when the artifact is a rollout manifest. */
  readonly rolloutId?: string;
}

/** An artifact with its signature. */
export interface SignedArtifact extends Artifact {
  /** 64 raw bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** The bytes that the signer had before it when it ended; undefined when the signature was kept from disk. */
  readonly signedInput?: Uint8Array<ArrayBuffer>;
}

/** What a release is stamped with; every document of one release has the same. */
export interface Stamp {
  /** The signing time. */
  readonly signedAt: Timestamp;
  /** The commit that is released; null outside git. */
  readonly ciCommit: string | null;
  /** What the signatures are made with. */
  readonly signatureAlgorithm: SignatureAlgorithm;
}

/** A key that has signed a release. */
export interface SigningKey {
  /** What consumers trust it as, as in `current`; null: nobody has said which keys they trust. */
  readonly slot: string | null;
  readonly algorithm: string;
  /** In base64. */
  readonly public: string;
}

/** Something that the user should know, and that did not stop the release. */
export interface Warning {
  /** A stable word for programs. */
  readonly code: string;
  /** One sentence for people. */
  readonly message: string;
  /** Path into the document that it is about. */
  readonly path?: string;
  /** The hosts that it is about, in their order, when it is about some of them. */
  readonly hosts?: readonly string[];
}

/** Something in a fleet that is probably not what its author meant. */
export interface Finding extends Warning {
  /** An error keeps hosts from what is meant for them, or the release from being made. */
  readonly severity: "error" | "warning";
  /** How to mend it, when that is known. */
  readonly hint?: string;
}

/** Takes warnings to where people and programs see them. */
export type Warn = (...warnings: readonly Warning[]) => void;

/** How something stands that a release needs; `unknown`: it cannot be told here and now. */
export type Health = "good" | "warning" | "bad" | "unknown";

/** What is found of something that a release needs. */
export interface Diagnosis {
  /** A stable word for what was looked at. */
  readonly check: string;
  readonly state: Health;
  /** One sentence for people. */
  readonly message: string;
  /** How to mend it; null: there is nothing to mend, or the message says it. */
  readonly mend: string | null;
  /** What others have said of it. */
  readonly lines: readonly string[];
}
