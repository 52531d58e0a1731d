/**
 * The operator's own commands, run by `sh -c` with the environment of the contract.
 *
 * The text of a hook may hold a token, so it is never shown: not in errors, not by `-v`, and not where the hook's
 * own output repeats it.
 *
 * @module
 */
import { join } from "@std/path";
import type { SignatureEncoding } from "../config.ts";
import type { SignatureAlgorithm } from "../contract/types.ts";
import { fixedFromDer } from "../crypto/signature.ts";
import { shapeOf, SIGNATURE_LENGTH, type SignatureShape } from "../crypto/signature_shape.ts";
import { ioError, ReleaseError } from "../errors.ts";
import type { ArtifactSigner, Hooks, ReleaseFile, Signed } from "../ports.ts";
import { HIDDEN, redactor } from "../secrets.ts";
import { type CommandResult, lastLines, type Shell } from "./process.ts";

/** What the hooks are given beside their own variables. */
export interface HookSettings {
  readonly env: Readonly<Record<string, string>>;
  /** A directory of this run alone, for what is handed to the sign hook. */
  readonly tempDir: string;
}

/** As much of what it wrote as is looked at. */
const MOST_READ = 64 * 1024;

/** A command that signs, and what it makes. */
export interface SignHook {
  readonly command: string;
  readonly algorithm: SignatureAlgorithm;
  readonly encoding: SignatureEncoding;
}

/** The operator's hooks, in the directory that the program was started in. */
export function createHooks(
  shell: Shell,
  settings: HookSettings,
): Hooks & { signer(hook: SignHook): ArtifactSigner } {
  const sh = shell.find("sh");

  function run(hook: string, command: string, env: Record<string, string>): Promise<CommandResult> {
    const hide = redactor(command);
    return shell.run(
      [sh, "-c", command],
      {
        env: { ...settings.env, ...env },
        // Both outputs go where people read: stdout of this program is for data.
        stdout: "as stderr",
        onStderr: hide,
        shown: [...Object.entries(env).map(([name, value]) => `${name}=${value}`), "sh", "-c", `<${hook}>`],
      },
    );
  }

  /** How a hook failed: the last that it printed, without what may be secret. */
  function failure(
    kind: "push-hook" | "sign-hook",
    message: string,
    command: string,
    result: CommandResult,
    hint?: string,
  ) {
    const lines = lastLines(result.stderr, 15).map(redactor(command));
    const hints = [
      ...(hint === undefined ? [] : [hint]),
      ...(lines.some((line) => line.includes(HIDDEN))
        ? [`${HIDDEN} stands for a part of the hook's own text`]
        : []),
    ];
    return new ReleaseError(kind, message, { lines, hint: hints.join("; ") || undefined });
  }

  return {
    async push(command, { host, storePath, closureHash }): Promise<void> {
      const result = await run("push hook", command, {
        NIXFLEET_HOST: host,
        NIXFLEET_PATH: storePath,
        NIXFLEET_CLOSURE_HASH: closureHash,
      });
      if (result.code !== 0) {
        const message = `Push hook failed for host "${host}": it exited with ${result.code}`;
        throw failure("push-hook", message, command, result);
      }
    },

    signer: ({ command, algorithm, encoding }) => ({
      algorithm,
      publicKey: null,
      warnings: [],
      sign: (artifact) => sign(command, encoding, artifact),
    }),
  };

  async function sign(
    command: string,
    encoding: SignatureEncoding,
    { path, bytes }: ReleaseFile,
  ): Promise<Signed> {
    const dir = await Deno.makeTempDir({ dir: settings.tempDir, prefix: "sign-" });
    const input = join(dir, "input");
    const output = join(dir, "output");
    try {
      await Deno.writeFile(input, bytes, { mode: 0o600 });
      await Deno.writeFile(output, new Uint8Array(), { mode: 0o600 });
    } catch (error) {
      throw ioError(`Cannot hand "${path}" to the sign hook`, error);
    }
    const result = await run("sign hook", command, { NIXFLEET_INPUT: input, NIXFLEET_OUTPUT: output });
    if (result.code !== 0) {
      const message = `Sign hook failed for "${path}": it exited with ${result.code}`;
      throw failure("sign-hook", message, command, result);
    }
    const written = await readSmall(output);
    const signature = encoding === "der" && written !== undefined ? fixedFromDer(written) : written;
    if (signature?.length !== SIGNATURE_LENGTH) {
      const wrote = written === undefined
        ? "no file"
        : written.length === 0
        ? "nothing"
        : written.length === MOST_READ
        ? `${MOST_READ} bytes or more`
        : `${written.length} bytes`;
      const expected = encoding === "der" ? "a DER-encoded ECDSA signature" : `${SIGNATURE_LENGTH} raw bytes`;
      throw failure(
        "sign-hook",
        `Sign hook gave no signature for "${path}": it wrote ${wrote}, expected ${expected}`,
        command,
        result,
        encoding === "der" && written?.length === SIGNATURE_LENGTH
          ? "this may be the fixed form already: leave out --signature-encoding der"
          : adviceFor(written ?? new Uint8Array()),
      );
    }
    return { signature, input: await readSmall(input, bytes.length + 1) ?? new Uint8Array() };
  }
}

/** How to make the right thing of what a hook wrote. */
const ADVICE: Readonly<Record<SignatureShape, string>> = {
  "empty": "the command must write the signature to the file $NIXFLEET_OUTPUT, not to stdout",
  "PEM or an SSH signature": "this is PEM or an SSH signature: write the raw signature bytes",
  "hex": "this is hex: decode it, as with xxd -r -p",
  "base64": "this is base64: decode it, as with base64 -d",
  "base64 of a DER-encoded signature":
    "this is base64 of a DER-encoded signature: decode it, as with base64 -d, and " +
    "give --signature-algorithm ecdsa-p256 and --signature-encoding der",
  "a DER-encoded ECDSA signature":
    "this is a DER-encoded ECDSA signature: give --signature-algorithm ecdsa-p256 and " +
    "--signature-encoding der",
  "a signature with a newline behind it":
    "there is a newline behind the signature: write the bytes alone, as with printf or a file",
};

function adviceFor(bytes: Uint8Array): string {
  const shape = shapeOf(bytes);
  return shape === undefined
    ? "write the raw signature, 64 bytes: Ed25519 as it is, ECDSA P-256 as r and s of 32 bytes each"
    : ADVICE[shape];
}

/** A file's bytes, or as many as tell that it is too large; undefined when there is no such file. */
async function readSmall(path: string, most = MOST_READ): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    if (!(await Deno.lstat(path)).isFile) return undefined;
    using file = await Deno.open(path);
    const buffer = new Uint8Array(most);
    let length = 0;
    for (let count: number | null = 0; count !== null && length < most; length += count ?? 0) {
      count = await file.read(buffer.subarray(length));
    }
    return buffer.slice(0, length);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw ioError("Cannot read what the sign hook wrote", error);
  }
}
