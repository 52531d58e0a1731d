// Runs for some hosts, on top of a release on disk.

import { assertEquals } from "@std/assert";
import type { ReleaseConfig } from "../../src/config.ts";
import type { Warning } from "../../src/model.ts";
import { UNVERIFIED } from "../support/fake_ports.ts";
import type { Draft } from "../support/fleet.ts";
import { rejection } from "../support/pure.ts";
import { WorldOnDisk } from "../support/world_on_disk.ts";

type Hosts = ReleaseConfig["hosts"];
const explicit = (...hosts: string[]): Hosts => ({ kind: "explicit", hosts });
const allBut = (...exclude: string[]): Hosts => ({ kind: "auto", exclude });

/** A world that was released when its hosts held "one", and whose hosts now hold "two". */
async function releasedBefore(): Promise<WorldOnDisk> {
  const disk = await WorldOnDisk.create();
  await disk.release({ now: "2026-06-01T11:30:00Z" });
  disk.content = { db: "two", web1: "two", web2: "two", new: "two" };
  return disk;
}

function keeps(names: string, one: boolean): Warning {
  return {
    code: "kept-closure",
    message:
      `This run leaves out ${names}: ${one ? "it keeps" : "they keep"} the closure that the release on ` +
      "disk gives",
  };
}

/** The host that has no closure, and so no rollout. */
function without(names: string, one: boolean): Warning {
  return {
    code: "host-without-closure",
    message: `${names} ${one ? "has" : "have"} no closure in this release: no rollout reaches ${
      one ? "it" : "them"
    }`,
    path: "hosts",
  };
}

/** Runs that leave hosts out, on top of a release of all of them. */
const PARTIAL: [hosts: Hosts, built: string[], kept: string, one: boolean][] = [
  [explicit("web1"), ["web1"], '"web2", "db"', false],
  [explicit("web2", "db"), ["web2", "db"], '"web1"', true],
  [allBut("web1"), ["db", "web2"], '"web1"', true],
  [allBut("web1", "db"), ["web2"], '"web1", "db"', false],
];

for (const [hosts, built, kept, one] of PARTIAL) {
  Deno.test(`a run for ${built.join(" and ")} alone keeps the closures of the others on disk, and says so (${hosts.kind})`, async () => {
    await using disk = await releasedBefore();
    const result = await disk.release({ hosts, pushCmd: "push" });
    const text = (name: string) => built.includes(name) ? "two" : "one";
    assertEquals(await disk.contents(), ["db", "web1", "web2"].map((name) => [name, text(name)]));
    assertEquals(await disk.targets(result), {
      edge: [["db", text("db")]],
      stable: [["web1", text("web1")], ["web2", text("web2")]],
    });
    assertEquals(result.warnings, [UNVERIFIED, keeps(kept, one)]);
    // What is kept is neither built nor pushed.
    assertEquals(result.hosts.map(({ name }) => name), built);
    assertEquals(disk.pushed, built);
    assertEquals((await disk.json())["meta"].ciCommit, result.commit);
  });
}

Deno.test("a run for all hosts by name keeps nothing and warns of nothing", async () => {
  await using disk = await releasedBefore();
  assertEquals((await disk.release({ hosts: explicit("web1", "web2", "db") })).warnings, [UNVERIFIED]);
  assertEquals(await disk.contents(), [["db", "two"], ["web1", "two"], ["web2", "two"]]);
});

Deno.test("a run for some hosts without a release on disk leaves the others without a closure, and warns", async () => {
  await using disk = await WorldOnDisk.create();
  const result = await disk.release({ hosts: explicit("web1") });
  assertEquals(await disk.contents(), [["db", null], ["web1", "one"], ["web2", null]]);
  // The channel of which no host has a closure has no rollout.
  assertEquals(await disk.targets(result), { stable: [["web1", "one"]] });
  assertEquals(result.warnings, [UNVERIFIED, without('"web2", "db"', false)]);
});

Deno.test("a run for some hosts reads the release of the same --artifact-name and --release-dir", async () => {
  await using disk = await releasedBefore();
  await disk.shell(
    "mv releases elsewhere; cd elsewhere; for end in json json.sig; do mv fleet.resolved.$end fleet.$end; done",
  );
  const settings = { hosts: explicit("web1"), releaseDir: "elsewhere" };
  await disk.release({ ...settings, artifactName: "other.json" });
  assertEquals(await disk.contents("other.json", "elsewhere"), [["db", null], ["web1", "two"], [
    "web2",
    null,
  ]]);
  await disk.release({ ...settings, artifactName: "fleet.json" });
  assertEquals(await disk.contents("fleet.json", "elsewhere"), [["db", "one"], ["web1", "two"], [
    "web2",
    "one",
  ]]);
});

Deno.test("a run for some hosts neither keeps what the fleet has lost nor finds what it has gained", async () => {
  await using disk = await releasedBefore();
  const { hosts, waves } = disk.world.fleet as { hosts: Draft; waves: Draft };
  hosts["new"] = hosts["web2"];
  delete hosts["web2"];
  waves["stable"].shift();
  waves["stable"][0].hosts = ["web1", "new"];
  const result = await disk.release({ hosts: explicit("web1") });
  assertEquals(await disk.contents(), [["db", "one"], ["new", null], ["web1", "two"]]);
  assertEquals(result.warnings, [UNVERIFIED, keeps('"db"', true), without('"new"', true)]);
});

Deno.test("a run for some hosts leaves the closure that the flake itself declares, and builds over it", async () => {
  await using disk = await releasedBefore();
  const { hosts } = await disk.json();
  // Declared crosswise, so that each differs from what the release on disk gives and from what is built.
  disk.world.fleet["hosts"].web1.closureHash = hosts.db.closureHash;
  disk.world.fleet["hosts"].web2.closureHash = hosts.web1.closureHash;
  const result = await disk.release({ hosts: explicit("web1") });
  const released = (await disk.json())["hosts"];
  assertEquals(released.db.closureHash, hosts.db.closureHash);
  assertEquals(released.web2.closureHash, hosts.web1.closureHash);
  assertEquals(`/nix/store/${released.web1.closureHash}`, result.hosts[0]!.storePath);
  assertEquals(result.warnings, [UNVERIFIED, keeps('"db"', true)]);
});

Deno.test("a run for all hosts keeps nothing of the release on disk", async () => {
  await using disk = await releasedBefore();
  disk.world.names = { nixos: ["web1", "web2"], darwin: [] };
  const { warnings } = await disk.release();
  assertEquals(await disk.contents(), [["db", null], ["web1", "two"], ["web2", "two"]]);
  assertEquals(warnings, [UNVERIFIED, without('"db"', true)]);
});

/** What makes the release on disk another one than was signed, as a script in the release directory. */
const DAMAGES: [of: string, script: string][] = [
  ["an empty file", ": > fleet.resolved.json"],
  ["a file cut in the middle", "head -c 300 fleet.resolved.json > cut && mv cut fleet.resolved.json"],
  ["a file that is not UTF-8", "printf '\\377' >> fleet.resolved.json"],
  ["a document that is no fleet", "for file in rollouts/*.json; do cp $file fleet.resolved.json; done"],
  ["a fleet of schema version 2", `sed -i.old 's/"schemaVersion":1/"schemaVersion":2/g' *.json && rm *.old`],
];

for (const [of, script] of DAMAGES) {
  Deno.test(`a run for some hosts is refused on top of ${of}, and pushes and writes nothing`, async () => {
    await using disk = await releasedBefore();
    await disk.shell(`cd releases; ${script}`);
    const before = await disk.files();
    for (const hosts of [explicit("web1"), allBut("db")]) {
      assertEquals(await rejection(disk.release({ hosts, pushCmd: "push" })), {
        kind: "smoke-verify",
        message:
          'Cannot keep the closures of other hosts: "fleet.resolved.json" on disk cannot be trusted: ' +
          "its signature does not verify with any trusted key",
        hint: "restore it from git, release all hosts with --hosts auto, or give its key, too, with " +
          "--trust-file or --public-key, if another one signed it",
      });
    }
    assertEquals([await disk.files(), disk.pushed], [before, []]);
    // As the hint says.
    const { warnings } = await disk.release({ hosts: allBut() });
    assertEquals(warnings.map(({ code }) => code), ["unverified-signatures", "untrusted-release"]);
  });
}
