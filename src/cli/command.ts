/**
 * What a command of the program is: one value that says everything about it.
 *
 * @module
 */
import type { ReleaseError } from "../errors.ts";
import type { ProgramLog } from "../report/log.ts";
import type { World } from "../world.ts";
import type { Grant, Surroundings } from "./grant.ts";
import type { Offer, OptionTable, Values } from "./option.ts";

/** What a command is given of its command line. */
export interface Given<Table extends OptionTable> {
  /** The values of all options: given, or the default. */
  readonly values: Values<Table>;
  /** What is no option. */
  readonly operands: readonly string[];
  /** The options that were given, by their long names. */
  readonly given: ReadonlySet<string>;
}

/** What a command runs in. */
export interface Session {
  readonly world: World;
  readonly log: ProgramLog;
}

/** A command, as its file declares it. */
interface CommandSpec<Table extends OptionTable, Settings> {
  /** As it is written on the command line. */
  readonly name: string;
  /** The lines of `Usage:`, without the program's name. */
  readonly usage: readonly string[];
  /** What it does, in a phrase that begins with a verb, as in `make a private key`. */
  readonly summary: string;
  /** What it does, in a paragraph. */
  readonly about: string;
  readonly options: Table;
  /** What its operands are, as in `the key file`; absent when it takes none. */
  readonly operands?: string;
  /** What a shell offers for each of them. */
  readonly offers?: Offer;
  /**
   * Whether the settings file of a flake app holds for it: as its own options, or as those of another command, of which
   * it has some.
   */
  readonly takesSettings?: true | OptionTable;
  /** Names of options that others have for what another command does here, and that command. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Whether it changes nothing, and what it prints is all that comes of it: who reads it may have read enough. */
  readonly onlyTells?: true;
  /** Meaning of the exit codes. */
  readonly exitCodes: Readonly<Record<number, string>>;
  readonly example: string;
  /** What it has to be permitted beside what its options are. */
  readonly grants: readonly Grant<Settings>[];
  /** The variables that it may read. */
  readonly variables: readonly string[];
  /**
   * Reads its settings from the command line.
   *
   * @throws {ReleaseError} of kind `usage`
   */
  readonly read: (given: Given<Table>) => Settings;
  /**
   * Does it, and gives the exit code. What it needs for that is loaded here.
   *
   * @throws {ReleaseError} whose exit code {@linkcode failureCode} gives
   */
  readonly run: (settings: Settings, session: Session) => Promise<number>;
  /** The exit code when it fails; by default that of the error. */
  readonly failureCode?: (error: ReleaseError) => number;
}

/** A command, whatever its settings are. */
export interface Command extends Omit<CommandSpec<OptionTable, never>, "read" | "run" | "failureCode"> {
  /**
   * What a command line asks of it.
   *
   * @throws {ReleaseError} of kind `usage`
   */
  readonly ask: (given: Given<OptionTable>) => Request;
  readonly failureCode: (error: ReleaseError) => number;
}

/** What is asked of a command, ready to be done. */
export interface Request {
  readonly settings: unknown;
  /** Absolute paths and names of variables that its own grants permit; those of its options are beside them. */
  readonly permitted: (around: Surroundings) => Permitted[];
  readonly run: (session: Session) => Promise<number>;
}

/** What is permitted. */
export interface Permitted {
  readonly permission: Grant<never>["permission"];
  readonly values: readonly string[];
}

/** Makes a command of what its file declares. */
export function defineCommand<Table extends OptionTable, Settings>(
  { read, run, failureCode = (error) => error.exitCode, ...spec }: CommandSpec<Table, Settings>,
): Command {
  return {
    ...spec,
    failureCode,
    ask(given) {
      // The values were read by this command's own table.
      const settings = read(given as Given<Table>);
      return {
        settings,
        permitted: (around) =>
          spec.grants.map(({ permission, of }) => ({ permission, values: of(settings, around) })),
        run: (session) => run(settings, session),
      };
    },
  };
}
