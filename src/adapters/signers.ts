/**
 * What signs a release: a private key, the ssh-agent, or the operator's command.
 *
 * @module
 */
import type { AgentOptions } from "./ssh_agent.ts";
import { type ReleaseConfig, type SignatureEncoding, signKeyDescriptor } from "../config.ts";
import type { SignatureAlgorithm } from "../contract/types.ts";
import { parsePrivateKey, parsePublicKey, type Signer } from "../crypto/private_key.ts";
import type { PublicKey } from "../crypto/signature.ts";
import { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import type { ArtifactSigner, Inputs } from "../ports.ts";
import { quoteCommand } from "../text.ts";
import { signKeyVariable } from "../secrets.ts";

/** A command that signs, and what it makes. */
export interface SignHook {
  readonly command: string;
  readonly algorithm: SignatureAlgorithm;
  readonly encoding: SignatureEncoding;
}

/** Where signers come from. */
export interface SignerSources {
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly inputs: Inputs;
  /** Reads a descriptor that the caller opened, 0 being standard input, when it gives no more bytes than these. */
  readonly descriptor: (descriptor: number, most: number) => Promise<Uint8Array<ArrayBuffer>>;
  /** Makes the signer that runs a command. */
  readonly hook: (hook: SignHook) => ArtifactSigner;
}

/** A signer that may hold a connection until it is disposed of. */
export type OpenSigner = ArtifactSigner & AsyncDisposable;

/**
 * Opens what the configuration signs with. A key is read, and the agent is asked for it, before any work begins.
 *
 * @throws {ReleaseError} of kind `io` or `usage` when the key cannot be read, and `signer` when the agent lacks it; no
 * error holds any part of a private key
 */
export async function openSigner(config: ReleaseConfig, sources: SignerSources): Promise<OpenSigner> {
  const { signCmd, signKey, signAgent, signatureAlgorithm } = config;
  if (signKey !== undefined) {
    const { text, warnings } = await readPrivateKey(signKey, sources);
    const signer = await named(signKey === "-" ? STDIN : signKey, () => parsePrivateKey(text));
    requireAlgorithm("--sign-key", signer.publicKey, signatureAlgorithm);
    return builtIn(signer, warnings);
  }
  if (signAgent !== undefined) {
    const text = new TextDecoder().decode(await sources.inputs.read(signAgent));
    const publicKey = await named(signAgent, () => parsePublicKey(text));
    requireAlgorithm("--sign-agent", publicKey, signatureAlgorithm);
    const socket = sources.env["SSH_AUTH_SOCK"];
    if (!socket) {
      throw new ReleaseError("usage", "There is no ssh-agent to sign with: SSH_AUTH_SOCK is not set", {
        hint: "start one with `eval $(ssh-agent)`, and add the key with ssh-add",
      });
    }
    return await agentSigner({ socket, publicKey });
  }
  const algorithm = signatureAlgorithm ?? "ed25519";
  return {
    ...sources.hook({ command: signCmd!, algorithm, encoding: config.signatureEncoding }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Asks the agent for the key now, and connects anew for the signatures: between the two lies all the building, which
 * a connection need not survive.
 */
async function agentSigner(options: AgentOptions): Promise<OpenSigner> {
  const { connectAgent } = await import("./ssh_agent.ts");
  await (await connectAgent(options))[Symbol.asyncDispose]();
  let connection: ReturnType<typeof connectAgent> | undefined;
  const sign: Signer["sign"] = async (bytes) =>
    await (await (connection ??= connectAgent(options))).sign(bytes);
  return {
    ...builtIn({ publicKey: options.publicKey, sign }, []),
    [Symbol.asyncDispose]: async () => await (await connection)?.[Symbol.asyncDispose](),
  };
}

function requireAlgorithm(
  option: string,
  { algorithm }: PublicKey,
  wanted: ReleaseConfig["signatureAlgorithm"],
): void {
  if (wanted === undefined || wanted === algorithm) return;
  throw new ReleaseError("usage", `The key of ${option} makes ${algorithm}, not ${wanted} signatures`, {
    hint:
      "leave --signature-algorithm (NIXFLEET_SIGNATURE_ALGORITHM) out: the algorithm follows from the key",
  });
}

function builtIn(signer: Signer, warnings: readonly Warning[]): OpenSigner {
  return {
    algorithm: signer.publicKey.algorithm,
    publicKey: signer.publicKey,
    warnings,
    sign: async ({ path, bytes }) => {
      try {
        return { signature: await signer.sign(bytes), input: bytes };
      } catch (error) {
        if (!(error instanceof ReleaseError)) throw error;
        throw new ReleaseError(error.kind, `Cannot sign "${path}": ${error.message}`, { hint: error.hint });
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The bytes that a key may have: far more than it has. */
const LARGEST_KEY = 1 << 16;

const STDIN = "standard input";

/** What CI puts in the place of a secret is empty: a here-document has a newline then. */
const NO_SECRET = "in CI, the secret is not set, or this job does not get it";

async function readPrivateKey(
  signKey: string,
  { env, inputs, descriptor }: SignerSources,
): Promise<{ text: string; warnings: Warning[] }> {
  const variable = signKeyVariable(signKey);
  if (variable !== undefined) {
    const text = env[variable];
    if (text?.trim()) return { text, warnings: [] };
    throw new ReleaseError(
      "usage",
      `Cannot read the signing key: the variable "${variable}" is not set, or empty`,
      {
        hint: `set it to the text of the key, or give --sign-key FILE; ${NO_SECRET}`,
      },
    );
  }
  const number = signKeyDescriptor(signKey);
  if (number !== undefined) {
    const text = new TextDecoder().decode(await descriptor(number, LARGEST_KEY));
    if (text.trim() !== "") return { text, warnings: [] };
    const source = number === 0 ? STDIN : `descriptor ${number}`;
    throw new ReleaseError("usage", `Cannot read the signing key: nothing came from ${source}`, {
      hint: `write the text of the key to it; what was read once does not come again; ${NO_SECRET}`,
    });
  }
  const bytes = await inputs.read(signKey).catch((error) => {
    throw error instanceof ReleaseError && error.cause instanceof Deno.errors.NotFound
      ? error.with({ hint: `\`fleet-release keygen ${quoteCommand([signKey])}\` makes a key there` })
      : error;
  });
  const text = new TextDecoder().decode(bytes);
  return { text, warnings: exposureOf(signKey, await inputs.mode(signKey)) };
}

/** A key that others can read is as good as lost. In a container with one user it need not be, so it is a warning. */
function exposureOf(path: string, mode: number | null): Warning[] {
  if (mode === null || (mode & 0o077) === 0) return [];
  const shown = (mode & 0o777).toString(8).padStart(4, "0");
  return [{
    code: "exposed-key",
    message: `The signing key "${path}" can be read by others (mode ${shown}): chmod 600 mends it`,
  }];
}

/**
 * Reads a key, and puts the file's name before what is wrong with it.
 *
 * @throws {ReleaseError} as `parse` does
 */
export async function named<T>(name: string, parse: () => Promise<T>): Promise<T> {
  try {
    return await parse();
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    throw new ReleaseError(error.kind, `Cannot use the key "${name}": ${error.message}`, {
      hint: error.hint,
    });
  }
}
