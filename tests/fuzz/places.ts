/**
 * Mutated releases on disk and in commits: what is read from there has to get the verdict that the files get in memory,
 * and what is no regular file has to be refused.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { readReleaseTree } from "../../src/adapters/git/tree.ts";
import { readReleaseFiles } from "../../src/adapters/release_dir.ts";
import { ReleaseError } from "../../src/errors.ts";
import type { ReleaseVerdict } from "../../src/verify/release.ts";
import { expectRun, which } from "../support/command.ts";
import { tracedShell } from "../support/traced.ts";
import { inTempDir } from "../support/program.ts";
import { FLEET, type FuzzWorld, judge, mutated, note } from "./world.ts";
import type { Files } from "./mutations.ts";

/** A release, and the path that a link is put in the place of; undefined: none. */
interface Place {
  readonly files: Files;
  readonly link: string | undefined;
}

/** Where links lead: nowhere, out of the directory, to a device, and to a file beside them. */
const TARGETS = ["nowhere", "../outside", "/dev/zero", FLEET];

/** Writes and commits mutated releases, and reads them back. */
export async function fuzzPlaces(world: FuzzWorld): Promise<void> {
  const { chance, sizes } = world;
  const places: Place[] = [];
  for (let count = 0; count < sizes.places; count++) {
    const { files } = await mutated(world);
    const link = chance.below(4) === 0 ? chance.pick([...files.keys()]) : undefined;
    places.push({ files, link });
  }
  await inTempDir(async (root) => {
    const git = which("git");
    const env = { PATH: Deno.env.get("PATH") ?? "", HOME: root, GIT_CONFIG_NOSYSTEM: "1" };
    const repository = join(root, "repository");
    await expectRun([git, "init", "-q", repository], { env });
    const stdin = importOf(places);
    await expectRun([git, "-C", repository, "fast-import", "--quiet"], { env, stdin });
    const { shell } = tracedShell(repository);
    await Deno.writeTextFile(join(root, "outside"), "{}");
    for (const [index, place] of places.entries()) {
      const target = chance.pick(TARGETS);
      const dir = join(root, "releases");
      await writePlace(dir, place, target);
      await checkPlace(
        world,
        place,
        `on disk, with a link to ${target}`,
        target === FLEET,
        () => readReleaseFiles({ dir, cwd: root }, FLEET),
      );
      await Deno.remove(dir, { recursive: true });
      const location = { cwd: repository, revision: `refs/heads/f${index}`, dir: "releases" };
      await checkPlace(
        world,
        place,
        "in git",
        false,
        async () => (await readReleaseTree(shell, env, location, FLEET)).files,
      );
    }
  });
}

// Many parameters: what is checked, and how it is read.
async function checkPlace(
  world: FuzzWorld,
  { files, link }: Place,
  where: string,
  mayFollow: boolean,
  read: () => Promise<Files>,
): Promise<void> {
  const isSaying = link !== undefined && /\.(json|sig)$/.test(link);
  try {
    const verdict = await judge(await read(), world);
    if (isSaying) {
      note(world, "places", verdict, mayFollow ? [] : [`${where}: the link ${link} is read`]);
      return;
    }
    const inMemory = await judge(files, world);
    const problems = summary(verdict) === summary(inMemory) ? [] : [`${where}: ${summary(verdict)}`];
    note(world, "places", verdict, problems);
  } catch (error) {
    const isRefusal = error instanceof ReleaseError && isSaying;
    const refused = {
      verified: false,
      failures: [{ code: "missing-document", message: String(error) }],
    } as const;
    note(world, "places", refused, isRefusal ? [] : [`${where}: ${error}`]);
  }
}

/** A verdict, in whatever order the files were read. */
function summary({ verified, failures, meta, files, earlierManifests }: ReleaseVerdict): string {
  const reasons = failures.map(({ path, code }) => `${path} ${code}`).sort();
  return JSON.stringify({
    verified,
    reasons,
    meta,
    files: files.map(({ path }) => path).sort(),
    earlierManifests,
  });
}

async function writePlace(dir: string, { files, link }: Place, target: string): Promise<void> {
  for (const [path, bytes] of files) {
    const file = join(dir, path);
    await Deno.mkdir(dirname(file), { recursive: true });
    if (path === link) await Deno.symlink(path.startsWith("rollouts/") ? join("..", target) : target, file);
    else await Deno.writeFile(file, bytes);
  }
  await Deno.mkdir(dir, { recursive: true });
}

/** A stream for `git fast-import`: one commit for each place, on a branch of its own. */
function importOf(places: readonly Place[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  for (const [index, { files, link }] of places.entries()) {
    parts.push(encoder.encode(`commit refs/heads/f${index}\ncommitter t <t@e> 0 +0000\ndata 0\n`));
    parts.push(encoder.encode("M 100644 inline releases/.keep\ndata 0\n\n"));
    for (const [path, bytes] of files) {
      const content = path === link ? encoder.encode("nowhere") : bytes;
      const mode = path === link ? "120000" : "100644";
      parts.push(encoder.encode(`M ${mode} inline releases/${path}\ndata ${content.length}\n`), content);
      parts.push(encoder.encode("\n"));
    }
  }
  const stream = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    stream.set(part, offset);
    offset += part.length;
  }
  return stream;
}
