/**
 * Looks at memory: how much there is, and how much of it evaluating processes have.
 *
 * @module
 */
import type { Shell } from "../process.ts";

/** What there is of memory at one moment. In KiB. */
export interface Memory {
  /** What may be taken still, by the system and by the control groups above this process; undefined: nothing tells. */
  readonly available: number | undefined;
  /** What the processes have that have this text among their arguments, the largest of them; undefined: nothing tells. */
  readonly of: (text: string) => number | undefined;
}

/**
 * Of control groups the limit, what is used, and what of that can be given back at once, in bytes, for version 2 and for
 * version 1; and of each process what it has in memory, and its arguments. A system without these files has none of it.
 */
const LOOK = `
cat /proc/meminfo
while IFS=: read -r _ controllers path; do
  case $controllers in
    '') base=/sys/fs/cgroup limit=memory.max used=memory.current given=inactive_file ;;
    *memory*) base=/sys/fs/cgroup/memory limit=memory.limit_in_bytes used=memory.usage_in_bytes given=total_inactive_file ;;
    *) continue ;;
  esac
  path=\${path%/}
  while :; do
    dir=$base$path
    if [ -r "$dir/$limit" ]; then
      back=0
      while read -r name value; do [ "$name" != "$given" ] || back=$value; done <"$dir/memory.stat"
      echo "cgroup $(cat "$dir/$limit") $(cat "$dir/$used") $back"
    fi
    [ -n "$path" ] || break
    path=\${path%/*}
  done
done </proc/self/cgroup
ps -A -ww -o rss= -o args=
exit 0`;

/** Looks at it now. */
export async function lookAtMemory(shell: Shell, env: Readonly<Record<string, string>>): Promise<Memory> {
  const shown = ["sh", "-c", "<how much memory there is>"];
  const { stdout } = await shell.run([shell.find("sh"), "-c", LOOK], { env, shown });
  return parseMemory(new TextDecoder().decode(stdout));
}

/** Reads what the script above prints. Pure. */
export function parseMemory(text: string): Memory {
  const lines = text.split("\n");
  const bounds = lines.flatMap((line) => {
    const [, free] = /^MemAvailable: +(\d+) kB$/.exec(line) ?? [];
    if (free !== undefined) return [Number(free)];
    // Without a limit there is a word, or a number that no machine has.
    const [, limit, used, back] = /^cgroup (\d+) (\d+) (\d+)$/.exec(line) ?? [];
    return limit === undefined ? [] : [(Number(limit) - Number(used) + Number(back)) / 1024];
  });
  const processes = lines.flatMap((line) => {
    const [, kib, args] = /^ *(\d+) (.*)$/.exec(line) ?? [];
    return args === undefined ? [] : [{ kib: Number(kib), args }];
  });
  return {
    available: bounds.length === 0 ? undefined : Math.max(0, Math.min(...bounds)),
    of(text) {
      const found = processes.filter(({ args }) => args.includes(text)).map(({ kib }) => kib);
      return found.length === 0 ? undefined : Math.max(...found);
    },
  };
}
