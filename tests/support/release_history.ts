/**
 * Repositories that have had releases, without a process for each of their commits.
 *
 * @module
 */
import type { ReleaseFiles } from "../../src/verify/bindings.ts";
import { expectRun, run, which } from "./command.ts";
import { bytesOf } from "./git_fleet.ts";
import { TemporaryDirectory } from "./traced.ts";

/** What a commit does with the files of a repository. */
export interface HistoryStep {
  /** Files that are there after it, with their bytes, by path from the root. */
  readonly files?: ReleaseFiles;
  /** What is gone after it. */
  readonly removed?: readonly string[];
  /** What gets another name. */
  readonly renamed?: readonly (readonly [from: string, to: string])[];
  /** Another branch that is merged, and so is the second parent. */
  readonly merges?: string;
}

/** A repository, in a temporary directory that goes when it is disposed of. */
export class HistoryRepository implements AsyncDisposable {
  private constructor(
    readonly directory: TemporaryDirectory,
    /** Its commits, as {@linkcode HistoryRepository.add} has made them. */
    readonly commits: string[],
  ) {}

  /** Makes one with these commits on `main`. */
  static async create(steps: readonly HistoryStep[]): Promise<HistoryRepository> {
    const repository = new HistoryRepository(await TemporaryDirectory.create(), []);
    await repository.git("init", "-q", "-b", "main");
    await repository.add("main", steps);
    return repository;
  }

  get path(): string {
    return this.directory.path;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.directory[Symbol.asyncDispose]();
  }

  /** The environment of git, and of the program: nothing of the user's own configuration. */
  env(): Record<string, string> {
    return { PATH: Deno.env.get("PATH") ?? "", HOME: this.path, GIT_CONFIG_NOSYSTEM: "1" };
  }

  /** Runs git, which has to succeed. */
  async git(...args: string[]): Promise<string> {
    const out = await expectRun([which("git"), ...args], { cwd: this.path, env: this.env() });
    return out.replace(/\n$/, "");
  }

  /** Puts commits on top of a branch, an hour apart, and gives them. */
  async add(branch: string, steps: readonly HistoryStep[], from?: string): Promise<string[]> {
    const marks = `${this.path}/.git/marks`;
    const stdin = await importStream(branch, steps, { from, first: this.commits.length });
    const args = ["fast-import", "--quiet", "--force", `--export-marks=${marks}`];
    const { code, stderr } = await run([which("git"), ...args], { cwd: this.path, env: this.env(), stdin });
    if (code !== 0) throw new Error(stderr);
    const made = new Map(
      (await Deno.readTextFile(marks)).trimEnd().split("\n").map((line) => {
        const [mark, commit] = line.split(" ");
        return [Number(mark!.slice(1)), commit!];
      }),
    );
    const commits = steps.map((_, index) => made.get(index + 1)!);
    this.commits.push(...commits);
    return commits;
  }
}

/** When the first commit is made, in seconds since 1970: 2026-06-01T12:00:00Z. */
const FIRST = 1780315200;

/** What `git fast-import` makes these commits from. */
async function importStream(
  branch: string,
  steps: readonly HistoryStep[],
  { from, first }: { readonly from: string | undefined; readonly first: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const say = (text: string) => parts.push(bytesOf(text));
  steps.forEach(({ files = new Map(), removed = [], renamed = [], merges }, index) => {
    say(`commit refs/heads/${branch}\nmark :${index + 1}\n`);
    say(`committer tester <tester@example.com> ${FIRST + (first + index) * 3600} +0000\ndata 1\nx\n`);
    if (index === 0 && from !== undefined) say(`from ${from}^0\n`);
    if (merges !== undefined) say(`merge ${merges}^0\n`);
    for (const [old, name] of renamed) say(`R ${JSON.stringify(old)} ${name}\n`);
    for (const path of removed) say(`D ${path}\n`);
    for (const [path, bytes] of files) {
      say(`M 100644 inline ${path}\ndata ${bytes.length}\n`);
      parts.push(bytes);
      say("\n");
    }
  });
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** The files of a release in a directory. */
export function filesIn(dir: string, files: ReleaseFiles): ReleaseFiles {
  return new Map([...files].map(([path, bytes]) => [`${dir}/${path}`, bytes]));
}
