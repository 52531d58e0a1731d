/**
 * The ways in which a repository has git run something, talk to somebody, or read what others are not given, and what
 * closes them. The repository may be a stranger's: an archive, a directory that others write to.
 *
 * Settings are given by variables, which every process below inherits, and git reads them behind all files and behind
 * what it was given with `-c`.
 *
 * @module
 */
import { ReleaseError } from "../../errors.ts";

/** What is left open, since it is asked for. */
export interface Openings {
  /** The hooks of the repository and of the operator's configuration: `--git-hooks`. */
  readonly hooks?: boolean;
  /** A remote is talked to, with all that the repository and the operator have configured for that. */
  readonly remote?: boolean;
}

/** Names and values of git's configuration. */
export type GitSettings = readonly (readonly [name: string, value: string])[];

/** The hooks that commands of ours, or of nix, could set off. */
const HOOKS: readonly string[] = [
  "post-checkout",
  "post-index-change",
  "pre-auto-gc",
  "pre-push",
  "reference-transaction",
];

/** Runs a command whenever an index is read. Nothing that we ask depends on it. Empty means none in every version. */
const NO_FSMONITOR: GitSettings = [["core.fsmonitor", ""]];

const NO_HOOKS: GitSettings = [
  // Nothing can be below it.
  ["core.hooksPath", "/dev/null"],
  // Git 2.54 and later has hooks within the configuration, too, each with a name of its own; this stops the event.
  ...HOOKS.map((event) => [`hook.${event}.enabled`, "false"] as const),
];

/** What says of a commit that it has other contents than it has. */
const NO_HEARSAY_SETTINGS: GitSettings = [
  // A cache beside the commits, which git does not compare with them.
  ["core.commitGraph", "false"],
];

/** The same: replacements and grafts are of one clone alone. A file below /dev/null is missing, not empty. */
export const NO_HEARSAY: Readonly<Record<string, string>> = {
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_GRAFT_FILE: "/dev/null/none",
};

/**
 * What keeps a command that needs no remote from talking to one: an object that a partial clone lacks is missing, and
 * is not fetched by the command for ssh, the proxy, the helper or the credentials that the repository names. Git before
 * 2.39.4 does not know the first; there the second refuses the transport.
 */
const NO_REMOTE: Readonly<Record<string, string>> = {
  GIT_NO_LAZY_FETCH: "1",
  GIT_ALLOW_PROTOCOL: "none",
};

/**
 * The environment of a git command of ours, with everything closed that is not asked for.
 *
 * @throws {ReleaseError} of kind `usage` when the environment has settings for git that cannot be counted
 */
export function closeDoors(
  env: Readonly<Record<string, string>>,
  { hooks = false, remote = false }: Openings = {},
): Record<string, string> {
  const settings = [...NO_FSMONITOR, ...hooks ? [] : NO_HOOKS, ...remote ? [] : NO_HEARSAY_SETTINGS];
  return { ...withSettings(env, settings), ...remote ? {} : { ...NO_HEARSAY, ...NO_REMOTE } };
}

/**
 * The environment of a nix that calls git in the flake's repository. It fetches inputs, from remotes, and asks for
 * objects that a partial clone lacks: that stays as the operator has configured it.
 *
 * @throws {ReleaseError} as {@linkcode closeDoors} does
 */
export function closeDoorsOfNix(env: Readonly<Record<string, string>>): Record<string, string> {
  return withSettings(env, [...NO_FSMONITOR, ...NO_HOOKS]);
}

/**
 * Adds settings behind those that the environment has for git.
 *
 * @throws {ReleaseError} of kind `usage` when these cannot be counted
 */
export function withSettings(
  env: Readonly<Record<string, string>>,
  settings: GitSettings,
): Record<string, string> {
  const given = env["GIT_CONFIG_COUNT"] || "0";
  // Git would refuse to run, or take fewer settings than there are: then ours would be those that it leaves out.
  if (!/^\d{1,6}$/.test(given)) {
    throw new ReleaseError("usage", `Cannot use GIT_CONFIG_COUNT "${given}": expected a whole number`, {
      hint: "unset it, or set it to how many pairs of GIT_CONFIG_KEY_<n> and GIT_CONFIG_VALUE_<n> there are",
    });
  }
  const first = Number(given);
  const added = settings.flatMap(([name, value], index) => [
    [`GIT_CONFIG_KEY_${first + index}`, name],
    [`GIT_CONFIG_VALUE_${first + index}`, value],
  ]);
  const counted = {
    ...env,
    GIT_CONFIG_COUNT: String(first + settings.length),
    ...Object.fromEntries(added),
  };
  // What a git above this program was given with -c comes after what is counted, and the last one wins.
  const parameters = env["GIT_CONFIG_PARAMETERS"];
  if (!parameters) return counted;
  const quoted = settings.map(([name, value]) => `${quoteForGit(name)}=${quoteForGit(value)}`);
  return { ...counted, GIT_CONFIG_PARAMETERS: [parameters, ...quoted].join(" ") };
}

function quoteForGit(text: string): string {
  return `'${text.replaceAll(/['!]/g, (sign) => `'\\${sign}'`)}'`;
}
