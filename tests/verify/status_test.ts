import { assertEquals } from "@std/assert";
import { isManifestPath, signaturePath, signedPath } from "../../src/contract/layout.ts";
import type { Signer } from "../../src/crypto/private_key.ts";
import { loadExistingSignedAtIfUnchanged, readFleet } from "../../src/plan/reuse.ts";
import type { ReleaseFiles } from "../../src/verify/bindings.ts";
import { verifyRelease } from "../../src/verify/release.ts";
import { type ReleaseStatus, statusOf } from "../../src/verify/status.ts";
import type { Draft } from "../support/fleet.ts";
import { pureTest } from "../support/pure.ts";
import { newSigner, signedRelease } from "../support/signed_release.ts";

const SIGNER = await newSigner();
const SIGNED_AT = "2026-06-01T12:00:00Z";
const FLEET = "fleet.resolved.json";

/** Both channels are due by another rule: stable by half of its window, edge by its interval. */
function edit({ channels }: Draft): void {
  Object.assign(channels.stable, { freshnessWindow: 10, signingIntervalMinutes: 60 });
  Object.assign(channels.edge, { freshnessWindow: 1440, signingIntervalMinutes: 30 });
}

interface Judged extends ReleaseStatus {
  readonly verified: boolean;
}

/** How a release stands, and whether it is verified, by one key. */
async function statusAt(files: ReleaseFiles, now: string, { publicKey }: Signer = SIGNER): Promise<Judged> {
  const trust = { keys: [{ slot: "current" as const, ...publicKey }], rejectBefore: null };
  const rules = { artifactName: FLEET, trust, now, freshnessWindowSeconds: undefined };
  const verdict = await verifyRelease(files, rules);
  return { ...await statusOf(files, verdict, rules), verified: verdict.verified };
}

function statesOf({ channels }: ReleaseStatus): Record<string, string> {
  return Object.fromEntries(channels.map(({ channel, state }) => [channel, state]));
}

for (
  const [now, state, stable, edge] of [
    ["2026-06-01T11:58:59Z", "refused", "refused", "refused"],
    ["2026-06-01T11:59:00Z", "fresh", "fresh", "fresh"],
    [SIGNED_AT, "fresh", "fresh", "fresh"],
    ["2026-06-01T12:04:59.999999999Z", "fresh", "fresh", "fresh"],
    ["2026-06-01T12:05:00Z", "due", "due", "fresh"],
    ["2026-06-01T12:11:00Z", "due", "due", "fresh"],
    ["2026-06-01T12:11:00.000000001Z", "stale", "stale", "fresh"],
    ["2026-06-01T12:11:01Z", "stale", "stale", "fresh"],
    ["2026-06-01T12:29:59Z", "stale", "stale", "fresh"],
    ["2026-06-01T12:30:00Z", "stale", "stale", "due"],
    ["2026-06-02T12:01:00Z", "stale", "stale", "due"],
    ["2026-06-02T12:01:01Z", "stale", "stale", "stale"],
  ] as const
) {
  pureTest(
    `statusOf() at ${now} is ${state}, as verify, the next release and a consumer see it`,
    async () => {
      const files = await signedRelease({ signer: SIGNER, edit });
      const status = await statusAt(files, now);
      assertEquals([status.state, statesOf(status)], [state, { edge, stable }]);
      assertEquals(status.verified, state === "fresh" || state === "due", "as verify");
      const bytes = files.get(FLEET)!;
      const isKept = loadExistingSignedAtIfUnchanged(bytes, readFleet(bytes)!, now) !== null;
      const isPast = Temporal.Instant.compare(now, SIGNED_AT) >= 0;
      assertEquals(isKept, state === "fresh" && isPast, "as --reuse-unchanged-signature and --if-due");
      // Rule 5 of docs/consuming.md.
      const seconds = Temporal.Instant.from(now).since(SIGNED_AT).total("seconds");
      for (const [channel, window] of [["stable", 10], ["edge", 1440]] as const) {
        const accepts = seconds <= window * 60 + 60 && seconds >= -60;
        assertEquals(/fresh|due/.test(statesOf(status)[channel]!), accepts, `as a consumer of ${channel}`);
      }
    },
  );
}

pureTest("statusOf() says of each channel all that its hosts go by", async () => {
  const { channels } = await statusAt(await signedRelease({ signer: SIGNER, edit }), SIGNED_AT);
  const { algorithm, bytes } = SIGNER.publicKey;
  const common = {
    state: "fresh",
    signedAt: SIGNED_AT,
    key: { slot: "current", algorithm, public: bytes.toBase64() },
    lastChange: { signedAt: SIGNED_AT, ciCommit: "0123456789", exact: false },
  };
  assertEquals<unknown>(channels, [
    {
      ...common,
      channel: "edge",
      freshUntil: "2026-06-02T12:01:00Z",
      dueAt: "2026-06-01T12:30:00Z",
      hosts: 1,
      released: 1,
      waves: [],
    },
    {
      ...common,
      channel: "stable",
      freshUntil: "2026-06-01T12:11:00Z",
      dueAt: "2026-06-01T12:05:00Z",
      hosts: 2,
      released: 2,
      waves: [{ hosts: 1, soakMinutes: 10 }, { hosts: 1, soakMinutes: 30 }],
    },
  ]);
});

/** The manifests of a release, with their signatures. */
function manifestsOf(files: ReleaseFiles): [string, Uint8Array<ArrayBuffer>][] {
  return [...files].filter(([path]) => isManifestPath(path));
}

pureTest(
  "statusOf() finds the last change in the manifests of earlier releases that a trusted key has signed",
  async () => {
    const at = (time: string, commit: string, options: object = {}) =>
      signedRelease({
        signer: SIGNER,
        signedAt: `2026-06-01T${time}:00Z`,
        ciCommit: commit,
        edit,
        ...options,
      });
    const otherWaves = (fleet: Draft) => {
      edit(fleet);
      fleet["waves"].stable.reverse();
    };
    const current = await at("12:00", "c");
    const files = new Map([
      ...manifestsOf(await at("11:00", "a", { edit: otherWaves })),
      ...manifestsOf(await at("11:30", "b")),
      ...manifestsOf(await at("11:45", "x", { edit: otherWaves, signer: await newSigner() })),
      ...current,
    ]);
    const { channels, verified } = await statusAt(files, SIGNED_AT);
    assertEquals(verified, true);
    assertEquals(channels.map(({ channel, lastChange }) => [channel, lastChange]), [
      ["edge", { signedAt: "2026-06-01T11:00:00Z", ciCommit: "a", exact: false }],
      ["stable", { signedAt: "2026-06-01T11:30:00Z", ciCommit: "b", exact: true }],
    ]);
  },
);

pureTest(
  "statusOf() says that a channel is refused for its own manifest, and all for what they share",
  async () => {
    const files = await signedRelease({ signer: SIGNER, edit });
    const without = (path: string) => {
      const left = new Map(files);
      left.delete(signaturePath(path));
      return left;
    };
    const decoder = new TextDecoder();
    const [edge] = manifestsOf(files).find(([path, bytes]) =>
      signedPath(path) === undefined && JSON.parse(decoder.decode(bytes)).channel === "edge"
    )!;
    const one = await statusAt(without(edge), SIGNED_AT);
    assertEquals([one.state, statesOf(one)], ["refused", { edge: "refused", stable: "fresh" }]);
    assertEquals(one.channels.map(({ key }) => key?.slot), [undefined, "current"]);
    const all = await statusAt(without("revocations.json"), SIGNED_AT);
    assertEquals([all.state, statesOf(all)], ["refused", { edge: "refused", stable: "refused" }]);
    assertEquals(await statusAt(without(FLEET), SIGNED_AT), {
      state: "refused",
      channels: [],
      verified: false,
    });
    const stranger = await statusAt(files, SIGNED_AT, await newSigner());
    assertEquals(stranger, { state: "refused", channels: [], verified: false });
  },
);

pureTest(
  "statusOf() takes a channel without a closure for one that nobody waits for, and a long window for no end",
  async () => {
    const files = await signedRelease({
      signer: SIGNER,
      edit({ channels }) {
        const longest = 2 ** 32 - 1;
        Object.assign(channels.stable, { freshnessWindow: longest, signingIntervalMinutes: longest });
        channels.idle = { ...channels.edge, freshnessWindow: 2 };
      },
    });
    const status = await statusAt(files, "2026-06-01T12:20:00Z");
    assertEquals([status.state, status.verified], ["due", true]);
    const [edge, idle, stable] = status.channels;
    assertEquals([edge!.state, edge!.freshUntil], ["fresh", "2026-06-02T12:01:00Z"]);
    assertEquals([idle!.state, idle!.hosts, idle!.released, idle!.lastChange], ["due", 0, 0, null]);
    assertEquals([stable!.state, stable!.freshUntil], ["fresh", null]);
  },
);
