import { assertEquals } from "@std/assert";
import { exists } from "@std/fs";
import { join } from "@std/path";
import { sha256Hex } from "../../src/contract/canonical.ts";
import type { SignatureAlgorithm } from "../../src/contract/types.ts";
import { generatePrivateKey, parsePrivateKey, type Signer } from "../../src/crypto/private_key.ts";
import { expectRun, which } from "../support/command.ts";
import { type Draft, PUBLIC_KEY, SIGN, TestFleet } from "../support/fleet.ts";
import { FleetWithoutNix } from "../support/fleet_without_nix.ts";
import { expectRefused, type Refusal, type Refusing } from "../support/refusal.ts";
import { NOW, onlyHosts } from "../support/releases.ts";
import { newSigner } from "../support/signed_release.ts";
import type { KeySlot } from "../../src/verify/trust.ts";
import { trustBytes, type TrustOptions } from "../support/trust.ts";

const ALGORITHMS = ["ed25519", "ecdsa-p256"] as const;
const encode = (text: string) => new TextEncoder().encode(text);

/** A fleet of one host, and so with two artifacts: the fleet and one manifest. */
const ONE_HOST = { edit: onlyHosts("db"), nixos: ["db"] };

/** A file beside the flake. */
function beside(fleet: Refusing, name: string): string {
  return join(fleet.root, "home", name);
}

/** Writes a key of a signer to a file beside the flake, and gives what signs with it. */
async function writeKey(
  fleet: Refusing,
  name: string,
  algorithm: SignatureAlgorithm = "ed25519",
): Promise<Signer> {
  const { pem } = await generatePrivateKey(algorithm);
  await Deno.writeTextFile(beside(fleet, name), pem, { mode: 0o600 });
  return await parsePrivateKey(pem);
}

/** The keys of a trust file, by what signs with them. */
type TrustedSigners = Partial<Record<KeySlot, Signer>> & Pick<TrustOptions, "retireAt" | "rejectBefore">;

/** The bytes of a trust file. */
function trustIn({ retireAt, rejectBefore, ...signers }: TrustedSigners): Uint8Array<ArrayBuffer> {
  const keys = Object.entries(signers).map(([slot, { publicKey }]) => [slot, publicKey]);
  const times = Object.entries({ retireAt, rejectBefore }).filter(([, time]) => time !== undefined);
  return trustBytes(Object.fromEntries([...keys, ...times]));
}

/** Writes a trust file beside the flake, and gives the arguments that name it. */
async function trusting(fleet: Refusing, signers: TrustedSigners): Promise<string[]> {
  await Deno.writeFile(beside(fleet, "trust.json"), trustIn(signers));
  return ["--trust-file", beside(fleet, "trust.json")];
}

/** Releases with a key beside the flake, which has to succeed, and gives the result. */
async function expectSigned(fleet: Refusing, key: string, args: readonly string[]): Promise<Draft> {
  const result = await fleet.run(["--sign-key", beside(fleet, key), "--json", ...args]);
  assertEquals(result.code, 0, result.stderr);
  return JSON.parse(result.stdout);
}

/** The first line that `verify` prints of the fleet's release. */
async function verdict(fleet: Refusing, args: readonly string[]): Promise<string> {
  const { stdout } = await fleet.run(["verify", ...args, "--now", NOW]);
  return stdout.split("\n")[0]!.replace(/ from commit \w+/, "");
}

/** All that a wrong signature of the manifest may be made of. */
interface Makings {
  readonly algorithm: SignatureAlgorithm;
  /** The key that is trusted, and with which the fleet is signed well. */
  readonly current: Signer;
  readonly previous: Signer;
  /** A trusted key of the other algorithm. */
  readonly successor: Signer;
  /** The manifest, which is what is to be signed. */
  readonly manifest: Uint8Array<ArrayBuffer>;
  /** The fleet of the same release. */
  readonly fleet: Uint8Array<ArrayBuffer>;
  /** The manifest of the release before. */
  readonly earlier: Uint8Array<ArrayBuffer>;
  /** What openssl makes of the manifest with a P-256 key. */
  readonly der: Uint8Array<ArrayBuffer>;
  /** What `ssh-keygen -Y sign` makes of it. */
  readonly pem: Uint8Array<ArrayBuffer>;
}

const RAW = "write the raw signature, 64 bytes: Ed25519 as it is, ECDSA P-256 as r and s of 32 bytes each";
const OTHER_BYTES = "it was made with another key, or of other bytes";

function signatureOf(what: string): string {
  return `it is a signature of ${what}: the bytes of $NIXFLEET_INPUT are to be signed, as they are`;
}

const STDOUT = "the command must write the signature to the file $NIXFLEET_OUTPUT, not to stdout";

/** What is written in place of a signature (null: no file), how the message tells it where not by its length, the hint. */
const NO_SIGNATURES: Record<
  string,
  [make: (makings: Makings) => Uint8Array | null | Promise<Uint8Array>, wrote: string | null, hint: string]
> = {
  "empty": [() => new Uint8Array(), "nothing", STDOUT],
  "no file": [() => null, "no file", STDOUT],
  "63 bytes": [async ({ current, manifest }) => (await current.sign(manifest)).slice(0, 63), null, RAW],
  "65 bytes": [async ({ current, manifest }) => Uint8Array.of(...await current.sign(manifest), 0), null, RAW],
  "followed by a newline": [
    async ({ current, manifest }) => Uint8Array.of(...await current.sign(manifest), 0x0a),
    null,
    "there is a newline behind the signature: write the bytes alone, as with printf or a file",
  ],
  "in DER": [
    ({ der }) => der,
    null,
    "this is a DER-encoded ECDSA signature: give --signature-algorithm ecdsa-p256 and --signature-encoding der",
  ],
  "in base64": [
    async ({ current, manifest }) => encode(`${(await current.sign(manifest)).toBase64()}\n`),
    null,
    "this is base64: decode it, as with base64 -d",
  ],
  "in hex": [
    async ({ current, manifest }) => encode((await current.sign(manifest)).toHex()),
    null,
    "this is hex: decode it, as with xxd -r -p",
  ],
  "in PEM": [({ pem }) => pem, null, "this is PEM or an SSH signature: write the raw signature bytes"],
};

/** What 64 bytes are that do not verify, and the hint. */
const WRONG_SIGNATURES: Record<
  string,
  [make: (makings: Makings) => Uint8Array | Promise<Uint8Array>, hint: string]
> = {
  "that of another key": [
    async ({ algorithm, manifest }) => (await newSigner(algorithm)).sign(manifest),
    OTHER_BYTES,
  ],
  "that of a key of the other algorithm": [
    async ({ successor, manifest }) => (await newSigner(successor.publicKey.algorithm)).sign(manifest),
    OTHER_BYTES,
  ],
  "one of the file's digest": [
    ({ current, manifest }) => current.sign(Uint8Array.fromHex(sha256Hex(manifest))),
    signatureOf("the SHA-256 of the file"),
  ],
  "one of the file's digest in hex": [
    ({ current, manifest }) => current.sign(encode(sha256Hex(manifest))),
    signatureOf("the SHA-256 of the file in hex"),
  ],
  "one of the file and a newline": [
    ({ current, manifest }) => current.sign(Uint8Array.of(...manifest, 0x0a)),
    signatureOf("the file and a newline"),
  ],
  "one of nothing": [
    ({ current }) => current.sign(new Uint8Array()),
    signatureOf("nothing"),
  ],
  "that of the fleet beside it": [
    ({ current, fleet }) => current.sign(fleet),
    signatureOf('"fleet.resolved.json"'),
  ],
  "that of the last release": [({ current, earlier }) => current.sign(earlier), OTHER_BYTES],
  "64 bytes of zero": [() => new Uint8Array(64), OTHER_BYTES],
  // Ed25519: R is the neutral point, and S is 0; ECDSA: r and s are n, which is 0 to those who reduce first.
  "one that fits everything where it is not refused": [
    ({ algorithm }) =>
      algorithm === "ed25519" ? Uint8Array.of(1, ...new Uint8Array(63)) : Uint8Array.fromHex(
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551".repeat(2),
      ),
    OTHER_BYTES,
  ],
};

/** A fleet that is released by a command which signs the fleet well, and its manifest as a test says. */
interface Trial {
  readonly makings: Makings;
  /** The arguments of the release. */
  readonly args: readonly string[];
  /** Says what the command writes for the manifest; null: no file. */
  signManifest(signature: Uint8Array | null): Promise<void>;
}

async function prepareTrial(fleet: FleetWithoutNix, algorithm: SignatureAlgorithm): Promise<Trial> {
  const [other] = ALGORITHMS.filter((name) => name !== algorithm);
  const current = await writeKey(fleet, "key.pem", algorithm);
  const [previous, successor] = [await newSigner(algorithm), await newSigner(other)];
  const trust = await trusting(fleet, { current, previous, successor, retireAt: "2027-01-01T00:00:00Z" });

  // The same commit at the same time gives the same bytes, so that they are known before they are signed.
  const bytesOf = async (name: string, now: string) => {
    const dir = beside(fleet, name);
    const { artifacts } = await expectSigned(fleet, "key.pem", [
      "--release-dir",
      dir,
      "--now",
      now,
      ...trust,
    ]);
    return await Promise.all(artifacts.map(({ path }: Draft) => Deno.readFile(join(dir, path))));
  };
  const [fleetBytes, manifest] = await bytesOf("planned", NOW);
  const [, earlier] = await bytesOf("earlier", "2026-05-01T12:00:00Z");

  const tool = async (program: string, ...args: string[]) => {
    await expectRun([which(program), ...args], { cwd: beside(fleet, ""), env: fleet.env() });
  };
  await writeKey(fleet, "p256.pem", "ecdsa-p256");
  await tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "ssh");
  await Deno.writeFile(beside(fleet, "manifest"), manifest);
  await tool("openssl", "dgst", "-sha256", "-sign", "p256.pem", "-out", "der", "manifest");
  await tool("ssh-keygen", "-q", "-Y", "sign", "-f", "ssh", "-n", "file", "manifest");
  const [der, pem] = [
    await Deno.readFile(beside(fleet, "der")),
    await Deno.readFile(beside(fleet, "manifest.sig")),
  ];

  await Deno.writeFile(beside(fleet, "good"), await current.sign(fleetBytes));
  const command = `grep -q hostSet "$NIXFLEET_INPUT" || exec cp ~/good "$NIXFLEET_OUTPUT"; ` +
    `test -e ~/bad || exec rm "$NIXFLEET_OUTPUT"; exec cp ~/bad "$NIXFLEET_OUTPUT"`;
  return {
    makings: { algorithm, current, previous, successor, manifest, fleet: fleetBytes, earlier, der, pem },
    args: ["--sign-cmd", command, "--signature-algorithm", algorithm, "--now", NOW, ...trust],
    signManifest: async (signature) => {
      if (signature !== null) await Deno.writeFile(beside(fleet, "bad"), signature);
      else await Deno.remove(beside(fleet, "bad"));
    },
  };
}

const MANIFEST = 'The signature of "rollouts/SHA256.json"';
/** Steps that run beside each other, which Deno's sanitizers cannot tell apart. */
const BESIDE_OTHERS = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };

Deno.test("the program writes nothing when one signature of a release is wrong", async (t) => {
  await Promise.all(ALGORITHMS.map((algorithm) =>
    t.step({
      name: algorithm,
      ...BESIDE_OTHERS,
      fn: async (t) => {
        await using fleet = await FleetWithoutNix.create(ONE_HOST);
        const { makings, args, signManifest } = await prepareTrial(fleet, algorithm);
        const step = async (kind: string, signature: Uint8Array | null, check: () => Promise<void>) => {
          await signManifest(signature);
          await t.step({ name: `${algorithm}: ${kind}`, ...BESIDE_OTHERS, fn: check });
        };
        const expectNothing = (refusal: Refusal) => async () => {
          await expectRefused(fleet, { onlyArgs: [...args, "--git-commit"] }, refusal);
          assertEquals(await exists(join(fleet.dir, "releases")), false);
          assertEquals(fleet.memory.committed, []);
        };
        for (const [kind, [make, wrote, hint]] of Object.entries(NO_SIGNATURES)) {
          const signature = await make(makings);
          const message = 'Sign hook gave no signature for "rollouts/SHA256.json": it wrote ' +
            `${wrote ?? `${signature!.length} bytes`}, expected 64 raw bytes`;
          await step(kind, signature, expectNothing({ code: 2, message, hint }));
        }
        for (const [kind, [make, hint]] of Object.entries(WRONG_SIGNATURES)) {
          const message = `${MANIFEST} does not verify with any key of --trust-file ROOT/home/trust.json`;
          await step(kind, await make(makings), expectNothing({ code: 3, message, hint }));
        }
        const { current, previous, successor, manifest } = makings;
        const byPrevious = {
          code: 3,
          message: `${MANIFEST} is by the previous key`,
          hint: "sign with the current key, or accept it for now with --allow-previous-key",
        };
        await step("that of the previous key", await previous.sign(manifest), expectNothing(byPrevious));
        const release = async () => {
          const { code, stderr } = await fleet.run(args);
          const result = [code, (await fleet.files()).size];
          await Deno.remove(join(fleet.dir, "releases"), { recursive: true }).catch(() => {});
          return { result, stderr };
        };
        await step(
          "that of a trusted key which is not of the algorithm that is declared",
          await successor.sign(manifest),
          async () => {
            const { result, stderr } = await release();
            assertEquals(result, [3, 0], stderr);
          },
        );
        await step("none: all are right", await current.sign(manifest), async () => {
          const { result, stderr } = await release();
          assertEquals(result, [0, 4], stderr);
        });
      },
    })
  ));
});

Deno.test("the program leaves an earlier release and its repository alone when a push fails or the last signature is wrong", async () => {
  await using fleet = await TestFleet.create(ONE_HOST);
  const earlier = await fleet.release(["--git-commit", "--now", "2026-05-01T12:00:00Z"]);
  assertEquals([earlier.code, (await fleet.files()).size], [0, 5], earlier.stderr);
  const args = ["--git-commit", "--public-key", PUBLIC_KEY, "--now", NOW, "--sign-cmd"];
  const signedUnlessManifest = (otherwise: string) =>
    `if grep -q hostSet "$NIXFLEET_INPUT"; then ${otherwise}; else ${SIGN}; fi`;
  await expectRefused(fleet, { onlyArgs: [...args, SIGN, "--push-cmd", "exit 7", "--push-retries=0"] }, {
    code: 2,
    message: 'Push hook failed for host "db": it exited with 7',
    lines: ["0 of 1 closure pushed"],
  });
  await expectRefused(fleet, { onlyArgs: [...args, signedUnlessManifest("true")] }, {
    code: 2,
    message:
      'Sign hook gave no signature for "rollouts/SHA256.json": it wrote nothing, expected 64 raw bytes',
    hint: STDOUT,
  });
  const ofMore = signedUnlessManifest(
    `{ cat "$NIXFLEET_INPUT"; echo; } > "$NIXFLEET_INPUT.more"; ${
      SIGN.replace("$NIXFLEET_INPUT", "$NIXFLEET_INPUT.more")
    }`,
  );
  await expectRefused(fleet, { onlyArgs: [...args, ofMore] }, {
    code: 3,
    message: `${MANIFEST} does not verify with any key of --public-key`,
    hint: signatureOf("the file and a newline"),
  });
});

Deno.test("signatures are verified without --smoke-verify too, and with keys that can be used alone", async () => {
  await using fleet = await FleetWithoutNix.create(ONE_HOST);
  const trust = await trusting(fleet, { current: await newSigner() });
  const zero = ["--sign-cmd", 'head -c 64 /dev/zero > "$NIXFLEET_OUTPUT"', "--smoke-verify", "false"];
  await expectRefused(fleet, { onlyArgs: [...zero, ...trust] }, {
    code: 3,
    message:
      'The signature of "fleet.resolved.json" does not verify with any key of --trust-file ROOT/home/trust.json',
    hint: OTHER_BYTES,
  });
  // The neutral point, for which the signature of 64 bytes of zero but for a one at their beginning is always good.
  const neutral = `ed25519:${Uint8Array.of(1, ...new Uint8Array(31)).toBase64()}`;
  await expectRefused(fleet, { onlyArgs: [...zero, "--public-key", neutral] }, {
    message: "Cannot use --public-key: the key is a point of low order, for which everybody can sign",
  });
});

Deno.test("a signature by the previous key is accepted with --allow-previous-key, as consumers accept it", async () => {
  await using fleet = await FleetWithoutNix.create(ONE_HOST);
  const previous = await writeKey(fleet, "previous.pem");
  const current = await newSigner();
  const trust = await trusting(fleet, { current, previous });
  // A key of our own is known before anything is evaluated.
  await expectRefused(fleet, { onlyArgs: ["--sign-key", beside(fleet, "previous.pem"), ...trust] }, {
    code: 3,
    message: "The signing key is the previous key of --trust-file ROOT/home/trust.json",
    hint: "sign with the current key, or accept it for now with --allow-previous-key",
  });
  await expectSigned(fleet, "previous.pem", [...trust, "--allow-previous-key", "--now", NOW]);
  assertEquals(
    await verdict(fleet, trust),
    `verified a release of 1 host in 2 files, without revocations and bootstrap-nonces, signed at ${NOW} by the previous key`,
  );
});

Deno.test("the one key of --public-key is trusted and no other is", async () => {
  await using fleet = await FleetWithoutNix.create(ONE_HOST);
  const { algorithm, bytes } = (await writeKey(fleet, "key.pem", "ecdsa-p256")).publicKey;
  const text = `${algorithm}:${bytes.toBase64()}`;
  await expectSigned(fleet, "key.pem", ["--public-key", text, "--release-dir", beside(fleet, "release")]);
  const stranger = (await writeKey(fleet, "other.pem", "ecdsa-p256")).publicKey.bytes.toBase64();
  await expectRefused(
    fleet,
    { onlyArgs: ["--sign-key", beside(fleet, "other.pem"), "--public-key", text] },
    {
      code: 3,
      message: `The signing key ecdsa-p256:${stranger} is none of --public-key`,
      hint: "consumers would refuse its signatures",
    },
  );
  const zero = ["--sign-cmd", 'head -c 64 /dev/zero > "$NIXFLEET_OUTPUT"', "--public-key", text];
  await expectRefused(fleet, { onlyArgs: zero }, {
    code: 3,
    message: "No key of --public-key may sign with ed25519",
    hint: "give the --signature-algorithm of the key: ecdsa-p256",
  });
  await expectRefused(fleet, { onlyArgs: [...zero, "--signature-algorithm", "ecdsa-p256"] }, {
    code: 3,
    message: 'The signature of "fleet.resolved.json" does not verify with any key of --public-key',
    hint: OTHER_BYTES,
  });
});

Deno.test("the keys of --trust-attr are those that the flake has at the commit that is released", async () => {
  await using fleet = await TestFleet.create(ONE_HOST);
  const current = await writeKey(fleet, "key.pem");
  const flake = (await Deno.readTextFile(join(fleet.dir, "flake.nix")))
    .replace("nixosConfigurations =", "keys.release = read ./trust.json;\n    nixosConfigurations =");
  const trust = new TextDecoder().decode(trustIn({ current }));
  await fleet.write({ "flake.nix": flake, "trust.json": trust });
  await fleet.commit("trust");
  const args = ["--trust-attr", ".#keys.release"];
  await expectSigned(fleet, "key.pem", [...args, "--release-dir", beside(fleet, "release")]);
  const stranger = (await writeKey(fleet, "other.pem")).publicKey.bytes.toBase64();
  await expectRefused(fleet, { onlyArgs: ["--sign-key", beside(fleet, "other.pem"), ...args] }, {
    code: 3,
    message: `The signing key ed25519:${stranger} is none of --trust-attr .#keys.release`,
    hint: "consumers would refuse its signatures",
  });
});

Deno.test("the successor may sign until retireAt and no longer, and nobody before rejectBefore", async () => {
  await using fleet = await FleetWithoutNix.create(ONE_HOST);
  const [current, successor] = [await newSigner(), await writeKey(fleet, "key.pem")];
  const { publicKey } = successor;
  const until = await trusting(fleet, { current, successor, retireAt: "2026-06-01T12:00:01Z" });
  await expectSigned(fleet, "key.pem", [...until, "--now", NOW]);
  assertEquals(
    await verdict(fleet, until),
    `verified a release of 1 host in 2 files, without revocations and bootstrap-nonces, signed at ${NOW} by the successor key`,
  );
  const signing = ["--sign-key", beside(fleet, "key.pem"), ...until];
  const gone = {
    code: 3,
    message:
      `The signing key ed25519:${publicKey.bytes.toBase64()} is none of --trust-file ROOT/home/trust.json`,
    hint: "consumers would refuse its signatures",
  };
  await expectRefused(fleet, { onlyArgs: [...signing, "--now", "2026-06-01T12:00:01Z"] }, gone);

  await trusting(fleet, { current: successor, rejectBefore: NOW });
  await expectSigned(fleet, "key.pem", [...until, "--now", NOW]);
  await expectRefused(fleet, { onlyArgs: [...signing, "--now", "2026-06-01T11:59:59.999Z"] }, {
    code: 3,
    message: `Consumers refuse what is signed before ${NOW}, and this release is of 2026-06-01T11:59:59.999Z`,
    at: "ciReleaseKey.rejectBefore",
    hint:
      "release from then on, or correct the time in --trust-file ROOT/home/trust.json, and where machines have it",
  });
});

Deno.test("a release on disk is kept only while a key that may sign verifies it", async () => {
  await using fleet = await FleetWithoutNix.create(ONE_HOST);
  const [old, current] = [await writeKey(fleet, "old.pem"), await writeKey(fleet, "new.pem")];
  const release = async (key: string, trust: readonly string[], ...args: string[]) => {
    const reuse = ["--reuse-unchanged-signature", "--now", "2026-06-01T12:10:00Z", ...trust, ...args];
    const { artifacts } = await expectSigned(fleet, key, reuse);
    return artifacts.map(({ reused }: Draft) => reused);
  };
  await expectSigned(fleet, "old.pem", [...await trusting(fleet, { current: old }), "--now", NOW]);
  const before = await fleet.files();
  const rotated = await trusting(fleet, { current, previous: old });
  assertEquals(await release("new.pem", rotated, "--allow-previous-key"), [true, true]);
  assertEquals(await fleet.files(), before);
  assertEquals(await release("new.pem", rotated), [false, false]);
  assertEquals((await fleet.run(["verify", ...rotated, "--now", "2026-06-01T12:10:00Z"])).code, 0);
});

Deno.test("a release on disk with a signature that consumers refuse is signed anew", async () => {
  await using fleet = await FleetWithoutNix.create(ONE_HOST);
  const [current, successor] = [await writeKey(fleet, "key.pem"), await newSigner("ecdsa-p256")];
  const trust = await trusting(fleet, { current, successor, retireAt: "2027-01-01T00:00:00Z" });
  const document = join(fleet.dir, "releases/fleet.resolved.json");
  const reuse = async (minute: string) => {
    const args = [...trust, "--reuse-unchanged-signature", "--now", `2026-06-01T12:${minute}:00Z`];
    const { artifacts } = await expectSigned(fleet, "key.pem", args);
    return artifacts.every(({ reused }: Draft) => reused);
  };
  assertEquals([await reuse("00"), await reuse("01")], [false, true]);
  const damaged = await Deno.readFile(`${document}.sig`);
  damaged[40]! ^= 1;
  await Deno.writeFile(`${document}.sig`, damaged);
  assertEquals([await reuse("02"), await reuse("03")], [false, true], "one bit is another");
  await Deno.writeFile(`${document}.sig`, await successor.sign(await Deno.readFile(document)));
  assertEquals(
    [await reuse("04"), await reuse("05")],
    [false, true],
    "not of the algorithm that is declared",
  );
  await trusting(fleet, { current, rejectBefore: "2026-06-01T12:04:00.5Z" });
  assertEquals([await reuse("06"), await reuse("07")], [false, true], "signed before rejectBefore");
});

Deno.test("--signature-encoding der converts what openssl writes, and refuses what is converted already", async () => {
  await using fleet = await FleetWithoutNix.create();
  const current = await writeKey(fleet, "key.pem", "ecdsa-p256");
  const trust = await trusting(fleet, { current });
  const der = ["--signature-algorithm", "ecdsa-p256", "--signature-encoding", "der", "--now", NOW, ...trust];
  const raw = ["--sign-cmd", 'head -c 64 /dev/zero > "$NIXFLEET_OUTPUT"'];
  await expectRefused(fleet, { onlyArgs: [...raw, ...der] }, {
    code: 2,
    message:
      'Sign hook gave no signature for "fleet.resolved.json": it wrote 64 bytes, expected a DER-encoded ECDSA signature',
    hint: "this may be the fixed form already: leave out --signature-encoding der",
  });
  const openssl = 'openssl dgst -sha256 -sign ~/key.pem -out "$NIXFLEET_OUTPUT" "$NIXFLEET_INPUT"';
  const { code, stderr } = await fleet.run(["--sign-cmd", openssl, ...der]);
  assertEquals(code, 0, stderr);
  assertEquals(
    await verdict(fleet, trust),
    `verified a release of 3 hosts in 3 files, without revocations and bootstrap-nonces, signed at ${NOW} by the current key`,
  );
});
