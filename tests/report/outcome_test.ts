import { assertEquals } from "@std/assert";
import type { BuiltHost, SignedArtifact } from "../../src/model.ts";
import type { HostChange } from "../../src/plan/changes.ts";
import { outcomeOf, outcomeWithoutSecrets, type RunFacts } from "../../src/report/outcome.ts";
import { Secrets } from "../../src/secrets.ts";
import { derivationOf, drvOf, hashOf, lockedAt, pathOf } from "../support/fake_ports.ts";
import { deepFreeze, pureTest } from "../support/pure.ts";

function builtHost(name: string, more: Partial<BuiltHost> = {}): BuiltHost {
  return {
    ...{ channel: "stable", pinnedTo: null, storePath: pathOf(name), closureHash: hashOf(name) },
    ...derivationOf({ name, kind: "nixos" }),
    flake: lockedAt("git+file:///fleet", null),
    ...more,
  };
}

function signedArtifact(path: string, more: Partial<SignedArtifact> = {}): SignedArtifact {
  return { path, sha256: "0".repeat(64), bytes: new Uint8Array(), signature: new Uint8Array(64), ...more };
}

const WARNING = { code: "x", message: "y", path: "z" };
const STAGE = { stage: "source", seconds: 0.125 };

const STATE = { channel: "edge", wave: null, system: "x86_64-linux", closureHash: "abc", pinnedTo: null };
const UNCHANGED: HostChange = { name: "db", change: "unchanged", aspects: [], before: STATE, after: STATE };
const REMOVED: HostChange = { name: "web", change: "removed", aspects: [], before: STATE, after: null };

/** A run that did all that a run can do. */
const FACTS: RunFacts = {
  outcome: "released",
  releaseCommit: "e".repeat(40),
  pushedTo: { remote: "origin", branch: "main" },
  flake: "git+file:///fleet",
  nixVersion: "2.26.3",
  programVersion: "1.2.3",
  stamp: { signedAt: "2026-06-01T12:00:00Z", ciCommit: "c".repeat(40), signatureAlgorithm: "ed25519" },
  hosts: [
    builtHost("__proto__", { channel: null, kind: "darwin" }),
    builtHost("db", { pinnedTo: "a".repeat(40) }),
  ],
  signed: [
    signedArtifact("fleet.resolved.json"),
    signedArtifact("rollouts/x.json", { rolloutId: "x" }),
  ],
  reused: false,
  changes: { first: false, hosts: [UNCHANGED, REMOVED], parts: [] },
  notes: {
    warnings: [WARNING],
    stages: [STAGE],
    seconds: new Map([["db", { evaluate: 1.5, build: 0 }]]),
  },
};

pureTest("outcomeOf() gives all that a run has noted, and nothing else of its hosts and artifacts", () => {
  assertEquals(outcomeOf(deepFreeze(FACTS)), {
    outcome: "released",
    commit: "c".repeat(40),
    signedAt: "2026-06-01T12:00:00Z",
    releaseCommit: "e".repeat(40),
    pushedTo: { remote: "origin", branch: "main" },
    flake: "git+file:///fleet",
    nixVersion: "2.26.3",
    programVersion: "1.2.3",
    hosts: [
      {
        name: "__proto__",
        kind: "darwin",
        channel: null,
        pinnedTo: null,
        derivation: drvOf("__proto__"),
        storePath: pathOf("__proto__"),
        closureHash: hashOf("__proto__"),
        seconds: {},
      },
      {
        name: "db",
        kind: "nixos",
        channel: "stable",
        pinnedTo: "a".repeat(40),
        derivation: drvOf("db"),
        storePath: pathOf("db"),
        closureHash: hashOf("db"),
        seconds: { evaluate: 1.5, build: 0 },
      },
    ],
    changes: {
      summary: '1 is removed: "web"',
      first: false,
      channels: ["edge"],
      unchanged: 1,
      hosts: [REMOVED],
      parts: [],
    },
    artifacts: [
      { path: "fleet.resolved.json", sha256: "0".repeat(64), rolloutId: null, reused: false },
      { path: "rollouts/x.json", sha256: "0".repeat(64), rolloutId: "x", reused: false },
    ],
    warnings: [WARNING],
    stages: [STAGE],
  });
});

pureTest(
  "outcomeWithoutSecrets() hides what is known and what URLs have, and leaves names, paths and hashes",
  () => {
    const secrets = new Secrets();
    secrets.learn("web1", "s3cret-9");
    const outcome = outcomeOf({
      ...FACTS,
      hosts: [builtHost("web1")],
      flake: "git+https://user:s3cret@host.example/fleet?rev=abc",
      pushedTo: { remote: "https://t0ken@host.example/fleet.git", branch: "main" },
      notes: {
        ...FACTS.notes,
        warnings: [{ code: "x", message: 'a "s3cret-9" is here', path: "hosts.s3cret-9" }],
      },
    });
    assertEquals(outcomeWithoutSecrets(deepFreeze(outcome), secrets), {
      ...outcome,
      flake: "git+https://***@host.example/fleet?rev=abc",
      pushedTo: { remote: "https://***@host.example/fleet.git", branch: "main" },
      warnings: [{ code: "x", message: 'a "***" is here', path: "hosts.***" }],
    });
  },
);

pureTest("outcomeOf() says of every artifact that its signature was kept when the release was", () => {
  const { artifacts } = outcomeOf({ ...FACTS, reused: true });
  assertEquals(artifacts.map(({ reused }) => reused), [true, true]);
});

pureTest("outcomeOf() gives null for what a run outside git has not", () => {
  const stamp = { ...FACTS.stamp, ciCommit: null };
  const { commit, releaseCommit, pushedTo } = outcomeOf({
    ...FACTS,
    ...{ outcome: "no-change", stamp, releaseCommit: null, pushedTo: null },
  });
  assertEquals({ commit, releaseCommit, pushedTo }, { commit: null, releaseCommit: null, pushedTo: null });
});
