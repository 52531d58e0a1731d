/**
 * What a release run is told to do: types, defaults and the rules that hold between fields.
 *
 * @module
 */
import { nearest, ReleaseError } from "./errors.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "./contract/time.ts";
import type { SignatureAlgorithm, Timestamp } from "./contract/types.ts";

/** Which hosts to release: all that the flake has (without some), or exactly these in this order. */
export type HostsSpec =
  | { readonly kind: "auto"; readonly exclude: readonly string[] }
  | { readonly kind: "explicit"; readonly hosts: readonly string[] };

/** Where to push the release commit. */
export interface GitPushTarget {
  /** Name or URL of the remote. */
  readonly remote: string;
  /** Name of the branch, without `refs/heads/`. */
  readonly branch: string;
}

/** Everything that a release run is told. Paths are relative to the current directory. */
export interface ReleaseConfig {
  /** Which hosts to release. */
  readonly hosts: HostsSpec;
  /** Flake reference of the fleet. */
  readonly buildFlake: string;
  /** Attribute path of the fleet in the flake's outputs, `.#` in front or not. */
  readonly fleetResolvedAttr: string;
  /** Attribute path of the revocations; undefined: no such artifact. */
  readonly revocationsAttr: string | undefined;
  /** Attribute path of the bootstrap nonces; undefined: no such artifact. */
  readonly bootstrapNoncesAttr: string | undefined;
  /** Flake reference that pinned hosts are built from, at the pinned commit. */
  readonly pinSourceUrl: string | undefined;
  /** Shell command that pushes one closure; undefined: nothing is pushed. */
  readonly pushCmd: string | undefined;
  /** Shell command that signs one file. */
  readonly signCmd: string;
  /** The algorithm that `signCmd` signs with. */
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** Where the artifacts are written. */
  readonly releaseDir: string;
  /** File name of the fleet artifact. */
  readonly artifactName: string;
  /** Whether to commit the release files. */
  readonly gitCommit: boolean;
  /** Where to push the commit; undefined: nowhere. */
  readonly gitPush: GitPushTarget | undefined;
  /** Message of the commit, with `{sha:0:8}`, `{sha}` and `{ts}`. */
  readonly commitTemplate: string;
  /** Name of the commit's author; undefined: what git is configured with. */
  readonly gitUserName: string | undefined;
  /** Address of the commit's author; undefined: what git is configured with. */
  readonly gitUserEmail: string | undefined;
  /** Whether to read every signed artifact back before it is written. */
  readonly smokeVerify: boolean;
  /** Whether to keep the signatures on disk when nothing but the stamp would change. */
  readonly reuseUnchangedSignature: boolean;
  /** Whether to refuse a source that nix cannot lock to a commit. */
  readonly requireClean: boolean;
  /** Whether a disruption budget that consumers cannot understand is an error. */
  readonly strict: boolean;
  /** The signing time; undefined: the clock, cut to whole seconds. */
  readonly now: Timestamp | undefined;
  /** Settings for nix, as in `--option NAME VALUE`. */
  readonly nixOptions: readonly (readonly [name: string, value: string])[];
  /** Remote builders, as in nix's `--builders`. */
  readonly builders: string | undefined;
  /** How many derivations nix builds at once, as in nix's `--max-jobs`. */
  readonly maxJobs: string | undefined;
  /** How many processes evaluate hosts at once; undefined: one for each core. */
  readonly evalWorkers: number | undefined;
}

/** The two sidecars' file names, which the fleet artifact cannot have. */
export const REVOCATIONS_FILE = "revocations.json";
/** See {@linkcode REVOCATIONS_FILE}. */
export const BOOTSTRAP_NONCES_FILE = "bootstrap-nonces.json";

/** Algorithms that `--signature-algorithm` takes. */
export const SIGNATURE_ALGORITHMS: readonly SignatureAlgorithm[] = ["ed25519", "ecdsa-p256"];

/** What holds when nothing else is given. */
export const DEFAULTS: Omit<ReleaseConfig, "signCmd"> = {
  hosts: { kind: "auto", exclude: [] },
  buildFlake: ".",
  fleetResolvedAttr: ".#fleet.resolved",
  revocationsAttr: undefined,
  bootstrapNoncesAttr: undefined,
  pinSourceUrl: undefined,
  pushCmd: undefined,
  signatureAlgorithm: "ed25519",
  releaseDir: "releases",
  artifactName: "fleet.resolved.json",
  gitCommit: false,
  gitPush: undefined,
  // `[skip ci]` keeps the commit from starting the CI job that made it.
  commitTemplate: "chore(ci): release {sha:0:8} [skip ci]",
  gitUserName: undefined,
  gitUserEmail: undefined,
  smokeVerify: true,
  reuseUnchangedSignature: false,
  requireClean: false,
  strict: false,
  now: undefined,
  nixOptions: [],
  builders: undefined,
  maxJobs: undefined,
  evalWorkers: undefined,
};

/**
 * Fills in the defaults and checks the rules that hold between fields. Pure.
 *
 * @param settings What the user set; absent or undefined fields take their default
 * @returns the whole configuration; `gitPush` implies `gitCommit`
 * @throws {ReleaseError} of kind `usage`, naming the option
 *
 * @example
 * ```ts
 * import { validateConfig } from "./config.ts";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const config = validateConfig({ signCmd: "sign", gitPush: { remote: "origin", branch: "main" } });
 * assertEquals(config.gitCommit, true);
 * assertEquals(config.releaseDir, "releases");
 * assertThrows(() => validateConfig({}), Error, "--sign-cmd");
 * ```
 */
export function validateConfig(settings: Partial<ReleaseConfig>): ReleaseConfig {
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const merged: Omit<ReleaseConfig, "signCmd"> & { signCmd?: string } = { ...DEFAULTS, ...given };
  const { signCmd } = merged;
  if (signCmd === undefined || signCmd.trim() === "") {
    throw new ReleaseError("usage", "No way to sign: --sign-cmd is missing or empty", {
      hint:
        "give --sign-cmd COMMAND or set NIXFLEET_SIGN_CMD; the command reads $NIXFLEET_INPUT and writes 64 raw " +
        "bytes to $NIXFLEET_OUTPUT",
    });
  }
  if (!SIGNATURE_ALGORITHMS.includes(merged.signatureAlgorithm)) {
    const meant = nearest(merged.signatureAlgorithm, SIGNATURE_ALGORITHMS);
    throw new ReleaseError(
      "usage",
      `Unknown signature algorithm "${merged.signatureAlgorithm}": expected ${
        SIGNATURE_ALGORITHMS.join(" or ")
      }`,
      { hint: meant === undefined ? undefined : `did you mean "${meant}"?` },
    );
  }
  if (merged.hosts.kind === "explicit" && merged.hosts.hosts.length === 0) {
    throw new ReleaseError("usage", "No hosts to release: --hosts is empty", {
      hint: 'give names, or "auto" for all',
    });
  }
  checkArtifactName(merged.artifactName);
  if (merged.releaseDir.trim() === "") throw new ReleaseError("usage", "--release-dir is empty");
  if (merged.now !== undefined && parseTimestamp(merged.now) === undefined) {
    throw new ReleaseError("usage", `Cannot read --now "${merged.now}": expected ${TIMESTAMP_FORM}`);
  }
  for (const option of ["gitUserName", "gitUserEmail"] as const) {
    if (merged[option]?.trim() === "") {
      throw new ReleaseError("usage", `--git-user-${option === "gitUserName" ? "name" : "email"} is empty`);
    }
  }
  if (merged.evalWorkers !== undefined && !(Number.isInteger(merged.evalWorkers) && merged.evalWorkers > 0)) {
    throw new ReleaseError(
      "usage",
      `Cannot use --eval-workers ${merged.evalWorkers}: expected a whole number above 0`,
    );
  }
  return {
    ...merged,
    signCmd,
    now: merged.now === undefined ? undefined : parseTimestamp(merged.now),
    gitCommit: merged.gitCommit || merged.gitPush !== undefined,
  };
}

function checkArtifactName(name: string): void {
  const problem = name === ""
    ? "is empty"
    : name === "." || name === ".." || /[/\\]/.test(name)
    ? "is not a plain file name"
    // deno-lint-ignore no-control-regex
    : /[\x00-\x1f\x7f]/.test(name)
    ? "has a control character in it"
    : name.startsWith(".")
    ? "starts with a dot, as the program's own temporary files do"
    : name === REVOCATIONS_FILE || name === BOOTSTRAP_NONCES_FILE
    ? "is the name of a sidecar"
    : name === "rollouts"
    ? "is the name of the directory of the rollout manifests"
    : name.endsWith(".sig")
    ? "ends as a signature's name does"
    : undefined;
  if (problem !== undefined) {
    throw new ReleaseError("usage", `Cannot use --artifact-name "${name}": it ${problem}`, {
      hint: 'give a file name such as "fleet.resolved.json"',
    });
  }
}
