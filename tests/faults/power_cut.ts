/**
 * Power cuts in a publication: what had reached a disk of ext4 when the process was stopped at a rename, and when it had
 * ended well. The disk is an image; what is in a copy of it that is taken while it is mounted had reached it.
 *
 * @module
 */
import { join } from "@std/path";
import { createReleaseDir } from "../../src/adapters/release_dir.ts";
import { run, which } from "../support/command.ts";
import { TestFleet } from "../support/fleet.ts";
import { writeFiles } from "../support/interrupted.ts";
import { asOne, type Figures } from "./figures.ts";
import { wrongIn } from "./git_steps.ts";
import { releaseProcess, verifierOf } from "./runs.ts";
import { type Bench, openBench, publish, verify, wholeIn } from "./bench.ts";

const NAME = "power cuts on ext4";

/** Cuts the power at up to so many renames of an update, and once behind its end. */
export async function powerCuts(strace: string, most: number): Promise<Figures> {
  await using bench = await openBench(strace);
  const image = join(bench.dir, "image");
  try {
    await tool("truncate", "--size=16M", image);
    await tool("mkfs.ext4", "-q", "-F", image);
    await using disk = await mount(image, join(bench.dir, "disk"));
    await writeFiles(join(disk.path, "releases"), bench.update.before);
  } catch (error) {
    return {
      name: NAME,
      tried: 0,
      problems: [],
      skipped: `${error instanceof Error ? error.message : error}`,
    };
  }
  const problems: string[] = [];
  let tried = 0;
  for (let rename = 1, ended = false; !ended && tried <= most; rename++, tried++) {
    const found = await cut(
      bench,
      image,
      tried === most ? undefined : `rename:signal=SIGKILL:when=${rename}`,
    );
    ended = found.ended;
    if (found.problem !== undefined) problems.push(`rename ${rename}: ${found.problem}`);
  }
  return { name: NAME, tried, problems };
}

/** Publishes on a fresh disk, cuts the power, and looks at what is there after the next start. */
async function cut(bench: Bench, image: string, fault?: string) {
  // Under new names: the kernel may still have a file of the same name in its cache as the disk that it was.
  const [before, after] = [0, 1].map(() => join(bench.dir, crypto.randomUUID())) as [string, string];
  await Deno.copyFile(image, before);
  let ended: boolean;
  {
    await using disk = await mount(before, `${before}.disk`);
    const root = join(disk.path, "releases");
    const rule = fault === undefined ? undefined : { rule: fault };
    await using published = await publish(bench, bench.update, rule, root);
    ended = published.finished.code === 0;
    await Deno.copyFile(before, after);
  }
  await using disk = await mount(after, `${after}.disk`);
  const root = join(disk.path, "releases");
  const seen = await verify(bench, root);
  const told = seen.code === 0 || seen.told;
  await createReleaseDir(root, "/").recover();
  const whole = await wholeIn(root, bench.update);
  const problem = !told
    ? `a reader is not told: ${seen.stdout}`
    : whole === undefined || (ended && whole !== "new")
    ? `the disk has ${whole === undefined ? "no whole release" : "the release before"}`
    : undefined;
  return { ended, problem };
}

/** A file system in an image, mounted until it is disposed of. */
async function mount(image: string, path: string): Promise<{ path: string } & AsyncDisposable> {
  await Deno.mkdir(path, { recursive: true });
  // Nothing reaches the disk by itself.
  await tool("mount", "-o", "loop,commit=300", image, path);
  return { path, [Symbol.asyncDispose]: () => tool("umount", path) };
}

async function tool(name: string, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await run([which(name), ...args]);
  if (code !== 0) throw new Error(stderr.trim() || `${name} exits with ${code}`);
}

/** Releases and commits on a disk, and cuts the power right behind that: the files, the commit and the branch are there. */
export async function powerCutBehindCommit(): Promise<Figures> {
  const name = "power cut on ext4 behind a commit";
  await using fleet = await TestFleet.create();
  const [image, after] = ["image", "image after"].map((name) => join(fleet.root, name)) as [string, string];
  try {
    await tool("truncate", "--size=64M", image);
    await tool("mkfs.ext4", "-q", "-F", "-d", fleet.dir, image);
    await using _ = await mount(image, fleet.dir);
  } catch (error) {
    return { name, tried: 0, problems: [], skipped: `${error instanceof Error ? error.message : error}` };
  }
  const problems: string[] = [];
  let head: string;
  {
    await using _ = await mount(image, fleet.dir);
    const { code, stderr } = await releaseProcess(fleet);
    if (code !== 0) problems.push(stderr);
    await Deno.copyFile(image, after);
    head = await fleet.git("rev-parse", "main");
  }
  await using _ = await mount(after, fleet.dir);
  const verify = await verifierOf(fleet);
  const there = await fleet.git("rev-parse", "main");
  if (there !== head) problems.push(`the branch is at ${there}, and was at ${head}`);
  for (const more of [[], ["--git", "main"]]) {
    const { code, stdout, stderr } = await verify(...more);
    if (code !== 0) problems.push(`verify ${more.join(" ")}: ${stdout}${stderr}`);
  }
  problems.push(...await wrongIn(fleet));
  return { name, tried: 1, problems: asOne(problems) };
}
