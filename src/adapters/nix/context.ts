/**
 * What every nix command is run with.
 *
 * @module
 */
import { closeDoorsOfNix } from "../git/doors.ts";
import { type Shell, withoutGitLocation } from "../process.ts";

/** What all that is asked here needs. */
export const FEATURES: readonly string[] = ["--extra-experimental-features", "nix-command flakes"];

/** What every nix command is run with. */
export interface NixContext {
  readonly shell: Shell;
  /** The absolute path of `nix`. */
  readonly nix: string;
  /** The absolute path of `nix-store`. */
  readonly nixStore: string;
  readonly env: Readonly<Record<string, string>>;
  /** What both are told by options, behind the command's own. */
  readonly flags: readonly string[];
}

/** What the operator tells nix. */
export interface NixFlags {
  readonly options: readonly (readonly [name: string, value: string])[];
  readonly builders: string | undefined;
  readonly maxJobs: string | undefined;
  /** Whether nix goes by what a flake sets for it; undefined: as the operator has configured nix. */
  readonly acceptFlakeConfig?: boolean | undefined;
}

/**
 * What the operator's own nix is run with.
 *
 * @throws {ReleaseError} of kind `io` when there is no nix
 */
export function nixContext(
  shell: Shell,
  env: Readonly<Record<string, string>>,
  { options, builders, maxJobs, acceptFlakeConfig }: NixFlags,
): NixContext {
  const nix = shell.find("nix");
  return {
    shell,
    nix,
    // By this name: nix-store is a link to nix, which acts by the name it is called by. The one beside it is of the same
    // version; a wrapper of nix alone has none.
    nixStore: shell.find("nix-store", nix),
    env: closeDoorsOfNix(withoutGitLocation(env)),
    flags: [
      ...FEATURES,
      ...options.flatMap(([name, value]) => ["--option", name, value]),
      ...(acceptFlakeConfig === undefined
        ? []
        : ["--option", "accept-flake-config", String(acceptFlakeConfig)]),
      ...(maxJobs === undefined ? [] : ["--max-jobs", maxJobs]),
      ...(builders === undefined ? [] : ["--builders", builders]),
    ],
  };
}
