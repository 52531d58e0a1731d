import { assertEquals } from "@std/assert";
import { exists } from "@std/fs";
import { join } from "@std/path";
import { parsePublicKey } from "../../src/crypto/private_key.ts";
import { expectRun, PROJECT, which } from "../support/command.ts";
import { runInProcess } from "../support/in_process.ts";
import { DENO_ENV, expectProgram, inTempDir, runProgram } from "../support/program.ts";

const PATH = { PATH: Deno.env.get("PATH") ?? "" };

/** The public part of a private key file, as openssl finds it. */
async function opensslPublicPart(file: string) {
  const pem = await expectRun([which("openssl"), "pkey", "-in", file, "-pubout"], { env: PATH });
  return await parsePublicKey(pem);
}

/** Runs the program in this process; it has to exit with 0 and say nothing on stderr. */
async function expectHere(args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await runInProcess(args, { cwd });
  assertEquals([code, stderr], [0, ""], args.join(" "));
  return stdout;
}

for (
  const [algorithm, options] of [["ed25519", []], ["ecdsa-p256", ["--algorithm", "ecdsa-p256"]]] as const
) {
  Deno.test(`keygen makes an ${algorithm} key that openssl reads, and prints its public part in every format`, async () => {
    await inTempDir(async (cwd) => {
      const make = async (name: string, ...args: string[]) => {
        const file = join(cwd, name);
        const call = ["keygen", name, ...options, ...args];
        // One of them as a process, which may write the file and nothing else.
        const printed = args.length === 0
          ? await expectProgram([`--allow-write=${file}`], call, { cwd })
          : await expectHere(call, cwd);
        const publicKey = await opensslPublicPart(file);
        assertEquals(publicKey.algorithm, algorithm);
        assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
        return { printed, key: { algorithm, public: publicKey.bytes.toBase64() } };
      };
      const fragment = await make("fragment.pem");
      assertEquals(fragment.printed, `${JSON.stringify(fragment.key, null, 2)}\n`);
      const trust = await make("trust.pem", "--format", "trust-file");
      const none = { previous: null, successor: null, retireAt: null, rejectBefore: null };
      assertEquals(JSON.parse(trust.printed), {
        schemaVersion: 1,
        ciReleaseKey: { current: trust.key, ...none },
      });
      const line = await make("line.pem", "--format=public-key");
      assertEquals(line.printed, `${algorithm}:${line.key.public}\n`);
      const json = await make("json.pem", "--json");
      const printed = { file: "json.pem", key: json.key, publicKey: `${algorithm}:${json.key.public}` };
      assertEquals(JSON.parse(json.printed), { schema: "fleet-release/keygen/1", ...printed });
      const again = await expectHere(["pubkey", "json.pem", "--json"], cwd);
      assertEquals(JSON.parse(again), { schema: "fleet-release/pubkey/1", ...printed });
      // Every key is a new one.
      assertEquals(new Set([fragment, trust, line, json].map(({ key }) => key.public)).size, 4);
    });
  });
}

Deno.test("keygen writes a key that only its owner can read, whatever the umask", async () => {
  await inTempDir(async (cwd) => {
    for (const umask of ["000", "177"]) {
      const main = join(PROJECT, "src/main.ts");
      const program = [Deno.execPath(), "run", "--no-prompt", "--cached-only", `--allow-write=${cwd}`, main];
      await expectRun([which("sh"), "-c", `umask ${umask} && exec "$@"`, "sh", ...program, "keygen", umask], {
        cwd,
        env: { ...PATH, ...DENO_ENV, HOME: cwd },
      });
      assertEquals((await Deno.stat(join(cwd, umask))).mode! & 0o777, 0o600, umask);
    }
  });
});

Deno.test("keygen never writes over what is there, nor through a link", async () => {
  await inTempDir(async (cwd) => {
    await Deno.writeTextFile(join(cwd, "file"), "the only copy");
    await Deno.mkdir(join(cwd, "directory"));
    await Deno.symlink(join(cwd, "file"), join(cwd, "link"));
    await Deno.symlink(join(cwd, "elsewhere"), join(cwd, "dangling"));
    for (const name of ["file", "directory", "link", "dangling"]) {
      const result = await runInProcess(["keygen", name], { cwd });
      assertEquals(result, {
        code: 1,
        stdout: "",
        stderr: `error: Cannot write "${name}": it is there already\n` +
          "hint: give another name, or move it away: a key that is gone cannot sign again. Is it the one that you want, " +
          "`fleet-release pubkey` prints its public part anew\n",
      });
    }
    assertEquals(await Deno.readTextFile(join(cwd, "file")), "the only copy");
    assertEquals(await exists(join(cwd, "elsewhere")), false);
  });
});

/** What keygen and pubkey refuse: the arguments, what they say, and the hint. */
const REFUSED: Record<string, [args: string[], message: string, hint?: string]> = {
  "no file": [["keygen"], "keygen wants the file to write", "write `fleet-release keygen FILE`"],
  "two files": [
    ["keygen", "a", "b"],
    'Unknown argument "b"',
    "usage: fleet-release keygen FILE [OPTION...]",
  ],
  "an unknown algorithm": [
    ["keygen", "key", "--algorithm", "rsa"],
    'Cannot read --algorithm "rsa": expected ed25519 or ecdsa-p256',
  ],
  "an unknown format": [
    ["pubkey", "key", "--format", "pem"],
    'Cannot read --format "pem": expected fragment, trust-file or public-key',
  ],
  "a file that is no key": [
    ["pubkey", "text"],
    'Cannot use the key "text": it is no key in a format that is known, expected PEM, OpenSSH or nix',
    "`fleet-release keygen` makes one",
  ],
  "an empty file": [
    ["pubkey", "empty"],
    'Cannot use the key "empty": it is empty, expected a key',
    "`fleet-release keygen` makes one",
  ],
  "an option of another command": [
    ["pubkey", "text", "--algorithm", "ed25519"],
    'Unknown option "--algorithm"',
    "fleet-release pubkey --help lists the options",
  ],
};

Deno.test("keygen and pubkey say what is wrong, and write nothing", async () => {
  await inTempDir(async (cwd) => {
    await Deno.writeTextFile(join(cwd, "text"), "no key");
    await Deno.writeTextFile(join(cwd, "empty"), "");
    for (const [what, [args, message, hint]] of Object.entries(REFUSED)) {
      const result = await runInProcess(args, { cwd });
      const stderr = `error: ${message}\n${hint === undefined ? "" : `hint: ${hint}\n`}`;
      assertEquals(result, { code: 1, stdout: "", stderr }, what);
      const asJson = await runInProcess([...args, "--json"], { cwd });
      assertEquals(JSON.parse(asJson.stdout).schema, "fleet-release/error/1", what);
    }
    for (const command of ["keygen", "pubkey"]) {
      const { code, stderr } = await runInProcess([
        command,
        "missing/key",
      ], { cwd });
      const action = command === "keygen" ? "write" : "read";
      assertEquals([code, stderr.includes(`error: Cannot ${action} "missing/key": No such file`)], [1, true]);
    }
    assertEquals([...Deno.readDirSync(cwd)].map(({ name }) => name).sort(), ["empty", "text"]);
  });
});

Deno.test("pubkey prints the public part of a key in every format, with permission to read it alone", async () => {
  await inTempDir(async (cwd) => {
    const shell = (script: string) =>
      expectRun([which("sh"), "-ec", script], { cwd, env: { ...PATH, HOME: cwd, NIX_REMOTE: "" } });
    await shell(`
      openssl genpkey -algorithm ed25519 -out ed25519.pem
      openssl pkey -in ed25519.pem -pubout -out ed25519.pub.pem
      openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.pem
      openssl ec -in p256.pem -out sec1.pem 2> /dev/null
      openssl pkey -in p256.pem -pubout -out p256.pub.pem
      ssh-keygen -q -t ed25519 -N '' -C 'a comment' -f ssh
      ssh-keygen -q -t rsa -b 1024 -N '' -f rsa
      ssh-keygen -q -t ed25519 -a 1 -N secret -f locked
      nix-store --generate-binary-cache-key cache.example.com-1 nix nix.pub
    `);
    const print = (file: string, ...args: string[]) => expectHere(["pubkey", file, ...args], cwd);
    const line = (file: string) => print(file, "--format", "public-key");
    const sameLines: Record<string, string[]> = {};
    for (const files of [["ed25519.pem", "ed25519.pub.pem"], ["p256.pem", "sec1.pem", "p256.pub.pem"]]) {
      const { algorithm, bytes } = await parsePublicKey(await Deno.readTextFile(join(cwd, files.at(-1)!)));
      for (const file of files) sameLines[file] = [await line(file), `${algorithm}:${bytes.toBase64()}\n`];
    }
    const nixPublic = (await Deno.readTextFile(join(cwd, "nix.pub"))).split(":")[1]!.trim();
    for (const file of ["nix", "nix.pub"]) sameLines[file] = [await line(file), `ed25519:${nixPublic}\n`];
    // What a line of OpenSSH has in base64 ends with the key.
    const sshPublic = Uint8Array.fromBase64((await Deno.readTextFile(join(cwd, "ssh.pub"))).split(" ")[1]!);
    for (const file of ["ssh", "ssh.pub"]) {
      sameLines[file] = [await line(file), `ed25519:${sshPublic.slice(-32).toBase64()}\n`];
    }
    for (const [file, [printed, expected]] of Object.entries(sameLines)) {
      assertEquals(printed, expected, file);
    }

    const key = { algorithm: "ed25519", public: nixPublic };
    assertEquals(await print("nix"), `${JSON.stringify(key, null, 2)}\n`);
    for (const file of ["nix", "ssh"]) {
      const printed = await expectProgram([`--allow-read=${join(cwd, file)}`], ["pubkey", file], { cwd });
      assertEquals(printed, await print(file));
    }
    const none = { previous: null, successor: null, retireAt: null, rejectBefore: null };
    assertEquals(JSON.parse(await print("nix", "--format", "trust-file")), {
      schemaVersion: 1,
      ciReleaseKey: { current: key, ...none },
    });

    const refused = (file: string) => runInProcess(["pubkey", file], { cwd });
    for (
      const [file, problem, hint] of [
        ["rsa", "it is an RSA key, expected an ssh-ed25519 key", "`fleet-release keygen` makes one"],
        [
          "locked",
          "it is encrypted, expected a key without a passphrase",
          "sign with --sign-agent, or take the passphrase away with `ssh-keygen -p -f FILE`",
        ],
      ] as const
    ) {
      assertEquals(await refused(file), {
        code: 1,
        stdout: "",
        stderr: `error: Cannot use the key "${file}": ${problem}\nhint: ${hint}\n`,
      });
    }
  });
});

Deno.test("keygen and pubkey name the permission that they lack", async () => {
  await inTempDir(async (cwd) => {
    await Deno.writeTextFile(join(cwd, "key"), "");
    for (const [command, access] of [["keygen", "write"], ["pubkey", "read"]] as const) {
      const { code, stdout, stderr } = await runProgram([], [command, "key"], { cwd });
      assertEquals([code, stdout], [1, ""]);
      assertEquals(
        stderr.split("\n")[0],
        `error: Cannot ${access} "key": Requires ${access} access to "key", run again with the --allow-${access} flag`,
      );
    }
  });
});
