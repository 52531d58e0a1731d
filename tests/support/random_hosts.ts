/**
 * Flakes and values of `--hosts` at random: the same ones each time.
 *
 * @module
 */
import type { HostsSpec } from "../../src/config.ts";
import type { HostNames } from "../../src/model.ts";
import type { HostLabels } from "../../src/plan/hosts.ts";

/** Hosts with what a fleet says of them, and what is asked for. */
export interface RandomHosts {
  readonly names: HostNames;
  readonly fleet: HostLabels;
  readonly spec: HostsSpec;
}

/** Names that are plain, that look like something else, and that no text of ASCII is. */
const NAMES = [
  ...[
    "web",
    "web-1",
    "web-2",
    "web-10",
    "db",
    "db.eu",
    "lab_1",
    "-",
    "a",
    "w+b",
    "w^b",
    "w\\b",
    "a(b)",
    "a|b",
  ],
  ...[
    "@eu",
    "%edge",
    "!web",
    "web-*",
    "!@eu",
    "!",
    "@",
    "[ab]",
    "a]",
    "\u00e9t\u00e9",
    "we\u{1f5a5}-1",
    "w\nb",
  ],
];
const LABELS = ["eu", "us", "edge", "web", "*", "@eu", ""];
const TERMS = [
  ...[
    "*",
    "?",
    "??",
    "web-*",
    "web-?",
    "w*",
    "*b*",
    "*.eu",
    "w?b",
    "[a-d]*",
    "[!a-d]*",
    "web-[12]",
    "*[0-9]",
  ],
  ...["*\u00e9", "?t?", "[-]", "w[+]b", "w^b", "w\\*", "a(*", "a|b", "[ab]", "web-**", "*[_.-]*"],
  ...["@eu", "@us", "@edge", "@*", "@@eu", "@", "%edge", "%web", "%eu", "%"],
];

/** Gives numbers from 0 to 1, the same for the same seed. */
function random(seed: number): () => number {
  return () => {
    // An LCG with the constants of Numerical Recipes.
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

/** So many of them. */
export function randomHosts(count: number, seed = 1): RandomHosts[] {
  const next = random(seed);
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)]!;
  const some = <T>(all: readonly T[], share: number): T[] => all.filter(() => next() < share);
  return Array.from({ length: count }, () => {
    const names = some(NAMES, oneOf([0.2, 0.5, 0.8]));
    const darwin = new Set(some(names, 0.2));
    const known = some(names, 0.9);
    const labels = known.map((name) => [name, { channel: oneOf(LABELS), tags: some(LABELS, 0.3) }]);
    const term = () => oneOf(["", "", "!"]) + oneOf([...TERMS, ...names]);
    const list = Array.from({ length: 1 + Math.floor(next() * 4) }, term);
    return {
      names: { nixos: names.filter((name) => !darwin.has(name)), darwin: [...darwin] },
      fleet: Object.fromEntries(labels),
      spec: next() < 0.3 ? { kind: "auto", exclude: list } : { kind: "explicit", hosts: list },
    };
  });
}
