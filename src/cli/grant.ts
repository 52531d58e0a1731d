/**
 * What a command or an option has to be permitted to do.
 *
 * @module
 */

/** What Deno can permit. Network addresses, foreign code, imports and facts about the machine never are. */
export type Permission = "run" | "read" | "write" | "net" | "env";

/** A permission, and what it is for. */
export interface Grant<Subject> {
  readonly permission: Permission;
  /** What is permitted, and why, for docs/permissions.md. */
  readonly what: string;
  readonly why: string;
  /**
   * What that is for one command line: absolute paths, or names of variables. None when it is not needed.
   *
   * @param subject The settings of a command, or the value of an option
   */
  of(subject: Subject, around: Surroundings): readonly string[];
}

/** What the permissions depend on beside the command line. */
export interface Surroundings {
  /** The current directory, absolute. */
  readonly cwd: string;
  /** Where temporary files go. */
  readonly tempDir: string;
  /** Where this program keeps what it can do without; undefined: nowhere. */
  readonly cacheDir: string | undefined;
  /** Whether this Deno has a permission for sockets: 2.8 asks for those to read and write alone. */
  readonly sockets: boolean;
  /** The socket of the ssh-agent. */
  readonly agentSocket: string | undefined;
  /** The file that a flake app brings its settings in. */
  readonly settingsFile: string | undefined;
  /** The files that a CI system gives a step, to tell it something by; undefined: there is no such system. */
  readonly stepFiles: readonly string[] | undefined;
  /** The absolute path of a program, as the run finds it, or undefined. */
  readonly find: (program: string) => string | undefined;
  /** The root of the git repository that a directory lies in, without symbolic links, or else the directory. */
  readonly repositoryOf: (dir: string) => string;
  /** A directory that is there, without symbolic links; undefined: there is none. */
  readonly realDirectory: (path: string) => string | undefined;
  /**
   * Where a release directory really is, and the links that lead there.
   *
   * @param shown The path as the user gave it, for messages
   * @throws {ReleaseError} when they lead out of the repository that they are in
   */
  readonly followLinks: (
    path: string,
    shown: string,
  ) => { readonly path: string; readonly links: readonly string[] };
  /** The files that keep two runs on a release directory apart, as {@linkcode Surroundings.followLinks} finds it. */
  readonly lockFilesOf: (
    path: string,
    shown: string,
  ) => { readonly directory: readonly string[]; readonly commits: string | undefined };
  /** What a commit of a release touches of the repository of a release directory, as {@linkcode Surroundings.followLinks} finds it. */
  readonly gitPlacesOf: (
    path: string,
    shown: string,
  ) => { readonly dirs: readonly string[]; readonly written: readonly string[] };
  /** The first directory on the way to a path that is not there; undefined when the path is there. */
  readonly firstMissing: (path: string) => string | undefined;
}
