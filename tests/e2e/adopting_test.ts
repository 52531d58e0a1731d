// The steps of docs/adopting.md, run as they stand there on a flake that knows nothing of releases.

import { assertEquals } from "@std/assert";
import { exists } from "@std/fs";
import { join } from "@std/path";
import { composeRelease } from "../../mod.ts";
import { SYSTEM } from "../support/command.ts";
import { codeBlocks, projectText } from "../support/docs.ts";
import { type Draft, TestFleet } from "../support/fleet.ts";
import { NOW } from "../support/releases.ts";
import { Workshop } from "../support/signing_recipes.ts";

const DOCS = await projectText("docs/adopting.md");

/** A flake with two hosts; `fleet` is what the guide adds to its outputs. */
const flakeWith = (fleet: string) =>
  `{
  outputs = { self }: {
    nixosConfigurations = builtins.listToAttrs (map (name: {
      inherit name;
      value.config.system.build.toplevel = derivation {
        inherit name;
        system = "${SYSTEM}";
        builder = "/bin/sh";
        args = [ "-c" "echo > $out" ];
      };
    }) [ "web1" "web2" ]);
    ${fleet}
  };
}
`;

Deno.test("the steps of the guide lead from a flake with hosts to signed releases, on a branch of their own too", async () => {
  await using fleet = await TestFleet.create({ files: { "flake.nix": flakeWith("") } });
  await using workshop = await Workshop.open(fleet, "everything");
  const remote = join(fleet.root, "remote.git");
  await fleet.git("init", "-q", "--bare", remote);
  await fleet.git("remote", "add", "origin", remote);
  await fleet.git("push", "-q", "origin", "main");
  const cache = join(fleet.root, "cache");
  const step = (name: string, now?: string) => {
    const blocks = codeBlocks(DOCS, `sh adopt=${name}`).join("\n");
    return workshop.expect(blocks.replace("https://cache.example.com", `file://${cache}`), now);
  };

  const [block] = codeBlocks(DOCS, "nix fleet");
  const [line] = codeBlocks(DOCS, "nix").filter((code) => code.startsWith("fleet = "));
  await fleet.write({
    "fleet.nix": block!.replaceAll("x86_64-linux", SYSTEM),
    "flake.nix": flakeWith(line!),
  });
  // The features that the guide asks for.
  workshop.env["NIX_CONFIG"] = `${fleet.env()["NIX_CONFIG"]}\nexperimental-features = nix-command flakes`;
  const resolved = JSON.parse(await step("fleet"));
  assertEquals(Object.keys(resolved.hosts), ["web1", "web2"]);
  assertEquals(needless(resolved), []);
  await step("key");
  await step("attributes");

  const verified = /^verified a release of 2 hosts in 2 files/m;
  const first = await step("first");
  assertEquals([verified.test(first), first.split("\n").at(-2)], [true, "?? releases/"]);
  await Deno.remove(join(fleet.dir, "releases"), { recursive: true });

  await step("push");
  assertEquals(await fleet.git("ls-remote", "origin", "main"), `${await fleet.head()}\trefs/heads/main`);
  assertEquals(await exists(join(cache, "nix-cache-info")), true);

  await step("branch");
  assertEquals(await fleet.git("status", "--short"), "?? releases/");
  assertEquals(await fleet.git("ls-remote", "origin", "main"), `${await fleet.head()}\trefs/heads/main`);
  await fleet.git("fetch", "-q", "origin", "releases");
  const verdict = await workshop.expect("fleet-release verify --git FETCH_HEAD --trust-file trust.json");
  assertEquals(verified.test(verdict), true, verdict);
  assertEquals(await fleet.git("rev-parse", "FETCH_HEAD^"), await fleet.head());

  // A fresh clone of main has no release, and signs that of the branch anew: when it is due, after six hours.
  await Deno.remove(join(fleet.dir, "releases"), { recursive: true });
  const before = await fleet.git("rev-parse", "FETCH_HEAD");
  await step("renew", new Date(Date.now() + 7 * 3_600_000).toISOString());
  await fleet.git("fetch", "-q", "origin", "releases");
  assertEquals(await fleet.git("rev-parse", "FETCH_HEAD^"), before);
});

/** The fields of a fleet's JSON that it is valid without, by their path. */
function needless(fleet: Draft): string[] {
  const without = (path: readonly string[]) => {
    const copy = structuredClone(fleet);
    delete path.slice(0, -1).reduce((record, name) => record[name], copy)[path.at(-1)!];
    return copy;
  };
  const pathsIn = (value: unknown, path: readonly string[]): string[][] =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? []
      : Object.entries(value).flatMap(([name, item]) => [[...path, name], ...pathsIn(item, [...path, name])]);
  // A fleet may have fewer hosts than the flake, and hosts a channel that there is not: it is warned of either.
  const named = (path: readonly string[]) => path.length === 2 && /^(hosts|channels)$/.test(path[0]!);
  const paths = pathsIn(fleet, []).filter((path) => !named(path));
  return paths.filter((path) => {
    try {
      composeRelease({ fleet: without(path), closureHashes: { web1: "a", web2: "b" }, signedAt: NOW });
      return true;
    } catch {
      return false;
    }
  }).map((path) => path.join("."));
}
