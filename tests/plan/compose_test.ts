// All golden cases of the pure part: what the reference makes of these inputs.

import { assert, assertEquals } from "@std/assert";
import { type ComposeInput, composeRelease } from "../../mod.ts";
import text from "../golden/compose.jsonl" with { type: "text" };
import { deepFreeze, pureTest, refusal } from "../support/pure.ts";

interface GoldenCase {
  name: string;
  input: ComposeInput;
  /** Path to exact text. */
  files?: Record<string, string>;
  /** The reference's own words. */
  refused?: string;
}

const CASES: GoldenCase[] = text.trim().split("\n").map((line) => JSON.parse(line));

/** Where the document is wrong, for each case that the reference refuses; reviewed by hand. */
const REFUSED_AT: Record<string, string> = {
  "rollout policy of a channel is missing": "channels.edge.rolloutPolicy",
  "policy missing though the channel has no hosts": "channels.empty.rolloutPolicy",
  "a channel edge with both names for one end": "channelEdges.0.before",
  "host edges do not take the old names": "edges.0.gated",
  "time '2026-02-30T00:00:00Z'": "revocations.0.notBefore",
  "time '2025-02-29T00:00:00Z'": "revocations.0.notBefore",
  "time '2026-06-01T00:00:00'": "revocations.0.notBefore",
  "time '2026-06-01'": "revocations.0.notBefore",
  "time '2026-06-01T24:00:00Z'": "revocations.0.notBefore",
  "time '2026-06-01T12:60:00Z'": "revocations.0.notBefore",
  "time 'yesterday'": "revocations.0.notBefore",
  "time '2026-13-01T00:00:00Z'": "revocations.0.notBefore",
  "time '2026-06-01T12:00Z'": "revocations.0.notBefore",
  "time '2026-06-01T12:00:00+25:00'": "revocations.0.notBefore",
  "time '2026-06-01T12:00:00.Z'": "revocations.0.notBefore",
  "time '20260601T120000Z'": "revocations.0.notBefore",
  "time '2026-06-01T12:00:00,5Z'": "revocations.0.notBefore",
  "time ''": "revocations.0.notBefore",
  "time 1780000000": "revocations.0.notBefore",
  "time None": "revocations.0.notBefore",
  'schemaVersion = "1"': "schemaVersion",
  "schemaVersion = -1": "schemaVersion",
  "hosts = null": "hosts",
  "hosts = 0": "hosts",
  "hosts.db.system = 5": "hosts.db.system",
  'hosts.db.tags = "web"': "hosts.db.tags",
  "hosts.db.tags = [1]": "hosts.db.tags.0",
  "hosts.db.channel = null": "hosts.db.channel",
  "hosts.db.pubkey = 1": "hosts.db.pubkey",
  'hosts.db.pin = {"commit": "x"}': "hosts.db.pin.reason",
  'hosts.db.pin = {"reason": "x"}': "hosts.db.pin.commit",
  "channels.edge.freshnessWindow = 1.5": "channels.edge.freshnessWindow",
  "channels.edge.freshnessWindow = -1": "channels.edge.freshnessWindow",
  "channels.edge.freshnessWindow = 4294967296": "channels.edge.freshnessWindow",
  'channels.edge.freshnessWindow = "60"': "channels.edge.freshnessWindow",
  "channels.edge.freshnessWindow = null": "channels.edge.freshnessWindow",
  "channels.edge.compliance = null": "channels.edge.compliance",
  "channels.edge.compliance.frameworks = null": "channels.edge.compliance.frameworks",
  "channels.edge.compliance.mode = 1": "channels.edge.compliance.mode",
  'rolloutPolicies.all.onHealthFailure = "explode"': "rolloutPolicies.all.onHealthFailure",
  "rolloutPolicies.all.onHealthFailure = null": "rolloutPolicies.all.onHealthFailure",
  "rolloutPolicies.all.healthGate = 1": "rolloutPolicies.all.healthGate",
  "rolloutPolicies.all.healthGate = null": "rolloutPolicies.all.healthGate",
  "rolloutPolicies.canary.healthGate.systemdFailedUnits = {}":
    "rolloutPolicies.canary.healthGate.systemdFailedUnits.max",
  "rolloutPolicies.canary.healthGate.systemdFailedUnits.max = -1":
    "rolloutPolicies.canary.healthGate.systemdFailedUnits.max",
  "rolloutPolicies.all.waves = null": "rolloutPolicies.all.waves",
  "rolloutPolicies.canary.waves.0.selector.all = 1": "rolloutPolicies.canary.waves.0.selector.all",
  "rolloutPolicies.canary.waves.0.selector.tags = null": "rolloutPolicies.canary.waves.0.selector.tags",
  "waves = null": "waves",
  "waves.stable.0.hosts = null": "waves.stable.0.hosts",
  "waves.stable.0.soakMinutes = -5": "waves.stable.0.soakMinutes",
  "meta = null": "meta",
  "meta.schemaVersion = null": "meta.schemaVersion",
  'meta.signedAt = "now"': "meta.signedAt",
  "edges = null": "edges",
  "edges = {}": "edges",
  "disruptionBudgets = [{}]": "disruptionBudgets.0.selector",
  'disruptionBudgets = [{"selector": {}, "maxInFlight": 0.5}]': "disruptionBudgets.0.maxInFlight",
  'channelEdges = [{"gates": "a"}]': "channelEdges.0.gated",
  "schemaVersion missing": "schemaVersion",
  "hosts missing": "hosts",
  "channels missing": "channels",
  "waves missing": "waves",
  "meta missing": "meta",
  "hosts.db.system missing": "hosts.db.system",
  "hosts.db.tags missing": "hosts.db.tags",
  "hosts.db.channel missing": "hosts.db.channel",
  "channels.edge.rolloutPolicy missing": "channels.edge.rolloutPolicy",
  "channels.edge.reconcileIntervalMinutes missing": "channels.edge.reconcileIntervalMinutes",
  "channels.edge.freshnessWindow missing": "channels.edge.freshnessWindow",
  "channels.edge.signingIntervalMinutes missing": "channels.edge.signingIntervalMinutes",
  "channels.edge.compliance missing": "channels.edge.compliance",
  "rolloutPolicies.all.strategy missing": "rolloutPolicies.all.strategy",
  "rolloutPolicies.all.waves missing": "rolloutPolicies.all.waves",
  "rolloutPolicies.all.onHealthFailure missing": "rolloutPolicies.all.onHealthFailure",
  "waves.stable.0.hosts missing": "waves.stable.0.hosts",
  "waves.stable.0.soakMinutes missing": "waves.stable.0.soakMinutes",
  "meta.schemaVersion missing": "meta.schemaVersion",
};

const REFUSED = CASES.filter(({ refused }) => refused !== undefined);
const shortName = ({ name }: GoldenCase) => name.replace(/^refused: /, "");

pureTest("the golden file has 279 cases, and this test knows the path of each refusal", () => {
  assertEquals(CASES.length, 279);
  assertEquals(new Set(CASES.map(({ name }) => name)).size, 279);
  for (const { name, files, refused } of CASES) {
    assertEquals((files === undefined) !== (refused === undefined), true, name);
  }
  assertEquals(REFUSED.map(shortName).sort(), Object.keys(REFUSED_AT).sort());
});

for (const golden of REFUSED) {
  pureTest(`composeRelease() refuses ${shortName(golden)}, as the reference does, and gives the path`, () => {
    const { kind, path, message } = refusal(() => composeRelease(deepFreeze(golden.input)));
    assertEquals({ kind, path }, { kind: "contract", path: REFUSED_AT[shortName(golden)]! });
    assert(message !== "");
  });
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const byBytes = (text: string) => new TextEncoder().encode(text).toHex();

/** The order of signing: the fleet, the sidecars, the rollouts by the byte order of their channels. */
function signingOrder(files: Record<string, string>): string[] {
  const sidecars = ["fleet.resolved.json", "revocations.json", "bootstrap-nonces.json"];
  const channelOf = (path: string): string => JSON.parse(files[path]!).channel;
  const rollouts = Object.keys(files).filter((path) => path.startsWith("rollouts/"))
    .sort((a, b) => byBytes(channelOf(a)) < byBytes(channelOf(b)) ? -1 : 1);
  return [...sidecars.filter((path) => path in files), ...rollouts];
}

for (const { name, input, files } of CASES) {
  if (files === undefined) continue;
  pureTest(`composeRelease() makes the reference's bytes, in the order of signing: ${name}`, () => {
    const made = [...composeRelease(deepFreeze(input)).files].map((
      [path, bytes],
    ) => [path, decoder.decode(bytes)]);
    assertEquals(made, signingOrder(files).map((path) => [path, files[path]]));
    assertEquals(made.length, Object.keys(files).length);
  });
}
