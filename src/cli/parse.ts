/**
 * From arguments and environment to what is asked for.
 *
 * @module
 */
import {
  checkArtifactName,
  checkSignKey,
  DEFAULTS,
  type GitPushTarget,
  type ReleaseConfig,
  type SignatureEncoding,
} from "../config.ts";
import type { SignatureAlgorithm } from "../contract/types.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "../contract/time.ts";
import { looksLikeKey } from "../secrets.ts";
import { nearest } from "../text.ts";
import { ReleaseError } from "../errors.ts";
import { parseHostsSpec } from "../plan/hosts.ts";
import { type Arguments, readArguments, type Settings } from "./arguments.ts";
import { type CommandName, COMMANDS, isCommandName } from "./commands.ts";
import {
  CANONICALIZE_OPTIONS,
  KEYGEN_OPTIONS,
  type NameIn,
  PUBKEY_OPTIONS,
  RELEASE_OPTIONS,
  VERIFY_OPTIONS,
} from "./options.ts";

/** What the command line asks for. */
export type Invocation =
  | { readonly command: "help"; readonly of: CommandName }
  | { readonly command: "version" }
  | {
    readonly command: "release";
    /** Checked by `validateConfig`, which fills in the defaults. */
    readonly settings: Partial<ReleaseConfig>;
    readonly output: OutputSettings;
  }
  | ({ readonly command: "verify" } & VerifySettings)
  | ({ readonly command: "keygen" } & KeygenSettings)
  | ({ readonly command: "pubkey" } & PubkeySettings)
  | { readonly command: "canonicalize" };

/** What the run prints, and how. */
export interface OutputSettings {
  /** Whether the result is printed on stdout as JSON. */
  readonly json: boolean;
  readonly logFormat: "pretty" | "json";
  /** Whether commands and their output are shown. */
  readonly verbose: boolean;
}

/** What `verify` is told. Paths are relative to the current directory. */
export interface VerifySettings {
  readonly subject:
    | { readonly kind: "directory"; readonly dir: string; readonly git: string | undefined }
    | { readonly kind: "artifact"; readonly file: string; readonly signature: string }
    | {
      readonly kind: "rollout-manifest";
      readonly file: string;
      readonly signature: string;
      readonly rolloutId: string;
    };
  readonly trustFile: string;
  readonly artifactName: string;
  /** Undefined: the clock. */
  readonly now: string | undefined;
  /** Undefined: each channel's own. */
  readonly freshnessWindowSeconds: number | undefined;
  readonly json: boolean;
}

/** How the public part of a key is printed. */
export type KeyFormat = "fragment" | "trust-file" | "public-key";

/** What `pubkey` is told. */
export interface PubkeySettings {
  readonly file: string;
  readonly format: KeyFormat;
}

/** What `keygen` is told. */
export interface KeygenSettings extends PubkeySettings {
  readonly algorithm: SignatureAlgorithm;
}

/**
 * Reads the command line. Without the name of a command it is a release that is asked for.
 *
 * @param readSettings Gives options of a release that hold where neither the command line nor an alternative there says otherwise
 * @throws {ReleaseError} of kind `usage`, naming the option and, for an unknown one, the nearest that there is
 */
export function parseCommandLine(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  readSettings: () => Settings = () => ({}),
): Invocation {
  const [first, ...others] = args;
  if (first === "help") return { command: "help", of: helpSubject(others) };
  const command = commandOf(args);
  const rest = { args: isCommandName(first) ? others : args, settings: {}, env };
  switch (command) {
    case "release":
      return answer(
        command,
        readArguments(command, RELEASE_OPTIONS, rest),
        () =>
          releaseInvocation(
            readArguments(command, RELEASE_OPTIONS, { ...rest, settings: readSettings() }),
          ),
      );
    case "verify":
      return answer(command, readArguments(command, VERIFY_OPTIONS, rest), verifyInvocation);
    case "keygen":
      return answer(command, readArguments(command, KEYGEN_OPTIONS, rest), (given) => ({
        command,
        ...keySettings(command, given),
        algorithm: oneOf("algorithm", given.value("algorithm"), ["ed25519", "ecdsa-p256"]),
      }));
    case "pubkey":
      return answer(command, readArguments(command, PUBKEY_OPTIONS, rest), (given) => ({
        command,
        ...keySettings(command, given),
      }));
    case "canonicalize":
      return answer(command, readArguments(command, CANONICALIZE_OPTIONS, rest), () => ({ command }));
  }
}

/** What `help` is asked of: a command, or the whole program. */
function helpSubject([name = "release", stray]: readonly string[]): CommandName {
  const unknown = isCommandName(name) ? stray : name;
  if (isCommandName(name) && unknown === undefined) return name;
  const meant = unknown === name ? nearest(name, Object.keys(COMMANDS)) : undefined;
  throw new ReleaseError("usage", `Unknown argument "${unknown}"`, {
    hint: meant === undefined ? "fleet-release help lists the commands" : `did you mean "${meant}"?`,
  });
}

/** The command that a command line names, or `release` where it names none. */
export function commandOf([first]: readonly string[]): CommandName {
  return isCommandName(first) ? first : "release";
}

/** How errors are to be told while the command line has not been read. */
export function asksForJsonLog(args: readonly string[]): boolean {
  return args.includes("--log-format=json") || args[args.indexOf("--log-format") + 1] === "json";
}

/** `--help` and `--version` are answered whatever else is missing. */
function answer<Name extends string>(
  command: CommandName,
  given: Arguments<Name | "help" | "version">,
  read: (given: Arguments<Name | "help" | "version">) => Invocation,
): Invocation {
  if (given.flag("help")) return { command: "help", of: command };
  if (given.flag("version")) return { command: "version" };
  return read(given);
}

function releaseInvocation(given: Arguments<NameIn<typeof RELEASE_OPTIONS>>): Invocation {
  const { value, filled, flag } = given;
  const hosts = value("hosts");
  const gitPush = value("git-push");
  return {
    command: "release",
    output: {
      json: flag("json"),
      logFormat: oneOf("log-format", value("log-format"), ["pretty", "json"]),
      verbose: flag("verbose"),
    },
    settings: definedOnly({
      hosts: hosts === undefined ? undefined : parseHostsSpec(hosts),
      buildFlake: filled("build-flake"),
      fleetResolvedAttr: filled("fleet-resolved-attr"),
      revocationsAttr: filled("revocations-attr"),
      bootstrapNoncesAttr: filled("bootstrap-nonces-attr"),
      pinSourceUrl: filled("pin-source-url"),
      pushCmd: filled("push-cmd"),
      hookEnv: variableNames("hook-env", filled("hook-env")),
      signCmd: value("sign-cmd"),
      signKey: signKeyOf(filled("sign-key")),
      signAgent: filled("sign-agent"),
      signatureAlgorithm: value("signature-algorithm") as SignatureAlgorithm | undefined,
      signatureEncoding: oneOf<SignatureEncoding>("signature-encoding", value("signature-encoding"), [
        "raw",
        "der",
      ]),
      trustFile: filled("trust-file"),
      trustAttr: filled("trust-attr"),
      publicKey: filled("public-key"),
      allowPreviousKey: flag("allow-previous-key"),
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
      nixOptions: given.nixOptions,
      builders: value("builders"),
      maxJobs: filled("max-jobs"),
      evalWorkers: wholeNumber("eval-workers", filled("eval-workers"), 1),
    }),
  };
}

function signKeyOf(signKey: string | undefined): string | undefined {
  if (signKey !== undefined) checkSignKey(signKey);
  return signKey;
}

function verifyInvocation(given: Arguments<NameIn<typeof VERIFY_OPTIONS>>): Invocation {
  const { filled } = given;
  const subject = subjectOf(given);
  const trustFile = filled("trust-file");
  if (trustFile === undefined) {
    throw new ReleaseError("usage", "No keys to verify with: --trust-file is missing", {
      hint: "`fleet-release pubkey KEY --format trust-file` writes one for a key that you hold",
    });
  }
  const now = filled("now");
  if (now !== undefined && parseTimestamp(now) === undefined) {
    throw new ReleaseError("usage", `Cannot read --now "${now}": expected ${TIMESTAMP_FORM}`);
  }
  const artifactName = filled("artifact-name") ?? DEFAULTS.artifactName;
  checkArtifactName(artifactName);
  return {
    command: "verify",
    subject,
    trustFile,
    artifactName,
    now,
    freshnessWindowSeconds: wholeNumber("freshness-window", filled("freshness-window"), 0),
    json: given.flag("json"),
  };
}

/** What is to be verified, and that nothing is said that does not go with it. */
function subjectOf(given: Arguments<NameIn<typeof VERIFY_OPTIONS>>): VerifySettings["subject"] {
  const { filled, operands: [first = "releases", file, stray] } = given;
  const refuse = (names: readonly NameIn<typeof VERIFY_OPTIONS>[], subject: string) => {
    const name = names.find((name) => given.value(name) !== undefined);
    if (name !== undefined) throw new ReleaseError("usage", `--${name} does not go with ${subject}`);
  };
  if (first !== "artifact" && first !== "rollout-manifest") {
    if (file !== undefined) {
      throw new ReleaseError("usage", `Unknown argument "${file}"`, {
        hint: 'to verify one file, write "artifact FILE" or "rollout-manifest FILE"',
      });
    }
    refuse(["signature", "rollout-id"], "a directory");
    if (first === "") throw new ReleaseError("usage", "The directory to verify is empty");
    return { kind: "directory", dir: first, git: filled("git") };
  }
  if (!file) {
    throw new ReleaseError("usage", `Nothing to verify: the file behind "${first}" is missing`, {
      hint: `to verify a directory of that name, write ./${first}`,
    });
  }
  if (stray !== undefined) {
    throw new ReleaseError("usage", `Unknown argument "${stray}"`, {
      hint: `usage: fleet-release ${COMMANDS["verify"].usage[first === "artifact" ? 1 : 2]}`,
    });
  }
  refuse(["git", "artifact-name"], "a file");
  const signature = filled("signature") ?? `${file}.sig`;
  if (first === "artifact") {
    refuse(["rollout-id"], "an artifact");
    return { kind: first, file, signature };
  }
  const rolloutId = filled("rollout-id");
  if (rolloutId === undefined || !/^[0-9a-f]{64}$/.test(rolloutId)) {
    throw new ReleaseError(
      "usage",
      rolloutId === undefined ? "--rollout-id is missing" : `Cannot read --rollout-id "${rolloutId}"`,
      { hint: "expected the 64 lower-case hex digits that the manifest's file is named by" },
    );
  }
  return { kind: first, file, signature, rolloutId };
}

function keySettings(
  command: "keygen" | "pubkey",
  given: Arguments<NameIn<typeof PUBKEY_OPTIONS>>,
): PubkeySettings {
  const { operands: [file, stray] } = given;
  if (!file) {
    throw new ReleaseError("usage", `${command} wants ${COMMANDS[command].operands}`, {
      hint: `write \`fleet-release ${command} FILE\``,
    });
  }
  if (stray !== undefined) {
    throw new ReleaseError("usage", `Unknown argument "${stray}"`, {
      hint: `usage: fleet-release ${COMMANDS[command].usage[0]}`,
    });
  }
  if (looksLikeKey(file)) {
    throw new ReleaseError("usage", `${command} is given a key, expected ${COMMANDS[command].operands}`);
  }
  const format = oneOf("format", given.value("format"), ["fragment", "trust-file", "public-key"]);
  return { file, format };
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

function parseBoolean(name: string, text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : oneOf(name, text, ["true", "false"]) === "true";
}

/** One of a few words, of which the first is what holds when none is given. */
function oneOf<Word extends string>(name: string, text: string | undefined, words: readonly Word[]): Word {
  const word = words.find((word) => word === (text ?? words[0]));
  if (word !== undefined) return word;
  const expected = words.length === 2
    ? words.join(" or ")
    : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  throw new ReleaseError("usage", `Cannot read --${name} "${text}": expected ${expected}`);
}

function variableNames(name: string, text: string | undefined): string[] | undefined {
  const names = text?.split(",").map((name) => name.trim());
  const stray = names?.find((name) => !/^[A-Za-z_]\w*$/.test(name));
  if (stray === undefined) return names;
  throw new ReleaseError("usage", `Cannot read --${name} "${text}": "${stray}" is no name of a variable`);
}

function wholeNumber(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text);
  throw new ReleaseError(
    "usage",
    `Cannot use --${name} ${text}: expected a whole number${least === 0 ? "" : ` above ${least - 1}`}`,
  );
}

function definedOnly<T extends object>(record: { [Key in keyof T]: T[Key] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Partial<T>;
}
