// What the release on disk has to say in the making of the next one.

import { assertEquals } from "@std/assert";
import type { ReleaseConfig } from "../../src/config.ts";
import type { Signer } from "../../src/crypto/private_key.ts";
import { addHost, COMMIT, FakeWorld, hashOf, UNVERIFIED, withoutIds } from "../support/fake_ports.ts";
import { fullNonces, fullRevocations } from "../support/full_fleet.ts";
import { pureTest, rejection } from "../support/pure.ts";
import { newSigner } from "../support/signed_release.ts";
import { trustBytes, type TrustOptions } from "../support/trust.ts";

const explicit = (...hosts: string[]): Partial<ReleaseConfig> => ({ hosts: { kind: "explicit", hosts } });
const bytes = (text: string) => new TextEncoder().encode(text);

/** The closure hash of every host of the release on disk. */
function closures(world: FakeWorld): [name: string, closureHash: string | null][] {
  const hosts = Object.entries(world.json()["hosts"] as Record<string, { closureHash: string | null }>);
  return hosts.map(([name, { closureHash }]) => [name, closureHash]);
}

/** A world that signs with a key of its own, so that what is on disk can be verified. */
async function signingWorld(): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.signWith(await newSigner());
  return world;
}

const ALL = ["db", "web1", "web2"].map((name): [string, string] => [name, hashOf(name)]);

pureTest("a run for some hosts keeps the closures of the others, and says so", async () => {
  const partial: [settings: Partial<ReleaseConfig>, message: string][] = [
    [
      explicit("web1"),
      'This run leaves out "web2", "db": they keep the closure that the release on disk gives',
    ],
    [
      { hosts: { kind: "auto", exclude: ["db"] } },
      'This run leaves out "db": it keeps the closure that the release on disk gives',
    ],
  ];
  for (const [settings, message] of partial) {
    const world = await signingWorld();
    await world.release();
    const { warnings, hosts } = await world.release({ ...settings, now: "2026-06-01T12:30:00Z" });
    assertEquals(closures(world), ALL);
    assertEquals(warnings, [UNVERIFIED, { code: "kept-closure", message }]);
    assertEquals(hosts.length, settings.hosts!.kind === "auto" ? 2 : 1);
  }
});

pureTest("a run for some hosts without a release on disk leaves the others without a closure", async () => {
  const world = await signingWorld();
  const { warnings, artifacts } = await world.release(explicit("web1"));
  assertEquals(closures(world), [["db", null], ["web1", hashOf("web1")], ["web2", null]]);
  assertEquals(warnings, [UNVERIFIED, {
    code: "host-without-closure",
    message: '"web2", "db" have no closure in this release: no rollout reaches them',
    path: "hosts",
  }]);
  assertEquals(artifacts.length, 2);
});

pureTest("a run for some hosts keeps nothing that the release on disk does not give", async () => {
  const world = await signingWorld();
  await world.release(explicit("web1", "db"));
  await world.release({ ...explicit("web2"), now: "2026-06-01T12:10:00Z" });
  assertEquals(closures(world), ALL);
  world.fleet["hosts"].web3 = world.fleet["hosts"].web2;
  await world.release({ ...explicit("web2"), now: "2026-06-01T12:20:00Z" });
  assertEquals(closures(world), [...ALL, ["web3", null]]);
});

pureTest("a run for some hosts keeps the closures of the others whatever their names", async () => {
  for (const name of ["__proto__", "constructor"]) {
    const world = await signingWorld();
    world.names = { ...world.names, nixos: [...world.names.nixos, name] };
    addHost(world.fleet, name, { channel: "edge" });
    await world.release();
    const { warnings } = await world.release(explicit("web1", "web2", "db"));
    assertEquals(closures(world), [[name, hashOf(name)], ...ALL]);
    assertEquals(warnings, [UNVERIFIED, {
      code: "kept-closure",
      message: `This run leaves out "${name}": it keeps the closure that the release on disk gives`,
    }]);
  }
});

pureTest("a run for some hosts keeps no closure over one that the flake declares", async () => {
  const world = await signingWorld();
  await world.release();
  world.fleet["hosts"].db.closureHash = "declared";
  const { warnings } = await world.release({ ...explicit("web1", "web2"), now: "2026-06-01T12:10:00Z" });
  assertEquals(world.json()["hosts"].db.closureHash, "declared");
  assertEquals(warnings, [UNVERIFIED]);
});

pureTest("a run for some hosts keeps nothing of hosts that the fleet no longer has", async () => {
  const world = await signingWorld();
  await world.release();
  delete world.fleet["hosts"].db;
  world.fleet["channels"].edge.rolloutPolicy = "all";
  await world.release({ ...explicit("web1", "web2"), now: "2026-06-01T12:10:00Z" });
  assertEquals(closures(world), ALL.slice(1));
});

pureTest(
  "a run for some hosts refuses a release on disk that was signed damaged, and writes nothing",
  async () => {
    for (const text of ["", "{", "[]", '{"schemaVersion":2}']) {
      const world = await signingWorld();
      world.files.set("f.json", bytes(text));
      world.files.set("f.json.sig", (await world.sign({ path: "f.json", bytes: bytes(text) })).signature);
      assertEquals(await rejection(world.release({ ...explicit("web1"), artifactName: "f.json" })), {
        kind: "contract",
        message: 'Cannot keep the closures of other hosts: "f.json" on disk is damaged',
        hint: "restore it from git, or release all hosts with --hosts auto",
      });
      assertEquals(world.published, []);
    }
  },
);

/** Releases \`web1\` alone an hour later, which is refused, and gives what is said. Nothing is done behind the refusal. */
async function refusedPartly(world: FakeWorld, settings: Partial<ReleaseConfig> = {}) {
  world.effects.length = 0;
  const published = world.published.length;
  const said = await rejection(
    world.release({ ...explicit("web1"), now: "2026-06-01T13:00:00Z", ...settings }),
  );
  const doing = world.effects.filter((effect) => /^(lock .*rev=|evaluate|build|sign|publish)/.test(effect));
  assertEquals([doing, world.published.length - published], [[], 0]);
  return said;
}

const RESTORE = "restore it from git, or release all hosts with --hosts auto";
const OTHER_KEY =
  "restore it from git, release all hosts with --hosts auto, or give its key, too, with --trust-file or " +
  "--public-key, if another one signed it";
const KEEP = "Cannot keep the closures of other hosts: ";

/** Puts another closure of a host into the fleet on disk, in bytes that are as canonical as before. */
function forge(world: FakeWorld): void {
  const text = new TextDecoder().decode(world.files.get("fleet.resolved.json"));
  const forged = text.replace(hashOf("db"), `${"0".repeat(32)}-evil`);
  assertEquals(forged === text, false);
  world.files.set("fleet.resolved.json", bytes(forged));
}

const BAD_SIGNATURE =
  '"fleet.resolved.json" on disk cannot be trusted: its signature does not verify with any trusted key';

const FORGERIES: [claim: string, change: (world: FakeWorld) => void | Promise<void>, reason: string][] = [
  ["of which a closure was changed", forge, BAD_SIGNATURE],
  [
    "whose signature is all zeros",
    (world) => void world.files.set("fleet.resolved.json.sig", new Uint8Array(64)),
    BAD_SIGNATURE,
  ],
  [
    "without a signature",
    (world) => void world.files.delete("fleet.resolved.json.sig"),
    '"fleet.resolved.json" on disk cannot be trusted: it has no signature',
  ],
  [
    "with the signature of another of its documents",
    (world) => void world.files.set("fleet.resolved.json.sig", world.files.get(`${rolloutIn(world)}.sig`)!),
    BAD_SIGNATURE,
  ],
  [
    "that somebody else has signed",
    async (world) => {
      forge(world);
      const signature = await (await newSigner()).sign(world.files.get("fleet.resolved.json")!);
      world.files.set("fleet.resolved.json.sig", signature);
    },
    BAD_SIGNATURE,
  ],
];

for (const [claim, change, reason] of FORGERIES) {
  pureTest(
    `a run for some hosts refuses a release on disk ${claim}, before anything is evaluated`,
    async () => {
      const world = await signingWorld();
      await world.release();
      world.inputs.set("trust.json", trustBytes({ current: world.signer.publicKey! }));
      await change(world);
      const message = KEEP + reason;
      const hint = reason === BAD_SIGNATURE ? OTHER_KEY : RESTORE;
      assertEquals(await refusedPartly(world), { kind: "smoke-verify", message, hint });
      const trusting = { trustFile: "trust.json" };
      assertEquals(await refusedPartly(world, trusting), { kind: "smoke-verify", message, hint });
      assertEquals(await refusedPartly(world, { ...trusting, allowOlder: true }), {
        kind: "smoke-verify",
        message,
        hint,
      });
      // As the hint says.
      await world.release({ ...trusting, now: "2026-06-01T13:00:00Z" });
      assertEquals(closures(world), ALL);
    },
  );
}

pureTest("a run for some hosts refuses a release on disk that a manifest is missing of", async () => {
  const world = await signingWorld();
  await world.release();
  world.files.delete(rolloutIn(world));
  const { kind, message } = await refusedPartly(world);
  assertEquals([kind, withoutIds(message)], [
    "smoke-verify",
    `${KEEP}"fleet.resolved.json" on disk cannot be trusted: channel "edge" has no rollout manifest: expected ` +
    "rollouts/ID.json",
  ]);
});

pureTest(
  "a run for some hosts refuses a release on disk that declares another algorithm than its key's",
  async () => {
    const [world, signer] = [await signingWorld(), await newSigner()];
    const current = world.signer;
    world.signer = { ...current, algorithm: "ecdsa-p256", publicKey: null };
    world.sign = async ({ bytes }) => ({ signature: await signer.sign(bytes), input: bytes });
    await world.release();
    world.signWith(signer);
    const { lines, ...refused } = await refusedPartly(world);
    const reason =
      'it declares the signature algorithm "ecdsa-p256", but the key that verifies it is ed25519';
    assertEquals(refused, {
      kind: "smoke-verify",
      message: `${KEEP}"fleet.resolved.json" on disk cannot be trusted: ${reason}`,
      hint: RESTORE,
    });
    const manifest = `also "rollouts/ID.json": ${reason}`;
    assertEquals(lines!.map(withoutIds), [manifest, manifest]);
  },
);

pureTest(
  "a run for some hosts keeps what any trusted key has signed, since it was not to be rejected",
  async () => {
    const [world, signer] = [await signingWorld(), await newSigner()];
    const previous = world.signer.publicKey!;
    await world.release();
    world.signWith(signer);
    const trust = { current: signer.publicKey, previous };
    const release = async (rejectBefore: string) => {
      world.inputs.set("trust.json", trustBytes({ ...trust, rejectBefore }));
      return await world.release({
        ...explicit("web1"),
        trustFile: "trust.json",
        now: "2026-06-01T13:00:00Z",
      });
    };
    assertEquals(
      (await rejection(release("2026-06-01T12:00:01Z"))).message,
      `${KEEP}"fleet.resolved.json" on disk ` +
        "cannot be trusted: it was signed at 2026-06-01T12:00:00Z, and all before 2026-06-01T12:00:01Z is refused",
    );
    await release("2026-06-01T12:00:00Z");
    assertEquals(closures(world), ALL);
  },
);

pureTest(
  "a run for some hosts refuses a release on disk where only a command knows what signed it",
  async () => {
    const world = new FakeWorld();
    await world.release();
    assertEquals(await refusedPartly(world), {
      kind: "usage",
      message: `${KEEP}only a command knows what signed "fleet.resolved.json" on disk`,
      hint:
        "give the keys that consumers trust with --trust-file, --trust-attr or --public-key, or release all hosts " +
        "with --hosts auto",
    });
    // Where all are released nothing is kept, whatever the option.
    await world.release(explicit("web1", "db", "web2"));
  },
);

pureTest("a run for some hosts refuses a stale release on disk, unless it is told otherwise", async () => {
  const world = await signingWorld();
  await world.release();
  // A day, and the minute that clocks may differ by.
  await world.release({ ...explicit("web1"), now: "2026-06-02T12:01:00Z" });
  const now = "2026-06-03T12:02:00.000000001Z";
  const refused = await refusedPartly(world, { now });
  assertEquals(refused, {
    kind: "smoke-verify",
    message:
      `${KEEP}"fleet.resolved.json" on disk cannot be trusted: it was signed at 2026-06-02T12:01:00Z, which at ` +
      `${now} is longer ago than the freshness window of channel "edge" of 86400 s, and of 1 other channel`,
    hint: "release all hosts with --hosts auto, or keep what it gives with --allow-older",
    lines: refused.lines!,
  });
  await world.release({ ...explicit("web1"), now, allowOlder: true });
  assertEquals(closures(world), ALL);
});

/** A world with a release of 12:00 on disk, of which the branch has the one of 12:30; \`db\` is another in that. */
async function setBack(): Promise<FakeWorld> {
  const world = await signingWorld();
  await world.release();
  const before = new Map(world.files);
  world.fleet["hosts"].db.tags.push("later");
  await world.release({ now: "2026-06-01T12:30:00Z" });
  commitFiles(world);
  world.files.clear();
  before.forEach((content, path) => world.files.set(path, content));
  return world;
}

/** Commits what is in the release directory. */
function commitFiles(world: FakeWorld, commit = COMMIT): void {
  world.committedFiles.set(
    commit,
    new Map([...world.files].map(([path, content]) => [`releases/${path}`, content])),
  );
}

pureTest(
  "a run for some hosts refuses a release on disk that is older than the one of the branch",
  async () => {
    const world = await setBack();
    assertEquals(await refusedPartly(world), {
      kind: "smoke-verify",
      message:
        `${KEEP}"fleet.resolved.json" on disk was signed at 2026-06-01T12:00:00Z, before the one in commit cccccccc, ` +
        "which was signed at 2026-06-01T12:30:00Z",
      hint:
        "restore it from git, release all hosts with --hosts auto, or keep what it gives with --allow-older",
    });
    const { warnings } = await world.release({
      ...explicit("web1"),
      allowOlder: true,
      now: "2026-06-01T13:00:00Z",
    });
    assertEquals(warnings.map(({ code }) => code), ["unverified-signatures", "kept-closure"]);
    assertEquals(closures(world), ALL);
  },
);

pureTest(
  "a run for some hosts looks at the released commit and at HEAD of the repository that the release is in",
  async () => {
    const [head, moved] = [COMMIT, "a".repeat(40)];
    for (const at of [head, moved]) {
      const world = await setBack();
      const files = world.committedFiles.get(COMMIT)!;
      world.committedFiles.clear();
      world.committedFiles.set(at, files);
      world.repositoryOf = () => ({ root: "/fleet", head: moved });
      assertEquals((await refusedPartly(world)).kind, "smoke-verify", at);
      world.repositoryOf = (dir) => dir === "/srv" ? { root: "/srv", head } : { root: "/fleet", head: moved };
      world.realPath = { path: "/srv/other", existing: "/srv" };
      await world.release({ ...explicit("web1"), now: "2026-06-01T13:00:00Z" });
    }
  },
);

pureTest("a run for some hosts does not go by a committed release that consumers would refuse", async () => {
  const world = await setBack();
  const files = new Map(world.committedFiles.get(COMMIT)!);
  for (
    const change of [
      () => files.set("releases/fleet.resolved.json.sig", new Uint8Array(64)),
      () => files.delete("releases/fleet.resolved.json.sig"),
      () => files.set("releases/fleet.resolved.json", bytes("{")),
      () => files.delete("releases/fleet.resolved.json"),
    ]
  ) {
    change();
    world.committedFiles.set(COMMIT, files);
    await world.release({ ...explicit("web1"), now: "2026-06-01T12:10:00Z" });
    assertEquals(closures(world), ALL);
  }
});

pureTest("a run for some hosts refuses to go on without the release that the branch has", async () => {
  const world = await setBack();
  world.files.clear();
  assertEquals(await refusedPartly(world), {
    kind: "smoke-verify",
    message: `${KEEP}"fleet.resolved.json" is not on disk, but in commit cccccccc`,
    hint: RESTORE,
  });
});

const EVERYTHING: Partial<ReleaseConfig> = {
  reuseUnchangedSignature: true,
  revocationsAttr: "r",
  bootstrapNoncesAttr: "n",
};

/** A world with a whole release on disk, which was made at 12:00 for another commit. */
async function released(): Promise<FakeWorld> {
  const world = await signingWorld();
  world.outputs.set("r", fullRevocations()).set("n", fullNonces());
  const current = world.flake;
  world.flake = { ...current, revision: "d".repeat(40) };
  await world.release(EVERYTHING);
  world.flake = current;
  world.effects.length = world.logged.length = 0;
  return world;
}

/** Releases again half an hour later, and tells whether the signatures were kept. */
async function releaseAgain(world: FakeWorld, settings: Partial<ReleaseConfig> = {}) {
  const outcome = await world.release({ ...EVERYTHING, now: "2026-06-01T12:30:00Z", ...settings });
  const signed = world.effects.filter((effect) => effect.startsWith("sign ")).length;
  assertEquals(outcome.artifacts.map(({ reused }) => reused), outcome.artifacts.map(() => signed === 0));
  return { ...outcome, kept: signed === 0 };
}

pureTest("--reuse-unchanged-signature keeps an unchanged release as it is, with its own stamp", async () => {
  const world = await released();
  const before = new Map(world.files);
  const { kept, outcome, signedAt, commit, artifacts, warnings, stages } = await releaseAgain(world);
  assertEquals({ kept, outcome, signedAt, commit, warnings }, {
    kept: true,
    outcome: "no-change",
    signedAt: "2026-06-01T12:00:00Z",
    commit: "d".repeat(40),
    warnings: [UNVERIFIED],
  });
  assertEquals(artifacts.length, 5);
  assertEquals(world.files, before);
  assertEquals(stages.map(({ stage }) => stage), [
    "source",
    "fleet",
    "earlier",
    "evaluate",
    "build",
    "compose",
    "changes",
    "verify",
    "write",
  ]);
  assertEquals(
    world.logged.filter((line) => line.startsWith("end compose")),
    ["end compose: Composed 5 artifacts, unchanged since they were signed"],
  );
});

pureTest("--reuse-unchanged-signature names the kept release's commit in the message", async () => {
  const world = await released();
  await releaseAgain(world, { gitCommit: true, commitTemplate: "{sha:0:8} {ts}" });
  assertEquals(world.committed.map(({ message }) => message), [
    "dddddddd 2026-06-01T12:00:00+00:00\n\nfirst release, of 3 hosts\n",
  ]);
  assertEquals(world.committed[0]!.files.length, 10);
});

pureTest("a release is signed anew without --reuse-unchanged-signature", async () => {
  const { kept, outcome, signedAt } = await releaseAgain(await released(), {
    reuseUnchangedSignature: false,
  });
  assertEquals({ kept, outcome, signedAt }, {
    kept: false,
    outcome: "released",
    signedAt: "2026-06-01T12:30:00Z",
  });
});

const flipped = (world: FakeWorld, path: string) => {
  const changed = world.files.get(path)!.slice();
  changed[changed.length - 2]! ^= 1;
  world.files.set(path, changed);
};
const rolloutIn = (world: FakeWorld) =>
  [...world.files.keys()].find((path) => /^rollouts\/.*json$/.test(path))!;

const ANEW: Record<string, (world: FakeWorld) => void> = {
  "the fleet is not there": (world) => world.files.delete("fleet.resolved.json"),
  "the fleet is damaged": (world) => flipped(world, "fleet.resolved.json"),
  "the fleet's signature is not there": (world) => world.files.delete("fleet.resolved.json.sig"),
  "a signature is cut short": (world) => world.files.set("revocations.json.sig", new Uint8Array(63)),
  "a signature is empty": (world) => world.files.set("bootstrap-nonces.json.sig", new Uint8Array()),
  "a sidecar is not there": (world) => world.files.delete("revocations.json"),
  "a sidecar is damaged": (world) => flipped(world, "bootstrap-nonces.json"),
  "a sidecar's signature is not there": (world) => world.files.delete("bootstrap-nonces.json.sig"),
  "a rollout is not there": (world) => world.files.delete(rolloutIn(world)),
  "a rollout is damaged": (world) => flipped(world, rolloutIn(world)),
  "a rollout's signature is not there": (world) => world.files.delete(`${rolloutIn(world)}.sig`),
  "the fleet has changed": (world) => world.fleet["hosts"].db.tags.push("new"),
  "a revocation has come": (world) => world.outputs.set("r", [...fullRevocations(), ...fullRevocations()]),
  "a nonce has gone": (world) => world.outputs.set("n", []),
};

for (const [claim, change] of Object.entries(ANEW)) {
  pureTest(`--reuse-unchanged-signature signs everything anew when ${claim}`, async () => {
    const world = await released();
    change(world);
    const { kept, signedAt, artifacts } = await releaseAgain(world);
    assertEquals({ kept, signedAt, count: artifacts.length }, {
      kept: false,
      signedAt: "2026-06-01T12:30:00Z",
      count: 5,
    });
    for (const { path } of artifacts) assertEquals(world.files.get(`${path}.sig`)?.length, 64);
  });
}

pureTest("--reuse-unchanged-signature signs anew once a nonce of the old release has expired", async () => {
  const world = await signingWorld();
  world.outputs.set("r", []).set("n", [{ ...fullNonces()[0], expiresAt: "2026-06-01T12:20:00Z" }]);
  await world.release(EVERYTHING);
  assertEquals(world.json("bootstrap-nonces.json")["bootstrapNonces"].length, 1);
  world.effects.length = 0;
  assertEquals((await releaseAgain(world, { now: "2026-06-01T12:20:00Z" })).kept, true);
  assertEquals((await releaseAgain(world, { now: "2026-06-01T12:20:01Z" })).kept, false);
  assertEquals(world.json("bootstrap-nonces.json")["bootstrapNonces"], []);
});

pureTest("--reuse-unchanged-signature signs anew when it is due, exactly at the interval", async () => {
  for (const [now, kept] of [["2026-06-01T12:59:59Z", true], ["2026-06-01T13:00:00Z", false]] as const) {
    assertEquals((await releaseAgain(await released(), { now })).kept, kept);
  }
});

pureTest("--reuse-unchanged-signature signs anew with another algorithm", async () => {
  const world = await released();
  world.signer = { ...world.signer, algorithm: "ecdsa-p256" };
  assertEquals((await releaseAgain(world)).kept, false);
  assertEquals(world.json()["meta"].signatureAlgorithm, "ecdsa-p256");
});

/** A world with a whole release on disk by a key of its own, and that key. */
async function releasedBy(): Promise<{ world: FakeWorld; signer: Signer }> {
  const [world, signer] = [await released(), await newSigner()];
  world.signWith(signer);
  await world.release({ ...EVERYTHING, reuseUnchangedSignature: false });
  return { world, signer };
}

/** Releases again with these trusted keys, and tells whether the signatures were kept. */
async function releaseTrusting(world: FakeWorld, trust: TrustOptions, settings: Partial<ReleaseConfig> = {}) {
  world.effects.length = 0;
  world.inputs.set("trust.json", trustBytes(trust));
  const { kept, stages } = await releaseAgain(world, { trustFile: "trust.json", ...settings });
  assertEquals(stages.filter(({ stage }) => stage === "verify-signatures").length, 1);
  return kept;
}

pureTest("--reuse-unchanged-signature keeps what a key that may sign has signed", async () => {
  const { world, signer: { publicKey } } = await releasedBy();
  assertEquals(
    await releaseTrusting(world, { current: publicKey, rejectBefore: "2026-06-01T12:00:00Z" }),
    true,
  );
});

pureTest("--reuse-unchanged-signature signs anew once the signing key has been replaced", async () => {
  const { world, signer: old } = await releasedBy();
  const current = await newSigner();
  world.signWith(current);
  const trust = { current: current.publicKey, previous: old.publicKey };
  assertEquals(await releaseTrusting(world, trust, { allowPreviousKey: true }), true);
  assertEquals(await releaseTrusting(world, trust), false);
  assertEquals(await releaseTrusting(world, { current: current.publicKey }), true);
});

pureTest(
  "--reuse-unchanged-signature signs anew when one signature is by a key that may not sign",
  async () => {
    const { world, signer } = await releasedBy();
    const stranger = await newSigner();
    for (const name of ["fleet.resolved.json", "bootstrap-nonces.json", "rollouts/ID.json"]) {
      const { path, bytes } = world.published.at(-1)!.find(({ path }) => withoutIds(path) === name)!;
      world.files.set(`${path}.sig`, await stranger.sign(bytes));
      assertEquals(await releaseTrusting(world, { current: signer.publicKey }), false, name);
      assertEquals(await releaseTrusting(world, { current: signer.publicKey }), true, name);
    }
  },
);

pureTest("--reuse-unchanged-signature signs anew what consumers refuse for its time", async () => {
  const { world, signer: { publicKey } } = await releasedBy();
  const trust = { current: publicKey, rejectBefore: "2026-06-01T12:00:00.000000001Z" };
  assertEquals(await releaseTrusting(world, trust), false);
});

pureTest("--reuse-unchanged-signature signs anew what the key that signs does not verify", async () => {
  for (const name of ["fleet.resolved.json.sig", "revocations.json.sig"]) {
    const world = await released();
    world.files.set(name, new Uint8Array(64));
    assertEquals((await releaseAgain(world)).kept, false, name);
    world.effects.length = 0;
    assertEquals((await releaseAgain(world)).kept, true, name);
  }
});

pureTest(
  "--reuse-unchanged-signature signs anew where only a command knows what signed, and says why",
  async () => {
    const world = await released();
    const { publicKey } = world.signer;
    world.signer = { ...world.signer, publicKey: null };
    const { kept, warnings } = await releaseAgain(world);
    assertEquals([kept, warnings], [false, [UNVERIFIED, {
      code: "unverifiable-release",
      message:
        "The release on disk is unchanged, but signed anew: only the sign command knows what signed it. Give the keys " +
        "that consumers trust with --trust-file, --trust-attr or --public-key",
    }]]);
    world.effects.length = 0;
    assertEquals(
      (await releaseAgain(world, { publicKey: `ed25519:${publicKey!.bytes.toBase64()}` })).kept,
      true,
    );
  },
);

pureTest("a run for some hosts keeps the signatures too when nothing changes", async () => {
  const { kept, warnings } = await releaseAgain(await released(), explicit("db"));
  assertEquals([kept, warnings.map(({ code }) => code)], [true, ["unverified-signatures", "kept-closure"]]);
});

pureTest("a run warns of each sidecar on disk that is not part of it", async () => {
  const world = await released();
  const stale = (path: string) => ({
    code: "stale-sidecar",
    message:
      `"${path}" is from an earlier release and not part of this one: consumers take it for valid until it ` +
      "is stale, and verify for a part of this one. Give its attribute again, or --prune-sidecars, which removes it",
    path,
  });
  const { warnings } = await world.release({ now: "2026-06-01T12:10:00Z" });
  assertEquals(warnings, [UNVERIFIED, stale("revocations.json"), stale("bootstrap-nonces.json")]);
  assertEquals((await world.release({ revocationsAttr: "r", now: "2026-06-01T12:20:00Z" })).warnings, [
    UNVERIFIED,
    stale("bootstrap-nonces.json"),
  ]);
  assertEquals((await world.release({ ...EVERYTHING, now: "2026-06-01T12:30:00Z" })).warnings, [UNVERIFIED]);
});

pureTest(
  "--release-index signs the index last, writes it before the fleet, and keeps it with the others",
  async () => {
    const world = await released();
    const now = "2026-06-01T12:10:00Z";
    await world.release({ ...EVERYTHING, releaseIndex: true, reuseUnchangedSignature: false, now });
    assertEquals(
      world.effects.filter((effect) => effect.startsWith("sign")).at(-1),
      "sign release-index.json",
    );
    assertEquals(world.published.at(-1)!.slice(-4).map(({ path }) => path), [
      "release-index.json.sig",
      "release-index.json",
      "fleet.resolved.json.sig",
      "fleet.resolved.json",
    ]);
    world.effects.length = 0;
    const { kept, artifacts } = await releaseAgain(world, { releaseIndex: true });
    assertEquals([kept, artifacts.at(-1)!.path], [true, "release-index.json"]);
    // A release that had no index, or another one, is signed anew.
    for (
      const damage of [
        () => world.files.delete("release-index.json"),
        () => flipped(world, "release-index.json"),
      ]
    ) {
      damage();
      world.effects.length = 0;
      assertEquals((await releaseAgain(world, { releaseIndex: true })).kept, false);
    }
  },
);

pureTest("a run for some hosts lists in its index what it keeps of the others, too", async () => {
  const world = await signingWorld();
  await world.release({ releaseIndex: true });
  await world.release({ ...explicit("web1"), releaseIndex: true, now: "2026-06-01T12:30:00Z" });
  assertEquals(closures(world), ALL);
  const listed = Object.keys(world.json("release-index.json")["files"]);
  assertEquals(listed.map(withoutIds), ["fleet.resolved.json", "rollouts/ID.json", "rollouts/ID.json"]);
});

pureTest(
  "a run without --release-index warns of an index on disk, beside which verify refuses the release",
  async () => {
    const world = new FakeWorld();
    await world.release({ releaseIndex: true });
    assertEquals((await world.release()).warnings, [UNVERIFIED, {
      code: "stale-index",
      message:
        '"release-index.json" is from an earlier release and does not list this one\'s files: verify ' +
        "refuses the release beside it. Give --release-index again, or --prune-sidecars, which removes it",
      path: "release-index.json",
    }]);
  },
);
