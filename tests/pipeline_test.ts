// The order of the effects, and what a run comes to. The end-to-end tests do the same with real nix and git.

import { assertEquals } from "@std/assert";
import metadata from "../deno.json" with { type: "json" };
import type { ReleaseConfig } from "../src/config.ts";
import { canonicalBytes, sha256Hex } from "../src/contract/canonical.ts";
import type { Warning } from "../src/model.ts";
import { pureTest, rejection } from "./support/pure.ts";
import {
  COMMIT,
  drvOf,
  FakeWorld,
  hashOf,
  pathOf,
  RELEASE_COMMIT,
  UNVERIFIED,
  withoutIds,
} from "./support/fake_ports.ts";
import { fullNonces, fullRevocations } from "./support/full_fleet.ts";
import { newSigner } from "./support/signed_release.ts";
import { trustBytes, trustOf } from "./support/trust.ts";

const PINNED = "a".repeat(40);

/** A world in which everything that a run can do has to be done. */
function busyWorld(): FakeWorld {
  const world = new FakeWorld();
  world.fleet["hosts"].db.pin = { commit: "v1", reason: "audit" };
  world.commits.set("v1", PINNED);
  world.outputs.set("fleet.revocations", fullRevocations());
  world.outputs.set("fleet.nonces", fullNonces());
  return world;
}

const BUSY: Partial<ReleaseConfig> = {
  pushCmd: "upload",
  pushJobs: 1,
  hosts: { kind: "explicit", hosts: ["web2", "db", "web1"] },
  revocationsAttr: "fleet.revocations",
  bootstrapNoncesAttr: "fleet.nonces",
  pinSourceUrl: "git+ssh://host/fleet",
  reuseUnchangedSignature: true,
  gitPush: { remote: "origin", branch: "main" },
};

/** What is committed beside every release. */
const ATTRIBUTES = {
  path: ".gitattributes",
  bytes: new TextEncoder().encode(
    "# Written by fleet-release: signatures are of these very bytes.\n" +
      "* -text -eol -filter -ident -working-tree-encoding\n",
  ),
};

const EFFECTS = [
  "lock .",
  "repository of /fleet",
  "real path",
  "ask what can be tracked",
  "repository of /fleet",
  "ask what is ignored",
  "check the identity",
  "check the signing",
  "try to push cccccccc to main of origin",
  "real path",
  "read .gitattributes",
  "inventory fleet.resolved fleet.revocations fleet.nonces",
  "resolve v1",
  `lock git+ssh://host/fleet?allRefs=1&rev=${PINNED}`,
  "evaluate web2 web1 | db",
  "build web2 web1 db",
  "upload web2",
  "upload db",
  "upload web1",
  "real path",
  "ask whether cccccccc changes more than releases",
  "read fleet.resolved.json",
  // What it changes.
  "read fleet.resolved.json",
  "sign fleet.resolved.json",
  "sign revocations.json",
  "sign bootstrap-nonces.json",
  "sign rollouts/ID.json",
  "sign rollouts/ID.json",
  "real path",
  "fetch main of origin",
  "read the manifests",
  "look for release-index.json",
  "look for release-index.json.sig",
  "publish",
  "commit in /fleet",
  "git push eeeeeeee to main of origin",
];

pureTest("release() has its effects in the order of the contract", async () => {
  const world = busyWorld();
  await world.release(BUSY);
  assertEquals(world.effects, EFFECTS);
});

/** Whether a release can be committed is asked at once. */
const AT_ONCE = {
  first: EFFECTS.indexOf("ask what can be tracked"),
  last: EFFECTS.indexOf("ask what is ignored"),
};

for (const [failAt, effect] of EFFECTS.entries()) {
  const writes = EFFECTS.indexOf("publish") < failAt;
  const after = writes ? "leaves the release written" : "writes nothing";

  pureTest(`release() ${after} and goes no further when effect ${failAt} fails: ${effect}`, async () => {
    const world = busyWorld();
    const old = new Uint8Array([1]);
    world.files.set("other.json", old);
    world.failAt = failAt;
    assertEquals(await rejection(world.release(BUSY)), { kind: "io", message: "this effect fails" });
    const last = failAt >= AT_ONCE.first ? Math.max(failAt, AT_ONCE.last) : failAt;
    assertEquals(world.effects, EFFECTS.slice(0, last + 1));
    assertEquals(world.published.length, writes ? 1 : 0);
    if (!writes) assertEquals([...world.files], [["other.json", old]]);
    assertEquals(world.committed.length, effect.startsWith("git push") ? 1 : 0);
    const started = world.logged.filter((line) => line.startsWith("start ")).length;
    const ended = world.logged.filter((line) => line.startsWith("end ")).length;
    assertEquals(started - ended, 1, "the failing stage has not ended");
  });
}

pureTest("release() writes rollouts, sidecars, fleet, each behind its signature", async () => {
  const world = busyWorld();
  await world.release(BUSY);
  assertEquals(world.published.map((files) => files.map(({ path }) => withoutIds(path))), [[
    "rollouts/ID.json.sig",
    "rollouts/ID.json",
    "rollouts/ID.json.sig",
    "rollouts/ID.json",
    "revocations.json.sig",
    "revocations.json",
    "bootstrap-nonces.json.sig",
    "bootstrap-nonces.json",
    "fleet.resolved.json.sig",
    "fleet.resolved.json",
  ]]);
});

pureTest("release() writes the bytes that were signed, and their signatures", async () => {
  const world = busyWorld();
  const signed = new Map<string, Uint8Array>();
  world.sign = ({ path, bytes }) => {
    signed.set(path, bytes.slice());
    const signature = new Uint8Array(64);
    signature.set(new TextEncoder().encode(sha256Hex(bytes)));
    return Promise.resolve({ signature, input: bytes.slice() });
  };
  await world.release(BUSY);
  assertEquals(signed.size, 5);
  assertEquals(world.files.size, 10);
  for (const [path, bytes] of signed) {
    assertEquals<Uint8Array | undefined>(world.files.get(path), bytes);
    const signature = new TextDecoder().decode(world.files.get(`${path}.sig`));
    assertEquals(signature, sha256Hex(new Uint8Array(bytes)));
  }
});

/** What a result says of every host that was evaluated, built and pushed in no time. */
function releasedHost(name: string) {
  return {
    name,
    kind: "nixos" as const,
    derivation: drvOf(name),
    storePath: pathOf(name),
    closureHash: hashOf(name),
    seconds: { evaluate: 0, build: 0, push: 0 },
  };
}

pureTest("release() gives all that was released", async () => {
  const world = busyWorld();
  const outcome = await world.release(BUSY);
  const sha256 = (path: string) => sha256Hex(world.files.get(path)!);
  const rollouts = ["edge", "stable"].map((channel) =>
    [...world.files.keys()].find((path) =>
      /^rollouts.*json$/.test(path) && world.json(path)["channel"] === channel
    )!
  );
  assertEquals(outcome, {
    outcome: "released",
    commit: COMMIT,
    signedAt: "2026-06-01T12:00:00Z",
    releaseCommit: RELEASE_COMMIT,
    pushedTo: { remote: "origin", branch: "main" },
    flake: world.flake.url,
    nixVersion: "2.26.3",
    programVersion: metadata.version,
    hosts: [
      { ...releasedHost("web2"), channel: "stable", pinnedTo: null },
      { ...releasedHost("db"), channel: "edge", pinnedTo: PINNED },
      { ...releasedHost("web1"), channel: "stable", pinnedTo: null },
    ],
    artifacts: [
      ...["fleet.resolved.json", "revocations.json", "bootstrap-nonces.json"].map((path) => ({
        path,
        sha256: sha256(path),
        rolloutId: null,
        reused: false,
      })),
      ...rollouts.map((path) => ({
        path,
        sha256: sha256(path),
        rolloutId: path.slice("rollouts/".length, -".json".length),
        reused: false,
      })),
    ],
    changes: {
      summary: "first release, of 3 hosts",
      first: true,
      channels: ["edge", "stable"],
      unchanged: 0,
      hosts: outcome.changes.hosts,
      parts: outcome.changes.parts,
    },
    warnings: [UNVERIFIED],
    stages: [
      "source",
      "fleet",
      "evaluate",
      "build",
      "push",
      "compose",
      "changes",
      "sign",
      "verify",
      "upstream",
      "write",
      "commit",
      "git-push",
    ].map((stage) => ({ stage, seconds: 0 })),
  });
});

pureTest("release() tells the log of each stage, its result, and the hosts in it", async () => {
  const world = busyWorld();
  await world.release(BUSY);
  assertEquals(world.logged, [
    "start source",
    "end source: Read flake . at cccccccc",
    "start fleet",
    "end fleet: Evaluated the fleet: releasing 3 of 3 hosts",
    "start evaluate",
    ...["web2", "web1", "db"].flatMap((name) => [`${name} started`, `${name} done`]),
    "start build",
    "end evaluate: Evaluated 3 hosts",
    ...["web2", "web1", "db"].flatMap((name) => [`${name} started`, `${name} done`]),
    "end build: Built 3 hosts",
    "start push",
    ...["web2", "db", "web1"].flatMap((name) => [`${name} started`, `${name} done`]),
    "end push: Pushed 3 closures",
    "start compose",
    "end compose: Composed 5 artifacts",
    "start changes",
    "end changes: Compared with the last release: first release, of 3 hosts",
    "start sign",
    "end sign: Signed 5 artifacts",
    "start verify",
    "end verify: Read 5 artifacts back as a consumer would",
    "start upstream",
    "end upstream: Found main ready for this release",
    "start write",
    "end write: Wrote 10 files to /fleet/releases",
    "start commit",
    "end commit: Committed eeeeeeee",
    "start git-push",
    "end git-push: Pushed eeeeeeee to main",
  ]);
});

pureTest(
  "release() tells how many of the flake's hosts it releases, whatever the fleet declares",
  async () => {
    const world = new FakeWorld();
    world.names = { nixos: ["web2", "web1", "db"], darwin: ["lab"] };
    await world.release({ hosts: { kind: "auto", exclude: ["db"] } });
    const line = "end fleet: Evaluated the fleet: releasing 3 of 4 hosts";
    assertEquals(world.logged.filter((logged) => logged.startsWith("end fleet")), [line]);
  },
);

pureTest("release() does no more than evaluate, build, sign and write unless it is told to", async () => {
  const world = new FakeWorld();
  const { outcome, releaseCommit, pushedTo } = await world.release();
  assertEquals({ outcome, releaseCommit, pushedTo }, {
    outcome: "released",
    releaseCommit: null,
    pushedTo: null,
  });
  assertEquals(world.effects, [
    "lock .",
    "repository of /fleet",
    "inventory fleet.resolved",
    "evaluate db web1 web2",
    "build db web1 web2",
    "read fleet.resolved.json",
    "sign fleet.resolved.json",
    "sign rollouts/ID.json",
    "sign rollouts/ID.json",
    "read the manifests",
    "look for revocations.json",
    "look for revocations.json.sig",
    "look for bootstrap-nonces.json",
    "look for bootstrap-nonces.json.sig",
    "look for release-index.json",
    "look for release-index.json.sig",
    "publish",
  ]);
  assertEquals(world.warnings, [UNVERIFIED]);
});

pureTest("release() first ends what an interrupted run has begun, and tells what became of it", async () => {
  for (const recovery of ["finished", "taken-back", "left"] as const) {
    const world = new FakeWorld();
    world.recovery = recovery;
    await world.release();
    assertEquals(world.effects.slice(0, 2), ["recover", "lock ."]);
    const [{ code, path }] = world.warnings as [Warning];
    assertEquals([code, path], ["interrupted-publication", "releases"]);
  }
});

pureTest("release() puts each host's closure into the fleet and into its rollout", async () => {
  const world = new FakeWorld();
  const { artifacts } = await world.release();
  const { hosts, meta } = world.json();
  assertEquals(
    Object.entries(hosts as Record<string, { closureHash: string }>).map(([name, { closureHash }]) => [
      name,
      closureHash,
    ]),
    ["db", "web1", "web2"].map((name) => [name, hashOf(name)]),
  );
  assertEquals(meta, {
    schemaVersion: 1,
    signedAt: "2026-06-01T12:00:00Z",
    ciCommit: COMMIT,
    signatureAlgorithm: "ed25519",
  });
  const stable = world.json(artifacts.at(-1)!.path);
  assertEquals(stable["hostSet"], [
    { hostname: "web1", waveIndex: 1, targetClosure: hashOf("web1") },
    { hostname: "web2", waveIndex: 0, targetClosure: hashOf("web2") },
  ]);
  assertEquals(stable["fleetResolvedHash"], artifacts[0]!.sha256);
});

pureTest("release() stamps with --now to the nanosecond, and with the clock to the second", async () => {
  const world = new FakeWorld();
  const now = "2026-06-01T12:00:00.123456789Z";
  assertEquals((await world.release({ now })).signedAt, now);
  assertEquals(world.json()["meta"].signedAt, now);
  assertEquals((await world.release({ now: undefined })).signedAt, "2026-06-02T00:00:00Z");
});

pureTest("release() changes nothing when the same release is there already", async () => {
  const world = new FakeWorld();
  await world.release();
  const before = new Map(world.files);
  assertEquals((await world.release()).outcome, "no-change");
  assertEquals(world.files, before);
  assertEquals(world.logged.at(-1), "end write: Wrote nothing: every file is in /fleet/releases");
});

pureTest("release() with --git-commit pushes nothing when there is no commit", async () => {
  const world = new FakeWorld();
  world.releaseCommit = null;
  const gitPush = { remote: "origin", branch: "main" };
  const { outcome, releaseCommit, pushedTo } = await world.release({ gitPush });
  assertEquals({ outcome, releaseCommit, pushedTo }, {
    outcome: "no-change",
    releaseCommit: null,
    pushedTo: null,
  });
  assertEquals(world.effects.filter((effect) => effect.startsWith("git push")), []);
  world.releaseCommit = RELEASE_COMMIT;
  assertEquals((await world.release({ gitPush })).outcome, "released");
});

pureTest("release() commits the published files, as it is told", async () => {
  const world = new FakeWorld();
  await world.release({
    gitCommit: true,
    commitTemplate: "release {sha:0:8} at {ts}",
    gitUserName: "bot",
    gitUserEmail: "bot@example.com",
  });
  assertEquals(world.committed, [{
    releaseDir: "/fleet/releases",
    files: world.published[0]!,
    beside: [ATTRIBUTES],
    removed: [],
    message: "release cccccccc at 2026-06-01T12:00:00+00:00\n\nfirst release, of 3 hosts\n",
    identity: { name: "bot", email: "bot@example.com" },
    on: { parent: COMMIT, moves: true, stages: true },
  }]);
});

pureTest("release() pushes and writes nothing when a host was not built", async () => {
  const world = new FakeWorld();
  world.lost = ["web1", "db"];
  assertEquals(await rejection(world.release({ pushCmd: "upload" })), {
    kind: "build",
    message: 'Nothing was built for host "db", "web1"',
  });
  assertEquals(world.effects.at(-1), "build db web1 web2");
  assertEquals(world.published, []);
});

pureTest("release() writes nothing when the sign hook signed something else", async () => {
  const world = new FakeWorld();
  world.sign = ({ path }) =>
    Promise.resolve({
      signature: new Uint8Array(64),
      input: path.startsWith("rollouts") ? canonicalBytes({}) : new Uint8Array(),
    });
  assertEquals(await rejection(world.release()), {
    kind: "smoke-verify",
    message:
      'A consumer would refuse "fleet.resolved.json": the sign hook changed the file that it was given, ' +
      "so it signed something else",
  });
  assertEquals(world.published, []);
});

pureTest("release() reads nothing back with --smoke-verify false, and says so", async () => {
  const world = new FakeWorld();
  world.sign = () => Promise.resolve({ signature: new Uint8Array(64), input: new Uint8Array() });
  const { outcome, warnings, stages } = await world.release({ smokeVerify: false });
  assertEquals(outcome, "released");
  assertEquals(warnings, [UNVERIFIED, {
    code: "no-smoke-verify",
    message: "The signed artifacts were not read back: --smoke-verify is false",
  }]);
  assertEquals(stages.some(({ stage }) => stage === "verify"), false);
});

pureTest("release() gives the warnings of every stage in its result", async () => {
  const world = new FakeWorld();
  world.flake = { ...world.flake, url: "path:/nix/store/x", revision: null, dirty: true };
  world.fleet["note"] = "x";
  world.names = { ...world.names, darwin: ["mac", "mini"] };
  world.files.set("revocations.json", new Uint8Array());
  const { warnings } = await world.release({ smokeVerify: false });
  assertEquals(warnings.map(({ code }) => code), [
    "dirty-tree",
    "dropped-field",
    "unverified-signatures",
    "unknown-host",
    "no-smoke-verify",
    "stale-sidecar",
  ]);
  assertEquals(warnings, world.warnings);
});

/** A world whose signer is one that consumers trust, by the file `trust.json`. */
async function trustedWorld(world = new FakeWorld()): Promise<FakeWorld> {
  const signer = await newSigner();
  world.signWith(signer);
  world.inputs.set("trust.json", trustBytes({ current: signer.publicKey }));
  return world;
}

const TRUST: Partial<ReleaseConfig> = { trustFile: "trust.json" };

pureTest(
  "release() reads the trusted keys before it evaluates a host, and verifies before it writes",
  async () => {
    const world = await trustedWorld(busyWorld());
    const { warnings, stages } = await world.release({ ...BUSY, ...TRUST });
    const evaluates = EFFECTS.findIndex((effect) => effect.startsWith("evaluate "));
    assertEquals(
      world.effects,
      EFFECTS.toSpliced(
        evaluates,
        0,
        "read input trust.json",
        // What was released before.
        "read fleet.resolved.json",
        "real path",
        "repository of /fleet",
        "real path",
        "read releases/fleet.resolved.json of cccccccc in /fleet",
      ),
    );
    assertEquals(warnings, []);
    assertEquals(stages.map(({ stage }) => stage).slice(6, 13), [
      "compose",
      "changes",
      "sign",
      "verify-signatures",
      "verify",
      "upstream",
      "write",
    ]);
    const told = world.logged.indexOf("start verify-signatures");
    assertEquals(world.logged.slice(told - 1, told + 3), [
      "end sign: Signed 5 artifacts",
      "start verify-signatures",
      "end verify-signatures: Verified 5 signatures",
      "start verify",
    ]);
  },
);

pureTest("release() reads the trusted keys with the fleet when --trust-attr names them", async () => {
  const world = new FakeWorld();
  const signer = await newSigner("ecdsa-p256");
  world.signWith(signer);
  world.outputs.set("fleet.trust", trustOf({ current: signer.publicKey }));
  const { warnings } = await world.release({ trustAttr: ".#fleet.trust" });
  assertEquals(world.effects[2], "inventory fleet.resolved fleet.trust");
  assertEquals(warnings, []);
  assertEquals(world.json()["meta"].signatureAlgorithm, "ecdsa-p256");
});

pureTest("release() evaluates and builds nothing for a signer that consumers do not trust", async () => {
  const world = await trustedWorld();
  const stranger = await newSigner();
  world.signWith(stranger);
  assertEquals(await rejection(world.release(TRUST)), {
    kind: "smoke-verify",
    message:
      `The signing key ed25519:${stranger.publicKey.bytes.toBase64()} is none of --trust-file trust.json`,
    hint: "consumers would refuse its signatures",
  });
  assertEquals(world.effects.slice(3), ["read input trust.json"]);
});

pureTest("release() evaluates and builds nothing when the trusted keys cannot be read", async () => {
  const world = await trustedWorld();
  assertEquals(await rejection(world.release({ trustFile: "gone.json" })), {
    kind: "io",
    message: 'Cannot read "gone.json"',
  });
  assertEquals(world.effects.slice(3), ["read input gone.json"]);
});

pureTest(
  "release() writes nothing when a command signs with a key that consumers do not trust",
  async () => {
    for (const smokeVerify of [true, false]) {
      const world = await trustedWorld();
      world.signWith(await newSigner());
      world.signer = { ...world.signer, publicKey: null };
      assertEquals(await rejection(world.release({ ...TRUST, smokeVerify })), {
        kind: "smoke-verify",
        message:
          'The signature of "fleet.resolved.json" does not verify with any key of --trust-file trust.json',
        hint: "it was made with another key, or of other bytes",
      });
      assertEquals(world.effects.at(-1), "sign rollouts/ID.json");
      assertEquals(world.published, []);
    }
  },
);

pureTest("release() builds nothing that consumers would refuse for its time", async () => {
  const world = new FakeWorld();
  const signer = await newSigner();
  world.signWith(signer);
  const rejectBefore = "2026-06-01T12:00:01Z";
  world.inputs.set("trust.json", trustBytes({ current: signer.publicKey, rejectBefore }));
  assertEquals(await rejection(world.release(TRUST)), {
    kind: "smoke-verify",
    message:
      `Consumers refuse what is signed before ${rejectBefore}, and this release is of 2026-06-01T12:00:00Z`,
    path: "ciReleaseKey.rejectBefore",
    hint: "release from then on, or correct the time in --trust-file trust.json, and where machines have it",
  });
  assertEquals(world.effects.at(-1), "read input trust.json");
});

pureTest("release() gives the warnings of the signer before all others", async () => {
  const world = new FakeWorld();
  const exposed = { code: "exposed-key", message: "The key can be read by others" };
  world.signer = { ...world.signer, warnings: [exposed] };
  const { warnings } = await world.release();
  assertEquals(warnings, [exposed, UNVERIFIED]);
  assertEquals(world.warnings, warnings);
});
