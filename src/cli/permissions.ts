/**
 * What the program has to be permitted to do for one command line, and no more: the flags of `deno run`.
 *
 * The packaged program asks for them first, with permission to read and nothing else, and then runs with what was
 * printed. docs/permissions.md is made from the lists below.
 *
 * @module
 */
import { dirname, join, resolve } from "@std/path";
import { markdownTable } from "../text.ts";
import { findProgram } from "../adapters/process.ts";
import {
  type Invocation,
  type KeygenSettings,
  parseCommandLine,
  type PubkeySettings,
  type VerifySettings,
} from "./parse.ts";
import { readSettings, SETTINGS_VARIABLE } from "./settings.ts";
import { DEFAULTS, type ReleaseConfig, validateConfig } from "../config.ts";
import { ReleaseError } from "../errors.ts";
import { ENVIRONMENT, GIT_ENVIRONMENT, readEnvironment, variablesOf } from "../release.ts";
import { signKeyVariable } from "../secrets.ts";

/** What Deno can permit. Network addresses, foreign code, imports and facts about the machine never are. */
export type Permission = "run" | "read" | "write" | "net" | "env";

/** A permission that a command needs. */
export interface Grant<Settings> {
  readonly permission: Permission;
  /** What is permitted, and why, for docs/permissions.md. */
  readonly what: string;
  readonly why: string;
  /** What that is for one command line: absolute paths, or names of variables. None when it is not needed. */
  readonly of: (settings: Settings, around: Surroundings) => readonly string[];
}

/** What the permissions depend on beside the command line. */
export interface Surroundings {
  /** The current directory, absolute. */
  readonly cwd: string;
  /** Where temporary files go. */
  readonly tempDir: string;
  /** Whether this Deno has a permission for sockets: 2.8 asks for those to read and write alone. */
  readonly sockets: boolean;
  /** The socket of the ssh-agent. */
  readonly agentSocket: string | undefined;
  /** The file that a flake app brings its settings in. */
  readonly settingsFile: string | undefined;
  /** The absolute path of a program, as the run finds it, or undefined. */
  readonly find: (program: string) => string | undefined;
  /** The root of the git repository that a directory lies in, without symbolic links, or else the directory. */
  readonly repositoryOf: (dir: string) => string;
  /** The first directory on the way to a path that is not there; undefined when the path is there. */
  readonly firstMissing: (path: string) => string | undefined;
}

/** The programs of a release, by the names that they are looked for by. */
const PROGRAMS = ["nix", "nix-store", "git", "sh"];
/** Those of `verify --git`. */
const GIT_PROGRAMS = ["git", "sh"];

/** Beside those that the program reads by name: Deno's own process API looks at the last. */
const MORE_VARIABLES = ["GIT_CONFIG_KEY_*", "GIT_CONFIG_VALUE_*", "NODE_V8_COVERAGE"];

const VARIABLES: Grant<unknown> = {
  permission: "env",
  what: "the variables that nix, git and ssh go by, each by name",
  why: "they are all that the child processes get",
  of: () => [...ENVIRONMENT, ...MORE_VARIABLES],
};

const RELEASE: readonly Grant<ReleaseConfig>[] = [
  {
    permission: "run",
    what: "`nix`, `nix-store`, `git` and `sh`, by their paths on `PATH`",
    why:
      "they do the work; `sh` runs the hooks, and every command under it, so that one that is killed is noticed",
    of: (_, around) => found(PROGRAMS, around),
  },
  {
    permission: "read",
    what: "the directories of these programs",
    why: "to find them",
    of: (_, around) => found(PROGRAMS, around).map((path) => dirname(path)),
  },
  {
    permission: "read",
    what: "the repository of `--build-flake`, when it is on this machine",
    why: "to tell where it begins; nix and git read what is in it",
    of: ({ buildFlake }, { cwd, repositoryOf }) => {
      const dir = localDirectory(buildFlake);
      return dir === undefined ? [] : [repositoryOf(resolve(cwd, dir))];
    },
  },
  {
    permission: "read",
    what: "the repository of `--release-dir`, and what is written below",
    why: "a release is committed to its own repository or not at all; an earlier release may be kept",
    of: ({ releaseDir }, { cwd, repositoryOf, firstMissing }) => {
      const dir = resolve(cwd, releaseDir);
      return [repositoryOf(dir), firstMissing(dir) ?? dir];
    },
  },
  {
    permission: "write",
    what: "`--release-dir`, or the first directory on the way to it that is not there",
    why: "the release is written there; the rest of the repository is git's",
    of: ({ releaseDir }, { cwd, firstMissing }) => {
      const dir = resolve(cwd, releaseDir);
      return [firstMissing(dir) ?? dir];
    },
  },
  {
    permission: "read",
    what: "the temporary directory",
    why: "as below",
    of: (_, { tempDir }) => [tempDir],
  },
  {
    permission: "write",
    what: "the temporary directory",
    why: "what hooks sign, git's index for the commit, and what keeps nix from collecting the builds",
    of: (_, { tempDir }) => [tempDir],
  },
  {
    permission: "read",
    what: "the files of `--sign-key`, `--sign-agent` and `--trust-file`",
    why: "keys to sign and to verify with",
    of: ({ signKey, signAgent, trustFile }, { cwd }) =>
      [signKeyVariable(signKey) === undefined ? signKey : undefined, signAgent, trustFile]
        .flatMap((path) => path === undefined ? [] : [resolve(cwd, path)]),
  },
  {
    permission: "read",
    what: "the settings of a flake app",
    why: "its options",
    of: (_, { settingsFile }) => settingsFile === undefined ? [] : [settingsFile],
  },
  ...(["read", "write"] as const).map((permission): Grant<ReleaseConfig> => ({
    permission,
    what: "with `--sign-agent`, the socket that `SSH_AUTH_SOCK` names",
    why: "to talk to the ssh-agent",
    of: socketOf,
  })),
  {
    permission: "net",
    what: "with `--sign-agent`, the same socket as `unix:PATH`",
    why: "Deno 2.9 wants that, too. It is no address of a network, and none is ever permitted",
    of: (config, around) => around.sockets ? socketOf(config, around).map((path) => `unix:${path}`) : [],
  },
  VARIABLES,
  {
    permission: "env",
    what: "the variables of `--hook-env`, and that of `--sign-key env:NAME`",
    why: "hooks get no others; the key is taken from there, and handed to no child process",
    of: variablesOf,
  },
];

const VERIFY: readonly Grant<VerifySettings>[] = [
  {
    permission: "read",
    what: "the directory, or the file and its signature",
    why: "what is verified",
    of: ({ subject }, { cwd }) => {
      if (subject.kind !== "directory") return [resolve(cwd, subject.file), resolve(cwd, subject.signature)];
      return subject.git === undefined ? [resolve(cwd, subject.dir)] : [];
    },
  },
  {
    permission: "read",
    what: "the file of `--trust-file`",
    why: "the keys",
    of: ({ trustFile }, { cwd }) => [resolve(cwd, trustFile)],
  },
  {
    permission: "run",
    what: "with `--git`, `git` and `sh`",
    why: "git has the files",
    of: (settings, around) => withGit(settings, found(GIT_PROGRAMS, around)),
  },
  {
    permission: "read",
    what: "with `--git`, the directories of these programs",
    why: "to find them; git itself reads the repository",
    of: (settings, around) => withGit(settings, found(GIT_PROGRAMS, around).map((path) => dirname(path))),
  },
  {
    permission: "env",
    what: "with `--git`, the variables that git goes by, each by name",
    why: "they are all that it gets",
    of: (settings) => withGit(settings, [...GIT_ENVIRONMENT, ...MORE_VARIABLES]),
  },
];

const KEYGEN: readonly Grant<KeygenSettings>[] = [{
  permission: "write",
  what: "the file that the key is written to",
  why: "it is new, or the run is refused",
  of: ({ file }, { cwd }) => [resolve(cwd, file)],
}];

const PUBKEY: readonly Grant<PubkeySettings>[] = [{
  permission: "read",
  what: "the key file",
  why: "its public part is printed",
  of: ({ file }, { cwd }) => [resolve(cwd, file)],
}];

function found(programs: readonly string[], { find }: Surroundings): string[] {
  return programs.flatMap((program) => find(program) ?? []);
}

function socketOf({ signAgent }: ReleaseConfig, { agentSocket }: Surroundings): string[] {
  return signAgent === undefined || agentSocket === undefined ? [] : [agentSocket];
}

function withGit({ subject }: VerifySettings, values: readonly string[]): readonly string[] {
  return subject.kind === "directory" && subject.git !== undefined ? values : [];
}

/** The flags of `deno run` for an invocation. Pure, but for what the surroundings look up. */
export function permissionFlags(invocation: Invocation, around: Surroundings): string[] {
  switch (invocation.command) {
    case "release":
      return flagsOf(RELEASE, { ...DEFAULTS, ...invocation.settings }, around);
    case "verify":
      return flagsOf(VERIFY, invocation, around);
    case "keygen":
      return flagsOf(KEYGEN, invocation, around);
    case "pubkey":
      return flagsOf(PUBKEY, invocation, around);
    case "canonicalize":
    case "help":
    case "version":
      return flagsOf([], invocation, around);
  }
}

function flagsOf<Settings>(
  grants: readonly Grant<Settings>[],
  settings: Settings,
  around: Surroundings,
): string[] {
  const flags = PERMISSIONS.flatMap((permission) => {
    const all = grants.filter((grant) => grant.permission === permission)
      .flatMap((grant) => grant.of(settings, around));
    const values = permission === "read" || permission === "write" ? outermost(all) : [...new Set(all)];
    return values.length === 0 ? [] : [`--allow-${permission}=${values.map(listItem).join(",")}`];
  });
  return ["--no-prompt", ...flags];
}

const PERMISSIONS: readonly Permission[] = ["run", "read", "write", "net", "env"];

/** The paths that lie in none of the others: a directory is permitted with all that is in it. */
function outermost(paths: readonly string[]): string[] {
  const within = (path: string, dir: string) => path.startsWith(dir === "/" ? dir : `${dir}/`);
  return [...new Set(paths)].filter((path) => !paths.some((dir) => dir !== path && within(path, dir)));
}

/** A value in one of Deno's lists, which are divided at commas, on a line of its own. */
function listItem(value: string): string {
  if (!/[\n\r,]/.test(value)) return value;
  const problem = value.includes(",") ? "a comma" : "a line break";
  throw new ReleaseError(
    "usage",
    `Cannot permit the use of ${JSON.stringify(value)}: it has ${problem} in it`,
    {
      hint: "Deno has no way to permit a path like that: give it another name",
    },
  );
}

/** The directory that a flake reference names on this machine, relative or absolute; undefined when it is elsewhere. */
export function localDirectory(reference: string): string | undefined {
  const [location = ""] = reference.split(/[?#]/);
  const [, scheme, path] = /^(path:|git\+file:(?:\/\/)?)?((?:\.|\/(?!\/)).*)$/.exec(location) ?? [];
  if (scheme === undefined || path === undefined) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    // No URL, as nix will say.
    return undefined;
  }
}

/** The table of permissions of every command, for docs/permissions.md */
export function permissionsTable(): string {
  const lists = { release: RELEASE, verify: VERIFY, keygen: KEYGEN, pubkey: PUBKEY };
  const rows = Object.entries(lists).flatMap(([command, grants]) =>
    grants.map(({ permission, what, why }) => [`\`${command}\``, `\`${permission}\``, what, why])
  );
  return markdownTable([["command", "permission", "what", "why"], ...rows]);
}

/**
 * The flags for a command line, as it is in this process's own surroundings.
 *
 * @throws {ReleaseError} as the run itself would, of what is wrong with the command line
 */
export function flagsFor(args: readonly string[]): string[] {
  const env = readEnvironment();
  const invocation = parseCommandLine(args, env, () => readSettings(env));
  if (invocation.command === "release") validateConfig(invocation.settings);
  return permissionFlags(invocation, {
    cwd: Deno.cwd(),
    tempDir: env["TMPDIR"] || "/tmp",
    sockets: !/^2\.[0-8]\./.test(Deno.version.deno),
    agentSocket: env["SSH_AUTH_SOCK"] || undefined,
    settingsFile: env[SETTINGS_VARIABLE] || undefined,
    find: (program) => findOn(env["PATH"] ?? "", program),
    repositoryOf,
    firstMissing,
  });
}

/** As the run itself looks for it: nix-store has to be that of the nix that is used. */
function findOn(path: string, program: string): string | undefined {
  const nix = program === "nix-store" ? findProgram("nix", path).path : undefined;
  return findProgram(program, nix === undefined ? path : dirname(nix)).path;
}

/** Git takes a directory with a `.git` in it for a root, on the way up from where a path really lies. */
function repositoryOf(path: string): string {
  if (statOf(path) === undefined && path !== dirname(path)) {
    const above = repositoryOf(dirname(path));
    return statOf(join(above, ".git")) === undefined ? path : above;
  }
  for (let dir = Deno.realPathSync(path);; dir = dirname(dir)) {
    if (statOf(join(dir, ".git")) !== undefined) return dir;
    if (dir === dirname(dir)) return path;
  }
}

function firstMissing(path: string): string | undefined {
  return statOf(path) === undefined ? firstMissing(dirname(path)) ?? path : undefined;
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
