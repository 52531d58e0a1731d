/**
 * From arguments and environment to settings.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import type { GitPushTarget, ReleaseConfig } from "../config.ts";
import type { SignatureAlgorithm } from "../contract/types.ts";
import { nearest, ReleaseError } from "../errors.ts";
import { parseHostsSpec } from "../plan/hosts.ts";
import { ALL_OPTIONS, type OptionName } from "./options.ts";

/** What the command line asks for. */
export type Invocation =
  | { readonly command: "help" }
  | { readonly command: "version" }
  | {
    readonly command: "release";
    /** Checked by `validateConfig`, which fills in the defaults. */
    readonly settings: Partial<ReleaseConfig>;
    readonly output: OutputSettings;
  };

/** What the run prints, and how. */
export interface OutputSettings {
  /** Whether the result is printed on stdout as JSON. */
  readonly json: boolean;
  readonly logFormat: "pretty" | "json";
  /** Whether commands and their output are shown. */
  readonly verbose: boolean;
}

/**
 * Reads the command line. An option that is given wins over its environment variable; an empty variable counts as
 * unset.
 *
 * @throws {ReleaseError} of kind `usage`, naming the option and, for an unknown one, the nearest that there is
 */
export function parseCommandLine(args: readonly string[], env: Readonly<Record<string, string>>): Invocation {
  const { nixOptions, rest } = takeNixOptions(args);
  const names = ALL_OPTIONS.map(({ flag }) => flag);
  const parsed = parseArgs(rest, {
    string: ALL_OPTIONS.filter(({ value }) => value !== undefined).map(({ flag }) => flag),
    boolean: ALL_OPTIONS.filter(({ value }) => value === undefined).map(({ flag }) => flag),
    // Collected, so that an option given twice is seen and not half ignored.
    collect: ALL_OPTIONS.filter(({ value }) => value !== undefined).map(({ flag }) => flag),
    alias: Object.fromEntries(
      ALL_OPTIONS.flatMap(({ flag, short }) => short === undefined ? [] : [[flag, short]]),
    ),
    unknown: (arg) => {
      throw unknownArgument(arg, names, rest);
    },
  }) as Record<string, unknown>;
  // What stands behind `--` is not looked at as it is read.
  const [stray] = parsed["_"] as unknown[];
  if (stray !== undefined) throw unknownArgument(String(stray), names, rest);
  if (parsed["help"] === true) return { command: "help" };
  if (parsed["version"] === true) return { command: "version" };

  const value = (name: OptionName): string | undefined => {
    const given = (parsed[name] ?? []) as string[];
    if (given.length > 1) {
      throw new ReleaseError("usage", `--${name} is given ${given.length} times, expected once`);
    }
    if (given[0] !== undefined) return given[0];
    const variable = ALL_OPTIONS.find(({ flag }) => flag === name)!.env;
    return (variable === undefined ? undefined : env[variable]) || undefined;
  };
  /** An option that cannot be empty: `--x ""` and a `--x` with nothing behind it read alike. */
  const filled = (name: OptionName): string | undefined => {
    const text = value(name);
    if (text === "") {
      throw new ReleaseError("usage", `--${name} is empty`, {
        hint: `write --${name}=VALUE when the value begins with a dash`,
      });
    }
    return text;
  };
  const flag = (name: OptionName): boolean => parsed[name] === true;

  const hosts = value("hosts");
  const gitPush = value("git-push");
  const workers = filled("eval-workers");
  if (workers !== undefined && !/^\d+$/.test(workers)) {
    throw new ReleaseError("usage", `Cannot use --eval-workers ${workers}: expected a whole number above 0`);
  }
  const logFormat = value("log-format") ?? "pretty";
  if (logFormat !== "pretty" && logFormat !== "json") {
    throw new ReleaseError("usage", `Unknown --log-format "${logFormat}": expected pretty or json`);
  }
  return {
    command: "release",
    output: { json: flag("json"), logFormat, verbose: flag("verbose") },
    settings: definedOnly({
      hosts: hosts === undefined ? undefined : parseHostsSpec(hosts),
      buildFlake: filled("build-flake"),
      fleetResolvedAttr: filled("fleet-resolved-attr"),
      revocationsAttr: filled("revocations-attr"),
      bootstrapNoncesAttr: filled("bootstrap-nonces-attr"),
      pinSourceUrl: filled("pin-source-url"),
      pushCmd: filled("push-cmd"),
      signCmd: value("sign-cmd"),
      signatureAlgorithm: value("signature-algorithm") as SignatureAlgorithm | undefined,
      releaseDir: filled("release-dir"),
      artifactName: value("artifact-name"),
      gitCommit: flag("git-commit"),
      gitPush: gitPush === undefined ? undefined : parseGitPush(gitPush),
      commitTemplate: filled("commit-template"),
      gitUserName: filled("git-user-name"),
      gitUserEmail: filled("git-user-email"),
      smokeVerify: parseBoolean("smoke-verify", value("smoke-verify")),
      reuseUnchangedSignature: flag("reuse-unchanged-signature"),
      requireClean: flag("require-clean"),
      strict: flag("strict"),
      now: filled("now"),
      nixOptions,
      builders: value("builders"),
      maxJobs: filled("max-jobs"),
      evalWorkers: workers === undefined ? undefined : Number(workers),
    }),
  };
}

/**
 * Takes every `--option NAME VALUE` out: the one option with two values, which no parser of options knows. And keeps
 * an empty value with its option, which the parser would take for an argument of its own.
 */
function takeNixOptions(args: readonly string[]): { nixOptions: [string, string][]; rest: string[] } {
  const nixOptions: [string, string][] = [];
  const rest: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    refuseStrangeSwitch(arg);
    if (arg !== "--option" && !arg.startsWith("--option=")) {
      const empty = args[index + 1] === "" &&
        ALL_OPTIONS.some(({ flag, value }) => value && arg === `--${flag}`);
      rest.push(empty ? `${arg}=` : arg);
      if (empty) index++;
      continue;
    }
    const name = arg === "--option" ? args[++index] : undefined;
    const value = args[++index];
    if (!name || value === undefined || name.startsWith("-") || value.startsWith("--")) {
      throw new ReleaseError("usage", "--option wants a name and a value, as in --option cores 4");
    }
    nixOptions.push([name, value]);
  }
  return { nixOptions, rest };
}

/** A switch can be given as `--json=false`. Of anything else behind the `=` the parser makes true. */
function refuseStrangeSwitch(arg: string): void {
  const [, name, value] = /^--([^=]+)=(.*)$/s.exec(arg) ?? [];
  const option = ALL_OPTIONS.find(({ flag }) => flag === name);
  if (option !== undefined && option.value === undefined && value !== "true" && value !== "false") {
    throw new ReleaseError(
      "usage",
      `Cannot read --${name} "${value}": expected true or false, or the option alone`,
    );
  }
}

function unknownArgument(arg: string, names: readonly string[], args: readonly string[]): ReleaseError {
  if (!arg.startsWith("-")) {
    // The words of a command that was not quoted: one of them may be a token, so none is shown.
    const hook = args.slice(0, args.indexOf(arg)).findLast((before, index) => {
      const match = /^--(?:sign|push)-cmd(?:=(.*))?$/s.exec(before);
      return match !== null && !/\s/.test(match[1] ?? args[index + 1] ?? "");
    });
    if (hook !== undefined) {
      const option = hook.split("=")[0];
      return new ReleaseError("usage", `Unknown argument behind ${option}`, {
        hint: `put the whole command into quotes: ${option} '...'`,
      });
    }
    return new ReleaseError("usage", `Unknown argument "${arg}"`, {
      hint: "this program releases without a sub-command; fleet-release --help lists the options",
    });
  }
  const name = arg.replace(/^-+/, "").split("=")[0]!;
  const meant = nearest(name, names);
  return new ReleaseError("usage", `Unknown option "${arg.split("=")[0]}"`, {
    hint: meant === undefined ? "fleet-release --help lists the options" : `did you mean --${meant}?`,
  });
}

/** Reads `REMOTE:BRANCH`. The last colon divides them: URLs have colons too, and branches cannot. */
export function parseGitPush(text: string): GitPushTarget {
  const colon = text.lastIndexOf(":");
  const remote = text.slice(0, Math.max(colon, 0));
  const branch = text.slice(colon + 1).replace(/^refs\/heads\//, "");
  const problem = colon === -1
    ? "there is no colon in it"
    : remote === ""
    ? "the remote is empty"
    : branch === ""
    ? "the branch is empty"
    : remote.startsWith("-")
    ? "the remote begins with a dash"
    : !isBranchName(branch)
    ? `"${branch}" is no branch name`
    : branch.endsWith(".git")
    ? "it looks like a URL without a branch"
    : undefined;
  if (problem !== undefined) {
    throw new ReleaseError("usage", `Cannot read --git-push "${text}": ${problem}`, {
      hint: 'expected REMOTE:BRANCH, as in "origin:main" or "git@host:org/fleet.git:main"',
    });
  }
  return { remote, branch };
}

/** The rules of git-check-ref-format for what stands behind `refs/heads/`. */
function isBranchName(name: string): boolean {
  // deno-lint-ignore no-control-regex
  return !/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.$|\/$|^[/-]/.test(name) && name !== "@" &&
    name.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"));
}

function parseBoolean(name: OptionName, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text === "true") return true;
  if (text === "false") return false;
  throw new ReleaseError("usage", `Cannot read --${name} "${text}": expected true or false`);
}

function definedOnly<T extends object>(record: { [Key in keyof T]: T[Key] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Partial<T>;
}
