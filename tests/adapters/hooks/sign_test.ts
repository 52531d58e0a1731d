import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { createHooks } from "../../../src/adapters/hooks/hooks.ts";
import { hookContext } from "../../../src/adapters/hooks/run.ts";
import { runSignHook } from "../../../src/adapters/hooks/sign.ts";
import type { SignHook } from "../../../src/adapters/signers.ts";
import { bytesOf } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";
import { TemporaryDirectory, tracedShell } from "../../support/traced.ts";

const PATH = "/usr/bin:/bin";

/** Has a sign hook sign `{}`. */
async function sign(
  dir: TemporaryDirectory,
  command: string,
  { algorithm = "ed25519", encoding = "raw" }: Partial<SignHook> = {},
) {
  const { shell, commands } = tracedShell(dir.path);
  const context = hookContext(shell, { env: { PATH }, tempDir: dir.path });
  const artifact = { path: "fleet.resolved.json", bytes: bytesOf("{}") };
  const signed = await runSignHook(context, { command, algorithm, encoding }, artifact);
  return { ...signed, commands };
}

/** Why a sign hook is refused: what it wrote, and the advice. */
async function refused(dir: TemporaryDirectory, command: string, hook: Partial<SignHook> = {}) {
  const { kind, message, hint } = await rejection(sign(dir, command, hook));
  assertEquals(kind, "sign-hook");
  const [, wrote] =
    /^Sign hook gave no signature for "fleet\.resolved\.json": it wrote (.*)$/.exec(message) ?? [];
  return [wrote, hint];
}

const WRITE_64 = 'head -c 64 /dev/zero | tr "\\0" s > "$NIXFLEET_OUTPUT"';

Deno.test("runSignHook() hands the bytes over in a file, and takes 64 bytes from another", async () => {
  await using dir = await TemporaryDirectory.create();
  const command = `cp "$NIXFLEET_INPUT" seen; pwd -P > cwd; ls -l "$NIXFLEET_INPUT" "$NIXFLEET_OUTPUT" > modes
    ${WRITE_64}`;
  const { signature, input, commands } = await sign(dir, command);
  assertEquals([signature, input], [new Uint8Array(64).fill(0x73), bytesOf("{}")]);
  assertEquals(await Deno.readTextFile(join(dir.path, "seen")), "{}");
  assertEquals(await Deno.readTextFile(join(dir.path, "cwd")), `${dir.path}\n`);
  const modes = (await Deno.readTextFile(join(dir.path, "modes"))).trimEnd().split("\n");
  assertEquals(modes.map((line) => line.slice(0, 10)), ["-rw-------", "-rw-------"]);
  const [[inputVariable, outputVariable, ...shown]] = commands as [string[]];
  assertEquals(shown, ["sh", "-c", "<sign hook>"]);
  const [, own] = new RegExp(`^NIXFLEET_INPUT=(${dir.path}/sign-[^/]+)/input$`).exec(inputVariable!) ?? [];
  assertEquals(outputVariable, `NIXFLEET_OUTPUT=${own}/output`);
});

Deno.test("runSignHook() gives what lies before the hook when it ends, or what it was given when it took that away", async () => {
  await using dir = await TemporaryDirectory.create();
  const inputs = [];
  for (
    const change of [
      'printf "[]" > "$NIXFLEET_INPUT"',
      'rm "$NIXFLEET_INPUT"',
      'printf more >> "$NIXFLEET_INPUT"',
    ]
  ) {
    inputs.push(new TextDecoder().decode((await sign(dir, `${change}; ${WRITE_64}`)).input));
  }
  // One byte more than there were tells that it is another.
  assertEquals(inputs, ["[]", "{}", "{}m"]);
});

Deno.test("runSignHook() takes a DER-encoded signature when it is told to", async () => {
  await using dir = await TemporaryDirectory.create();
  // SEQUENCE of the INTEGERs 1 and 2.
  const der = `printf '\\060\\006\\002\\001\\001\\002\\001\\002' > "$NIXFLEET_OUTPUT"`;
  const expected = new Uint8Array(64);
  [expected[31], expected[63]] = [1, 2];
  const hook = { algorithm: "ecdsa-p256", encoding: "der" } as const;
  assertEquals((await sign(dir, der, hook)).signature, expected);
  assertEquals(await refused(dir, WRITE_64, hook), [
    "64 bytes, expected a DER-encoded ECDSA signature",
    "this may be the fixed form already: leave out --signature-encoding der",
  ]);
});

Deno.test("runSignHook() refuses what is no signature, with how much it is and how to mend it", async () => {
  await using dir = await TemporaryDirectory.create();
  const forms: [command: string, wrote: string, hint: string][] = [
    ["true", "nothing", "the command must write the signature to the file $NIXFLEET_OUTPUT, not to stdout"],
    [
      'rm "$NIXFLEET_OUTPUT"',
      "no file",
      "the command must write the signature to the file $NIXFLEET_OUTPUT, not to stdout",
    ],
    [
      'printf short > "$NIXFLEET_OUTPUT"',
      "5 bytes",
      "write the raw signature, 64 bytes: Ed25519 as it is, ECDSA P-256 as r and s of 32 bytes each",
    ],
    [
      `${WRITE_64}; echo >> "$NIXFLEET_OUTPUT"`,
      "65 bytes",
      "there is a newline behind the signature: write the bytes alone, as with printf or a file",
    ],
    [
      `head -c 128 /dev/zero | tr "\\0" a > "$NIXFLEET_OUTPUT"`,
      "128 bytes",
      "this is hex: decode it, as with xxd -r -p",
    ],
    [
      'head -c 100000 /dev/zero > "$NIXFLEET_OUTPUT"',
      "65536 bytes or more",
      "write the raw signature, 64 bytes: Ed25519 as it is, ECDSA P-256 as r and s of 32 bytes each",
    ],
  ];
  const found = [];
  for (const [command] of forms) found.push(await refused(dir, command));
  assertEquals(found, forms.map(([, wrote, hint]) => [`${wrote}, expected 64 raw bytes`, hint]));
});

Deno.test("runSignHook() follows a link in the place of the signature, to a regular file alone", async () => {
  await using dir = await TemporaryDirectory.create();
  const inPlace = (command: string) => `rm "$NIXFLEET_OUTPUT"; ${command}`;
  const link = (target: string) => inPlace(`ln -s ${target} "$NIXFLEET_OUTPUT"`);
  const { signature } = await sign(
    dir,
    `${link('"$PWD/kept"')}; head -c 64 /dev/zero | tr "\\0" s > kept`,
  );
  assertEquals(signature, new Uint8Array(64).fill(0x73));
  const places = [
    inPlace('mkdir "$NIXFLEET_OUTPUT"'),
    inPlace('mkfifo "$NIXFLEET_OUTPUT"'),
    ...[link("/dev/zero"), link("/"), link("nowhere")],
  ];
  for (const place of places) {
    assertEquals((await refused(dir, place))[0], "no file, expected 64 raw bytes", place);
  }
  assertEquals(
    (await refused(dir, `head -c 100000 /dev/zero > large; ${link('"$PWD/large"')}`))[0],
    "65536 bytes or more, expected 64 raw bytes",
  );
});

Deno.test("runSignHook() refuses a command that fails, even when it wrote a signature", async () => {
  await using dir = await TemporaryDirectory.create();
  assertEquals(await rejection(sign(dir, `${WRITE_64}; echo no device >&2; exit 5`)), {
    kind: "sign-hook",
    message: 'Sign hook failed for "fleet.resolved.json": it exited with 5',
    lines: ["| no device"],
  });
});

Deno.test("runSignHook() signs each artifact in a directory of its own", async () => {
  await using dir = await TemporaryDirectory.create();
  await sign(dir, WRITE_64);
  assertEquals((await refused(dir, "true"))[0], "nothing, expected 64 raw bytes");
  const made = [];
  for await (const { name } of Deno.readDir(dir.path)) made.push(name);
  assert(made.length === 2 && made.every((name) => name.startsWith("sign-")), made.join(" "));
});

Deno.test("createHooks() makes a signer of the algorithm that is declared, whose key nobody knows", async () => {
  await using dir = await TemporaryDirectory.create();
  const { shell } = tracedShell(dir.path);
  const signer = createHooks(shell, { env: { PATH }, tempDir: dir.path })
    .signer({ command: WRITE_64, algorithm: "ecdsa-p256", encoding: "raw" });
  const { sign, ...said } = signer;
  assertEquals(said, { algorithm: "ecdsa-p256", publicKey: null, warnings: [] });
  const { signature } = await sign({ path: "a.json", bytes: bytesOf("{}") });
  assertEquals(signature, new Uint8Array(64).fill(0x73));
});
