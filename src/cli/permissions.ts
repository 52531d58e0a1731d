/**
 * What the program has to be permitted to do for one command line, and no more: the flags of `deno run`.
 *
 * The packaged program asks for them first, with permission to read and nothing else, and then runs with what was
 * printed. docs/permissions.md is made from the same grants.
 *
 * @module
 */
import {
  firstMissing,
  followLinks,
  gitPlacesOf,
  lockFilesOf,
  realDirectory,
  repositoryOf,
} from "../adapters/lookup.ts";
import { findProgram } from "../adapters/search_path.ts";
import { ReleaseError } from "../errors.ts";
import { markdownTable } from "../text.ts";
import { cacheDirIn, CI_VARIABLES, ciSystemIn, tempDirIn, type World } from "../world.ts";
import { SETTINGS_VARIABLE } from "./arguments.ts";
import type { Command, Given, Permitted } from "./command.ts";
import type { Invocation } from "./command_line.ts";
import type { Grant, Permission, Surroundings } from "./grant.ts";
import { camelCase, type OptionTable } from "./option.ts";

/** The flags of `deno run` for what is asked. Pure, but for what the surroundings look up. */
export function permissionFlags(invocation: Invocation, around: Surroundings): string[] {
  const permitted = invocation.kind === "request"
    ? [
      ...invocation.request.permitted(around),
      ...permittedOptions(invocation.command.options, invocation.given, around),
      // To annotate an error of any command.
      ...around.stepFiles === undefined ? [] : [{ permission: "env" as const, values: [CI_VARIABLES[0]!] }],
    ]
    : [];
  const flags = PERMISSIONS.flatMap((permission) => {
    const all = permitted.filter((grant) => grant.permission === permission).flatMap(({ values }) => values);
    const values = permission === "read" || permission === "write" ? outermost(all) : [...new Set(all)];
    return values.length === 0 ? [] : [`--allow-${permission}=${values.map(listItem).join(",")}`];
  });
  return ["--no-prompt", ...flags];
}

const PERMISSIONS: readonly Permission[] = ["run", "read", "write", "net", "env"];

/** What the options permit that have a value, given or by default. */
function permittedOptions(
  options: OptionTable,
  { values }: Given<OptionTable>,
  around: Surroundings,
): Permitted[] {
  return Object.entries(options).flatMap(([flag, { permits }]) => {
    const value = (values as Readonly<Record<string, unknown>>)[camelCase(flag)];
    if (value === undefined) return [];
    return permits.map(({ permission, of }) => ({ permission, values: of(value, around) }));
  });
}

/** The paths that lie in none of the others: a directory is permitted with all that is in it. */
function outermost(paths: readonly string[]): string[] {
  const within = (path: string, dir: string) => path.startsWith(dir === "/" ? dir : `${dir}/`);
  return [...new Set(paths)].filter((path) => !paths.some((dir) => dir !== path && within(path, dir))).sort();
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

/** The table of permissions of every command, for docs/permissions.md. */
export function permissionsTable(commands: readonly Command[]): string {
  const rows = commands.flatMap(({ name, grants, options }) => {
    const all: readonly Pick<Grant<never>, "permission" | "what" | "why">[] = [
      ...grants,
      ...Object.values(options).flatMap(({ permits }) => permits),
    ];
    return all.map(({ permission, what, why }) => [`\`${name}\``, `\`${permission}\``, what, why]);
  });
  return markdownTable([["command", "permission", "what", "why"], ...rows]);
}

/** What the permissions depend on, as it is around this process. */
export function surroundingsOf({ cwd, runtime, environment }: World): Surroundings {
  const env = environment.read([
    ...["HOME", "PATH", "SSH_AUTH_SOCK", "TMPDIR", "XDG_CACHE_HOME"],
    SETTINGS_VARIABLE,
    ...CI_VARIABLES,
  ]);
  return {
    cwd,
    tempDir: tempDirIn(env),
    cacheDir: cacheDirIn(env),
    sockets: !/^2\.[0-8]\./.test(runtime),
    agentSocket: env["SSH_AUTH_SOCK"] || undefined,
    settingsFile: env[SETTINGS_VARIABLE] || undefined,
    stepFiles: stepFilesIn(env),
    find: (program) => findOn(env["PATH"] ?? "", program),
    repositoryOf,
    realDirectory,
    firstMissing,
    followLinks,
    lockFilesOf,
    gitPlacesOf,
  };
}

/** Those that can be permitted: of one that cannot, the run tells, which does not need it. */
function stepFilesIn(env: Readonly<Record<string, string>>): string[] | undefined {
  const system = ciSystemIn(env);
  return system &&
    [system.summary, system.outputs].flatMap((path) =>
      path === undefined || /[\n\r,]/.test(path) ? [] : [path]
    );
}

/** As the run itself looks for it: nix-store is that of the nix that is used, where it has one. */
function findOn(path: string, program: string): string | undefined {
  return findProgram(program, path, program === "nix-store" ? findProgram("nix", path).path : undefined).path;
}
