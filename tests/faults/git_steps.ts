/**
 * Kills at each git that a release starts: of the program alone, of that git alone, and of all that the program has
 * started; before that git has done anything, when it renames its first file, and when it has ended.
 *
 * @module
 */
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import { type Finished, run, which } from "../support/command.ts";
import { TestFleet } from "../support/fleet.ts";
import { type Figures, inParallel, spread } from "./figures.ts";
import { releaseProcess, verifierOf } from "./runs.ts";

/** Whom a kill hits. */
const VICTIMS = ["program", "git", "tree"] as const;
const NAMES = { program: "the program alone", git: "that git alone", tree: "all that it has started" };
/** When, as the git at which it happens sees it. */
const MOMENTS = ["before", "within", "after"] as const;

/** A kill at a git. */
interface Kill {
  readonly victim: (typeof VICTIMS)[number];
  readonly moment: (typeof MOMENTS)[number];
  /** The how manieth git that the release starts it is, from 1. */
  readonly at: number;
  /** Whether there is a release already. */
  readonly updates: boolean;
}

/** Kills at up to so many points, the same number for each victim. */
export async function gitSteps(strace: string, most: number): Promise<Figures[]> {
  await using released = await TestFleet.create();
  // Its closures are built, and what nix fetches is there.
  const { code, stderr } = await releaseWith(released, 0, "true");
  if (code !== 0) throw new Error(stderr);
  const figures: Figures[] = [];
  for (const victim of VICTIMS) {
    const cases: Kill[] = [];
    for (const updates of [false, true]) {
      await using fleet = await fleetFor(released, updates);
      const counted = await releaseWith(fleet, 0, "true");
      if (counted.code !== 0) throw new Error(counted.stderr);
      const steps = (await Deno.stat(countOf(fleet))).size;
      for (const moment of MOMENTS) {
        // What is in the middle of git's own work is no step of a program that it does not hear of.
        if (victim === "program" && moment === "within") continue;
        for (let at = 1; at <= steps; at++) cases.push({ victim, moment, at, updates });
      }
    }
    const attempt = (kill: Kill) => tryKill(released, strace, kill);
    const some = spread(cases, Math.ceil(most / VICTIMS.length));
    figures.push(await inParallel(`SIGKILL at a git of a release, of ${NAMES[victim]}`, some, attempt));
  }
  return figures;
}

/** A fleet that is to be released: the one that is, or a new one. */
async function fleetFor(released: TestFleet, updates: boolean): Promise<TestFleet> {
  const fleet = await TestFleet.create();
  if (!updates) return fleet;
  await Deno.remove(fleet.dir, { recursive: true });
  const { code, stderr } = await run([which("cp"), "-a", released.dir, fleet.dir]);
  if (code !== 0) throw new Error(stderr);
  return fleet;
}

/** The file that has a byte for each git that was started. */
function countOf({ root }: TestFleet): string {
  return join(root, "count");
}

/** Releases in a process of its own, with a git that does something else at one of its calls. */
async function releaseWith(fleet: TestFleet, at: number, script: string): Promise<Finished> {
  const bin = join(fleet.root, "bin");
  const pid = join(fleet.root, "pid");
  await ensureDir(bin);
  await Deno.writeTextFile(
    join(bin, "git"),
    `#!/bin/sh
git=${which("git")}
printf . >>'${countOf(fleet)}'
program=$(cat '${pid}')
# The program and all processes below it, this one last.
tree() {
  ps -e -o pid= -o ppid= | awk -v top="$program" '
    { above[$1] = $2 }
    END { for (pid in above) { for (at = pid; at > 1 && at != top; at = above[at]); if (at == top) print pid } }' |
    grep -vx $$
  echo $$
}
[ "$(wc -c <'${countOf(fleet)}')" = ${at} ] || exec "$git" "$@"
${script}
`,
    { mode: 0o755 },
  );
  await Deno.remove(countOf(fleet)).catch(() => {});
  const above = [which("sh"), "-c", `echo $$ >'${pid}'; exec "$@"`, "sh"];
  return await releaseProcess(fleet, { above, path: bin });
}

/** What the git does at which the kill happens. */
function scriptOf(strace: string, { victim, moment }: Kill): string {
  const kill = { program: 'kill -KILL "$program"', git: "kill -KILL $$", tree: "kill -KILL $(tree)" }[victim];
  const rule = "-e trace=rename -e inject=rename:signal=SIGKILL:when=1";
  switch (moment) {
    case "before":
      return `${kill}\nexec "$git" "$@"`;
    case "within":
      return `${strace} -o /dev/null ${rule} "$git" "$@"\ncode=$?\n[ $code != 137 ] || ${kill}\nexit $code`;
    case "after":
      return `"$git" "$@"\ncode=$?\n${kill}\nexit $code`;
  }
}

/** Kills: readers find a whole release or are told, and the next start makes it whole and leaves nothing else. */
async function tryKill(released: TestFleet, strace: string, kill: Kill): Promise<string[]> {
  await using fleet = await fleetFor(released, kill.updates);
  const problems: string[] = [];
  const first = await releaseWith(fleet, kill.at, scriptOf(strace, kill));
  const verify = await verifierOf(fleet);
  const seen = await verify();
  const told = seen.stderr.includes("or the run that did so was interrupted");
  const hasNone = !kill.updates && (await fleet.files()).size === 0;
  if (seen.code !== 0 && !told && !hasNone) {
    problems.push(`a reader is not told: ${seen.stdout}${seen.stderr}`);
  }
  const next = await fleet.release(["--git-commit", "--require-clean"]);
  if (next.code !== 0) problems.push(`the next run: ${next.stderr}`);
  for (const more of [[], ["--git", "HEAD"]]) {
    const { code, stdout, stderr } = await verify(...more);
    if (code !== 0) problems.push(`verify ${more.join(" ")} then: ${stdout}${stderr}`);
  }
  problems.push(...await wrongIn(fleet), ...await leftIn(fleet));
  const { victim, moment, at, updates } = kill;
  const where = `${
    updates ? "update" : "first release"
  }, ${victim} ${moment} git ${at} (exit code ${first.code})`;
  return problems.map((problem) => `${where}: ${problem}`);
}

/** What git finds wrong with a fleet's repository. */
export async function wrongIn(fleet: TestFleet): Promise<string[]> {
  const problems: string[] = [];
  const status = await fleet.git("status", "--porcelain");
  if (status !== "") problems.push(`git status: ${status}`);
  const fsck = await run([which("git"), "fsck", "--no-dangling"], { cwd: fleet.dir, env: fleet.env() });
  if (fsck.code !== 0) problems.push(`git fsck: ${fsck.stdout}${fsck.stderr}`);
  return problems;
}

/** What must not be there once a run has ended well. */
async function leftIn(fleet: TestFleet): Promise<string[]> {
  const isOurs = (path: string) =>
    /(^|\/)\.fleet-release\./.test(path) || /^\.git\/.*(\.lock|tmp_\w+)$/.test(path);
  const names = [...(await fleet.files(fleet.dir)).keys()].filter(isOurs);
  const runs = [...Deno.readDirSync(join(fleet.root, "tmp"))].map(({ name }) => name)
    .filter((name) => name.startsWith("fleet-release-run-"));
  const left = [...names, ...runs];
  return left.length === 0 ? [] : [`left over: ${left.join(" ")}`];
}
