/**
 * Attribute paths, as options give them: `fleet.resolved` or `.#fleet.resolved`.
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

/** Where the flake says what the run asks it for. */
export type AttributePaths = ReadonlyMap<AttributeName, readonly string[]>;

/**
 * Reads the attribute paths of a configuration.
 *
 * @throws {ReleaseError} of kind `usage` when one names another flake, or is no attribute path
 */
export function parseAttributePaths(config: ReleaseConfig): AttributePaths {
  const names = Object.keys(ATTRIBUTES) as AttributeName[];
  return new Map(names.flatMap((name) => {
    const { option, setting } = ATTRIBUTES[name];
    const text = config[setting];
    return text === undefined ? [] : [[name, parseAttributePath(option, text)] as const];
  }));
}

/**
 * Splits an attribute path into its names. A name with a dot in it is quoted, as in nix: `fleet."a.b"`.
 *
 * @param option The option that it comes from, for the error
 * @throws {ReleaseError} of kind `usage` when it names another flake, or is no attribute path
 */
export function parseAttributePath(option: string, text: string): string[] {
  const path = text.startsWith(".#") ? text.slice(2) : text;
  const names = [...path.matchAll(/(?:^|\.)(?:"((?:[^"\\]|\\.)+)"|([^".#\s]+))/gy)];
  const length = names.reduce((total, [match]) => total + match.length, 0);
  if (names.length === 0 || length !== path.length || path.startsWith(".")) {
    throw new ReleaseError(
      "usage",
      `Cannot read ${option} "${text}": expected an attribute path of the flake`,
      {
        hint: 'as in "fleet.resolved" or ".#fleet.resolved"; the flake itself is given by --build-flake',
      },
    );
  }
  return names.map(([, quoted, plain]) => plain ?? quoted!.replace(/\\(.)/g, "$1"));
}
