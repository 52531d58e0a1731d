// Real ssh-agents with keys made by ssh-keygen, and agents that misbehave, made here.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type AgentOptions, connectAgent } from "../../src/adapters/ssh_agent.ts";
import { joinBytes } from "../../src/bytes.ts";
import { publicKeyBlob, wireNumber, wireString } from "../../src/crypto/openssh.ts";
import { generatePrivateKey, parsePrivateKey } from "../../src/crypto/private_key.ts";
import { type PublicKey, verifySignature } from "../../src/crypto/signature.ts";
import { RealAgent } from "../support/agent.ts";
import { expectRun, which } from "../support/command.ts";
import { pureTest, rejection } from "../support/pure.ts";

const encode = (text: string) => new TextEncoder().encode(text);

async function verifies(key: PublicKey, bytes: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>) {
  return await verifySignature({ algorithm: key.algorithm, publicKey: key.bytes, bytes, signature });
}

const REFUSED = {
  kind: "signer" as const,
  message: "The ssh-agent refused to sign",
  hint: "it is locked (ssh-add -X unlocks it), or asked for a confirmation that was not given",
};
const MALFORMED = {
  kind: "signer" as const,
  message: "The reply of the ssh-agent is malformed",
  hint: "SSH_AUTH_SOCK must name the socket of an ssh-agent",
};
const CLOSED = { kind: "signer" as const, message: "The ssh-agent closed the connection" };
const WRONG = {
  kind: "signer" as const,
  message: "The signature of the ssh-agent does not verify with the key that it was asked for",
};

Deno.test("The ssh-agent signs with the key that it is asked for, whichever others it holds", async () => {
  await using agent = await RealAgent.start();
  for (const publicKey of [await agent.key("first"), await agent.key("second")]) {
    await using signer = await connectAgent({ socket: agent.socket, publicKey });
    assertEquals(signer.publicKey, publicKey);
    for (const bytes of [new Uint8Array(), encode("{}"), new Uint8Array(200_000).fill(0x20)]) {
      assert(await verifies(publicKey, bytes, await signer.sign(bytes)));
    }
  }
});

Deno.test("The ssh-agent makes the signatures that the key makes without it", async () => {
  await using agent = await RealAgent.start();
  const publicKey = await agent.key("key");
  const own = await parsePrivateKey(await Deno.readTextFile(join(agent.dir, "key")));
  await using signer = await connectAgent({ socket: agent.socket, publicKey });
  const artifacts = Array.from({ length: 100 }, (_, index) => encode(`{"rollout":${index}}`));
  // All at once: the connection has room for one at a time.
  assertEquals(
    await Promise.all(artifacts.map((bytes) => signer.sign(bytes))),
    await Promise.all(artifacts.map((bytes) => own.sign(bytes))),
  );
});

Deno.test("A key that the ssh-agent does not hold is refused, by the fingerprint that ssh-add prints", async () => {
  await using agent = await RealAgent.start();
  const publicKey = await agent.key("missing", null);
  const listed = await expectRun([which("ssh-keygen"), "-l", "-f", join(agent.dir, "missing.pub")], {
    env: Deno.env.toObject(),
  });
  const fingerprint = listed.split(" ")[1]!;
  const refusal = { kind: "signer" as const, message: `The ssh-agent does not hold the key ${fingerprint}` };
  const connect = () => rejection(connectAgent({ socket: agent.socket, publicKey }));
  const empty = "it holds no key, or is locked: add the key with ssh-add, or unlock it with ssh-add -X";
  assertEquals(await connect(), { ...refusal, hint: empty });
  await agent.key("other");
  const others = "`ssh-add -l` lists the keys that it holds: add this one with ssh-add";
  assertEquals(await connect(), { ...refusal, hint: others });
  await agent.add(join(agent.dir, "missing"));
  await using signer = await connectAgent({ socket: agent.socket, publicKey });
  assertEquals(signer.publicKey, publicKey);
  await agent.add("-x");
  assertEquals(await connect(), { ...refusal, hint: empty });
});

Deno.test("An ssh-agent that is locked refuses to sign, and signs again once it is unlocked", async () => {
  await using agent = await RealAgent.start();
  const publicKey = await agent.key("key");
  await using signer = await connectAgent({ socket: agent.socket, publicKey });
  await agent.add("-x");
  assertEquals(await rejection(signer.sign(encode("{}"))), REFUSED);
  await agent.add("-X");
  assert(await verifies(publicKey, encode("{}"), await signer.sign(encode("{}"))));
});

Deno.test("An ssh-agent that has to ask refuses to sign without a confirmation, and signs with it", async () => {
  for (const confirms of ["true", "false"]) {
    await using agent = await RealAgent.start(which(confirms));
    const publicKey = await agent.key("key", ["-c"]);
    await using signer = await connectAgent({ socket: agent.socket, publicKey });
    const signature = signer.sign(encode("{}"));
    if (confirms === "false") assertEquals(await rejection(signature), REFUSED);
    else assert(await verifies(publicKey, encode("{}"), await signature));
  }
});

Deno.test("An artifact that is too long for OpenSSH's agent is refused, and the reason is told", async () => {
  await using agent = await RealAgent.start();
  const publicKey = await agent.key("key");
  // The request has 64 bytes beside what is to be signed.
  const longest = new Uint8Array(256 * 1024 - 64);
  await using signer = await connectAgent({ socket: agent.socket, publicKey });
  assert(await verifies(publicKey, longest, await signer.sign(longest)));
  for (const length of [longest.length + 1, 3_000_000]) {
    await using signer = await connectAgent({ socket: agent.socket, publicKey });
    assertEquals(await rejection(signer.sign(new Uint8Array(length))), {
      ...CLOSED,
      hint:
        `OpenSSH's agent takes at most 262144 bytes, and was given ${
          length + 64
        }: sign with --sign-key, or ` +
        "with a command",
    });
  }
});

Deno.test("Without an ssh-agent at the socket the error names the socket and what is wrong with it", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const socket = join(dir, "socket");
    assertEquals(await rejection(connectAgent({ socket, publicKey })), {
      kind: "signer" as const,
      message: `Cannot reach the ssh-agent at "${socket}": No such file or directory (os error 2)`,
      hint:
        "SSH_AUTH_SOCK names the socket: start an agent with `eval $(ssh-agent)`, and add the key with ssh-add",
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

pureTest("An ecdsa-p256 key is refused before the ssh-agent is looked for", async () => {
  const { publicKey } = await generatePrivateKey("ecdsa-p256");
  assertEquals(await rejection(connectAgent({ socket: "/nothing", publicKey })), {
    kind: "usage" as const,
    message: "Cannot sign with an ecdsa-p256 key of the ssh-agent: expected ed25519",
    hint: "sign with --sign-key, or with a command",
  });
});

pureTest("A permission that is missing stays an error of the runtime, which names it", async () => {
  const { publicKey } = await generatePrivateKey("ed25519");
  await assertRejects(
    () => connectAgent({ socket: "/nothing", publicKey }),
    Deno.errors.NotCapable,
    "/nothing",
  );
});

const { pem, publicKey } = await generatePrivateKey("ed25519");
const own = await parsePrivateKey(pem);
const ARTIFACT = encode('{"schemaVersion":1}');

/** A message of the type, with its length before it. */
function message(type: number, ...content: Uint8Array[]): Uint8Array {
  return wireString(joinBytes(Uint8Array.of(type), ...content));
}

/** What a sign request is answered with. */
function signed(signature: Uint8Array, algorithm = "ssh-ed25519", more = new Uint8Array()): Uint8Array {
  return wireString(joinBytes(wireString(encode(algorithm)), wireString(signature), more));
}

const IDENTITY = joinBytes(wireString(publicKeyBlob(publicKey.bytes)), wireString(encode("comment")));
const IDENTITIES = message(12, wireNumber(1), IDENTITY);
const SIGNATURE = await own.sign(ARTIFACT);

/** What an agent writes, in as many pieces; it hangs up behind the last reply. */
type Reply = Uint8Array | readonly Uint8Array[];

/** Runs an agent that gives these replies to one client, and gives the requests that it got. */
async function withAgent<T>(
  replies: readonly Reply[],
  use: (options: AgentOptions) => Promise<T>,
): Promise<{ result: T; requests: Uint8Array[] }> {
  const dir = await Deno.makeTempDir();
  const socket = join(dir, "socket");
  try {
    using listener = Deno.listen({ transport: "unix", path: socket });
    const serving = serve(listener, replies);
    const result = await use({ socket, publicKey });
    return { result, requests: await serving };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function serve(listener: Deno.Listener, replies: readonly Reply[]): Promise<Uint8Array[]> {
  using client = await listener.accept();
  const requests: Uint8Array[] = [];
  const buffer = new Uint8Array(1000);
  for (const reply of replies) {
    const length = await client.read(buffer);
    if (length === null) return requests;
    requests.push(buffer.slice(0, length));
    for (const piece of reply instanceof Uint8Array ? [reply] : reply) {
      // The client may have had enough, and be gone.
      await client.write(piece).catch(() => {});
    }
  }
  return requests;
}

async function sign(options: AgentOptions, artifacts = [ARTIFACT]): Promise<Uint8Array[]> {
  await using signer = await connectAgent(options);
  return await Promise.all(artifacts.map((bytes) => signer.sign(bytes)));
}

Deno.test("The ssh-agent is sent the requests of its protocol, one behind the other's reply", async () => {
  const reply = message(14, signed(SIGNATURE));
  const { result, requests } = await withAgent(
    [IDENTITIES, reply, reply],
    (options) => sign(options, [ARTIFACT, ARTIFACT]),
  );
  assertEquals(result, [SIGNATURE, SIGNATURE]);
  const blob = `0000000b${encode("ssh-ed25519").toHex()}00000020${publicKey.bytes.toHex()}`;
  const content = `0d00000033${blob}000000${ARTIFACT.length.toString(16)}${ARTIFACT.toHex()}00000000`;
  const request = `000000${(content.length / 2).toString(16)}${content}`;
  assertEquals(requests.map((bytes) => bytes.toHex()), [
    "000000010b",
    request,
    request,
  ]);
});

Deno.test("Replies of the ssh-agent are put together that come in pieces", async () => {
  const pieces = (bytes: Uint8Array) => [...bytes].map((byte) => Uint8Array.of(byte));
  const { result } = await withAgent([pieces(IDENTITIES), pieces(message(14, signed(SIGNATURE)))], sign);
  assertEquals(result, [SIGNATURE]);
});

const other = await parsePrivateKey((await generatePrivateKey("ed25519")).pem);
const NONE = new Uint8Array();
const ONE = Uint8Array.of(0);

const BAD_AGENTS: Record<string, [replies: Reply[], refusal: typeof CLOSED]> = {
  "hangs up": [[NONE], CLOSED],
  "hangs up within a length": [[IDENTITIES.slice(0, 3)], CLOSED],
  "hangs up within a reply": [[IDENTITIES.slice(0, -1)], CLOSED],
  "hangs up when it is to sign": [[IDENTITIES, NONE], CLOSED],
  "gives an empty reply": [[wireNumber(0)], MALFORMED],
  "announces a reply of 4 GiB": [[wireNumber(0xffffffff)], MALFORMED],
  "announces a reply that is a byte too long": [[wireNumber(256 * 1024 + 1)], MALFORMED],
  "speaks another protocol": [[encode("HTTP/1.1 400 Bad Request\r\n\r\n")], MALFORMED],
  "gives a signature in place of its keys": [[message(14, signed(SIGNATURE))], MALFORMED],
  "refuses to tell its keys": [[message(5)], REFUSED],
  "gives no number of keys": [[message(12)], MALFORMED],
  "gives fewer keys than it says": [[message(12, wireNumber(2), IDENTITY)], MALFORMED],
  "says that it gives 4,294,967,295 keys": [[message(12, wireNumber(0xffffffff), IDENTITY)], MALFORMED],
  "gives more keys than it says": [[message(12, wireNumber(1), IDENTITY, IDENTITY)], MALFORMED],
  "gives a key that is longer than the reply": [[message(12, wireNumber(1), wireNumber(1000))], MALFORMED],
  "gives its keys in place of a signature": [[IDENTITIES, IDENTITIES], MALFORMED],
  "refuses to sign": [[IDENTITIES, message(5)], REFUSED],
  "gives nothing for a signature": [[IDENTITIES, message(14)], MALFORMED],
  "gives a signature by RSA": [[IDENTITIES, message(14, signed(SIGNATURE, "rsa-sha2-512"))], MALFORMED],
  "gives a signature of 63 bytes": [[IDENTITIES, message(14, signed(SIGNATURE.slice(1)))], MALFORMED],
  "gives a signature of 65 bytes": [
    [IDENTITIES, message(14, signed(joinBytes(SIGNATURE, ONE)))],
    MALFORMED,
  ],
  "gives an empty signature": [[IDENTITIES, message(14, signed(NONE))], MALFORMED],
  "gives a byte behind the signature": [
    [IDENTITIES, message(14, signed(SIGNATURE, "ssh-ed25519", ONE))],
    MALFORMED,
  ],
  "gives a byte behind the reply": [[IDENTITIES, message(14, signed(SIGNATURE), ONE)], MALFORMED],
  "gives a signature of other bytes": [
    [IDENTITIES, message(14, signed(await own.sign(encode("{}"))))],
    WRONG,
  ],
  "gives a signature by another key": [
    [IDENTITIES, message(14, signed(await other.sign(ARTIFACT)))],
    WRONG,
  ],
};

Deno.test("An ssh-agent that misbehaves is refused, and the connection closed", async () => {
  const said: Record<string, unknown> = {};
  for (const [name, [replies]] of Object.entries(BAD_AGENTS)) {
    said[name] = (await withAgent(replies, (options) => rejection(sign(options)))).result;
  }
  assertEquals(
    said,
    Object.fromEntries(Object.entries(BAD_AGENTS).map(([name, [, refusal]]) => [name, refusal])),
  );
});

Deno.test("The connection is closed when the signer is disposed of", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const socket = join(dir, "socket");
    using listener = Deno.listen({ transport: "unix", path: socket });
    const connecting = connectAgent({ socket, publicKey });
    using client = await listener.accept();
    const buffer = new Uint8Array(100);
    assertEquals(await client.read(buffer), 5);
    await client.write(IDENTITIES);
    const signer = await connecting;
    const next = client.read(buffer);
    await signer[Symbol.asyncDispose]();
    assertEquals(await next, null);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
