/**
 * How much memory commands take, with all that they start.
 *
 * @module
 */

/** How often it is looked at: what comes and goes faster is missed, on every side alike. */
const INTERVAL_MS = 100;

/** A command, and the most memory that each run of it has taken, in megabytes. */
export interface Watched {
  readonly run: () => Promise<void>;
  readonly megabytes: number[];
}

/**
 * Watches the memory of a command that is run as a process: the sum of the proportional set sizes (PSS) of all processes
 * below this one, so that a page which several share counts once. Linux alone tells it. What a daemon does for a command
 * is not below this process, and not in it.
 */
export function watchMemory(command: () => Promise<void>): Watched {
  const megabytes: number[] = [];
  const run = async () => {
    let peak = 0;
    const timer = setInterval(() => peak = Math.max(peak, memoryBelow(Deno.pid)), INTERVAL_MS);
    try {
      await command();
    } finally {
      clearInterval(timer);
    }
    megabytes.push(peak);
  };
  return { run, megabytes };
}

/** Megabytes of all processes that a process has started, and of those that these have. */
function memoryBelow(ancestor: number): number {
  const children = Map.groupBy(processes(), ({ parent }) => parent);
  const below: number[] = [ancestor];
  // It grows while it is gone through.
  for (const pid of below) for (const child of children.get(pid) ?? []) below.push(child.pid);
  return below.slice(1).reduce((sum, pid) => sum + proportionalSize(pid), 0);
}

function processes(): { pid: number; parent: number }[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).flatMap(({ name }) => {
    // The name of a program may have anything in it: what follows comes behind the last parenthesis.
    const parent = /^.*\) \S (\d+)/s.exec(readIfThere(`/proc/${name}/stat`))?.[1];
    return parent === undefined ? [] : [{ pid: Number(name), parent: Number(parent) }];
  });
}

function proportionalSize(pid: number): number {
  const kibibytes = /^Pss:\s+(\d+) kB$/m.exec(readIfThere(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0;
  return Number(kibibytes) * 1024 / 1e6;
}

/** A file about a process that may have ended. */
function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
