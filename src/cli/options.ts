/**
 * The one table of options, a list for each command. Parsing, `--help`, the README's table and the permissions are
 * made from it.
 *
 * @module
 */
import { DEFAULTS } from "../config.ts";

/** A group of options in `--help`. */
export type OptionGroup =
  | "What to release"
  | "Hooks"
  | "Signing"
  | "Where to"
  | "Git"
  | "Trust"
  | "Safety"
  | "Nix"
  | "What to verify"
  | "Key"
  | "Output";

/** An option of the command line. */
export interface Option {
  /** Long name, without the dashes. */
  readonly flag: string;
  /** One letter, without the dash. */
  readonly short?: string;
  readonly group: OptionGroup;
  /** What stands behind it in `--help`; absent for a switch. */
  readonly value?: string;
  /** The environment variable that is read when the option is not given. */
  readonly env?: string;
  /** What `--help` gives as the default. */
  readonly default?: string;
  /** Whether it may be given several times. */
  readonly repeatable?: boolean;
  /** That its value is the path of a file or directory, and what is done with it. */
  readonly path?: "read" | "write";
  /** What it does, in a phrase. */
  readonly help: string;
}

const LOG_OPTIONS = [
  {
    flag: "log-format",
    group: "Output",
    value: "FORMAT",
    default: "pretty",
    help: "pretty, or json for one object a line on stderr",
  },
  {
    flag: "verbose",
    short: "v",
    group: "Output",
    help: "show each command, so that it can be copied, and its output",
  },
] as const satisfies readonly Option[];

const COMMON_OPTIONS = [
  { flag: "help", short: "h", group: "Output", help: "print this" },
  { flag: "version", short: "V", group: "Output", help: "print the version" },
] as const satisfies readonly Option[];

const TRUST_FILE = {
  flag: "trust-file",
  group: "Trust",
  value: "FILE",
  path: "read",
  help: "the keys that consumers trust",
} as const satisfies Option;

/** All options of the release command, in the order of `--help`. */
export const RELEASE_OPTIONS = [
  {
    flag: "hosts",
    group: "What to release",
    value: "SPEC",
    default: "auto",
    help: '"auto" for all, "auto:exclude=a,b" for all but some, or "a,b,c"',
  },
  {
    flag: "build-flake",
    group: "What to release",
    value: "REF",
    path: "read",
    default: DEFAULTS.buildFlake,
    help: "flake of the fleet",
  },
  {
    flag: "fleet-resolved-attr",
    group: "What to release",
    value: "ATTR",
    default: DEFAULTS.fleetResolvedAttr,
    help: "attribute that holds the fleet",
  },
  {
    flag: "revocations-attr",
    group: "What to release",
    value: "ATTR",
    help: "attribute that holds the revocations; without it there is no such artifact",
  },
  {
    flag: "bootstrap-nonces-attr",
    group: "What to release",
    value: "ATTR",
    help: "attribute that holds the bootstrap nonces; without it there is no such artifact",
  },
  {
    flag: "pin-source-url",
    group: "What to release",
    value: "REF",
    help: "flake that pinned hosts are built from, at their commit",
  },
  {
    flag: "now",
    group: "What to release",
    value: "TIME",
    help: "signing time, RFC 3339, in place of the clock",
  },
  {
    flag: "push-cmd",
    group: "Hooks",
    value: "COMMAND",
    env: "NIXFLEET_PUSH_CMD",
    help: "pushes $NIXFLEET_PATH, the closure of $NIXFLEET_HOST",
  },
  {
    flag: "hook-env",
    group: "Hooks",
    value: "NAMES",
    help: "variables that hooks need beside the usual ones, as in A,B; for permissions by name",
  },
  {
    flag: "sign-cmd",
    group: "Signing",
    value: "COMMAND",
    env: "NIXFLEET_SIGN_CMD",
    help: "hook that signs $NIXFLEET_INPUT into $NIXFLEET_OUTPUT, 64 raw bytes",
  },
  {
    flag: "sign-key",
    group: "Signing",
    value: "FILE",
    path: "read",
    help: "sign with this private key: PKCS#8, OpenSSH or nix; env:NAME takes it from a variable",
  },
  {
    flag: "sign-agent",
    group: "Signing",
    value: "FILE",
    path: "read",
    help: "have the ssh-agent sign with the key whose public part is in this file",
  },
  {
    flag: "signature-algorithm",
    group: "Signing",
    value: "NAME",
    env: "NIXFLEET_SIGNATURE_ALGORITHM",
    default: "that of the key, or ed25519",
    help: "what the sign command makes: ed25519 or ecdsa-p256",
  },
  {
    flag: "signature-encoding",
    group: "Signing",
    value: "NAME",
    default: DEFAULTS.signatureEncoding,
    help: "how the sign command writes an ecdsa-p256 signature: raw, or der",
  },
  {
    flag: "reuse-unchanged-signature",
    group: "Signing",
    help: "keep the release on disk when only its stamp would change and it is not due",
  },
  {
    ...TRUST_FILE,
    help: "verify every signature with the keys that consumers trust, before any file is written",
  },
  {
    flag: "trust-attr",
    group: "Trust",
    value: "ATTR",
    help: "the same with the keys that this attribute of the flake holds",
  },
  {
    flag: "public-key",
    group: "Trust",
    value: "ALGORITHM:BASE64",
    help: "the same with this one key",
  },
  {
    flag: "allow-previous-key",
    group: "Trust",
    help: "accept signatures by the previous key, which consumers are about to forget",
  },
  {
    flag: "release-dir",
    group: "Where to",
    value: "DIR",
    path: "write",
    default: DEFAULTS.releaseDir,
    help: "where the artifacts are written",
  },
  {
    flag: "artifact-name",
    group: "Where to",
    value: "NAME",
    default: DEFAULTS.artifactName,
    help: "file name of the fleet artifact",
  },
  { flag: "git-commit", group: "Git", help: "commit the release files" },
  {
    flag: "git-push",
    group: "Git",
    value: "REMOTE:BRANCH",
    help: "push the commit; implies --git-commit",
  },
  {
    flag: "commit-template",
    group: "Git",
    value: "TEXT",
    default: DEFAULTS.commitTemplate,
    help: "message of the commit, with {sha:0:8}, {sha} and {ts}",
  },
  {
    flag: "git-user-name",
    group: "Git",
    value: "NAME",
    env: "NIXFLEET_GIT_USER_NAME",
    help: "author of the commit",
  },
  {
    flag: "git-user-email",
    group: "Git",
    value: "ADDRESS",
    env: "NIXFLEET_GIT_USER_EMAIL",
    help: "address of the author",
  },
  {
    flag: "smoke-verify",
    group: "Safety",
    value: "BOOL",
    default: String(DEFAULTS.smokeVerify),
    help: "read the signed artifacts back as a consumer would before any is written",
  },
  {
    flag: "require-clean",
    group: "Safety",
    help: "refuse a source that nix cannot lock to a commit",
  },
  {
    flag: "strict",
    group: "Safety",
    help: "refuse a disruption budget that consumers cannot understand",
  },
  {
    flag: "option",
    group: "Nix",
    value: "NAME VALUE",
    repeatable: true,
    help: "setting for every nix command",
  },
  { flag: "builders", group: "Nix", value: "SPEC", help: "remote builders, as for nix" },
  { flag: "max-jobs", group: "Nix", value: "N", help: "derivations built at once, as for nix" },
  {
    flag: "eval-workers",
    group: "Nix",
    value: "N",
    default: "one for each core",
    help: "processes that evaluate hosts at once",
  },
  { flag: "json", group: "Output", help: "print the result on stdout as JSON" },
  ...LOG_OPTIONS,
  ...COMMON_OPTIONS,
] as const satisfies readonly Option[];

/** All options of `verify`. */
export const VERIFY_OPTIONS = [
  TRUST_FILE,
  {
    flag: "signature",
    group: "What to verify",
    value: "FILE",
    path: "read",
    default: "FILE.sig",
    help: "the signature of the one file",
  },
  {
    flag: "rollout-id",
    group: "What to verify",
    value: "ID",
    help: "the id that names the rollout manifest",
  },
  {
    flag: "git",
    group: "What to verify",
    value: "REV",
    help: "read the directory from this commit, tag or branch, without a checkout",
  },
  {
    flag: "artifact-name",
    group: "What to verify",
    value: "NAME",
    default: DEFAULTS.artifactName,
    help: "file name of the fleet artifact",
  },
  {
    flag: "now",
    group: "What to verify",
    value: "TIME",
    help: "time to judge by, RFC 3339, in place of the clock",
  },
  {
    flag: "freshness-window",
    group: "What to verify",
    value: "SECONDS",
    default: "each channel's own",
    help: "how old a signature may be",
  },
  { flag: "json", group: "Output", help: "print the verdict on stdout as JSON" },
  ...COMMON_OPTIONS,
] as const satisfies readonly Option[];

const KEY_FORMAT = {
  flag: "format",
  group: "Output",
  value: "FORMAT",
  default: "fragment",
  help: "fragment: a key of a trust file; trust-file: a whole one; public-key: for --public-key",
} as const satisfies Option;

/** All options of `keygen`. */
export const KEYGEN_OPTIONS = [
  { flag: "algorithm", group: "Key", value: "NAME", default: "ed25519", help: "ed25519 or ecdsa-p256" },
  KEY_FORMAT,
  ...COMMON_OPTIONS,
] as const satisfies readonly Option[];

/** All options of `pubkey`. */
export const PUBKEY_OPTIONS = [KEY_FORMAT, ...COMMON_OPTIONS] as const satisfies readonly Option[];

/** All options of `canonicalize`. */
export const CANONICALIZE_OPTIONS = [...COMMON_OPTIONS] as const satisfies readonly Option[];

/** The name of an option in a list of options. */
export type NameIn<List extends readonly Option[]> = List[number]["flag"];
