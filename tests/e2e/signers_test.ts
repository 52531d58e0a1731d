import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { generatePrivateKey, readPublicPart } from "../../src/crypto/private_key.ts";
import { RealAgent } from "../support/agent.ts";
import { type ProgramStart, TestFleet } from "../support/fleet.ts";
import { FleetWithoutNix } from "../support/fleet_without_nix.ts";
import { opensslVerifies } from "../support/openssl.ts";
import { expectRefused } from "../support/refusal.ts";
import { NOW, onlyHosts, shell } from "../support/releases.ts";
import { trustBytes } from "../support/trust.ts";

/** A fleet of one host, and so with two artifacts: the fleet and one manifest. */
const ONE_HOST = { edit: onlyHosts("db"), nixos: ["db"] };

/** A real fleet, or one that only nix and git are not real of. */
type SomeFleet = Pick<TestFleet, "root" | "run" | "files" | "json">;

/** Writes the trust file of a key with `pubkey`, and gives its path. */
async function trustFileFor(fleet: SomeFleet, keyFile: string): Promise<string> {
  const file = join(fleet.root, "home/trust.json");
  const args = ["pubkey", keyFile, "--format", "trust-file"];
  const { code, stdout, stderr } = await fleet.run(args);
  assertEquals([code, stderr], [0, ""]);
  await Deno.writeTextFile(file, stdout);
  return file;
}

/** Releases, and asserts that `verify` and openssl accept every signature by the key of this file. */
async function expectAccepted(
  fleet: SomeFleet,
  keyFile: string,
  args: readonly string[],
  start: ProgramStart = {},
): Promise<void> {
  const trust = ["--trust-file", await trustFileFor(fleet, keyFile)];
  const { code, stderr } = await fleet.run([...args, ...trust, "--now", NOW], start);
  assertEquals([code, stderr.includes("warning: ")], [0, false], stderr);
  const verdict = await fleet.run(["verify", ...trust, "--now", NOW]);
  assertEquals([verdict.code, verdict.stderr], [0, ""], verdict.stdout);
  const { algorithm, bytes: publicKey } = await readPublicPart(await Deno.readTextFile(keyFile));
  const files = await fleet.files();
  const documents = [...files.keys()].filter((path) => path.endsWith(".json"));
  for (const path of documents) {
    const signed = { bytes: files.get(path)!, signature: files.get(`${path}.sig`)! };
    assertEquals(await opensslVerifies({ algorithm, publicKey, ...signed }), true, path);
    const { meta } = await fleet.json(path);
    assertEquals(meta.signatureAlgorithm, algorithm);
  }
  assertEquals([documents.length, files.size], [2, 4]);
}

/** How others make keys: scripts that write one to the file `key`. */
const KEYS: Record<string, string> = {
  "openssl, Ed25519": "openssl genpkey -algorithm ed25519 -out key",
  "openssl, P-256 in PKCS#8": "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key",
  "openssl, P-256 in SEC 1": "openssl ecparam -name prime256v1 -genkey -noout -out key",
  "ssh-keygen": "ssh-keygen -q -t ed25519 -N '' -f key",
  "nix": "nix-store --generate-binary-cache-key cache.example.com-1 key key.pub",
};

Deno.test("--sign-key signs with keys that others make, and the algorithm follows from the key", async () => {
  await using fleet = await FleetWithoutNix.create(ONE_HOST);
  const key = join(fleet.root, "home/key");
  for (const [by, script] of Object.entries(KEYS)) {
    await shell(fleet, `rm -rf releases; cd ~; rm -f key key.pub; umask 077; ${script}`);
    await expectAccepted(fleet, key, ["--sign-key", key]).catch((error) => {
      throw new Error(`a key made by ${by}`, { cause: error });
    });
  }
});

Deno.test("--sign-key env:NAME takes the key from a variable, with permission to read it alone", async () => {
  await using fleet = await TestFleet.create(ONE_HOST);
  const key = join(fleet.root, "home/key");
  const { pem } = await generatePrivateKey("ecdsa-p256");
  await Deno.writeTextFile(key, pem);
  const args = ["--sign-key", "env:RELEASE_KEY", "--signature-algorithm", "ecdsa-p256"];
  const variables = ["RELEASE_KEY"];
  await expectAccepted(fleet, key, args, { env: { RELEASE_KEY: pem }, variables });
  const said = async (start: ProgramStart) => {
    const { code, stderr } = await fleet.run(args, start);
    return [code, ...stderr.split("\n")];
  };
  for (const env of [{}, { RELEASE_KEY: "" }]) {
    assertEquals(await said({ env, variables }), [
      1,
      'error: Cannot read the signing key: the variable "RELEASE_KEY" is not set, or empty',
      "hint: set it to the text of the key, or give --sign-key FILE; in CI, the secret is not set, or this job does not get it",
      "",
    ]);
  }
  assertEquals(await said({ env: { RELEASE_KEY: pem }, variables: [] }), [
    1,
    'error: No permission to read the variable "RELEASE_KEY"',
    "hint: give it with --allow-env=RELEASE_KEY, beside what is there",
    "",
  ]);
  const damaged = { RELEASE_KEY: pem.replace("\n", " ").slice(0, -40) };
  assertEquals(await said({ env: damaged, variables }), [
    1,
    'error: Cannot use the key "env:RELEASE_KEY": it is damaged',
    "hint: copy it again, whole, with its first and last line and its line breaks",
    "",
  ]);
});

Deno.test("--sign-agent has a real ssh-agent sign, with permission to use its socket alone", async () => {
  await using fleet = await TestFleet.create(ONE_HOST);
  await using agent = await RealAgent.start();
  await agent.key("other");
  await agent.key("key");
  const publicKey = join(fleet.root, "home/key.pub");
  await Deno.copyFile(join(agent.dir, "key.pub"), publicKey);
  const args = ["--sign-agent", publicKey];
  const start = { env: { SSH_AUTH_SOCK: agent.socket }, socket: agent.socket };
  await expectAccepted(fleet, publicKey, args, start);

  const contradiction = await fleet.run([...args, "--signature-algorithm", "ecdsa-p256"], start);
  assertEquals([contradiction.code, contradiction.stderr.split("\n")[0]], [
    1,
    "error: The key of --sign-agent makes ed25519, not ecdsa-p256 signatures",
  ]);
  await agent.add("-d", join(agent.dir, "key"));
  const missing = await fleet.run(args, start);
  assertEquals([missing.code, missing.stderr.replace(/SHA256:\S+/, "FINGERPRINT")], [
    2,
    "error: The ssh-agent does not hold the key FINGERPRINT\n" +
    "hint: `ssh-add -l` lists the keys that it holds: add this one with ssh-add\n",
  ]);
  const without = await fleet.run(args);
  assertEquals([without.code, without.stderr], [
    1,
    "error: There is no ssh-agent to sign with: SSH_AUTH_SOCK is not set\n" +
    "hint: start one with `eval $(ssh-agent)`, and add the key with ssh-add\n",
  ]);
});

Deno.test("a key is refused that contradicts --signature-algorithm, wherever that is given", async () => {
  await using fleet = await FleetWithoutNix.create(ONE_HOST);
  const key = join(fleet.root, "home/key");
  for (const [algorithm, wanted] of [["ed25519", "ecdsa-p256"], ["ecdsa-p256", "ed25519"]] as const) {
    await Deno.writeTextFile(key, (await generatePrivateKey(algorithm)).pem, { mode: 0o600 });
    const refused = {
      message: `The key of --sign-key makes ${algorithm}, not ${wanted} signatures`,
      hint:
        "leave --signature-algorithm (NIXFLEET_SIGNATURE_ALGORITHM) out: the algorithm follows from the key",
    };
    const onlyArgs = ["--sign-key", key];
    await expectRefused(fleet, { onlyArgs: [...onlyArgs, "--signature-algorithm", wanted] }, refused);
    await expectRefused(fleet, { onlyArgs, env: { NIXFLEET_SIGNATURE_ALGORITHM: wanted } }, refused);
  }
});

Deno.test("a key file that others can read is used with a warning that names its mode", async () => {
  await using fleet = await FleetWithoutNix.create(ONE_HOST);
  const key = join(fleet.root, "home/key");
  const { pem } = await generatePrivateKey("ed25519");
  await Deno.writeTextFile(key, pem);
  const trust = ["--trust-file", await trustFileFor(fleet, key)];
  for (
    const [mode, shown] of [[0o640, "0640"], [0o604, "0604"], [0o600, undefined], [0o400, undefined]] as const
  ) {
    await Deno.chmod(key, mode);
    const { code, stdout, stderr } = await fleet.run(["--sign-key", key, "--json", ...trust]);
    const message = `The signing key "${key}" can be read by others (mode ${shown}): chmod 600 mends it`;
    const expected = shown === undefined ? [] : [{ code: "exposed-key", message }];
    assertEquals([code, JSON.parse(stdout).warnings], [0, expected], stderr);
    assertEquals(
      stderr.split("\n").filter((line) => line.startsWith("warning: ")),
      expected.map(({ message }) => `warning: ${message}`),
    );
  }
});

Deno.test("a key that is not trusted is refused before a host is evaluated or built", async () => {
  await using fleet = await FleetWithoutNix.create(ONE_HOST);
  await using agent = await RealAgent.start();
  const sshKey = await agent.key("ssh");
  const sshFile = join(fleet.root, "home/ssh.pub");
  await Deno.copyFile(join(agent.dir, "ssh.pub"), sshFile);
  const key = join(fleet.root, "home/key");
  const { pem, publicKey } = await generatePrivateKey("ed25519");
  await Deno.writeTextFile(key, pem, { mode: 0o600 });
  const trust = join(fleet.root, "home/trust.json");
  await Deno.writeFile(trust, trustBytes({ current: (await generatePrivateKey("ed25519")).publicKey }));
  for (
    const [args, { bytes }] of [
      [["--sign-key", key], publicKey],
      [["--sign-agent", sshFile], sshKey],
    ] as const
  ) {
    const env = { SSH_AUTH_SOCK: agent.socket };
    const { code, stderr } = await fleet.run([...args, "--trust-file", trust], { env });
    const error = stderr.slice(stderr.indexOf("error: "));
    assertEquals([code, error, (await fleet.files()).size], [
      3,
      `error: The signing key ed25519:${bytes.toBase64()} is none of --trust-file ${trust}\n` +
      "hint: consumers would refuse its signatures\n",
      0,
    ]);
    assertEquals(fleet.memory.effects, [
      "lock .",
      `repository of ${fleet.dir}`,
      "ask when cccccccc was made",
      "inventory fleet.resolved",
    ]);
  }
});
