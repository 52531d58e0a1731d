import { assert, assertEquals } from "@std/assert";
import { sha256Hex } from "../../src/contract/canonical.ts";
import type { Signer } from "../../src/crypto/private_key.ts";
import { bindRelease, type ReleaseFiles } from "../../src/verify/bindings.ts";
import { type ReleaseVerdict, verifyRelease } from "../../src/verify/release.ts";
import type { Draft } from "../support/fleet.ts";
import { newSigner, rolesOf, seededRandom, signedRelease } from "../support/signed_release.ts";
import { pureTest } from "../support/pure.ts";

const FLEET = "fleet.resolved.json";
const NOW = "2026-06-01T12:30:00Z";

const signer = await newSigner();

function verify(
  files: ReleaseFiles,
  { now = NOW, key = signer, rejectBefore = null, freshnessWindowSeconds, requireIndex = false }: {
    requireIndex?: boolean;
    now?: string;
    key?: Signer;
    rejectBefore?: string | null;
    freshnessWindowSeconds?: number;
  } = {},
): Promise<ReleaseVerdict> {
  const trust = { keys: [{ slot: "current" as const, ...key.publicKey }], rejectBefore };
  return verifyRelease(files, { artifactName: FLEET, trust, now, freshnessWindowSeconds, requireIndex });
}

/** What a release is refused for: the path, with the ids of rollouts left out, and the code word. */
function reasons({ failures }: ReleaseVerdict): string[] {
  return failures.map(({ path, code }) => `${path.replace(/[0-9a-f]{64}/, "ID")}: ${code}`);
}

/** The files with some changed; undefined takes a file away. */
function withFiles(
  files: ReleaseFiles,
  changes: Record<string, Uint8Array<ArrayBuffer> | undefined>,
): ReleaseFiles {
  const changed = new Map(files);
  for (const [path, bytes] of Object.entries(changes)) {
    if (bytes === undefined) changed.delete(path);
    else changed.set(path, bytes);
  }
  return changed;
}

/** A document edited, made canonical again and signed again. */
async function edited(
  files: ReleaseFiles,
  path: string,
  edit: (text: string) => string,
): Promise<ReleaseFiles> {
  const bytes = new TextEncoder().encode(edit(new TextDecoder().decode(files.get(path))));
  return withFiles(files, { [path]: bytes, [`${path}.sig`]: await signer.sign(bytes) });
}

for (const algorithm of ["ed25519", "ecdsa-p256"] as const) {
  pureTest(`verifyRelease() accepts a whole release signed with ${algorithm}`, async () => {
    const key = await newSigner(algorithm);
    const files = await signedRelease({ signer: key });
    const verdict = await verify(files, { key });
    assertEquals({ ...verdict, files: [] }, {
      verified: true,
      failures: [],
      warnings: [],
      meta: {
        schemaVersion: 1,
        signedAt: "2026-06-01T12:00:00Z",
        ciCommit: "0123456789",
        signatureAlgorithm: algorithm,
      },
      hosts: 3,
      files: [],
      earlierManifests: 0,
    });
    assertEquals(verdict.files.map(({ path }) => path), [...rolesOf(files).values()]);
    assertEquals(verdict.files.map(({ key }) => key?.slot), Array(5).fill("current"));
  });
}

pureTest("verifyRelease() refuses every single-byte change of every file", async () => {
  const files = await signedRelease({ signer });
  const random = seededRandom(1);
  const perFile = Math.ceil(2400 / files.size);
  let tried = 0;
  const accepted: string[] = [];
  for (const [path, bytes] of files) {
    for (let count = 0; count < perFile; count++) {
      const offset = Math.floor(random() * bytes.length);
      const mask = 1 + Math.floor(random() * 255);
      const changed = bytes.slice();
      changed[offset]! ^= mask;
      tried++;
      if ((await verify(withFiles(files, { [path]: changed }))).verified) {
        accepted.push(`${path} at ${offset}`);
      }
    }
  }
  assertEquals(accepted, []);
  assert(tried >= 2000, `only ${tried} changes were tried`);
});

pureTest("verifyRelease() refuses a byte more and a byte less in every file", async () => {
  const files = await signedRelease({ signer });
  for (const [path, bytes] of files) {
    for (
      const changed of [bytes.slice(1), bytes.slice(0, -1), Uint8Array.of(...bytes, 0x0a), new Uint8Array()]
    ) {
      assertEquals((await verify(withFiles(files, { [path]: changed }))).verified, false, path);
    }
  }
});

pureTest(
  "verifyRelease() refuses a release without any one of its files but a sidecar with its signature",
  async () => {
    const files = await signedRelease({ signer });
    const manifest = "rollouts/ID.json";
    const expected: Record<string, string[]> = {
      [FLEET]: [`${FLEET}: missing-fleet`, `${FLEET}.sig: missing-document`],
      [`${FLEET}.sig`]: [`${FLEET}: no-signature`],
      [manifest]: [`${FLEET}: missing-manifest`, `${manifest}.sig: missing-document`],
      [`${manifest}.sig`]: [`${manifest}: no-signature`],
      "revocations.json": ["revocations.json.sig: missing-document"],
      "revocations.json.sig": ["revocations.json: no-signature"],
      "bootstrap-nonces.json": ["bootstrap-nonces.json.sig: missing-document"],
      "bootstrap-nonces.json.sig": ["bootstrap-nonces.json: no-signature"],
    };
    for (const path of files.keys()) {
      const verdict = await verify(withFiles(files, { [path]: undefined }));
      assertEquals(reasons(verdict), expected[path.replace(/[0-9a-f]{64}/, "ID")], path);
    }
    const without = withFiles(files, { "revocations.json": undefined, "revocations.json.sig": undefined });
    assertEquals((await verify(without)).verified, true);
  },
);

pureTest("verifyRelease() refuses every mixture of two valid releases", async () => {
  const first = await signedRelease({ signer });
  for (
    const second of [
      await signedRelease({ signer, signedAt: "2026-06-01T12:10:00Z", ciCommit: "abcdef0123" }),
      await signedRelease({ signer, signedAt: "2026-06-01T12:10:00Z" }),
      await signedRelease({ signer, ciCommit: "abcdef0123" }),
    ]
  ) {
    assertEquals((await verify(second)).verified, true);
    const roles = [...rolesOf(first)].map(([role, path]) => [path, rolesOf(second).get(role)!] as const);
    // Every choice of documents, each taken with its signature from one release or the other.
    for (let choice = 1; choice < 2 ** roles.length - 1; choice++) {
      const mixture = new Map<string, Uint8Array<ArrayBuffer>>();
      roles.forEach(([a, b], index) => {
        const [path, files] = (choice >> index) % 2 === 0 ? [a, first] : [b, second];
        mixture.set(path, files.get(path)!).set(`${path}.sig`, files.get(`${path}.sig`)!);
      });
      assertEquals((await verify(mixture)).verified, false, [...mixture.keys()].join(" "));
    }
    // And each file alone, with the other's signature or the other's bytes.
    for (const [a, b] of roles) {
      const bytes = withFiles(first, { [a]: second.get(b)! });
      const signature = withFiles(first, { [`${a}.sig`]: second.get(`${b}.sig`)! });
      assertEquals([(await verify(bytes)).verified, (await verify(signature)).verified], [false, false], a);
    }
  }
});

pureTest("verifyRelease() takes manifests of earlier releases for what they are", async () => {
  const files = await signedRelease({ signer });
  const earlier = await signedRelease({ signer, signedAt: "2026-06-01T11:00:00Z", ciCommit: "9876543210" });
  const manifests = [...earlier].filter(([path]) => path.startsWith("rollouts/"));
  const both = new Map([...files, ...manifests]);
  const verdict = await verify(both);
  assertEquals([verdict.verified, verdict.earlierManifests, verdict.warnings], [true, 2, []]);

  // The key that signed them has been replaced since.
  const old = await newSigner();
  const replaced = new Map(both);
  for (const [path] of manifests.filter(([path]) => path.endsWith(".sig"))) {
    replaced.set(path, await old.sign(earlier.get(path.slice(0, -4))!));
  }
  const after = await verify(replaced);
  assertEquals([after.verified, after.warnings.map(({ code }) => code)], [true, ["earlier-manifests"]]);

  const [id] = manifests[0]!;
  assertEquals(reasons(await verify(withFiles(both, { [`${id}.sig`]: undefined }))), [
    "rollouts/ID.json: no-signature",
  ]);
});

pureTest("verifyRelease() refuses a manifest that a consumer could take for current", async () => {
  const files = await signedRelease({ signer });
  for (const signedAt of ["2026-06-01T12:00:00Z", "2026-06-01T12:00:01Z"]) {
    const other = await signedRelease({ signer, signedAt, ciCommit: "9876543210" });
    const stray = [...other].filter(([path]) => path.startsWith("rollouts/"));
    assertEquals(reasons(await verify(new Map([...files, ...stray]))), [
      "rollouts/ID.json: stranger",
      "rollouts/ID.json: stranger",
    ]);
  }
});

pureTest("verifyRelease() refuses a manifest that names the fleet and is not its projection", async () => {
  const files = await signedRelease({ signer });
  const path = rolesOf(files).get("manifest 1")!;
  for (
    const [from, to, code] of [
      ['"waveIndex":0', '"waveIndex":7', "wrong-fleet"],
      ['"ciCommit":"0123456789"', '"ciCommit":"0123456780"', "wrong-stamp"],
    ] as const
  ) {
    const text = new TextDecoder().decode(files.get(path)).replace(from, to);
    const bytes = new TextEncoder().encode(text);
    const forged = `rollouts/${sha256Hex(bytes)}.json`;
    const beside = withFiles(files, { [forged]: bytes, [`${forged}.sig`]: await signer.sign(bytes) });
    assertEquals(reasons(await verify(beside)), [`rollouts/ID.json: ${code}`]);
  }
});

pureTest("verifyRelease() refuses names in rollouts/ that are not the hash of the bytes", async () => {
  const files = await signedRelease({ signer });
  const path = rolesOf(files).get("manifest 1")!;
  for (const name of ["current", "0".repeat(64), path.slice(9, -5).toUpperCase()]) {
    const copy = {
      [`rollouts/${name}.json`]: files.get(path),
      [`rollouts/${name}.json.sig`]: files.get(`${path}.sig`),
    };
    const verdict = await verify(withFiles(files, copy));
    assertEquals(verdict.failures.map(({ code }) => code), ["wrong-rollout-id"]);
  }
});

pureTest(
  "verifyRelease() refuses JSON without a signature, and warns of JSON that it does not know",
  async () => {
    const files = await signedRelease({ signer });
    const bytes = new TextEncoder().encode("{}");
    assertEquals(reasons(await verify(withFiles(files, { "other.json": bytes }))), [
      "other.json: no-signature",
    ]);
    const signed = await verify(
      withFiles(files, { "other.json": bytes, "other.json.sig": await signer.sign(bytes) }),
    );
    assertEquals(signed.warnings, [{
      code: "unknown-file",
      message: '"other.json" is signed, but no part of this release: it was not verified',
      path: "other.json",
    }]);
    assertEquals((await verify(withFiles(files, { "README.md": bytes }))).verified, true);
  },
);

pureTest(
  "verifyRelease() judges each manifest by its channel's window, and the rest by the shortest",
  async () => {
    const files = await signedRelease({
      signer,
      edit: (fleet) => {
        fleet["channels"].edge.freshnessWindow = 10;
        // Nobody waits for news of a channel without hosts.
        fleet["channels"].empty = { ...fleet["channels"].edge, freshnessWindow: 1 };
      },
    });
    const at = async (now: string) => reasons(await verify(files, { now }));
    assertEquals(await at("2026-06-01T12:11:00Z"), []);
    const edge = [
      `${FLEET}: stale`,
      "revocations.json: stale",
      "bootstrap-nonces.json: stale",
      "rollouts/ID.json: stale",
    ];
    assertEquals(await at("2026-06-01T12:11:00.000000001Z"), edge);
    assertEquals(await at("2026-06-02T12:01:00Z"), edge);
    assertEquals((await at("2026-06-02T12:01:01Z")).length, 5);
    const { failures } = await verify(files, { now: "2026-06-02T12:01:01Z" });
    assertEquals(failures.map(({ message }) => message.replace(/^.*window /, "")).slice(2), [
      'of channel "edge" of 600 s, and of 1 other channel',
      'of channel "edge" of 600 s',
      'of channel "stable" of 86400 s',
    ]);
    assertEquals(
      reasons(await verify(files, { now: "2026-06-01T12:01:41Z", freshnessWindowSeconds: 40 })).length,
      5,
    );
  },
);

pureTest(
  "verifyRelease() refuses what is from the future, and what is signed before rejectBefore",
  async () => {
    const files = await signedRelease({ signer });
    const codes = async (options: Parameters<typeof verify>[1]) => [
      ...new Set((await verify(files, options)).failures.map(({ code }) => code)),
    ];
    assertEquals(await codes({ now: "2026-06-01T11:59:00Z" }), []);
    assertEquals(await codes({ now: "2026-06-01T11:58:59.999999999Z" }), ["future"]);
    assertEquals(await codes({ rejectBefore: "2026-06-01T12:00:00Z" }), []);
    assertEquals(await codes({ rejectBefore: "2026-06-01T12:00:00.000000001Z" }), ["rejected"]);
  },
);

pureTest("verifyRelease() reports all that is wrong, of every file", async () => {
  const key = await newSigner("ecdsa-p256");
  const files = await signedRelease({ signer: key, declared: "ed25519" });
  const verdict = await verify(files, { key, now: "2027-01-01T00:00:00Z" });
  assertEquals(reasons(verdict).length, 2 * 5);
  const broken = await edited(
    files,
    FLEET,
    (text) => text.replace('"schemaVersion":1,"waves"', '"schemaVersion":2,"waves"'),
  );
  assertEquals(reasons(await verify(broken)).slice(0, 1), [`${FLEET}: wrong-schema-version`]);
});

pureTest("bindRelease() finds a channel whose policy is missing", async () => {
  const files = await signedRelease({ signer });
  const broken = await edited(
    files,
    FLEET,
    (text) => text.replace('"rolloutPolicy":"all"', '"rolloutPolicy":"nil"'),
  );
  const { failures } = bindRelease(broken, FLEET);
  assertEquals(failures.filter(({ code }) => code === "wrong-document").map(({ message }) => message), [
    'Channel "edge" names the rollout policy "nil", which the fleet does not have',
  ]);
});

pureTest("verifyRelease() refuses a fleet of which nothing says how old it may be", async () => {
  const files = await signedRelease({
    signer,
    edit: (fleet) => Object.assign(fleet, { hosts: {}, channels: {}, waves: {} }),
  });
  assertEquals(reasons(await verify(files)), [
    `${FLEET}: stale`,
    "revocations.json: stale",
    "bootstrap-nonces.json: stale",
  ]);
  assertEquals(reasons(await verify(files, { freshnessWindowSeconds: 3600 })), []);
});

pureTest("verifyRelease() refuses a fleet that consumers would hash otherwise", async () => {
  const files = await signedRelease({ signer });
  const changed = await edited(files, FLEET, (text) => text.replace('"hosts":', '"hash":1,"hosts":'));
  assertEquals(reasons(await verify(changed)).filter((reason) => reason.startsWith(FLEET)).slice(0, 1), [
    `${FLEET}: not-normal`,
  ]);
});

/** Two fleets of one repository, released at one time from one commit by one key. */
async function oneStamp({ releaseIndex = false } = {}): Promise<[ReleaseFiles, ReleaseFiles]> {
  const edit = (fleet: Draft) => void fleet["hosts"].db.tags.push("other");
  return [
    await signedRelease({ signer, releaseIndex }),
    await signedRelease({ signer, releaseIndex, edit, reason: "lost" }),
  ];
}

/** The files, with some taken with their signatures from another release. */
function swapped(files: ReleaseFiles, other: ReleaseFiles, ...paths: string[]): ReleaseFiles {
  const both = paths.flatMap((path) => [path, `${path}.sig`]);
  return withFiles(files, Object.fromEntries(both.map((path) => [path, other.get(path)])));
}

pureTest(
  "verifyRelease() refuses files of another release with the same stamp when there is an index",
  async () => {
    const [plain, otherPlain] = await oneStamp();
    // Nothing that is signed says which of the two the sidecar is of.
    assertEquals((await verify(swapped(plain, otherPlain, "revocations.json"))).verified, true);

    const [first, second] = await oneStamp({ releaseIndex: true });
    for (const files of [first, second]) {
      assertEquals(
        (await verify(files, { requireIndex: true })).failures,
        [],
      );
    }
    const differs = "its bytes are not those that the release index lists";
    const verdict = await verify(swapped(first, second, "revocations.json"));
    assertEquals(verdict.failures, [{ path: "revocations.json", code: "wrong-index", message: differs }]);
    // The index that goes with the sidecar does not go with the fleet.
    assertEquals(
      reasons(await verify(swapped(first, second, "revocations.json", "release-index.json"))).slice(0, 1),
      [
        `${FLEET}: wrong-index`,
      ],
    );
  },
);

pureTest("verifyRelease() misses what an index lists, and refuses what it does not list", async () => {
  const [files, other] = await oneStamp({ releaseIndex: true });
  const none = new Map();
  assertEquals((await verify(swapped(files, none, "revocations.json"))).failures, [{
    path: "revocations.json",
    code: "wrong-index",
    message: "the release index lists it, and it is no part of the release beside it",
  }]);
  const unlisted = await edited(
    files,
    "release-index.json",
    (text) => text.replace(/"revocations.json":"\w+",/, ""),
  );
  assertEquals((await verify(unlisted)).failures, [{
    path: "revocations.json",
    code: "wrong-index",
    message: "the release index does not list it",
  }]);
  const renamed = await edited(
    files,
    "release-index.json",
    (text) => text.replace(`"artifact":"${FLEET}"`, '"artifact":"f"'),
  );
  assertEquals((await verify(renamed)).failures, [{
    path: "release-index.json",
    code: "wrong-index",
    message: 'it is the index of a release whose fleet is named "f"',
  }]);
  assertEquals(
    reasons(await verify(withFiles(files, { "release-index.json.sig": other.get(`${FLEET}.sig`) }))),
    [
      "release-index.json: bad-signature",
    ],
  );
});

pureTest("verifyRelease() refuses a release without an index where one is required", async () => {
  const [plain] = await oneStamp();
  const [indexed] = await oneStamp({ releaseIndex: true });
  for (const files of [plain, swapped(indexed, new Map(), "release-index.json")]) {
    assertEquals((await verify(files)).verified, true);
    assertEquals((await verify(files, { requireIndex: true })).failures, [{
      path: "release-index.json",
      code: "missing-index",
      message:
        "it is missing, and without it files of another release with the same stamp are not told apart",
    }]);
  }
});

pureTest("verifyRelease() makes nothing of what no trusted key has signed but to say so", async () => {
  const files = await signedRelease({ signer });
  const stranger = await newSigner();
  const verdict = await verify(files, { key: stranger, now: "2030-01-01T00:00:00Z" });
  const { meta, hosts } = verdict;
  assertEquals({ meta, hosts, reasons: reasons(verdict) }, {
    meta: null,
    hosts: 0,
    reasons: [
      `${FLEET}: bad-signature`,
      "revocations.json: bad-signature",
      "bootstrap-nonces.json: bad-signature",
      "rollouts/ID.json: bad-signature",
      "rollouts/ID.json: bad-signature",
    ],
  });
  // What damaged it on the way is still said.
  const spaced = withFiles(files, { [FLEET]: Uint8Array.of(...files.get(FLEET)!, 0x0a) });
  assertEquals(reasons(await verify(spaced)).slice(0, 2), [
    `${FLEET}: bad-signature`,
    `${FLEET}: not-canonical`,
  ]);
  const cut = withFiles(files, { [FLEET]: files.get(FLEET)!.slice(1) });
  assertEquals(reasons(await verify(cut)).slice(0, 2), [`${FLEET}: bad-signature`, `${FLEET}: not-json`]);
});

pureTest("verifyRelease() does not look into a large file that no trusted key has signed", async () => {
  const files = await signedRelease({ signer });
  const large = new TextEncoder().encode(`{"hosts":{}}${" ".repeat(1 << 20)}`);
  const said = reasons(await verify(withFiles(files, { [FLEET]: large })));
  assertEquals(said.filter((reason) => reason.startsWith(FLEET)), [`${FLEET}: bad-signature`]);
});

pureTest("verifyRelease() refuses a document in the place of another", async () => {
  const files = await signedRelease({ signer, releaseIndex: true });
  const names = {
    "revocations.json": "the revocations",
    "bootstrap-nonces.json": "the bootstrap nonces",
    "release-index.json": "the release index",
  };
  for (const [path, title] of Object.entries(names)) {
    for (const [other, otherTitle] of Object.entries(names)) {
      if (path === other) continue;
      const changes = { [path]: files.get(other), [`${path}.sig`]: files.get(`${other}.sig`) };
      const { failures } = await verify(withFiles(files, changes));
      assertEquals(failures.find((failure) => failure.code === "wrong-document"), {
        path,
        code: "wrong-document",
        message: `it is ${otherTitle}, expected ${title}`,
      });
    }
  }
});
