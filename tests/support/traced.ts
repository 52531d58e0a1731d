/**
 * What adapters run, for tests of each operation alone.
 *
 * @module
 */
import { Shell } from "../../src/adapters/process.ts";

/** A shell, and what it was told to run. */
export interface Traced {
  readonly shell: Shell;
  /** Every command, as `-v` shows it, in its order. A test may empty it. */
  readonly commands: (readonly string[])[];
  /** Every line that `-v` shows of what they printed. */
  readonly output: string[];
}

/** A shell that keeps what it runs. */
export function tracedShell(cwd: string, path: string = Deno.env.get("PATH") ?? ""): Traced {
  const commands: (readonly string[])[] = [];
  const output: string[] = [];
  const trace = {
    command: (argv: readonly string[]) => commands.push(argv),
    output: (line: string) => output.push(line),
  };
  return { shell: new Shell({ path, cwd, trace }), commands, output };
}

/** A temporary directory, without symbolic links, that goes when it is disposed of. */
export class TemporaryDirectory implements AsyncDisposable {
  private constructor(
    /** Its absolute path. */
    readonly path: string,
  ) {}

  /** Makes a new one. */
  static async create(): Promise<TemporaryDirectory> {
    return new TemporaryDirectory(
      await Deno.realPath(await Deno.makeTempDir({ prefix: "fleet-release-test-" })),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
