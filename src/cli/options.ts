/**
 * The one table of options. Parsing, `--help` and the README's table are made from it.
 *
 * @module
 */
import { DEFAULTS } from "../config.ts";

/** A group of options in `--help`. */
export type OptionGroup = "What to release" | "Hooks" | "Where to" | "Git" | "Safety" | "Nix" | "Output";

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
  /** What it does, in a phrase. */
  readonly help: string;
}

/** All options of the release command, in the order of `--help`. */
export const OPTIONS = [
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
    flag: "sign-cmd",
    group: "Hooks",
    value: "COMMAND",
    env: "NIXFLEET_SIGN_CMD",
    help: "signs $NIXFLEET_INPUT into $NIXFLEET_OUTPUT, 64 raw bytes",
  },
  {
    flag: "push-cmd",
    group: "Hooks",
    value: "COMMAND",
    env: "NIXFLEET_PUSH_CMD",
    help: "pushes $NIXFLEET_PATH, the closure of $NIXFLEET_HOST",
  },
  {
    flag: "signature-algorithm",
    group: "Hooks",
    value: "NAME",
    env: "NIXFLEET_SIGNATURE_ALGORITHM",
    default: DEFAULTS.signatureAlgorithm,
    help: "what the sign command makes: ed25519 or ecdsa-p256",
  },
  {
    flag: "reuse-unchanged-signature",
    group: "Hooks",
    help: "keep the release on disk when only its stamp would change and it is not due",
  },
  {
    flag: "release-dir",
    group: "Where to",
    value: "DIR",
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
  { flag: "help", short: "h", group: "Output", help: "print this" },
  { flag: "version", short: "V", group: "Output", help: "print the version" },
] as const satisfies readonly Option[];

/** The name of an option. */
export type OptionName = (typeof OPTIONS)[number]["flag"];

/** The table as plain options, for code that treats all alike. */
export const ALL_OPTIONS: readonly Option[] = OPTIONS;
