// The keys that consumers trust, in the making of a release. Keys and signatures are real.

import { assertEquals } from "@std/assert";
import type { ReleaseConfig } from "../../src/config.ts";
import { sha256Hex } from "../../src/contract/canonical.ts";
import type { SignatureAlgorithm } from "../../src/contract/types.ts";
import type { Signer } from "../../src/crypto/private_key.ts";
import type { PublicKey } from "../../src/crypto/signature.ts";
import type { SignedArtifact, Stamp, Warning } from "../../src/model.ts";
import type { ArtifactSigner } from "../../src/ports.ts";
import { checkTrust, isTrusted, type TrustedKeys, verifyTrusted } from "../../src/stages/trust.ts";
import { parseTrustFile } from "../../src/verify/trust.ts";
import { FakeWorld, UNVERIFIED } from "../support/fake_ports.ts";
import { pureTest, refusal, rejection } from "../support/pure.ts";
import { newSigner } from "../support/signed_release.ts";
import { fullTrust, trustBytes, trustOf, type TrustOptions } from "../support/trust.ts";

const NOW = "2026-06-01T12:00:00Z";
const encode = (text: string) => new TextEncoder().encode(text);

/** What signs, as a run knows it. */
type KnownSigner = Pick<ArtifactSigner, "algorithm" | "publicKey">;

/** What there is beside the options. */
interface Given {
  /** The file `trust.json`. */
  readonly file?: Uint8Array<ArrayBuffer>;
  readonly attribute?: unknown;
  /** By default a command that makes ed25519 signatures. */
  readonly signer?: KnownSigner;
}

/** Reads the keys by some options, and checks the signer by them. */
async function readKeys(
  settings: Partial<ReleaseConfig>,
  { file, attribute = null, signer = { algorithm: "ed25519", publicKey: null } }: Given = {},
): Promise<{ trusted: TrustedKeys | null; warnings: Warning[] }> {
  const world = new FakeWorld();
  if (file !== undefined) world.inputs.set("trust.json", file);
  world.signer = { ...signer, warnings: [] };
  const trusted = await checkTrust(world.run({ now: NOW, ...settings }), attribute);
  return { trusted, warnings: world.warnings };
}

const FILE = { trustFile: "trust.json" };

/** Reads the keys of a trust file, of which there is nothing to warn, for a signer that has the current one. */
async function trustIn(options: TrustOptions, settings: Partial<ReleaseConfig> = {}): Promise<TrustedKeys> {
  return await trustOfSigner(known(options.current!), options, settings);
}

/** Reads the keys of a trust file, of which there is nothing to warn, for this signer. */
async function trustOfSigner(
  signer: KnownSigner,
  options: TrustOptions,
  settings: Partial<ReleaseConfig> = {},
): Promise<TrustedKeys> {
  const file = trustBytes(options);
  const { trusted, warnings } = await readKeys({ ...FILE, ...settings }, { file, signer });
  assertEquals(warnings, []);
  return trusted!;
}

/** A signer whose key is known. */
function known(publicKey: PublicKey): KnownSigner {
  return { algorithm: publicKey.algorithm, publicKey };
}

/** The public parts of new keys. */
async function publicKeys<A extends readonly SignatureAlgorithm[]>(
  ...algorithms: A
): Promise<{ [I in keyof A]: PublicKey }> {
  const keys = algorithms.map(async (algorithm) => (await newSigner(algorithm)).publicKey);
  return await Promise.all(keys) as { [I in keyof A]: PublicKey };
}

/** A command of which only the algorithm is known. */
function command({ algorithm }: PublicKey): KnownSigner {
  return { algorithm, publicKey: null };
}

pureTest("checkTrust() gives null and a warning when the user gives no keys", async () => {
  assertEquals(await readKeys({}), { trusted: null, warnings: [UNVERIFIED] });
});

pureTest("checkTrust() gives the same keys from a file and from an attribute", async () => {
  const [current, previous, successor] = await Promise.all([
    newSigner(),
    newSigner("ecdsa-p256"),
    newSigner(),
  ]);
  const options = {
    current: current.publicKey,
    previous: previous.publicKey,
    successor: successor.publicKey,
    retireAt: "2026-06-01T12:00:01Z",
    rejectBefore: "2026-05-01T00:00:00Z",
  };
  const keys = [
    { slot: "current", ...current.publicKey },
    { slot: "previous", ...previous.publicKey },
    { slot: "successor", ...successor.publicKey },
  ] as const;
  const expected = { keys, rejectBefore: "2026-05-01T00:00:00Z", slots: ["current", "successor"] } as const;
  assertEquals(await readKeys(FILE, { file: trustBytes(options) }), {
    trusted: { ...expected, origin: "--trust-file trust.json" },
    warnings: [],
  });
  assertEquals(await readKeys({ trustAttr: "fleet.trust" }, { attribute: trustOf(options) }), {
    trusted: { ...expected, origin: "--trust-attr fleet.trust" },
    warnings: [],
  });
  const { slots } = await trustIn(options, { allowPreviousKey: true });
  assertEquals(slots, ["current", "previous", "successor"]);
});

pureTest(
  "checkTrust() knows the successor until it retires, and not without a time for that",
  async () => {
    const [{ publicKey: current }, { publicKey: successor }] = await Promise.all([newSigner(), newSigner()]);
    for (
      const [retireAt, count] of [["2026-06-01T12:00:00.000000001Z", 2], [NOW, 1], [undefined, 1]] as const
    ) {
      const { keys } = await trustIn({ current, successor, ...(retireAt === undefined ? {} : { retireAt }) });
      assertEquals(keys.length, count);
    }
  },
);

pureTest("checkTrust() reads --public-key of either algorithm", async () => {
  for (const algorithm of ["ed25519", "ecdsa-p256"] as const) {
    const { publicKey } = await newSigner(algorithm);
    const settings = { publicKey: `${algorithm}:${publicKey.bytes.toBase64()}` };
    assertEquals(await readKeys(settings, { signer: known(publicKey) }), {
      trusted: {
        keys: [{ slot: "current", ...publicKey }],
        rejectBefore: null,
        slots: ["current", "successor"],
        origin: "--public-key",
      },
      warnings: [],
    });
  }
});

pureTest("checkTrust() refuses a --public-key without an algorithm", async () => {
  for (const publicKey of ["", "AAAA", "ed25519"]) {
    assertEquals(await rejection(readKeys({ publicKey })), {
      kind: "usage",
      message: "Cannot read --public-key: expected ALGORITHM:BASE64",
      hint: "`fleet-release pubkey FILE --format public-key` prints it",
    });
  }
});

const UNUSABLE: [algorithm: string, base64: string, problem: string][] = [
  ["rsa", "AAAA", 'its algorithm "rsa" is unknown, expected ed25519 or ecdsa-p256'],
  ["", "AAAA", 'its algorithm "" is unknown, expected ed25519 or ecdsa-p256'],
  ["ed25519", "AA:A", "its bytes are not base64"],
  ["ed25519", "AAAA", "the key has 3 bytes, expected 32"],
  ["ed25519", new Uint8Array(32).toBase64(), "the key is a point of low order, for which everybody can sign"],
  ["ecdsa-p256", new Uint8Array(64).toBase64(), "the key is not a point of the curve P-256"],
];

pureTest("checkTrust() refuses keys of which none is usable, from wherever they come", async () => {
  for (const [algorithm, base64, problem] of UNUSABLE) {
    const record = { algorithm, public: base64 };
    const trust = trustOf({});
    const attribute = { ...trust, ciReleaseKey: { ...trust.ciReleaseKey, current: record } };
    const said = (origin: string) => ({
      kind: "contract" as const,
      message: `Cannot use ${origin}: no key in it can be used, so consumers would refuse all`,
      lines: [`The current key is passed over: ${problem}`],
      hint: "`fleet-release pubkey FILE` prints a key as consumers read it",
    });
    assertEquals(await rejection(readKeys({ publicKey: `${algorithm}:${base64}` })), {
      kind: "usage",
      message: `Cannot use --public-key: ${problem}`,
    });
    assertEquals(await rejection(readKeys({ trustAttr: "t" }, { attribute })), said("--trust-attr t"));
    const file = encode(JSON.stringify(attribute));
    assertEquals(await rejection(readKeys(FILE, { file })), said("--trust-file trust.json"));
  }
  const { lines: _, ...said } = await rejection(readKeys(FILE, { file: trustBytes({}) }));
  assertEquals(said, {
    kind: "contract",
    message: "Cannot use --trust-file trust.json: no key in it can be used, so consumers would refuse all",
    hint: "`fleet-release pubkey FILE` prints a key as consumers read it",
  });
});

pureTest(
  "checkTrust() passes over a key that is not usable beside one that is, with a warning",
  async () => {
    const { publicKey } = await newSigner();
    for (const [algorithm, base64, problem] of UNUSABLE) {
      const trust = trustOf({ current: publicKey });
      trust.ciReleaseKey.previous = { algorithm, public: base64 };
      const { trusted, warnings } = await readKeys({ trustAttr: "t" }, { attribute: trust });
      assertEquals(trusted!.keys, [{ slot: "current", ...publicKey }]);
      assertEquals(warnings, [{
        code: "unusable-key",
        message: `The previous key is passed over: ${problem}`,
        path: "ciReleaseKey.previous",
      }]);
    }
  },
);

pureTest("checkTrust() gives on what the file system says of a trust file", async () => {
  assertEquals(await rejection(readKeys({ trustFile: "gone.json" })), {
    kind: "io",
    message: 'Cannot read "gone.json"',
  });
});

pureTest("checkTrust() refuses an attribute that is no trust file", async () => {
  const full = fullTrust();
  assertEquals(await rejection(readKeys({ trustAttr: "t" }, { attribute: { ...full, ciReleaseKey: [] } })), {
    kind: "contract",
    message:
      'Cannot use --trust-attr t: Cannot read the trusted keys: "ciReleaseKey" is a list, expected an object',
    path: "ciReleaseKey",
  });
});

pureTest("parseTrustFile() reads what decode() reads, and leaves the fields of others out", () => {
  const full = fullTrust();
  assertEquals(parseTrustFile("t", encode(JSON.stringify({ ...full, orgRootKey: { current: 1 } }))), full);
});

pureTest(
  "parseTrustFile() takes any number in the fields of others, and lists within lists as deep as the reference",
  () => {
    const text = JSON.stringify(fullTrust());
    const withOther = (value: string) => encode(text.replace("{", `{"other":${value},`));
    const lists = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    for (const other of ["1.0", "-0", "1e3", lists(126)]) {
      assertEquals(parseTrustFile("t", withOther(other)), fullTrust());
    }
    const { message } = refusal(() => parseTrustFile("t", withOther(lists(127))));
    assertEquals(
      message.replace(/ at line.*/, ""),
      'Cannot use the trust file "t": Cannot read the JSON: nesting deeper than 127 levels',
    );
  },
);

pureTest("parseTrustFile() refuses all else, and names the file and the place in it", () => {
  const text = JSON.stringify(fullTrust());
  const bad: [bytes: Uint8Array<ArrayBuffer>, message: string, path: string][] = [
    [
      encode(text.replace(":1", ":2")),
      'Cannot read the trusted keys: "schemaVersion" is 2, expected 1, the only schema version that this program knows',
      "schemaVersion",
    ],
    [
      encode(text.replace('"AAAA"', "5")),
      'Cannot read the trusted keys: "ciReleaseKey.current.public" is 5, expected a string',
      "ciReleaseKey.current.public",
    ],
    ...["1.0", "1e0", "10e-1"].map((one): [Uint8Array<ArrayBuffer>, string, string] => [
      encode(text.replace(":1", `:${one}`)),
      `Cannot read the trusted keys: "schemaVersion" is ${one}, expected an integer from 0 to 4294967295`,
      "schemaVersion",
    ]),
    [encode("[]"), "Cannot read the trusted keys: it is a list, expected an object", "trustFile"],
  ];
  for (const [bytes, message, path] of bad) {
    assertEquals(refusal(() => parseTrustFile("t.json", bytes)), {
      kind: "contract",
      message: `Cannot use the trust file "t.json": ${message}`,
      path,
    });
  }
  for (const bytes of [encode(""), encode("{"), Uint8Array.of(0xff), encode('{"a":1,"a":1}')]) {
    const { kind, message } = refusal(() => parseTrustFile("t.json", bytes));
    assertEquals([kind, message.startsWith('Cannot use the trust file "t.json": Cannot read ')], [
      "contract",
      true,
    ], message);
  }
});

pureTest(
  "checkTrust() takes a signer with the current key or the successor, and the previous key when allowed",
  async () => {
    const [current, previous, successor, stranger] = await publicKeys(
      "ed25519",
      "ed25519",
      "ecdsa-p256",
      "ed25519",
    );
    const keys = { current, previous, successor, retireAt: "2026-07-01T00:00:00Z" };
    const lax = { allowPreviousKey: true };
    for (const [key, settings] of [[current, {}], [successor, {}], [previous, lax]] as const) {
      const { keys: found } = await trustOfSigner(known(key), keys, settings);
      assertEquals(found.map(({ slot }) => slot), ["current", "previous", "successor"]);
    }
    assertEquals(await rejection(trustOfSigner(known(previous), keys)), {
      kind: "smoke-verify",
      message: "The signing key is the previous key of --trust-file trust.json",
      hint: "sign with the current key, or accept it for now with --allow-previous-key",
    });
    for (const settings of [{}, lax]) {
      assertEquals(await rejection(trustOfSigner(known(stranger), keys, settings)), {
        kind: "smoke-verify",
        message: `The signing key ed25519:${stranger.bytes.toBase64()} is none of --trust-file trust.json`,
        hint: "consumers would refuse its signatures",
      });
    }
  },
);

pureTest("checkTrust() knows of a command only what algorithm it is to have", async () => {
  const [current, previous, stranger] = await publicKeys("ed25519", "ecdsa-p256", "ed25519");
  const keys = { current, previous };
  const slots = ["current", "previous"];
  const strict = await trustOfSigner(command(stranger), keys);
  const lax = await trustOfSigner(command(previous), keys, { allowPreviousKey: true });
  for (const { keys } of [strict, lax]) assertEquals(keys.map(({ slot }) => slot), slots);
  assertEquals(await rejection(trustOfSigner(command(previous), keys)), {
    kind: "smoke-verify",
    message: "No key of --trust-file trust.json may sign with ecdsa-p256",
    hint: "give the --signature-algorithm of the key: ed25519",
  });
  assertEquals(await rejection(trustOfSigner(command(current), { previous: current })), {
    kind: "smoke-verify",
    message: "No key of --trust-file trust.json may sign with ed25519",
    hint: "sign with the current key, or accept it for now with --allow-previous-key",
  });
});

pureTest("checkTrust() asks nothing of the signer when the user gives no keys", async () => {
  const [key] = await publicKeys("ecdsa-p256");
  assertEquals(await readKeys({}, { signer: known(key) }), { trusted: null, warnings: [UNVERIFIED] });
});

/** The stamp of a release that a key signs. */
function stampOf({ publicKey }: Signer, signedAt = NOW): Stamp {
  return { signedAt, ciCommit: null, signatureAlgorithm: publicKey.algorithm };
}

const TEXTS = { "fleet.json": '{"a":1}', "revocations.json": '{"b":2}' };

/** Two artifacts, signed: by default the bytes of each, by the first of the signers. */
async function artifacts(
  signer: Signer,
  { of = (bytes) => bytes, by = signer }: {
    of?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
    by?: Signer;
  } = {},
): Promise<SignedArtifact[]> {
  return await Promise.all(
    Object.entries(TEXTS).map(async ([path, text], index) => {
      const bytes = encode(text);
      const signature = index === 0 ? await signer.sign(bytes) : await by.sign(of(bytes));
      return { path, bytes, sha256: sha256Hex(bytes), signature };
    }),
  );
}

pureTest("verifyTrusted() accepts what the keys that may sign have signed, each with its own", async () => {
  const [current, previous, successor] = await Promise.all([
    newSigner(),
    newSigner(),
    newSigner(),
  ]);
  const options = {
    current: current.publicKey,
    previous: previous.publicKey,
    successor: successor.publicKey,
    retireAt: "2026-07-01T00:00:00Z",
  };
  await verifyTrusted(await artifacts(current, { by: successor }), stampOf(current), await trustIn(options));
  const lax = await trustIn(options, { allowPreviousKey: true });
  await verifyTrusted(await artifacts(current, { by: previous }), stampOf(current), lax);
});

pureTest("verifyTrusted() refuses a signature of the previous key unless that is allowed", async () => {
  const [current, previous] = await Promise.all([newSigner(), newSigner()]);
  const trusted = await trustIn({ current: current.publicKey, previous: previous.publicKey });
  assertEquals(
    await rejection(verifyTrusted(await artifacts(current, { by: previous }), stampOf(current), trusted)),
    {
      kind: "smoke-verify",
      message: 'The signature of "revocations.json" is by the previous key',
      hint: "sign with the current key, or accept it for now with --allow-previous-key",
    },
  );
});

pureTest("verifyTrusted() refuses a trusted key of another algorithm than the release declares", async () => {
  const [current, successor] = await Promise.all([newSigner(), newSigner("ecdsa-p256")]);
  const trusted = await trustIn({
    current: current.publicKey,
    successor: successor.publicKey,
    retireAt: "2026-07-01T00:00:00Z",
  });
  const signed = await artifacts(current, { by: successor });
  assertEquals(await rejection(verifyTrusted(signed, stampOf(current), trusted)), {
    kind: "smoke-verify",
    message:
      'The signature of "revocations.json" is by the successor key, which is ecdsa-p256, but the release declares ed25519',
    hint: "give --signature-algorithm ecdsa-p256",
  });
});

const SIGNED: [what: string, of: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>][] = [
  ["the SHA-256 of the file", (bytes) => Uint8Array.fromHex(sha256Hex(bytes))],
  ["the SHA-256 of the file in hex", (bytes) => encode(sha256Hex(bytes))],
  ["the file and a newline", (bytes) => Uint8Array.of(...bytes, 0x0a)],
  ["nothing", () => new Uint8Array()],
  ['"fleet.json"', () => encode(TEXTS["fleet.json"])],
];

for (const [what, of] of SIGNED) {
  pureTest(`verifyTrusted() says so when a signature is one of ${what}`, async () => {
    for (const algorithm of ["ed25519", "ecdsa-p256"] as const) {
      const signer = await newSigner(algorithm);
      const trusted = await trustIn({ current: signer.publicKey });
      assertEquals(
        await rejection(verifyTrusted(await artifacts(signer, { of }), stampOf(signer), trusted)),
        {
          kind: "smoke-verify",
          message:
            'The signature of "revocations.json" does not verify with any key of --trust-file trust.json',
          hint: `it is a signature of ${what}: the bytes of $NIXFLEET_INPUT are to be signed, as they are`,
        },
      );
    }
  });
}

pureTest(
  "verifyTrusted() refuses a signature by another key, of other bytes, or of another length",
  async () => {
    const [current, stranger] = await Promise.all([newSigner(), newSigner()]);
    const trusted = await trustIn({ current: current.publicKey });
    const [fleet, revocations] = await artifacts(current);
    const wrong = [
      await artifacts(current, { by: stranger }),
      await artifacts(current, { of: (bytes) => bytes.slice(1) }),
      [fleet!, { ...revocations!, signature: new Uint8Array(64) }],
      [fleet!, { ...revocations!, signature: revocations!.signature.slice(1) }],
      [fleet!, { ...revocations!, signature: new Uint8Array() }],
    ];
    for (const signed of wrong) {
      assertEquals(await rejection(verifyTrusted(signed, stampOf(current), trusted)), {
        kind: "smoke-verify",
        message:
          'The signature of "revocations.json" does not verify with any key of --trust-file trust.json',
        hint: "it was made with another key, or of other bytes",
      });
    }
  },
);

pureTest(
  "verifyTrusted() refuses what is signed before rejectBefore, and takes what is signed then",
  async () => {
    const current = await newSigner();
    const trusted = await trustIn({ current: current.publicKey, rejectBefore: NOW });
    const signed = await artifacts(current);
    await verifyTrusted(signed, stampOf(current), trusted);
    const early = "2026-06-01T11:59:59.999999999Z";
    assertEquals(await rejection(verifyTrusted(signed, stampOf(current, early), trusted)), {
      kind: "smoke-verify",
      message:
        `A consumer would refuse "fleet.json": it was signed at ${early}, and all before ${NOW} is refused`,
    });
  },
);

pureTest("checkTrust() refuses a release that is made before rejectBefore, whoever signs", async () => {
  const { publicKey } = await newSigner();
  const late = "2026-06-01T12:00:00.000000001Z";
  const trust = { current: publicKey, rejectBefore: late };
  for (
    const [settings, given, origin] of [
      [FILE, { file: trustBytes(trust) }, "--trust-file trust.json"],
      [{ trustAttr: "t" }, { attribute: trustOf(trust) }, "--trust-attr t"],
    ] as const
  ) {
    assertEquals(await rejection(readKeys(settings, given)), {
      kind: "smoke-verify",
      message: `Consumers refuse what is signed before ${late}, and this release is of ${NOW}`,
      path: "ciReleaseKey.rejectBefore",
      hint: `release from then on, or correct the time in ${origin}, and where machines have it`,
    });
  }
});

pureTest("verifyTrusted() says what has to be mended first when more than one thing is wrong", async () => {
  const [current, previous, stranger] = await Promise.all([
    newSigner(),
    newSigner("ecdsa-p256"),
    newSigner(),
  ]);
  const keys = { current: current.publicKey, previous: previous.publicKey };
  const trusted = await trustIn({ ...keys, rejectBefore: NOW });
  const message = async (signer: Signer) => {
    const refused = verifyTrusted(await artifacts(signer), stampOf(current, "2026-06-01T11:59:59Z"), trusted);
    return (await rejection(refused)).message;
  };
  // Each is signed too early, and the first is of another algorithm than the release declares, too.
  assertEquals(await message(previous), 'The signature of "fleet.json" is by the previous key');
  assertEquals(
    await message(stranger),
    'The signature of "fleet.json" does not verify with any key of --trust-file trust.json',
  );
});

pureTest("isTrusted() is true of what verifyTrusted() accepts alone", async () => {
  const [current, previous, stranger] = await Promise.all([newSigner(), newSigner(), newSigner()]);
  const keys = { current: current.publicKey, previous: previous.publicKey, rejectBefore: NOW };
  const strict = await trustIn(keys);
  const lax = await trustIn(keys, { allowPreviousKey: true });
  const bytes = encode("{}");
  const by = async (signer: Signer) => ({ bytes, signature: await signer.sign(bytes) });
  assertEquals([
    await isTrusted(await by(current), stampOf(current), strict),
    await isTrusted(await by(current), stampOf(current, "2026-06-01T11:59:59Z"), strict),
    await isTrusted(await by(previous), stampOf(previous), strict),
    await isTrusted(await by(previous), stampOf(previous), lax),
    await isTrusted(await by(stranger), stampOf(stranger), lax),
    await isTrusted({ ...await by(current), bytes: encode("[]") }, stampOf(current), lax),
    await isTrusted(await by(current), { ...stampOf(current), signatureAlgorithm: "ecdsa-p256" }, lax),
  ], [true, false, false, true, false, false, false]);
});

pureTest("verifyTrusted() says what a wrong signature of a large fleet is, too", async () => {
  const current = await newSigner();
  const bytes = new Uint8Array(1 << 20);
  const signed = [{ path: "f", bytes, sha256: sha256Hex(bytes), signature: new Uint8Array(64) }];
  const trusted = await trustIn({ current: current.publicKey });
  assertEquals(await rejection(verifyTrusted(signed, stampOf(current), trusted)), {
    kind: "smoke-verify",
    message: 'The signature of "f" does not verify with any key of --trust-file trust.json',
    hint: "it was made with another key, or of other bytes",
  });
});

pureTest("a key that is both the previous one and the successor may sign", async () => {
  const [current, other] = await Promise.all([newSigner(), newSigner()]);
  const trusted = await trustIn({
    current: current.publicKey,
    previous: other.publicKey,
    successor: other.publicKey,
    retireAt: "2026-07-01T00:00:00Z",
  });
  await verifyTrusted(await artifacts(current, { by: other }), stampOf(current), trusted);
});
