/**
 * The operator's own commands, run by `sh -c` with the environment of the contract.
 *
 * The text of a hook may hold a token, so it is never shown: not in errors, not by `-v`, and not where the hook's
 * own output repeats it.
 *
 * @module
 */
import { join } from "@std/path";
import { ioError, ReleaseError } from "../errors.ts";
import type { Hooks, Signed } from "../ports.ts";
import { type CommandResult, lastLines, type Shell } from "./shell.ts";

/** What the hooks are given beside their own variables. */
export interface HookSettings {
  readonly env: Readonly<Record<string, string>>;
  /** A directory of this run alone, for what is handed to the sign hook. */
  readonly tempDir: string;
}

/** How long a signature is: raw Ed25519, or ECDSA P-256 in its fixed form. */
const SIGNATURE_LENGTH = 64;

/** The operator's hooks, in the directory that the program was started in. */
export function createHooks(shell: Shell, settings: HookSettings): Hooks {
  const sh = shell.find("sh");

  function run(hook: string, command: string, env: Record<string, string>): Promise<CommandResult> {
    return shell.run(
      [sh, "-c", command],
      // Both outputs go where people read: stdout of this program is for data.
      { env: { ...settings.env, ...env }, stdout: "as stderr" },
      [
        ...Object.entries(env).map(([name, value]) => `${name}=${value}`) as [string],
        "sh",
        "-c",
        `<${hook}>`,
      ],
    );
  }

  return {
    async push(command, { host, storePath, closureHash }): Promise<void> {
      const result = await run("push hook", command, {
        NIXFLEET_HOST: host,
        NIXFLEET_PATH: storePath,
        NIXFLEET_CLOSURE_HASH: closureHash,
      });
      if (result.code !== 0) {
        throw new ReleaseError(
          "push-hook",
          `Push hook failed for host "${host}": it exited with ${result.code}`,
          {
            lines: redact(lastLines(result.stderr, 15), command),
          },
        );
      }
    },

    async sign(command, { path, bytes }): Promise<Signed> {
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
      const lines = redact(lastLines(result.stderr, 15), command);
      if (result.code !== 0) {
        throw new ReleaseError("sign-hook", `Sign hook failed for "${path}": it exited with ${result.code}`, {
          lines,
        });
      }
      const signature = await readSmall(output);
      if (signature?.length !== SIGNATURE_LENGTH) {
        throw new ReleaseError(
          "sign-hook",
          `Sign hook gave no signature for "${path}": it wrote ${
            signature === undefined
              ? "no file"
              : signature.length === 0
              ? "nothing"
              : `${signature.length} bytes`
          }, expected ${SIGNATURE_LENGTH} raw bytes`,
          { lines, hint: signatureHint(signature ?? new Uint8Array()) },
        );
      }
      return { signature, input: await readSmall(input, bytes.length + 1) ?? new Uint8Array() };
    },
  };
}

/** A file's bytes, or as many as tell that it is too large; undefined when it is not there. */
async function readSmall(path: string, most = 64 * 1024): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    using file = await Deno.open(path);
    const buffer = new Uint8Array(most);
    let length = 0;
    while (length < most) {
      const count = await file.read(buffer.subarray(length));
      if (count === null) break;
      length += count;
    }
    return buffer.slice(0, length);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw ioError(`Cannot read what the sign hook wrote`, error);
  }
}

/** What the bytes look like, and how to make the right ones. */
function signatureHint(bytes: Uint8Array): string {
  const ascii = bytes.every((byte) => byte < 0x80) ? new TextDecoder().decode(bytes) : undefined;
  if (bytes.length === 0) {
    return "the command must write the signature to the file $NIXFLEET_OUTPUT, not to stdout";
  }
  if (ascii?.startsWith("-----BEGIN")) {
    return "this is PEM or an SSH signature: write the raw signature bytes";
  }
  if (ascii !== undefined && /^[0-9a-fA-F]{128}\s*$/.test(ascii)) {
    return "this is hex: decode it, as with xxd -r -p";
  }
  if (ascii !== undefined && /^[A-Za-z0-9+/_-]{86}(==)?\s*$/.test(ascii)) {
    return "this is base64: decode it, as with base64 -d";
  }
  if (bytes[0] === 0x30 && bytes[1] === bytes.length - 2) {
    return "this is a DER-encoded ECDSA signature: convert it to the fixed form, r and s of 32 bytes each";
  }
  if (bytes.length === SIGNATURE_LENGTH + 1 && bytes.at(-1) === 0x0a) {
    return "there is a newline behind the signature: write the bytes alone, as with printf or a file";
  }
  return "write the raw signature, 64 bytes: Ed25519 as it is, ECDSA P-256 as r and s of 32 bytes each";
}

/** Takes the parts of a command that may be secret out of what the command printed. */
function redact(lines: readonly string[], command: string): string[] {
  const words = command.split(/[\s"'`;|&()<>]+/);
  const secrets = words.flatMap((word) => [word, word.slice(word.indexOf("=") + 1)])
    // Names of programs, options, variables and files help to mend the hook, and are no secrets.
    .filter((word) =>
      word.length >= 6 && /[0-9A-Z+=:@]/.test(word) && !/^(\$|-|\.{0,2}\/|NIXFLEET_)/.test(word)
    )
    .concat(words.filter((word) => word.includes("=")).map((word) => word.slice(word.indexOf("=") + 1)))
    .filter((word) => word.length >= 4 && !word.startsWith("$"))
    .sort((a, b) => b.length - a.length);
  return lines.map((line) => secrets.reduce((text, secret) => text.replaceAll(secret, "***"), line));
}
