/**
 * Finds circles in what imports what.
 *
 * @module
 */

/** What each node leads to. A node that nothing is said of leads nowhere. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/**
 * The circles of a graph, each as a path that ends where it begins, the shortest first. No two have a step in common,
 * so that each is there to be cut by itself; when all are cut, none is left or others show.
 *
 * @example A circle of two
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(circlesOf(new Map([["a", ["b", "c"]], ["b", ["a"]]])), [["a", "b", "a"]]);
 * ```
 */
export function circlesOf(graph: Graph): string[][] {
  const left = new Map([...graph].map(([node, targets]) => [node, new Set(targets)]));
  const circles: string[][] = [];
  for (;;) {
    const circle = shortestCircle(left);
    if (circle === undefined) return circles;
    circles.push(circle);
    for (const [index, node] of circle.slice(0, -1).entries()) left.get(node)!.delete(circle[index + 1]!);
  }
}

function shortestCircle(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  let shortest: string[] | undefined;
  for (const node of [...graph.keys()].sort()) {
    const circle = circleFrom(node, graph);
    if (circle !== undefined && circle.length < (shortest?.length ?? Infinity)) shortest = circle;
  }
  return shortest;
}

/** The shortest path from a node back to itself, found by going one step further from all nodes at once. */
function circleFrom(start: string, graph: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const seen = new Set<string>();
  let paths = [[start]];
  while (paths.length > 0) {
    const next: string[][] = [];
    for (const path of paths) {
      for (const target of [...graph.get(path.at(-1)!) ?? []].sort()) {
        if (target === start) return [...path, target];
        if (seen.has(target)) continue;
        seen.add(target);
        next.push([...path, target]);
      }
    }
    paths = next;
  }
  return undefined;
}
