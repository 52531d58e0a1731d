/**
 * Real ssh-agents, with keys made by ssh-keygen.
 *
 * @module
 */
import { join } from "@std/path";
import { exists } from "@std/fs";
import { parsePublicKey } from "../../src/crypto/private_key.ts";
import type { PublicKey } from "../../src/crypto/signature.ts";
import { expectRun, which } from "./command.ts";

const [SSH_AGENT, SSH_ADD, SSH_KEYGEN] = ["ssh-agent", "ssh-add", "ssh-keygen"].map((program) =>
  which(program)
);
const PATH = Deno.env.get("PATH") ?? "";

/** A real agent, and a directory for its socket and its keys, which goes with it. */
export class RealAgent implements AsyncDisposable {
  /** The directory. */
  readonly dir: string;
  readonly #process: Deno.ChildProcess;

  private constructor(dir: string, process: Deno.ChildProcess) {
    this.dir = dir;
    this.#process = process;
  }

  /**
   * Starts an agent.
   *
   * @param confirms What it asks for confirmation: a program that agrees by succeeding
   */
  static async start(confirms: string = which("false")): Promise<RealAgent> {
    const dir = await Deno.realPath(await Deno.makeTempDir());
    const process = new Deno.Command(SSH_AGENT!, {
      args: ["-D", "-a", join(dir, "socket")],
      env: { PATH, SSH_ASKPASS: confirms, SSH_ASKPASS_REQUIRE: "force" },
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    for (let tries = 0; !await exists(join(dir, "socket")); tries++) {
      if (tries === 1000) throw new Error("The ssh-agent does not start");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return new RealAgent(dir, process);
  }

  /** The path of its socket. */
  get socket(): string {
    return join(this.dir, "socket");
  }

  /** Makes a key; it is added to the agent unless that is left out. */
  async key(name: string, options: readonly string[] | null = []): Promise<PublicKey> {
    const file = join(this.dir, name);
    await expectRun([SSH_KEYGEN!, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file], {
      env: { PATH },
    });
    if (options !== null) await this.add(...options, file);
    return await parsePublicKey(await Deno.readTextFile(`${file}.pub`));
  }

  /** Runs `ssh-add`, which is told "secret" when it asks for a password. */
  async add(...args: string[]): Promise<string> {
    const askpass = join(this.dir, "askpass");
    await Deno.writeTextFile(askpass, "#!/bin/sh\necho secret\n", { mode: 0o700 });
    return await expectRun([SSH_ADD!, ...args], {
      env: { PATH, SSH_AUTH_SOCK: this.socket, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#process.status;
    await Deno.remove(this.dir, { recursive: true });
  }
}
