/**
 * Whole runs of the program: a reader of the commits that they make, and several that are started at one time.
 *
 * @module
 */
import { join } from "@std/path";
import { parsePrivateKey } from "../../src/crypto/private_key.ts";
import { type Finished, PROJECT, run } from "../support/command.ts";
import { PUBLIC_KEY, TestFleet } from "../support/fleet.ts";
import { writeTrust } from "./bench.ts";
import { asOne, type Figures } from "./figures.ts";

/** Releases a fleet and commits that, in a process of its own. */
export function releaseProcess(
  fleet: TestFleet,
  { above = [], path, args = [] }: {
    /** What starts it. */
    readonly above?: readonly string[];
    /** Where programs are looked for first. */
    readonly path?: string;
    readonly args?: readonly string[];
  } = {},
): Promise<Finished> {
  const program = ["run", "-A", "--no-check", "--cached-only", "--frozen", join(PROJECT, "src/main.ts")];
  const options = ["--sign-key", fleet.key, "--public-key", PUBLIC_KEY, "--git-commit", ...args];
  const env = fleet.env();
  return run([...above, Deno.execPath(), ...program, ...options], {
    cwd: fleet.dir,
    env: path === undefined ? env : { ...env, PATH: `${path}:${env["PATH"]}` },
  });
}

/** What verifies a release of a fleet, as it is in a commit or on disk. */
export async function verifierOf(fleet: TestFleet): Promise<(...more: string[]) => Promise<Finished>> {
  await writeTrust(fleet.root, await parsePrivateKey(await Deno.readTextFile(fleet.key)));
  return (...more) =>
    fleet.run(["verify", "releases", "--trust-file", join(fleet.root, "trust.json"), ...more]);
}

/** Reads the newest commit over and over while so many releases are committed. */
export async function gitReadersDuring(releases: number): Promise<Figures> {
  await using fleet = await TestFleet.create();
  const verify = await verifierOf(fleet);
  const problems: string[] = [];
  const release = async () => {
    const { code, stderr } = await releaseProcess(fleet);
    if (code !== 0) problems.push(stderr);
  };
  await release();
  let running = true;
  const writer = (async () => {
    for (let number = 1; number <= releases; number++) await release();
  })().finally(() => running = false);
  let reads = 0;
  while (running) {
    const { code, stdout, stderr } = await verify("--git", "HEAD");
    reads++;
    if (code !== 0) problems.push(`mixed: ${stdout}${stderr}`);
  }
  await writer;
  // Each release is a case of its own.
  return { name: `reads of git during ${releases} releases`, tried: reads + releases, problems };
}

/** How many runs are started at one time. */
const AT_ONCE = 8;

/** Starts several runs at one time, so many times: one of them releases, and the others say that it is at work. */
export async function runsAtOnce(rounds: number): Promise<Figures> {
  await using fleet = await TestFleet.create();
  const verify = await verifierOf(fleet);
  const problems: string[] = [];
  let slowest = 0;
  for (let round = 1; round <= rounds; round++) {
    const begun = performance.now();
    // Who releases waits until the others have ended: they cannot come too late.
    const ended = join(fleet.root, `ended ${round}`);
    const hook = `until [ -e '${ended}' ]; do sleep 0.05; done`;
    const codes: number[] = [];
    const start = async () => {
      const { code } = await releaseProcess(fleet, { args: ["--push-cmd", hook, "--hook-timeout", "120"] });
      codes.push(code);
      if (code === 75) slowest = Math.max(slowest, performance.now() - begun);
      if (codes.length === AT_ONCE - 1) await Deno.writeTextFile(ended, "");
    };
    await Promise.all(Array.from({ length: AT_ONCE }, start));
    const found: string[] = [];
    if (codes.filter((code) => code === 75).length !== AT_ONCE - 1 || codes.at(-1) !== 0) {
      found.push(`round ${round}: exit codes ${codes}`);
    }
    const { code, stdout } = await verify("--git", "HEAD");
    const commits = await fleet.git("rev-list", "--count", "HEAD");
    // And the commit that the fleet begins with.
    if (code !== 0 || commits !== `${round + 1}`) {
      found.push(`round ${round}: ${commits} commits, ${stdout}`);
      problems.push(...asOne(found));
    }
  }
  const note = `the slowest was refused after ${(slowest / 1000).toFixed(1)} s`;
  return { name: `${AT_ONCE} runs at one time`, tried: rounds, problems, note };
}
