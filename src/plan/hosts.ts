/**
 * Which hosts a run releases.
 *
 * @module
 */
import type { HostKind, HostNames, HostRef } from "../model.ts";
import type { HostsSpec } from "../config.ts";
import { compareBytes } from "../contract/records.ts";
import { nearest, quoteList } from "../text.ts";
import { ReleaseError } from "../errors.ts";

/**
 * Reads the value of `--hosts`: `auto`, `auto:exclude=a,b` or `a,b,c`. Nothing between two commas is no name, and a name
 * that is given twice counts once. A list without a name stays one: it comes from a variable that is not set as easily as
 * from a mistake, and all hosts are never meant by it.
 *
 * @throws {ReleaseError} of kind `usage` when there is something else than `exclude=` behind `auto:`
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseHostsSpec("auto"), { kind: "auto", exclude: [] });
 * assertEquals(parseHostsSpec("web2, web1"), { kind: "explicit", hosts: ["web2", "web1"] });
 * ```
 */
export function parseHostsSpec(text: string): HostsSpec {
  const spec = text.trim();
  if (spec === "auto") return { kind: "auto", exclude: [] };
  if (spec.startsWith("auto:")) {
    const list = /^auto:exclude=(.*)$/s.exec(spec);
    if (list === null) {
      throw new ReleaseError("usage", `Cannot read --hosts "${text}": expected "auto:exclude=NAME,…"`);
    }
    return { kind: "auto", exclude: splitNames(list[1]!) };
  }
  return { kind: "explicit", hosts: splitNames(spec) };
}

function splitNames(list: string): string[] {
  return [...new Set(list.split(",").map((name) => name.trim()).filter((name) => name !== ""))];
}

/**
 * The hosts to release, in the order of the contract: under `auto` NixOS names sorted, then Darwin names sorted;
 * else as listed.
 *
 * @param spec What the user asked for
 * @param names What the flake has
 * @throws {ReleaseError} of kind `usage` when a name is unknown, a name stands in both attribute sets, or nothing
 * is left to release
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   enumerateHosts({ kind: "auto", exclude: ["lab"] }, { nixos: ["web", "lab", "db"], darwin: ["mac"] }),
 *   [{ name: "db", kind: "nixos" }, { name: "web", kind: "nixos" }, { name: "mac", kind: "darwin" }],
 * );
 * ```
 */
export function enumerateHosts(spec: HostsSpec, names: HostNames): HostRef[] {
  const known = new Map<string, HostKind[]>();
  for (const kind of ["nixos", "darwin"] as const) {
    for (const name of [...names[kind]].sort(compareBytes)) known.set(name, [...known.get(name) ?? [], kind]);
  }
  const excluded = new Set(spec.kind === "auto" ? spec.exclude : []);
  const wanted = spec.kind === "auto"
    ? [...known.keys()].filter((name) => !excluded.has(name))
    : [...new Set(spec.hosts)];
  const unknown = (spec.kind === "auto" ? spec.exclude : spec.hosts).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const meant = nearest(unknown[0]!, known.keys());
    throw new ReleaseError(
      "usage",
      `The flake has no host ${quoteList(unknown)}, which --hosts ${
        spec.kind === "auto" ? "excludes" : "names"
      }`,
      {
        hint: (meant === undefined ? "" : `did you mean "${meant}"? `) +
          `known hosts: ${quoteList([...known.keys()], 20) || "none"}`,
      },
    );
  }
  const ambiguous = wanted.filter((name) => known.get(name)!.length > 1);
  if (ambiguous.length > 0) {
    throw new ReleaseError(
      "usage",
      `Host ${quoteList(ambiguous)} is in both nixosConfigurations and darwinConfigurations`,
      { hint: "disambiguate: rename it in one of them, or leave it out with --hosts auto:exclude=NAME" },
    );
  }
  if (wanted.length === 0) {
    throw new ReleaseError("usage", "No hosts to release", {
      hint:
        "the flake must have nixosConfigurations or darwinConfigurations with a host that is not excluded",
    });
  }
  const hosts = wanted.map((name) => ({ name, kind: known.get(name)![0]! }));
  return spec.kind === "auto"
    ? [...hosts.filter(({ kind }) => kind === "nixos"), ...hosts.filter(({ kind }) => kind === "darwin")]
    : hosts;
}
