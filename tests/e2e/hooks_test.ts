import { assertEquals } from "@std/assert";
import { ensureDir, exists } from "@std/fs";
import { basename, join } from "@std/path";
import { expectRun, PROJECT, run, which } from "../support/command.ts";
import { type Draft, KEY, PUBLIC_KEY, SIGN, TestFleet } from "../support/fleet.ts";
import { FleetWithoutNix } from "../support/fleet_without_nix.ts";
import { type Attempt, expectRefused, type Refusal, type Refusing } from "../support/refusal.ts";
import { SIDECARS } from "../support/releases.ts";

const RAW_SIGNATURE = 'head -c 64 /dev/zero > "$NIXFLEET_OUTPUT"';
const NOW = ["--now", "2026-06-01T12:00:00Z"];

/** Where hooks write down what they see: outside of everything that a run touches. */
function noteFile(fleet: Refusing): string {
  return join(fleet.root, "home/notes");
}

/** What the hooks wrote down. */
async function notes(fleet: Refusing): Promise<string> {
  return await exists(noteFile(fleet)) ? await Deno.readTextFile(noteFile(fleet)) : "";
}

/** A hook whose text says nothing of what it does and prints. */
async function scriptOf(fleet: Refusing, text: string): Promise<string> {
  const file = join(fleet.root, "home/hook.sh");
  await Deno.writeTextFile(file, text);
  return `sh ${file}`;
}

/** The variables of the contract, one a line. */
const VARIABLES = "env | grep ^NIXFLEET_ | sort";

Deno.test("the program calls both hooks where it was started, stdin closed: for each closure, then for each artifact", async () => {
  const hosts = { nixos: ["web1", "web2", "db"], darwin: ["air"] };
  // Content that no store has seen, so that there is something to build.
  const content = Object.fromEntries(
    [...hosts.nixos, ...hosts.darwin].map((name) => [name, crypto.randomUUID()]),
  );
  await using fleet = await TestFleet.create({
    edit: (fleet) => fleet["hosts"].air = { ...fleet["hosts"].db, system: "aarch64-darwin" },
    files: {
      "hosts.json": JSON.stringify({ ...hosts, content }),
      "revocations.json": "[]",
      "bootstrap-nonces.json": "[]",
    },
  });
  const paths = await closuresOf(fleet);
  for (const path of Object.values(paths)) assertEquals(await exists(path), false);
  const allBuilt = Object.values(paths).map((path) => `test -e ${path}`).join(" && ");
  const start = join(fleet.root, "start");
  await ensureDir(start);

  const where = 'echo noise; echo noise >&2; pwd -P; cat; echo "end of input"';
  const push = `echo noise >&2; ${allBuilt} && (${where}; ${VARIABLES}) >> ${noteFile(fleet)}`;
  const sign = `(${where}; ${VARIABLES}; ls -ld "$NIXFLEET_INPUT" | cut -c1-10; ` +
    `wc -c < "$NIXFLEET_OUTPUT" | tr -d ' '; cat "$NIXFLEET_INPUT"; echo) >> ${noteFile(fleet)}; ` +
    `echo noise; echo noise >&2; ${SIGN}`;
  const args = [
    "--build-flake",
    fleet.dir,
    "--push-cmd",
    push,
    "--push-jobs",
    "1",
    "--sign-cmd",
    sign,
    "--json",
    ...SIDECARS,
  ];
  const { code, stdout, stderr } = await run(
    [Deno.execPath(), "run", "-A", "--cached-only", "--frozen", join(PROJECT, "src/main.ts"), ...args],
    { cwd: start, env: fleet.env(), stdin: new TextEncoder().encode("what the program is given") },
  );
  assertEquals([code, stdout.includes("noise")], [0, false], stderr);

  const called = ["noise", start, "end of input"];
  const lines = (await notes(fleet)).split("\n");
  const pushed = ["db", "web1", "web2", "air"].flatMap((name) => [
    ...called,
    `NIXFLEET_CLOSURE_HASH=${basename(paths[name]!)}`,
    `NIXFLEET_HOST=${name}`,
    `NIXFLEET_PATH=${paths[name]}`,
  ]);
  assertEquals(lines.splice(0, pushed.length), pushed);

  const artifacts: string[] = JSON.parse(stdout).artifacts.map(({ path }: Draft) => path);
  assertEquals(artifacts.slice(0, 3), ["fleet.resolved.json", "revocations.json", "bootstrap-nonces.json"]);
  assertEquals(artifacts.length, 5);
  const made = await fleet.files(join(start, "releases"));
  assertEquals(made.size, 2 * artifacts.length);
  const handed = new Set<string>();
  for (const path of artifacts) {
    assertEquals(lines.splice(0, called.length), called);
    const [input, output, ...others] = lines.splice(0, 5);
    assertEquals(others, ["-rw-------", "0", new TextDecoder().decode(made.get(path))]);
    for (const [variable, line] of [["NIXFLEET_INPUT", input], ["NIXFLEET_OUTPUT", output]]) {
      const [name, file = ""] = line!.split("=");
      assertEquals([name, file.startsWith(`${fleet.root}/tmp/`), await exists(file)], [
        variable,
        true,
        false,
      ]);
      handed.add(file);
    }
  }
  assertEquals(lines, [""]);
  assertEquals(handed.size, 2 * artifacts.length);
});

/** Where the closure of each host will be, as nix says it. */
async function closuresOf(fleet: TestFleet): Promise<Record<string, string>> {
  const features = ["--extra-experimental-features", "nix-command flakes"];
  const outPaths = "builtins.mapAttrs (_: host: host.config.system.build.toplevel.outPath)";
  const paths: Record<string, string> = {};
  for (const set of ["nixosConfigurations", "darwinConfigurations"]) {
    const argv = [which("nix"), ...features, "eval", "--json", `.#${set}`, "--apply", outPaths];
    Object.assign(paths, JSON.parse(await expectRun(argv, { cwd: fleet.dir, env: fleet.env() })));
  }
  return paths;
}

Deno.test("the program takes hooks from the environment, and an option before its variable", async () => {
  await using fleet = await FleetWithoutNix.create();
  const noting = (word: string) => `echo ${word} >> ${noteFile(fleet)}`;
  const env = { NIXFLEET_PUSH_CMD: noting("push"), NIXFLEET_SIGN_CMD: `${noting("sign")}; ${SIGN}` };
  assertEquals((await fleet.run(["--hosts", "db"], { env })).code, 0);
  assertEquals(await notes(fleet), "push\nsign\nsign\n");
  await Deno.remove(noteFile(fleet));
  const args = [
    ...["--hosts", "db", "--public-key", PUBLIC_KEY],
    "--push-cmd",
    noting("other push"),
    "--sign-cmd",
    `${noting("other sign")}; ${SIGN}`,
  ];
  assertEquals((await fleet.run(args, { env })).code, 0);
  assertEquals(await notes(fleet), "other push\nother sign\nother sign\n");
});

Deno.test("the program pushes in the order of the hosts, each once", async () => {
  await using fleet = await FleetWithoutNix.create();
  const push = `echo "$NIXFLEET_HOST" >> ${noteFile(fleet)}`;
  const { code, stderr } = await fleet.release([
    "--hosts",
    "web2,,db, web1,web2,",
    "--push-cmd",
    push,
    "--push-jobs=1",
  ]);
  assertEquals([code, await notes(fleet)], [0, "web2\ndb\nweb1\n"], stderr);
});

Deno.test("the program stops at the first push that fails, and signs and writes nothing", async () => {
  await using fleet = await FleetWithoutNix.create();
  await expectEarlierRelease(fleet);
  const push = await scriptOf(
    fleet,
    `echo "$NIXFLEET_HOST" >> ${noteFile(fleet)}; test "$NIXFLEET_HOST" = db || ` +
      "{ echo to stdout; echo to stderr >&2; exit 3; }",
  );
  const sign = `echo signed >> ${noteFile(fleet)}; ${SIGN}`;
  const once = ["--push-jobs=1", "--push-retries=0"];
  await expectNothingDone(fleet, {
    onlyArgs: ["--git-commit", "--push-cmd", push, ...once, "--sign-cmd", sign],
  }, {
    code: 2,
    message: 'Push hook failed for host "web1": it exited with 3',
    lines: ["| to stdout", "| to stderr", "1 of 3 closures pushed"],
  });
  assertEquals(await notes(fleet), "db\nweb1\n");
});

Deno.test("the program's stdout has nothing of what hooks print", async () => {
  await using fleet = await FleetWithoutNix.create();
  const noise = "echo noise; echo noise >&2";
  const args = ["--push-cmd", noise, "--sign-cmd", `${noise}; ${SIGN}`, ...NOW];
  for (const more of [[], ["-v"], ["--log-format", "json"]]) {
    assertEquals((await fleet.run([...args, ...more])).stdout, "");
    const { stdout } = await fleet.run([...args, ...more, "--json"]);
    assertEquals([stdout.includes("noise"), JSON.parse(stdout).outcome], [false, "no-change"]);
  }
});

const text = (text: string) => new TextEncoder().encode(text);
const inLines = (text: string, width: number) =>
  text.replace(new RegExp(`.{${width}}`, "g"), "$&\n").trim() + "\n";
const RAW = "write the raw signature, 64 bytes: Ed25519 as it is, ECDSA P-256 as r and s of 32 bytes each";
const TO_FILE = "the command must write the signature to the file $NIXFLEET_OUTPUT, not to stdout";
const BASE64 = "this is base64: decode it, as with base64 -d";
const HEX = "this is hex: decode it, as with xxd -r -p";
const PEM = "this is PEM or an SSH signature: write the raw signature bytes";
const DER =
  "this is a DER-encoded ECDSA signature: give --signature-algorithm ecdsa-p256 and --signature-encoding der";
const NEWLINE = "there is a newline behind the signature: write the bytes alone, as with printf or a file";

/** What sign hooks leave in place of 64 raw bytes, made from a real signature, and the hint that it gets. */
const FORMS: [of: string, make: (raw: Uint8Array, der: Uint8Array) => Uint8Array, hint: string][] = [
  ["of 0 bytes", () => new Uint8Array(), TO_FILE],
  ["of 63 bytes", (raw) => raw.slice(1), RAW],
  ["of 65 bytes", (raw) => new Uint8Array([...raw, 0]), RAW],
  ["with a newline behind it", (raw) => new Uint8Array([...raw, 10]), NEWLINE],
  ["in DER", (_raw, der) => der, DER],
  ["in base64", (raw) => text(raw.toBase64()), BASE64],
  ["in base64 as coreutils write it", (raw) => text(inLines(raw.toBase64(), 76)), BASE64],
  ["in base64 as openssl writes it", (raw) => text(inLines(raw.toBase64(), 64)), BASE64],
  ["in hex", (raw) => text(raw.toHex()), HEX],
  ["in hex as xxd writes it", (raw) => text(inLines(raw.toHex(), 60)), HEX],
  ["in PEM", (raw) => text(`-----BEGIN SIGNATURE-----\n${raw.toBase64()}\n-----END SIGNATURE-----\n`), PEM],
];

for (const algorithm of ["ed25519", "ecdsa-p256"]) {
  Deno.test(`the program refuses what is no ${algorithm} signature, with a hint, and writes nothing`, async () => {
    await using fleet = await FleetWithoutNix.create();
    await expectEarlierRelease(fleet);
    const { raw, der } = await realSignatures(fleet);
    const file = join(fleet.root, "home/signature");
    const sign = await scriptOf(fleet, `echo a word of the signer >&2; cat ${file} > "$NIXFLEET_OUTPUT"`);
    const onlyArgs = ["--git-commit", "--signature-algorithm", algorithm, "--sign-cmd", sign];
    for (const [of, make, hint] of FORMS) {
      const bytes = make(raw, der);
      await Deno.writeFile(file, bytes);
      const wrote = bytes.length === 0 ? "nothing" : `${bytes.length} bytes`;
      await expectNothingDone(fleet, { onlyArgs }, {
        code: 2,
        message:
          `Sign hook gave no signature for "fleet.resolved.json": it wrote ${wrote}, expected 64 raw bytes`,
        lines: ["| a word of the signer"],
        hint,
      }).catch((error) => {
        throw new Error(`a signature ${of}`, { cause: error });
      });
    }
  });
}

/** Makes a release of an earlier day, as the program writes it. */
async function expectEarlierRelease(fleet: FleetWithoutNix): Promise<void> {
  const { code, stderr } = await fleet.release(["--now", "2026-05-01T12:00:00Z"]);
  assertEquals([code, (await fleet.files()).size], [0, 6], stderr);
}

/** Asserts that a run is refused, and changes no file and no repository. */
async function expectNothingDone(...call: [FleetWithoutNix, Attempt, Refusal]): Promise<void> {
  await expectRefused(...call);
  assertEquals(call[0].memory.committed, []);
}

/** A raw Ed25519 signature and an ECDSA signature in DER, as openssl makes them. */
async function realSignatures({ root }: Refusing): Promise<{ raw: Uint8Array; der: Uint8Array }> {
  const make = `printf message > message
    openssl pkeyutl -sign -rawin -inkey "$KEY" -in message -out raw
    openssl ecparam -genkey -name prime256v1 -noout -out ecdsa.pem
    openssl dgst -sha256 -sign ecdsa.pem -out der message`;
  const cwd = join(root, "home");
  await expectRun([which("sh"), "-ec", make], { cwd, env: { PATH: Deno.env.get("PATH") ?? "", KEY } });
  return { raw: await Deno.readFile(join(cwd, "raw")), der: await Deno.readFile(join(cwd, "der")) };
}

for (
  const [of, sign, refusal] of [
    ["exits with 1", "echo no key >&2; exit 1", {
      message: 'Sign hook failed for "fleet.resolved.json": it exited with 1',
      lines: ["| no key"],
    }],
    ["removes its output", 'rm "$NIXFLEET_OUTPUT"', {
      message:
        'Sign hook gave no signature for "fleet.resolved.json": it wrote no file, expected 64 raw bytes',
      hint: TO_FILE,
    }],
    ["writes to stdout", "head -c 64 /dev/zero | tr '\\0' x", {
      message:
        'Sign hook gave no signature for "fleet.resolved.json": it wrote nothing, expected 64 raw bytes',
      lines: [`| ${"x".repeat(64)}`],
      hint: TO_FILE,
    }],
    [
      "fails at the second artifact",
      `case $(cat "$NIXFLEET_INPUT") in *'"hostSet"'*) exit 7;; esac; ${RAW_SIGNATURE}`,
      {
        message: 'Sign hook failed for "rollouts/SHA256.json": it exited with 7',
      },
    ],
  ] as const
) {
  Deno.test(`the program refuses to go on when the sign hook ${of}, and writes nothing`, async () => {
    await using fleet = await FleetWithoutNix.create();
    await expectEarlierRelease(fleet);
    const args = ["--git-commit", "--sign-cmd", await scriptOf(fleet, sign)];
    await expectNothingDone(fleet, { onlyArgs: args }, { code: 2, ...refusal });
  });
}

const TOKEN = "tok-4F9aZ77q";

/** Hooks with a secret in their text: all fail but the last, and most print it. */
const SECRETS: [of: string, command: string, secret?: string][] = [
  ["as an argument", `fleet-release-no-such-program ${TOKEN}`],
  ["as an argument that the hook prints", `echo ${TOKEN} >&2; echo ${TOKEN}; exit 3`],
  ["as a variable", `TOKEN=${TOKEN} fleet-release-no-such-program`],
  ["as a variable that the hook prints", `export TOKEN=${TOKEN}; printenv TOKEN; exit 3`],
  ["in an option", `echo --token=${TOKEN}; exit 3`],
  ["in a header", `echo 'Authorization: Bearer ${TOKEN}'; exit 3`],
  ["in a URL", `echo "cannot reach https://bob:${TOKEN}@cache.example.com"; exit 3`],
  ["in a syntax error", `echo ${TOKEN} (`],
  ["in a syntax error of a shell within", `$BASH -c 'TOKEN=${TOKEN} ('`],
  ["in a trace of the shell", `set -x; TOKEN=${TOKEN} true; exit 3`],
  [
    "of small letters",
    "echo --passphrase correct-horse-battery-staple; exit 3",
    "correct-horse-battery-staple",
  ],
  ["that looks like a path", "echo /wJalrXUtnFEMI/bPxRfiCYEXAMPLEKEY; exit 3", "wJalrXUtnFEMI"],
  ["with shell characters in quotes", "echo 'Zx;Tr|Qv&Lp'; exit 3", "Zx;Tr|Qv&Lp"],
  ["of four digits", "echo pin 4711; exit 3", "pin 4711"],
  ["in a hook that succeeds", `echo ${TOKEN}; test -z "$NIXFLEET_OUTPUT" || (${RAW_SIGNATURE})`],
];

for (const [of, command, secret = TOKEN] of SECRETS) {
  Deno.test(`the program never shows a secret ${of}, neither of a push hook nor of a sign hook`, async () => {
    await using fleet = await FleetWithoutNix.create({ nixos: ["db"] });
    const hook = command.replace("$BASH", shellThatQuotes());
    const leaks: string[] = [];
    for (
      const args of [
        ["--sign-cmd", SIGN, "--push-cmd", hook, "--push-retries=1"],
        ["--sign-cmd", SIGN, "--push-cmd", hook, "--push-retries=0", "-v"],
        ["--sign-cmd", hook, "--log-format", "json"],
        ["--sign-cmd", hook, "--log-format", "json", "-v"],
      ]
    ) {
      const { code, stdout, stderr } = await fleet.run(args);
      assertEquals(code, of.includes("succeeds") ? 0 : 2, stderr);
      leaks.push(...`${stdout}${stderr}`.split("\n").filter((line) => line.includes(secret)));
    }
    assertEquals(leaks, []);
  });
}

/** A shell that repeats the line that it cannot read, as `sh` is one on many systems. */
function shellThatQuotes(): string {
  try {
    return which("bash");
  } catch {
    return "sh";
  }
}

Deno.test("the program never shows a secret of the sign hook when the push hook prints its environment", async () => {
  await using fleet = await TestFleet.create({ nixos: ["db"] });
  const env = { NIXFLEET_SIGN_CMD: `sign --token ${TOKEN}` };
  // With -v all that it prints is shown, and the last of it in the error.
  const { code, stderr } = await fleet.run(["--push-cmd", "env; exit 3", "--push-retries=0", "-v"], { env });
  const lines = stderr.split("\n");
  assertEquals([code, lines.filter((line) => line.includes(TOKEN))], [2, []]);
  assertEquals(lines.some((line) => line === "| NIXFLEET_HOST=db"), true, stderr);
});
