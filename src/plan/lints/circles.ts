/**
 * Orders that run in a circle.
 *
 * @module
 */
import { compareBytes } from "../../contract/records.ts";

/** `gated` waits for `gates`. */
export interface Order {
  readonly gated: string;
  readonly gates: string;
}

/**
 * The circles in which names wait for each other: each from its first name by byte order, to the one that waits for that.
 * A name is in one circle at most, so that many which share a name are not told again and again.
 */
export function circlesIn(orders: readonly Order[]): string[][] {
  const waits = new Map<string, Set<string>>();
  const holds = new Map<string, Set<string>>();
  for (const { gated, gates } of orders) {
    addTo(waits, gated, gates);
    addTo(holds, gates, gated);
  }
  // What waits for nothing is in no circle, and neither is what waits for such alone.
  const drop = (names: string[]) => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      for (const other of holds.get(name) ?? []) {
        const left = waits.get(other);
        if (left?.delete(name) && left.size === 0) {
          waits.delete(other);
          names.push(other);
        }
      }
    }
  };
  drop([...holds.keys()].filter((name) => !waits.has(name)));
  const circles: string[][] = [];
  for (const start of [...waits.keys()].sort(compareBytes)) {
    if (!waits.has(start)) continue;
    const circle = walk(start, waits);
    circles.push(circle);
    for (const name of circle) waits.delete(name);
    drop([...circle]);
  }
  return circles;
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const found = map.get(key);
  if (found === undefined) map.set(key, new Set([value]));
  else found.add(value);
}

/** Goes from a name to one that it waits for, until one comes again: each name that is left waits for another that is. */
function walk(start: string, waits: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const steps = new Map<string, number>();
  let name = start;
  for (; !steps.has(name); [name] = [...waits.get(name)!].sort(compareBytes) as [string]) {
    steps.set(name, steps.size);
  }
  const circle = [...steps.keys()].slice(steps.get(name));
  const first = circle.indexOf([...circle].sort(compareBytes)[0]!);
  return [...circle.slice(first), ...circle.slice(0, first)];
}
