/**
 * Attributes, as options give them: `fleet.resolved` or `.#fleet.resolved` of the flake that is released, and
 * `../other#fleet.resolved` of another one.
 *
 * @module
 */
import type { ReleaseConfig } from "../config.ts";
import { ReleaseError } from "../errors.ts";

/** What a flake says about its fleet, by the names that the evaluation is asked for it by. */
export const ATTRIBUTES = {
  fleet: { option: "--fleet-resolved-attr", setting: "fleetResolvedAttr" },
  revocations: { option: "--revocations-attr", setting: "revocationsAttr" },
  bootstrapNonces: { option: "--bootstrap-nonces-attr", setting: "bootstrapNoncesAttr" },
  trusted: { option: "--trust-attr", setting: "trustAttr" },
} as const;

/** The name of something that a flake says. */
export type AttributeName = keyof typeof ATTRIBUTES;

/** An attribute of a flake. */
export interface Attribute {
  /** The reference of the flake; undefined: the one that is released. */
  readonly flake: string | undefined;
  /** The names that lead to it; the first is empty where nix looks in the flake's outputs alone, as for `.#.fleet`. */
  readonly path: readonly string[];
}

/** Where the run is told what it asks for. */
export type Attributes = ReadonlyMap<AttributeName, Attribute>;

/**
 * Reads the attributes of a configuration.
 *
 * @throws {ReleaseError} of kind `usage` when one has no attribute path
 */
export function parseAttributes(config: ReleaseConfig): Attributes {
  const names = Object.keys(ATTRIBUTES) as AttributeName[];
  return new Map(names.flatMap((name) => {
    const { option, setting } = ATTRIBUTES[name];
    const text = config[setting];
    return text === undefined ? [] : [[name, parseAttribute(option, text)] as const];
  }));
}

/**
 * Reads an attribute: a path, with a flake reference and `#` in front or not.
 *
 * @param option The option that it comes from, for the error
 * @throws {ReleaseError} of kind `usage` when there is no attribute path in it
 */
export function parseAttribute(option: string, text: string): Attribute {
  const refuse = () =>
    new ReleaseError("usage", `Cannot read ${option} "${text}": expected an attribute path of the flake`, {
      hint:
        'as in "fleet.resolved", or in "../other#fleet.resolved" for another flake than that of --build-flake',
    });
  const own = splitPath(text);
  if (own !== undefined) return { flake: undefined, path: own };
  const [, flake, fragment] = /^([^#]*)#(.*)$/s.exec(text) ?? [];
  const written = fragment === undefined ? undefined : decoded(fragment);
  if (written === undefined) throw refuse();
  const isAbsolute = written.startsWith(".");
  const path = splitPath(isAbsolute ? written.slice(1) : written);
  if (path === undefined) throw refuse();
  return {
    flake: flake === "" || flake === "." ? undefined : flake,
    path: isAbsolute ? ["", ...path] : path,
  };
}

/** What stands behind the `#` of a URL; undefined when it is no part of one. */
function decoded(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return undefined;
  }
}

/**
 * Splits an attribute path into its names. A name with a dot in it is quoted, as in nix: `fleet."a.b"`.
 *
 * @returns undefined when it is none
 */
function splitPath(path: string): string[] | undefined {
  const names = [...path.matchAll(/(?:^|\.)(?:"((?:[^"\\]|\\.)+)"|([^".#\s]+))/gy)];
  const length = names.reduce((total, [match]) => total + match.length, 0);
  if (names.length === 0 || length !== path.length || path.startsWith(".")) return undefined;
  return names.map(([, quoted, plain]) => plain ?? quoted!.replace(/\\(.)/g, "$1"));
}
