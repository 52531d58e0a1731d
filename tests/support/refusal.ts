/**
 * Runs that must be refused: what they say, and that they leave everything as it was.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { ensureDir, exists } from "@std/fs";
import { SIGN, TestFleet } from "./fleet.ts";

/** What a run is refused in: a real fleet, or one that only nix and git are not real of. */
export type Refusing = Pick<TestFleet, "root" | "dir" | "git" | "run">;

/** How the program says no. Texts as {@linkcode inGeneral} gives them. */
export interface Refusal {
  /** The exit code; 1 by default. */
  readonly code?: number;
  /** What stands behind `error: `. */
  readonly message: string;
  /** What stands behind `at: `. */
  readonly at?: string;
  /** The lines below, all of them; none by default. */
  readonly lines?: readonly string[];
  /** Texts within the lines below, in place of `lines`, where nix words them and its versions differ. */
  readonly including?: readonly string[];
  /** What stands behind `hint: `. */
  readonly hint?: string;
}

/** How the program is run. */
export interface Attempt {
  /** Arguments behind a sign command and a push command that work, and `--git-commit`. */
  readonly args?: readonly string[];
  /** All of the arguments. */
  readonly onlyArgs?: readonly string[];
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/** The files of a release that the program made of the sample fleet, by path. */
let earlier: Promise<Map<string, Uint8Array>> | undefined;

/** When the release of {@linkcode writeEarlierRelease} was signed. */
const EARLIER = "2026-05-01T12:00:00Z";

/** The arguments of a run while that release is still fresh. */
export const SOON_AFTER: readonly string[] = ["--now", "2026-05-01T13:00:00Z"];

/** Puts a release of an earlier day into the fleet's release directory, as the program wrote it. */
export async function writeEarlierRelease(fleet: Refusing): Promise<void> {
  earlier ??= (async () => {
    await using sample = await TestFleet.create();
    const result = await sample.release(["--now", EARLIER]);
    assertEquals(result.code, 0, result.stderr);
    return await sample.files();
  })();
  for (const [path, bytes] of await earlier) {
    const file = join(fleet.dir, "releases", path);
    await ensureDir(dirname(file));
    await Deno.writeFile(file, bytes);
  }
}

/** Everything that a refused run leaves as it was. */
export interface World {
  /** What lies in the test's directory, by path: the bytes of files, and words for directories and links. */
  readonly paths: Map<string, Uint8Array | string>;
  /** What is staged; empty outside git. */
  readonly staged: string;
}

/** Looks at everything that a refused run must leave as it is: the flake, git's files, what is beside it, and TMPDIR. */
export async function worldOf(fleet: Refusing): Promise<World> {
  const paths: World["paths"] = new Map();
  const visit = (prefix: string) => {
    const entries = [...Deno.readDirSync(join(fleet.root, prefix))].sort((a, b) => a.name < b.name ? -1 : 1);
    for (const entry of entries) {
      const path = join(prefix, entry.name);
      // nix keeps its caches in HOME. git notes in its index when it has looked at a file: what is in it, it tells below.
      if (path === "home" || path === "fleet/.git/index") continue;
      if (entry.isSymlink) paths.set(path, `link to ${Deno.readLinkSync(join(fleet.root, path))}`);
      else if (entry.isFile) paths.set(path, Deno.readFileSync(join(fleet.root, path)));
      else {
        paths.set(path, "directory");
        visit(path);
      }
    }
  };
  visit("");
  return { paths, staged: await isInGit(fleet) ? await fleet.git("ls-files", "--stage") : "" };
}

async function isInGit(fleet: Refusing): Promise<boolean> {
  return await exists(join(fleet.dir, ".git"));
}

/** The commit that HEAD names, as git's files say it. */
async function headOf(fleet: Refusing): Promise<string> {
  const read = async (path: string) => (await Deno.readTextFile(join(fleet.dir, ".git", path))).trim();
  const head = await read("HEAD");
  return head.startsWith("ref: ") ? await read(head.slice("ref: ".length)) : head;
}

/** The push command that leaves a mark beside the flake. */
export function marking(fleet: Refusing): string {
  return `echo "$NIXFLEET_HOST" >> '${join(fleet.root, "pushed")}'`;
}

/**
 * Runs the program and asserts that it says no in these words, writes nothing to stdout, and changes nothing: no
 * file, no commit, no closure pushed, nothing left in the temporary directory.
 */
export async function expectRefused(fleet: Refusing, attempt: Attempt, refusal: Refusal): Promise<void> {
  const before = await worldOf(fleet);
  const args = attempt.onlyArgs ??
    ["--sign-cmd", SIGN, "--push-cmd", marking(fleet), "--git-commit", ...attempt.args ?? []];
  const { env, cwd } = attempt;
  const result = await fleet.run(args, { ...(env && { env }), ...(cwd !== undefined && { cwd }) });
  const { code = 1, including, ...expected } = refusal;
  const said = parseError(await inGeneral(fleet, result.stderr));
  assertEquals({ code: result.code, stdout: result.stdout }, { code, stdout: "" }, result.stderr);
  if (including === undefined) {
    assertEquals(said, { at: undefined, lines: [], hint: undefined, ...expected }, result.stderr);
  } else {
    const { lines, ...others } = said;
    assertEquals(others, { at: undefined, hint: undefined, ...expected }, result.stderr);
    const missing = including.filter((text) => !lines.some((line) => line.includes(text)));
    assertEquals(missing, [], result.stderr);
  }
  assertEquals(await worldOf(fleet), before);
}

/**
 * A text without what differs from run to run: `ROOT` stands for the test's directory, `COMMIT` for the flake's
 * commit, `STORE/` for the beginning of a store path, and `SHA256` for a hash.
 */
export async function inGeneral(fleet: Refusing, text: string): Promise<string> {
  const known = await isInGit(fleet) ? text.replaceAll(await headOf(fleet), "COMMIT") : text;
  return known.replaceAll(fleet.root, "ROOT").replace(/\?ref=[^&"\s]*&rev=COMMIT/g, "?rev=COMMIT")
    .replace(/[^\s"]*\/[0-9a-z]{32}-/g, "STORE/").replace(/[0-9a-f]{64}/g, "SHA256");
}

/** Takes the error at the end of a log apart. */
function parseError(stderr: string) {
  const lines = stderr.split("\n");
  const start = lines.findIndex((line) => line.startsWith("error: "));
  assert(start !== -1 && lines.pop() === "", `there is no error at the end of: ${stderr}`);
  const [first, ...rest] = lines.slice(start);
  const at = rest[0]?.startsWith("  at: ") ? rest.shift()!.slice("  at: ".length) : undefined;
  const hint = rest.at(-1)?.startsWith("hint: ") ? rest.pop()!.slice("hint: ".length) : undefined;
  return { message: first!.slice("error: ".length), at, lines: rest.map((line) => line.slice(2)), hint };
}
