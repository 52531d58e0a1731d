/**
 * What a release is told to do: the fields, and the rules that hold within and between them. Their defaults are those
 * of the command's options.
 *
 * @module
 */
import { fleetNameProblem, LONGEST_NAME } from "./contract/layout.ts";
import { looksLikeKey } from "./secrets.ts";
import { nearest } from "./text.ts";
import { ReleaseError } from "./errors.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "./contract/time.ts";
import {
  isSignatureAlgorithm,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
  type Timestamp,
} from "./contract/types.ts";

/**
 * Which hosts to release: all that the flake has (without some), or exactly these in this order. In the place of a name
 * there may be a pattern such as `web-*`, `@tag` or `%channel`, and among `hosts` any of these behind a `!`.
 */
export type HostsSpec =
  | { readonly kind: "auto"; readonly exclude: readonly string[] }
  | { readonly kind: "explicit"; readonly hosts: readonly string[] };

/** Whether the command line is to say on standard input which hosts these are. */
export function asksStdin(spec: HostsSpec): boolean {
  return spec.kind === "explicit" && spec.hosts.length === 1 && spec.hosts[0] === "-";
}

/** Where to push the release commit. */
export interface GitPushTarget {
  /** Name or URL of the remote. */
  readonly remote: string;
  /**
   * Name of the branch, without `refs/heads/`; or the whole name of a reference below `refs/for/`, where Gerrit takes
   * commits that are to be reviewed.
   */
  readonly branch: string;
}

/** How a sign command writes a signature. */
export type SignatureEncoding = "raw" | "der";

/** Everything that a release run is told. Paths are relative to the current directory. */
export interface ReleaseConfig {
  /** Which hosts to release. */
  readonly hosts: HostsSpec;
  /** Flake reference of the fleet. */
  readonly buildFlake: string;
  /** Attribute of the flake with the fleet, as `PATH`, or `FLAKE#PATH` for another flake. */
  readonly fleetResolvedAttr: string;
  /** The same of the revocations; undefined: no such artifact. */
  readonly revocationsAttr: string | undefined;
  /** The same of the bootstrap nonces; undefined: no such artifact. */
  readonly bootstrapNoncesAttr: string | undefined;
  /** Flake reference that pinned hosts are built from, at the pinned commit. */
  readonly pinSourceUrl: string | undefined;
  /** Shell command that pushes one closure; undefined: nothing is pushed. */
  readonly pushCmd: string | undefined;
  /** Shell command that pushes all closures at once. At most one of `pushCmd` and `pushAllCmd` is given. */
  readonly pushAllCmd: string | undefined;
  /** How many closures are pushed at once. */
  readonly pushJobs: number;
  /** How often a push is tried again that fails. */
  readonly pushRetries: number;
  /** Whether closures are left out that the last release has, for the same host. */
  readonly pushChanged: boolean;
  /** Whether a closure is pushed as soon as it is built. */
  readonly pushEarly: boolean;
  /** Variables that hooks are given where the permission to read the environment names variables one by one. */
  readonly hookEnv: readonly string[];
  /** Seconds that a hook may take; undefined: no limit. */
  readonly hookTimeout: number | undefined;
  /** How many files `signCmd` signs at once. */
  readonly signJobs: number;
  /** Shell command that signs one file. One of `signCmd`, `signKey` and `signAgent` is given. */
  readonly signCmd: string | undefined;
  /**
   * File with the private key to sign with; `-` for standard input, `fd:N` for the pipe that descriptor N reads from, and
   * `env:NAME` for the variable that holds it.
   */
  readonly signKey: string | undefined;
  /** File with the public part of a key that the ssh-agent signs with. */
  readonly signAgent: string | undefined;
  /** The algorithm that signatures have; undefined: that of the key, or `ed25519` for a command. */
  readonly signatureAlgorithm: SignatureAlgorithm | undefined;
  /** How `signCmd` writes a signature: as 64 raw bytes, or as DER, which is converted. */
  readonly signatureEncoding: SignatureEncoding;
  /** File with the keys that consumers trust. At most one of `trustFile`, `trustAttr` and `publicKey` is given. */
  readonly trustFile: string | undefined;
  /** Attribute of the flake with the same, as above. */
  readonly trustAttr: string | undefined;
  /** The one key that consumers trust, as `ALGORITHM:BASE64`. */
  readonly publicKey: string | undefined;
  /** Whether signatures by the previous key are good enough. */
  readonly allowPreviousKey: boolean;
  /** Where the artifacts are written. */
  readonly releaseDir: string;
  /** File name of the fleet artifact. */
  readonly artifactName: string;
  /** Whether to write a release index, which lists the other files and binds them to each other. */
  readonly releaseIndex: boolean;
  /** Of how many releases rollout manifests are kept, that of the fleet beside them among them. */
  readonly keepReleases: number;
  /** Whether sidecars and an index of an earlier release, which this one does not have, are removed. */
  readonly pruneSidecars: boolean;
  /** Seconds to wait for another run on the release directory; undefined: none. */
  readonly waitLock: number | undefined;
  /** Whether to commit the release files. */
  readonly gitCommit: boolean;
  /** Where to push the commit; undefined: nowhere. */
  readonly gitPush: GitPushTarget | undefined;
  /** How often the push is tried again when the branch has moved meanwhile. */
  readonly gitPushRetries: number;
  /** Seconds that a remote may show no progress. */
  readonly gitTimeout: number;
  /** Whether the hooks of the repository, and of git's configuration, run when it commits and pushes. */
  readonly gitHooks: boolean;
  /** Whether git signs the commit, as it is configured to; undefined: `commit.gpgSign` of its configuration decides. */
  readonly gitSign: boolean | undefined;
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
  /**
   * Whether a release may be signed before the one that is there, or another at the same time, and a run for some hosts
   * keep what a release gives that is stale, or older than the committed one.
   */
  readonly allowOlder: boolean;
  /** Whether to refuse a source that nix cannot lock to a commit. */
  readonly requireClean: boolean;
  /** Whether a disruption budget that consumers cannot understand is an error. */
  readonly strict: boolean;
  /** Whether a warning that is known before anything is built is an error. */
  readonly denyWarnings: boolean;
  /** Whether somebody at the terminal is asked before anything is signed. */
  readonly confirm: boolean;
  /** The signing time; undefined: the clock, cut to whole seconds. */
  readonly now: Timestamp | undefined;
  /** Settings for nix, as in `--option NAME VALUE`. */
  readonly nixOptions: readonly (readonly [name: string, value: string])[];
  /** Whether nix goes by all that a flake sets for it in its `nixConfig`. At most one of this and the next is true. */
  readonly acceptFlakeConfig: boolean;
  /** Whether nix goes by none of it but what the operator has trusted before. */
  readonly noAcceptFlakeConfig: boolean;
  /** Remote builders, as in nix's `--builders`. */
  readonly builders: string | undefined;
  /** How many derivations nix builds at once, as in nix's `--max-jobs`. */
  readonly maxJobs: string | undefined;
  /** How many processes evaluate hosts at once; undefined: one for each core. */
  readonly evalWorkers: number | undefined;
  /** Whether what an earlier run has evaluated on the same commit is evaluated again, and nothing is kept for later ones. */
  readonly noMemo: boolean;
  /** MiB of memory that each of them may take; undefined: its share of what there is. */
  readonly evalMaxMemory: number | undefined;
  /** Seconds that evaluating the fleet may take, and then evaluating its hosts; undefined: no limit. */
  readonly evalTimeout: number | undefined;
  /** Seconds that building the hosts may take; undefined: no limit. */
  readonly buildTimeout: number | undefined;
}

/**
 * Checks the rules that hold within and between fields, and puts the time into its normal form. Pure.
 *
 * @returns the configuration; `gitPush` implies `gitCommit`
 * @throws {ReleaseError} of kind `usage`, naming the option
 */
export function checkConfig(config: ReleaseConfig): ReleaseConfig {
  checkSigner(config);
  checkTrust(config);
  return checkWithoutKeys(config);
}

/**
 * Checks the same of a configuration that nothing is signed by.
 *
 * @throws {ReleaseError} of kind `usage`, naming the option
 */
export function checkWithoutKeys(config: ReleaseConfig): ReleaseConfig {
  if (config.hosts.kind === "explicit" && config.hosts.hosts.length === 0) {
    throw new ReleaseError("usage", "No hosts to release: --hosts names none", {
      hint: 'give names with commas between them, or "auto" for all hosts of the flake',
    });
  }
  checkArtifactName(config.artifactName);
  if (config.acceptFlakeConfig && config.noAcceptFlakeConfig) {
    throw new ReleaseError(
      "usage",
      "Two answers about the flake's settings: --accept-flake-config and --no-accept-flake-config",
      { hint: "give one of them" },
    );
  }
  if (config.releaseDir.trim() === "") throw new ReleaseError("usage", "--release-dir is empty");
  for (const option of ["gitUserName", "gitUserEmail"] as const) {
    if (config[option]?.trim() === "") {
      throw new ReleaseError("usage", `--git-user-${option === "gitUserName" ? "name" : "email"} is empty`);
    }
  }
  checkNumbers(config);
  if (config.pushEarly && config.pushAllCmd !== undefined) {
    throw new ReleaseError(
      "usage",
      "--push-early with --push-all-cmd, which is run once, when all are built",
      {
        hint: "leave it out, or give the command that pushes one closure with --push-cmd",
      },
    );
  }
  const now = config.now === undefined ? undefined : parseTimestamp(config.now);
  if (now === undefined && config.now !== undefined) {
    throw new ReleaseError("usage", `Cannot read --now "${config.now}": expected ${TIMESTAMP_FORM}`);
  }
  if (config.commitTemplate.trim() === "") {
    throw new ReleaseError("usage", "--commit-template is blank: a commit has to have a message");
  }
  for (const [field, value] of Object.entries(config)) checkTexts(optionOf(field), value);
  const gitPush = config.gitPush && checkGitPush(config.gitPush);
  return { ...config, now, gitPush, gitCommit: config.gitCommit || gitPush !== undefined };
}

function checkNumbers(config: ReleaseConfig): void {
  for (
    const field of [
      "evalWorkers",
      "evalMaxMemory",
      "pushJobs",
      "signJobs",
      "keepReleases",
      "evalTimeout",
      "buildTimeout",
      "hookTimeout",
      "gitTimeout",
      "waitLock",
    ] as const
  ) {
    const value = config[field];
    if (value === undefined || (Number.isInteger(value) && value > 0)) continue;
    throw new ReleaseError(
      "usage",
      `Cannot use ${optionOf(field)} ${value}: expected a whole number above 0`,
    );
  }
  for (const field of ["gitPushRetries", "pushRetries"] as const) {
    const value = config[field];
    if (Number.isInteger(value) && value >= 0) continue;
    throw new ReleaseError(
      "usage",
      `Cannot use ${optionOf(field)} ${value}: expected a whole number, 0 or more`,
    );
  }
}

/** What becomes part of an argument or a variable of a process can hold no more than this, and no zero at all. */
const LONGEST_TEXT = 100_000;

/** The texts in a setting, which a settings file and the library can give as no command line could. */
function checkTexts(option: string, value: unknown): void {
  if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) checkTexts(option, part);
  }
  if (typeof value !== "string") return;
  if (value.includes("\0")) {
    throw new ReleaseError("usage", `Cannot use ${option}: it has a null character in it`);
  }
  const length = new TextEncoder().encode(value).length;
  if (length > LONGEST_TEXT) {
    throw new ReleaseError(
      "usage",
      `Cannot use ${option}: it has ${length} bytes, expected at most ${LONGEST_TEXT}`,
    );
  }
}

/** The option that sets a field. */
function optionOf(field: string): string {
  return field === "nixOptions"
    ? "--option"
    : `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Checks that there is one way to sign, and that what is said of it goes together.
 *
 * @throws {ReleaseError} of kind `usage`, naming the option
 */
export function checkSigner(config: ReleaseConfig): void {
  const { signCmd, signKey, signAgent, signatureAlgorithm, signatureEncoding } = config;
  const [way] = Object.entries({ "--sign-cmd": signCmd, "--sign-key": signKey, "--sign-agent": signAgent })
    .filter(([, value]) => value !== undefined);
  if (way === undefined || way[1]!.trim() === "") {
    const problem = way === undefined
      ? "none of --sign-key, --sign-agent and --sign-cmd is given"
      : `${way[0]} is empty`;
    throw new ReleaseError("usage", `No way to sign: ${problem}`, {
      hint: "`fleet-release keygen FILE` makes a key for --sign-key FILE; a --sign-cmd COMMAND, also from " +
        "NIXFLEET_SIGN_CMD, signs $NIXFLEET_INPUT into $NIXFLEET_OUTPUT, 64 raw bytes",
    });
  }
  if (signKey !== undefined) checkSignKey(signKey);
  if (signKey === "-" && asksStdin(config.hosts)) {
    throw new ReleaseError("usage", "Standard input for two: --hosts - and --sign-key -", {
      hint: 'give the key in another way, as in --sign-key fd:3 3< <(printf %s "$KEY")',
    });
  }
  if (signAgent !== undefined && looksLikeKey(signAgent)) {
    throw new ReleaseError(
      "usage",
      "--sign-agent is given a key, expected the name of a file with its public part",
    );
  }
  if (signatureAlgorithm !== undefined) checkSignatureAlgorithm(signatureAlgorithm);
  if (signatureEncoding === "der" && (signCmd === undefined || signatureAlgorithm !== "ecdsa-p256")) {
    throw new ReleaseError("usage", "--signature-encoding der is for a --sign-cmd that makes ecdsa-p256", {
      hint: "add --signature-algorithm ecdsa-p256, or leave it out",
    });
  }
}

/**
 * Checks the name of a signature algorithm.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export function checkSignatureAlgorithm(name: string): SignatureAlgorithm {
  if (isSignatureAlgorithm(name)) return name;
  const meant = nearest(name, SIGNATURE_ALGORITHMS);
  throw new ReleaseError(
    "usage",
    `Unknown signature algorithm "${name}": expected ${SIGNATURE_ALGORITHMS.join(" or ")}`,
    { hint: meant === undefined ? undefined : `did you mean "${meant}"?` },
  );
}

/** The descriptor that `--sign-key fd:N` names, and 0 for `-`; undefined: the key comes from elsewhere. */
export function signKeyDescriptor(signKey: string): number | undefined {
  if (signKey === "-") return 0;
  const [, number] = /^fd:(\d+)$/.exec(signKey) ?? [];
  return number === undefined ? undefined : Number(number);
}

/**
 * Checks that a signing key is a file's name, `-`, `fd:` and a number, or `env:` and a variable. What is wrong is not
 * repeated: it may be the key itself.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export function checkSignKey(signKey: string): string {
  const hint = "put the key into a variable, and give --sign-key env:NAME";
  if (signKey.startsWith("fd:") && !/^fd:(?:[3-9]|[1-9]\d{1,4})$/.test(signKey)) {
    throw new ReleaseError("usage", "--sign-key fd: is not followed by the number of a descriptor above 2", {
      hint: 'as in --sign-key fd:3 3< <(printf %s "$KEY"); standard input is --sign-key -',
    });
  }
  if (/^env:(?![A-Za-z_]\w*$)/.test(signKey)) {
    throw new ReleaseError("usage", "--sign-key env: is not followed by the name of a variable", { hint });
  }
  if (looksLikeKey(signKey)) {
    throw new ReleaseError("usage", "--sign-key is given a key, expected the name of its file", { hint });
  }
  return signKey;
}

/**
 * Checks that what is said of trusted keys goes together.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export function checkTrust({ trustFile, trustAttr, allowPreviousKey }: ReleaseConfig): void {
  if (!allowPreviousKey || trustFile !== undefined || trustAttr !== undefined) return;
  throw new ReleaseError("usage", "--allow-previous-key is given without keys of which one is the previous", {
    hint: "give --trust-file or --trust-attr",
  });
}

/**
 * Checks the file name of the fleet artifact.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export function checkArtifactName(name: string): void {
  const problem = fleetNameProblem(name);
  if (problem !== undefined) {
    throw new ReleaseError("usage", `Cannot use --artifact-name "${name}": it ${problem}`, {
      hint: 'give a file name such as "fleet.resolved.json"',
    });
  }
}

/** Reads `REMOTE:BRANCH`. The last colon divides them: URLs have colons too, and branches cannot. */
export function parseGitPush(text: string): GitPushTarget {
  const colon = text.lastIndexOf(":");
  if (colon === -1) throw refuseGitPush(text, "there is no colon in it");
  return checkGitPush({ remote: text.slice(0, colon), branch: text.slice(colon + 1) });
}

/** Where commits go that are to be reviewed: the one kind of reference beside branches that a release is pushed to. */
const FOR_REVIEW = "refs/for/";

/** Whether what is pushed there is to be reviewed, and no branch is moved. */
export function isForReview({ branch }: GitPushTarget): boolean {
  return branch.startsWith(FOR_REVIEW);
}

/** Checks where to push, and takes `refs/heads/` off. */
function checkGitPush({ remote, branch: given }: GitPushTarget): GitPushTarget {
  const branch = given.replace(/^refs\/heads\//, "");
  const text = `${remote}:${given}`;
  if (branch.startsWith("refs/") && !branch.startsWith(FOR_REVIEW)) {
    throw refuseGitPush(text, `"${branch}" is not the name of a branch`, {
      hint: 'give a branch, as in "origin:main", or what is reviewed first, as in "origin:refs/for/main"',
    });
  }
  const name = branch.startsWith(FOR_REVIEW) ? branch.slice(FOR_REVIEW.length) : branch;
  const problem = remote === ""
    ? "the remote is empty"
    : name === ""
    ? "the branch is empty"
    : remote.startsWith("-")
    ? "the remote begins with a dash"
    : !isBranchName(name)
    ? `"${branch}" is no branch name`
    : branch.endsWith(".git")
    ? "it looks like a URL without a branch"
    : undefined;
  if (problem !== undefined) throw refuseGitPush(text, problem);
  return { remote, branch };
}

function refuseGitPush(
  text: string,
  problem: string,
  { hint = 'expected REMOTE:BRANCH, as in "origin:main" or "git@host:org/fleet.git:main"' } = {},
): ReleaseError {
  return new ReleaseError("usage", `Cannot read --git-push "${text}": ${problem}`, { hint });
}

/** The rules of git-check-ref-format for what stands behind `refs/heads/`, and of `git branch`, which makes no `HEAD`. */
function isBranchName(name: string): boolean {
  // deno-lint-ignore no-control-regex
  return !/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.$|\/$|^[/-]/.test(name) && !["@", "HEAD"].includes(name) &&
    // Where it is changed there is a file with its name and `.lock`.
    name.split("/").every((part) =>
      !part.startsWith(".") && !part.endsWith(".lock") &&
      new TextEncoder().encode(part).length <= LONGEST_NAME - 5
    );
}
