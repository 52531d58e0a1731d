// Keys as openssl, ssh-keygen and nix write them. They are made anew in each run, so that none lies in the repository.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { fixedFromDer, type PublicKey, verifySignature } from "../../src/crypto/signature.ts";
import {
  generatePrivateKey,
  parsePrivateKey,
  parsePublicKey,
  readPublicPart,
} from "../../src/crypto/private_key.ts";
import { ReleaseError } from "../../src/errors.ts";
import { expectRun, run, which } from "../support/command.ts";
import { pureTest, rejection } from "../support/pure.ts";

const [OPENSSL, SSH_KEYGEN, NIX] = ["openssl", "ssh-keygen", "nix"].map((program) => which(program));
const PATH = Deno.env.get("PATH") ?? "";
const MESSAGE = new TextEncoder().encode('{"schemaVersion":1}');

const encode = (text: string) => new TextEncoder().encode(text);

async function openssl(args: string, stdin = ""): Promise<string> {
  return await expectRun([OPENSSL!, ...args.split(" ")], { env: { PATH }, stdin: encode(stdin) });
}

async function sshKey(
  kind: string,
  { passphrase = "", options = [] }: { passphrase?: string; options?: readonly string[] } = {},
): Promise<{ text: string; line: string }> {
  const dir = await Deno.makeTempDir();
  try {
    const file = join(dir, "key");
    await expectRun(
      [SSH_KEYGEN!, "-q", "-t", kind, ...options, "-N", passphrase, "-C", "release key, of 2026", "-f", file],
      { env: { PATH } },
    );
    return { text: await Deno.readTextFile(file), line: await Deno.readTextFile(`${file}.pub`) };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function nixKey(args: string[], stdin = ""): Promise<string> {
  return await expectRun([NIX!, "--extra-experimental-features", "nix-command", "key", ...args], {
    env: { PATH, HOME: "/" },
    stdin: encode(stdin),
  });
}

/** What a PEM text holds. */
function derOf(pem: string): Uint8Array<ArrayBuffer> {
  const [, base64] = /-----BEGIN [A-Z ]+-----\n([^-]*)-----END/.exec(pem)!;
  return Uint8Array.fromBase64(base64!);
}

function toPem(label: string, der: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${der.toBase64()}\n-----END ${label}-----\n`;
}

const EC_KEY = "-algorithm EC -pkeyopt ec_paramgen_curve:";
const ed25519Pem = await openssl("genpkey -algorithm ed25519");
const ed25519PublicPem = await openssl("pkey -pubout", ed25519Pem);
const ed25519: PublicKey = { algorithm: "ed25519", bytes: derOf(ed25519PublicPem).slice(-32) };
const p256Pem = await openssl(`genpkey ${EC_KEY}P-256`);
const p256PublicPem = await openssl("pkey -pubout", p256Pem);
const p256: PublicKey = { algorithm: "ecdsa-p256", bytes: derOf(p256PublicPem).slice(-64) };
const sec1Pem = await openssl("ec", p256Pem);
const compressedSec1Pem = await openssl("ec -conv_form compressed", p256Pem);
const compressedPem = await openssl("pkcs8 -topk8 -nocrypt", compressedSec1Pem);
const namelessSec1Pem = await openssl("ec -no_public", p256Pem);
const ecparamPem = await openssl("ecparam -name prime256v1 -genkey");
const ecparam: PublicKey = {
  algorithm: "ecdsa-p256",
  bytes: derOf(await openssl("pkey -pubout", ecparamPem)).slice(-64),
};
const ssh = await sshKey("ed25519");
const sshPublic: PublicKey = {
  algorithm: "ed25519",
  bytes: Uint8Array.fromBase64(ssh.line.split(" ")[1]!).slice(-32),
};
const nix = await nixKey(["generate-secret", "--key-name", "cache.example.org-1"]);
const nixPublicText = await nixKey(["convert-secret-to-public"], nix);
const nixPublic: PublicKey = {
  algorithm: "ed25519",
  bytes: Uint8Array.fromBase64(nixPublicText.split(":")[1]!),
};

// RFC 8410, section 10.3, with an attribute and the public part.
const RFC_8410 = toPem(
  "PRIVATE KEY",
  Uint8Array.fromBase64(
    "MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhCoB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJz" +
      "gSEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
  ),
);
const rfc8410: PublicKey = {
  algorithm: "ed25519",
  bytes: Uint8Array.fromBase64("Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="),
};

const PRIVATE_KEYS: Record<string, [text: string, publicKey: PublicKey]> = {
  "PKCS#8, Ed25519": [ed25519Pem, ed25519],
  "PKCS#8, Ed25519, lines ended as on Windows": [ed25519Pem.replaceAll("\n", "\r\n"), ed25519],
  "PKCS#8, Ed25519, no newline at the end": [ed25519Pem.trimEnd(), ed25519],
  "PKCS#8, Ed25519, other text around": [
    `Bag Attributes\n    localKeyID: 01\n\n${ed25519Pem}\nbye\n`,
    ed25519,
  ],
  "PKCS#8, Ed25519, attributes and public part": [RFC_8410, rfc8410],
  "PKCS#8, P-256": [p256Pem, p256],
  "PKCS#8, P-256, compressed public part": [compressedPem, p256],
  "PKCS#8, Ed25519, a length that BER allows": [
    changed(ed25519Pem, (der) => Uint8Array.of(0x30, 0x81, ...der.slice(1))),
    ed25519,
  ],
  "SEC 1, P-256": [sec1Pem, p256],
  "SEC 1, P-256, compressed public part": [compressedSec1Pem, p256],
  "SEC 1, P-256, no public part": [namelessSec1Pem, p256],
  "SEC 1, P-256, behind its parameters": [ecparamPem, ecparam],
  "OpenSSH, Ed25519": [ssh.text, sshPublic],
  "nix": [nix, nixPublic],
  "nix, newline at the end": [`${nix}\n`, nixPublic],
};

for (const [name, [text, publicKey]] of Object.entries(PRIVATE_KEYS)) {
  pureTest(`parsePrivateKey() reads a key and finds its public part: ${name}`, async () => {
    const signer = await parsePrivateKey(text);
    assertEquals(signer.publicKey, publicKey);
    const signature = await signer.sign(MESSAGE);
    const { algorithm, bytes } = publicKey;
    assert(await verifySignature({ algorithm, publicKey: bytes, bytes: MESSAGE, signature }));
    assertEquals(await readPublicPart(text), publicKey);
  });
}

const PUBLIC_KEYS: Record<string, [text: string, publicKey: PublicKey]> = {
  "PEM, Ed25519": [ed25519PublicPem, ed25519],
  "PEM, P-256, lines ended as on Windows": [p256PublicPem.replaceAll("\n", "\r\n"), p256],
  "OpenSSH": [ssh.line, sshPublic],
  "OpenSSH, no comment": [ssh.line.split(" ", 2).join(" "), sshPublic],
  "nix": [nixPublicText, nixPublic],
  "ours, Ed25519": [`ed25519:${ed25519.bytes.toBase64()}\n`, ed25519],
  "ours, P-256": [`ecdsa-p256:${p256.bytes.toBase64()}`, p256],
};

for (const [name, [text, publicKey]] of Object.entries(PUBLIC_KEYS)) {
  pureTest(`parsePublicKey() reads a public key: ${name}`, async () => {
    assertEquals(await parsePublicKey(text), publicKey);
    assertEquals(await readPublicPart(text), publicKey);
  });
}

/** ECDSA signatures as openssl reads them. */
function toDer(signature: Uint8Array): Uint8Array {
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)].map((number) => {
    const digits = [...number.subarray(number.findIndex((byte) => byte !== 0))];
    const content = digits[0]! >= 0x80 ? [0, ...digits] : digits;
    return [0x02, content.length, ...content];
  });
  return Uint8Array.of(0x30, r!.length + s!.length, ...r!, ...s!);
}

async function inFiles<T>(
  files: Record<string, Uint8Array | string>,
  use: (dir: string) => Promise<T>,
): Promise<T> {
  const dir = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeFile(join(dir, name), typeof content === "string" ? encode(content) : content);
    }
    return await use(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("openssl verifies what keys of both algorithms sign", async () => {
  for (const [text, publicPem] of [[ed25519Pem, ed25519PublicPem], [sec1Pem, p256PublicPem]] as const) {
    const { publicKey, sign } = await parsePrivateKey(text);
    const signature = await sign(MESSAGE);
    const files = {
      "public.pem": publicPem,
      "signature": publicKey.algorithm === "ed25519" ? signature : toDer(signature),
      "message": MESSAGE,
    };
    const command = "pkeyutl -verify -rawin -pubin -inkey public.pem -sigfile signature -in message";
    const result = await inFiles(
      files,
      (cwd) => run([OPENSSL!, ...command.split(" ")], { cwd, env: { PATH } }),
    );
    assertEquals(result, { code: 0, stdout: "Signature Verified Successfully\n", stderr: "" });
  }
});

for (const algorithm of ["ed25519", "ecdsa-p256"] as const) {
  Deno.test(`generatePrivateKey() makes a file that openssl takes for its own, and signs with: ${algorithm}`, async () => {
    const { pem, publicKey } = await generatePrivateKey(algorithm);
    assertEquals(await openssl("pkey", pem), pem);
    assertEquals(await parsePublicKey(await openssl("pkey -pubout", pem)), publicKey);
    const made = await inFiles({ "key.pem": pem, "message": MESSAGE }, async (cwd) => {
      const command = "pkeyutl -sign -rawin -inkey key.pem -in message -out signature";
      await expectRun([OPENSSL!, ...command.split(" ")], { cwd, env: { PATH } });
      return await Deno.readFile(join(cwd, "signature"));
    });
    const signature = algorithm === "ed25519" ? made : fixedFromDer(made)!;
    assert(await verifySignature({ algorithm, publicKey: publicKey.bytes, bytes: MESSAGE, signature }));
  });
}

pureTest("generatePrivateKey() makes another key each time, and parsePrivateKey() reads it", async () => {
  for (const algorithm of ["ed25519", "ecdsa-p256"] as const) {
    const keys = await Promise.all(Array.from({ length: 20 }, () => generatePrivateKey(algorithm)));
    assertEquals(new Set(keys.map(({ pem }) => pem)).size, 20);
    for (const { pem, publicKey } of keys) {
      assertEquals((await parsePrivateKey(pem)).publicKey, publicKey);
    }
  }
});

const KEYGEN = "`fleet-release keygen` makes one";
const COPY = "copy it again, whole, with its first and last line and its line breaks";
const DAMAGED: Saying = ["it is damaged", COPY];
const FOREIGN: Saying = [
  "its public part does not belong to its private part",
  "somebody may have changed it: make a new one",
];
const ENCRYPTED = "it is encrypted, expected a key without a passphrase";
const PUBLIC: Saying = [
  "it is a public key, expected a private key",
  "give the private key that it belongs to",
];
const UNKNOWN: Saying = [
  "it is no key in a format that is known, expected PEM, OpenSSH or nix",
  KEYGEN,
];
const SEVERAL: Saying = ["it has several PEM blocks, expected one key"];
const unusable = (found: string, expected = "an ed25519 or ecdsa-p256 key"): Saying => [
  `it is ${found}, expected ${expected}`,
  KEYGEN,
];
const ENCRYPTED_PEM: Saying = [
  ENCRYPTED,
  "take the passphrase away with `openssl pkey -in FILE -out NEW`, and let nobody read the new file",
];

type Saying = readonly [message: string, hint?: string];

/** What is wrong with a text, and that neither the message nor anything else of the error repeats any of it. */
async function refusalOf(
  parse: (text: string) => Promise<unknown>,
  text: string,
  saying: Saying,
): Promise<void> {
  const [message, hint] = saying;
  assertEquals(await rejection(parse(text)), {
    kind: "usage" as const,
    message,
    ...(hint === undefined ? {} : { hint }),
  });
  const error = await parse(text).catch((error: Error) => error) as ReleaseError;
  const said = [error.message, error.hint, ...error.lines, Deno.inspect(error.cause)].join("\n");
  const secrets = text.replace(/-----[A-Z0-9 ]+-----/g, "").match(/[A-Za-z0-9+/=]{12,}/g) ?? [];
  for (const secret of secrets) {
    for (let start = 0; start + 12 <= secret.length; start++) {
      assert(!said.includes(secret.slice(start, start + 12)), "the error repeats a part of the key");
    }
  }
}

/** The same text with some bytes of its one block of base64 changed. */
function changed(pem: string, change: (der: Uint8Array<ArrayBuffer>) => Uint8Array): string {
  return toPem(/BEGIN ([A-Z ]+)-----/.exec(pem)![1]!, change(derOf(pem)));
}

/** Puts bytes in the place of others, which have to be there. */
function swap(bytes: Uint8Array, from: string, to: string, whichOne: "first" | "last" = "first"): Uint8Array {
  const hex = bytes.toHex();
  const at = whichOne === "first" ? hex.indexOf(from) : hex.lastIndexOf(from);
  assert(at !== -1);
  return Uint8Array.fromHex(hex.slice(0, at) + to + hex.slice(at + from.length));
}

const otherSsh = await sshKey("ed25519");
const sshRsa = await sshKey("rsa", { options: ["-b", "1024"] });
const sshEcdsa = await sshKey("ecdsa");
const otherSshPublic = Uint8Array.fromBase64(otherSsh.line.split(" ")[1]!).slice(-32).toHex();
const sshHex = sshPublic.bytes.toHex();
const nixBytes = Uint8Array.fromBase64(nix.split(":")[1]!);
const p256Secret = derOf(sec1Pem).slice(7, 39).toHex();
const P256_ORDER = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const rsaPem = await openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024");
const truncatedHeader = derOf(ssh.text).slice(0, 20);

const REFUSED_PRIVATE_KEYS: Record<string, [text: string, saying: Saying]> = {
  "nothing": ["", ["it is empty, expected a key", KEYGEN]],
  "white space": [" \r\n\t\n", ["it is empty, expected a key", KEYGEN]],
  "words": ["correct horse battery staple", UNKNOWN],
  "bare base64": [derOf(ed25519Pem).toBase64(), UNKNOWN],
  "hexadecimal digits": [derOf(ed25519Pem).slice(-32).toHex(), UNKNOWN],
  "a certificate": [toPem("CERTIFICATE", derOf(ed25519Pem)), UNKNOWN],
  "the parameters of a curve alone": [await openssl("ecparam -name prime256v1"), UNKNOWN],
  "an encrypted PKCS#8 key": [await openssl("pkey -aes256 -passout pass:secret", p256Pem), ENCRYPTED_PEM],
  "an encrypted SEC 1 key": [await openssl("ec -aes256 -passout pass:secret", p256Pem), ENCRYPTED_PEM],
  "an encrypted OpenSSH key": [
    (await sshKey("ed25519", { passphrase: "secret", options: ["-a", "1"] })).text,
    [
      ENCRYPTED,
      "sign with --sign-agent, or take the passphrase away with `ssh-keygen -p -f FILE`",
    ],
  ],
  "an RSA key": [rsaPem, unusable("an RSA key")],
  "an RSA key of PKCS#1": [await openssl("rsa -traditional", rsaPem), unusable("an RSA key")],
  "an Ed448 key": [await openssl("genpkey -algorithm ed448"), unusable("an Ed448 key")],
  "an X25519 key": [
    await openssl("genpkey -algorithm x25519"),
    unusable("an X25519 key, which makes no signatures"),
  ],
  "an X448 key": [await openssl("genpkey -algorithm x448"), unusable("a key of another algorithm")],
  "a P-384 key": [await openssl(`genpkey ${EC_KEY}P-384`), unusable("a P-384 key")],
  "a P-521 key": [await openssl(`genpkey ${EC_KEY}P-521`), unusable("a P-521 key")],
  "a secp256k1 key": [await openssl(`genpkey ${EC_KEY}secp256k1`), unusable("a secp256k1 key")],
  "a P-384 key of SEC 1": [await openssl("ecparam -name secp384r1 -genkey"), unusable("a P-384 key")],
  "a key of P-256 without the name of its curve": [
    await openssl(`genpkey ${EC_KEY}P-256 -pkeyopt ec_param_enc:explicit`),
    unusable("a key of an elliptic curve that is not named, or of another"),
  ],
  "an RSA key of OpenSSH": [
    sshRsa.text,
    unusable("an RSA key", "an ssh-ed25519 key"),
  ],
  "an ECDSA key of OpenSSH": [
    sshEcdsa.text,
    unusable("an ECDSA key of OpenSSH", "an ssh-ed25519 key"),
  ],
  "a public key in PEM": [p256PublicPem, PUBLIC],
  "a public key of OpenSSH": [ssh.line, PUBLIC],
  "a public key of nix": [nixPublicText, PUBLIC],
  "a public key of ours": [`ecdsa-p256:${p256.bytes.toBase64()}`, PUBLIC],
  "two keys": [ed25519Pem + p256Pem, SEVERAL],
  "a key and its public part": [ed25519Pem + ed25519PublicPem, SEVERAL],
  "a key without its last line": [ed25519Pem.split("\n").slice(0, -2).join("\n"), DAMAGED],
  "a key whose last line is of another kind": [ed25519Pem.replace("END PRIVATE", "END PUBLIC"), DAMAGED],
  "a key with a character that is not base64": [ed25519Pem.replace("\nMC4", "\nMC*"), DAMAGED],
  "a key whose line breaks are two characters": [ed25519Pem.replaceAll("\n", "\\n"), DAMAGED],
  "a key without its last byte": [changed(ed25519Pem, (der) => der.slice(0, -1)), DAMAGED],
  "a key with a byte too much": [changed(ed25519Pem, (der) => Uint8Array.of(...der, 0)), DAMAGED],
  "a seed of 31 bytes": [
    changed(ed25519Pem, (der) => swap(der.slice(0, -1), "302e", "302d").with(13, 0x21).with(15, 0x1f)),
    DAMAGED,
  ],
  "a length that is left open": [
    changed(ed25519Pem, (der) => Uint8Array.of(0x30, 0x80, ...der.slice(2), ...new Uint8Array(82))),
    DAMAGED,
  ],
  "a P-256 number of 31 bytes": [
    changed(namelessSec1Pem, (der) => swap(der, `0420${p256Secret.slice(0, 2)}`, "041f").with(1, 0x30)),
    DAMAGED,
  ],
  "a SEC 1 key that does not say its curve": [
    toPem("EC PRIVATE KEY", Uint8Array.fromHex(`30250201010420${p256Secret}`)),
    DAMAGED,
  ],
  "an empty PEM block": [toPem("PRIVATE KEY", new Uint8Array()), DAMAGED],
  "a PKCS#8 key with another's public part": [
    changed(RFC_8410, (der) => swap(der, rfc8410.bytes.toHex(), otherSshPublic)),
    FOREIGN,
  ],
  "a P-256 key with another's public part": [
    changed(p256Pem, (der) => swap(der, p256.bytes.toHex(), ecparam.bytes.toHex())),
    FOREIGN,
  ],
  "a P-256 key with the public part of its negative": [
    changed(compressedPem, (der) => der.with(-33, der.at(-33)! ^ 1)),
    FOREIGN,
  ],
  "a P-256 number of zero": [changed(sec1Pem, (der) => swap(der, p256Secret, "00".repeat(32))), DAMAGED],
  "a P-256 number as great as the order": [
    changed(sec1Pem, (der) => swap(der, p256Secret, P256_ORDER)),
    DAMAGED,
  ],
  "an OpenSSH key with another's public part outside": [
    changed(ssh.text, (der) => swap(der, sshHex, otherSshPublic)),
    FOREIGN,
  ],
  "an OpenSSH key with another's public part behind the private one": [
    changed(ssh.text, (der) => swap(der, sshHex, otherSshPublic, "last")),
    FOREIGN,
  ],
  "an OpenSSH key whose two check numbers differ": [
    // They stand behind the length of the private part, and the kind of the key follows them.
    changed(ssh.text, (der) => {
      const at = der.toHex().lastIndexOf("0000000b7373682d65643235353139") / 2 - 1;
      return der.with(at, der[at]! ^ 1);
    }),
    DAMAGED,
  ],
  "an OpenSSH key with wrong padding": [changed(ssh.text, (der) => der.with(-1, der.at(-1)! ^ 1)), DAMAGED],
  "an OpenSSH key without padding": [
    changed(ssh.text, (der) => swap(der.slice(0, -1), "00000098", "00000097")),
    DAMAGED,
  ],
  "an OpenSSH key that is cut off": [toPem("OPENSSH PRIVATE KEY", truncatedHeader), DAMAGED],
  "an OpenSSH key with a byte too much": [
    changed(ssh.text, (der) => Uint8Array.of(...der, 0)),
    DAMAGED,
  ],
  "an OpenSSH file of several keys": [
    changed(
      ssh.text,
      (der) => swap(der, "0000000000000001000000330000000b", "0000000000000002000000330000000b"),
    ),
    ["it holds several keys, expected one"],
  ],
  "a nix key with another's public part": [
    `x:${swap(nixBytes, nixPublic.bytes.toHex(), otherSshPublic).toBase64()}`,
    FOREIGN,
  ],
  "a nix key that is cut off": [nix.slice(0, -5), DAMAGED],
  "a nix key without a byte": [`x:${nixBytes.slice(0, -1).toBase64()}`, DAMAGED],
  "a nix key without padding": [nix.replaceAll("=", ""), DAMAGED],
};

for (const [name, [text, saying]] of Object.entries(REFUSED_PRIVATE_KEYS)) {
  pureTest(`parsePrivateKey() refuses ${name}, and repeats nothing of it`, async () => {
    await refusalOf(parsePrivateKey, text, saying);
  });
}

const PRIVATE: Saying = [
  "it is a private key, expected a public key",
  "`fleet-release pubkey FILE --format public-key` prints its public part",
];

const REFUSED_PUBLIC_KEYS: Record<string, [text: string, saying: Saying]> = {
  "nothing": ["\n", ["it is empty, expected a key", KEYGEN]],
  "a private key in PEM": [p256Pem, PRIVATE],
  "a private key of OpenSSH": [ssh.text, PRIVATE],
  "an encrypted private key": [REFUSED_PRIVATE_KEYS["an encrypted OpenSSH key"]![0], PRIVATE],
  "a private key of nix": [nix, PRIVATE],
  "a P-384 key": [
    await openssl("pkey -pubout", await openssl(`genpkey ${EC_KEY}P-384`)),
    unusable("a P-384 key"),
  ],
  "an RSA key": [await openssl("pkey -pubout", rsaPem), unusable("an RSA key")],
  "a compressed P-256 key": [await openssl("ec -conv_form compressed -pubout", p256Pem), [
    "it holds one coordinate of a P-256 key, expected both",
    "`openssl ec -pubin -in FILE -conv_form uncompressed -out NEW` adds the other",
  ]],
  "an RSA key of OpenSSH": [
    sshRsa.line,
    unusable("an RSA key", "an ssh-ed25519 key"),
  ],
  "an ECDSA key of OpenSSH": [
    sshEcdsa.line,
    unusable("an ECDSA key of OpenSSH", "an ssh-ed25519 key"),
  ],
  "a key of a security token": [
    ssh.line.replace("ssh-ed25519", "sk-ssh-ed25519@openssh.com"),
    unusable("a key of a security token, which signs other bytes", "an ssh-ed25519 key"),
  ],
  "an SSH certificate": [
    ssh.line.replace("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"),
    unusable("an SSH certificate", "an ssh-ed25519 key"),
  ],
  "an SSH key of a kind that is not known": [
    ssh.line.replace("ssh-ed25519", "ssh-new"),
    unusable("an SSH key of another kind", "an ssh-ed25519 key"),
  ],
  "a line whose base64 says another kind": [
    `ssh-ed25519 ${sshRsa.line.split(" ")[1]}`,
    unusable("an RSA key", "an ssh-ed25519 key"),
  ],
  "several lines": [ssh.line + otherSsh.line, ["it has several lines, expected one public key"]],
  "a line that is cut off": [ssh.line.slice(0, 50), DAMAGED],
  "a key of ours with a byte too much": [
    `ecdsa-p256:${Uint8Array.of(4, ...p256.bytes).toBase64()}`,
    ["it has 65 bytes, expected 64: leave out the leading 04"],
  ],
  "a point beside the curve": [
    changed(p256PublicPem, (der) => der.with(-1, der.at(-1)! ^ 1)),
    ["it is not a point of the curve P-256"],
  ],
  "a point of low order": [
    `ed25519:${new Uint8Array(32).toBase64()}`,
    ["it is a point of low order, for which everybody can sign"],
  ],
  "an unknown algorithm": [`ed448:${new Uint8Array(57).toBase64()}`, DAMAGED],
};

for (const [name, [text, saying]] of Object.entries(REFUSED_PUBLIC_KEYS)) {
  pureTest(`parsePublicKey() refuses ${name}, and repeats nothing of it`, async () => {
    await refusalOf(parsePublicKey, text, saying);
  });
}

/** Every file that says its public part: a change shows in it, or changes nothing of the key. */
const CHECKED_KEYS = [RFC_8410, p256Pem, sec1Pem, ssh.text];

pureTest(
  "A key with any one byte changed, missing or added is refused, or read as the same key",
  async () => {
    for (const text of CHECKED_KEYS) {
      const { publicKey } = await parsePrivateKey(text);
      const length = derOf(text).length;
      for (let index = 0; index < length; index++) {
        const damages: ((der: Uint8Array<ArrayBuffer>) => Uint8Array)[] = [
          (der) => der.with(index, der[index]! ^ 1),
          (der) => der.with(index, der[index]! ^ 0x80),
          (der) => der.with(index, 0xff),
          (der) => der.slice(0, index),
          (der) => Uint8Array.of(...der.slice(0, index), ...der.slice(index + 1)),
          (der) => Uint8Array.of(...der.slice(0, index), 0, ...der.slice(index)),
        ];
        for (const damage of damages) {
          const read = await parsePrivateKey(changed(text, damage)).catch((error) => error);
          if (read instanceof Error) assert(read instanceof ReleaseError && read.kind === "usage");
          else assertEquals(read.publicKey, publicKey);
        }
      }
    }
  },
);

pureTest("A signer shows its public key, and nothing of its private one", async () => {
  const signer = await parsePrivateKey(nix);
  assertEquals(Object.keys(signer), ["publicKey", "sign"]);
  assertEquals(Deno.inspect(signer.sign), "[AsyncFunction: sign]");
});
