/**
 * Signs with a key that the ssh-agent holds, over the agent's socket.
 *
 * The protocol is that of the Internet-Draft `draft-ietf-sshm-ssh-agent`.
 *
 * @module
 */
import { equalBytes, joinBytes } from "../bytes.ts";
import { publicKeyBlob, SSH_ED25519, wireNumber, WireReader, wireString } from "../crypto/openssh.ts";
import type { Signer } from "../crypto/private_key.ts";
import { type PublicKey, verifySignature } from "../crypto/signature.ts";
import { SIGNATURE_LENGTH } from "../crypto/signature_shape.ts";
import { ReleaseError } from "../errors.ts";

const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;

/** The longest message of OpenSSH's agent, in both directions. Other agents take longer ones. */
const OPENSSH_LIMIT = 256 * 1024;

/** Which agent, and which of its keys. */
export interface AgentOptions {
  /** The path of the agent's socket: what `SSH_AUTH_SOCK` says. */
  readonly socket: string;
  /** An Ed25519 key, whose private part the agent holds. */
  readonly publicKey: PublicKey;
}

/**
 * Connects to the ssh-agent and makes sure that it holds the key. All signatures use this one connection, one after
 * the other. There is no time limit: the agent may wait for somebody to confirm.
 *
 * Requires permission to read and write the socket, and where Deno asks for it, as 2.9 does, to connect to it:
 * `--allow-net=unix:PATH`.
 *
 * @returns what signs, and what closes the connection when it is disposed of; every signature is verified
 * @throws {ReleaseError} of kind `usage` when the key is not Ed25519, and `signer` when there is no agent, it lacks the
 * key, refuses to sign, or gives anything but a signature by this key
 */
export async function connectAgent({ socket, publicKey }: AgentOptions): Promise<Signer & AsyncDisposable> {
  if (publicKey.algorithm !== "ed25519") {
    throw new ReleaseError(
      "usage",
      `Cannot sign with an ${publicKey.algorithm} key of the ssh-agent: expected ed25519`,
      {
        hint: "sign with --sign-key, or with a command",
      },
    );
  }
  const blob = publicKeyBlob(publicKey.bytes);
  const agent = await AgentConnection.open(socket);
  try {
    await requireKey(agent, blob);
  } catch (error) {
    agent.close();
    throw error;
  }
  return {
    publicKey,
    sign: (bytes) => signWith(agent, blob, publicKey, bytes),
    [Symbol.asyncDispose]: () => Promise.resolve(agent.close()),
  };
}

async function requireKey(agent: AgentConnection, blob: Uint8Array<ArrayBuffer>): Promise<void> {
  const reply = await agent.ask(REQUEST_IDENTITIES, IDENTITIES_ANSWER, new Uint8Array());
  const count = reply.number();
  let found = false;
  for (let index = 0; index < count; index++) {
    found = equalBytes(reply.string(), blob) || found;
    reply.string(); // The comment.
  }
  reply.end();
  if (found) return;
  const hint = count === 0
    // An agent that is locked says that it holds none.
    ? "it holds no key, or is locked: add the key with ssh-add, or unlock it with ssh-add -X"
    : "`ssh-add -l` lists the keys that it holds: add this one with ssh-add";
  throw new ReleaseError("signer", `The ssh-agent does not hold the key ${await fingerprint(blob)}`, {
    hint,
  });
}

async function signWith(
  agent: AgentConnection,
  blob: Uint8Array,
  { algorithm, bytes: publicKey }: PublicKey,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const flags = wireNumber(0);
  const request = joinBytes(wireString(blob), wireString(bytes), flags);
  const reply = await agent.ask(SIGN_REQUEST, SIGN_RESPONSE, request);
  const made = new WireReader(reply.string(), malformed);
  reply.end();
  if (made.name() !== SSH_ED25519) throw malformed();
  const signature = made.string();
  made.end();
  if (signature.length !== SIGNATURE_LENGTH) throw malformed();
  if (await verifySignature({ algorithm, publicKey, bytes, signature })) return new Uint8Array(signature);
  throw new ReleaseError(
    "signer",
    "The signature of the ssh-agent does not verify with the key that it was asked for",
  );
}

/** A key's fingerprint, as `ssh-add -l` prints it. */
async function fingerprint(blob: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", blob));
  return `SHA256:${digest.toBase64({ omitPadding: true })}`;
}

/** Requests and replies on one socket. */
class AgentConnection {
  readonly #socket: Deno.Conn;
  /** The last exchange. A reply does not say what it replies to, so that there must be one request at a time. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(socket: Deno.Conn) {
    this.#socket = socket;
  }

  static async open(path: string): Promise<AgentConnection> {
    try {
      return new AgentConnection(await Deno.connect({ transport: "unix", path }));
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new ReleaseError("signer", `Cannot reach the ssh-agent at "${path}": ${reason}`, {
        hint:
          "SSH_AUTH_SOCK names the socket: start an agent with `eval $(ssh-agent)`, and add the key with ssh-add",
        cause: error,
      });
    }
  }

  /**
   * Sends a request and awaits its reply.
   *
   * @param expected The type that the reply has to have
   * @returns the reply behind its type
   */
  ask(type: number, expected: number, content: Uint8Array): Promise<WireReader> {
    const reply = this.#last.then(() => this.#exchange(joinBytes(Uint8Array.of(type), content)));
    this.#last = reply.catch(() => {});
    return reply.then((reply) => {
      const [found] = reply.take(1);
      if (found === FAILURE) throw refused();
      if (found !== expected) throw malformed();
      return reply;
    });
  }

  close(): void {
    this.#socket.close();
  }

  async #exchange(message: Uint8Array): Promise<WireReader> {
    try {
      await this.#write(wireString(message));
      const length = new WireReader(await this.#read(4), malformed).number();
      if (length > OPENSSH_LIMIT) throw malformed();
      return new WireReader(await this.#read(length), malformed);
    } catch (error) {
      throw error instanceof ReleaseError ? error : closed(message.length, error);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#socket.write(bytes.subarray(sent));
  }

  async #read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let got = 0; got < length;) {
      const count = await this.#socket.read(bytes.subarray(got));
      if (count === null) throw new Deno.errors.UnexpectedEof();
      got += count;
    }
    return bytes;
  }
}

function refused(): ReleaseError {
  return new ReleaseError("signer", "The ssh-agent refused to sign", {
    hint: "it is locked (ssh-add -X unlocks it), or asked for a confirmation that was not given",
  });
}

function malformed(): ReleaseError {
  return new ReleaseError("signer", "The reply of the ssh-agent is malformed", {
    hint: "SSH_AUTH_SOCK must name the socket of an ssh-agent",
  });
}

function closed(length: number, cause: unknown): ReleaseError {
  const hint = length > OPENSSH_LIMIT
    ? `OpenSSH's agent takes at most ${OPENSSH_LIMIT} bytes, and was given ${length}: sign with --sign-key, or with a ` +
      "command"
    : undefined;
  return new ReleaseError("signer", "The ssh-agent closed the connection", { hint, cause });
}
