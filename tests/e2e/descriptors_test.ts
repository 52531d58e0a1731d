// Keys that a shell hands over, by the forms that scripts and CI jobs have for that, with permissions by name.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { expectRun, PROJECT, run, which } from "../support/command.ts";
import { KEY, TestFleet } from "../support/fleet.ts";
import { DENO_ENV } from "../support/program.ts";

const PEM = await Deno.readTextFile(KEY);

/** What is said of a key that was read: it is an Ed25519 key, and nothing else is looked at before that is known. */
const READ = "The key of --sign-key makes ed25519, not ecdsa-p256 signatures";

/**
 * Runs scripts in a directory of its own, in which `release` is the program with what --print-permissions prints for
 * its arguments, as the package runs it, and gives the error that each ends with.
 */
async function errorsOf(shell: string, scripts: readonly string[]): Promise<string[]> {
  await using fleet = await TestFleet.create({ git: false });
  const program = [Deno.execPath(), "run", "--no-prompt", "--cached-only", "--frozen"];
  const main = join(PROJECT, "src/main.ts");
  const env = { ...fleet.env(), ...DENO_ENV, KEY: PEM };
  await Deno.writeTextFile(join(fleet.dir, "key"), PEM);
  const flags = new Map<string, string>();
  const errors: string[] = [];
  for (const script of scripts) {
    const [, signKey = ""] = /release (\S+)/.exec(script) ?? [];
    const args = ["--sign-key", signKey, "--signature-algorithm", "ecdsa-p256"];
    const printed = flags.get(signKey) ??
      await expectRun([...program, "-A", main, "--print-permissions", ...args], { cwd: fleet.dir, env });
    flags.set(signKey, printed);
    const permitted = printed.trimEnd().split("\n").slice(1).map((flag) => `'${flag}'`).join(" ");
    const body = `release() { '${program.join("' '")}' ${permitted} '${main}' --sign-key "$1" ` +
      `--signature-algorithm ecdsa-p256; }\n${script}\n`;
    const { code, stderr } = await run([which(shell), "-e", "-c", body], { cwd: fleet.dir, env });
    assertEquals(code, 1, `${script}\n${stderr}`);
    errors.push(/^error: (.*)$/m.exec(stderr)?.[1] ?? stderr);
  }
  return errors;
}

/** Asserts what each script ends with. */
async function expectErrors(shell: string, cases: readonly (readonly [script: string, error: string])[]) {
  const errors = await errorsOf(shell, cases.map(([script]) => script));
  assertEquals(cases.map(([script], index) => [script, errors[index]!]), cases.map(([...pair]) => pair));
}

const HERE_DOCUMENT = "<<END\n$KEY\nEND";

Deno.test("--sign-key takes the key from every form that bash hands one over by", async () => {
  await expectErrors("bash", [
    ['release - <<<"$KEY"', READ],
    [`release - ${HERE_DOCUMENT}`, READ],
    ["release - <key", READ],
    ['printf %s "$KEY" | release -', READ],
    ['release fd:3 3< <(printf %s "$KEY")', READ],
    ['release fd:3 3<<<"$KEY"', READ],
    ['exec 9< <(printf %s "$KEY"); release fd:9', READ],
    ['exec 12< <(printf %s "$KEY"); release fd:12', READ],
    ['release - < <(sleep 0.1; printf %s "$KEY")', READ],
  ]);
});

Deno.test("--sign-key takes the key from every form that the POSIX shell has", async () => {
  await expectErrors("sh", [
    [`release - ${HERE_DOCUMENT}`, READ],
    [`release fd:3 3${HERE_DOCUMENT}`, READ],
    ['printf %s "$KEY" | release -', READ],
    ["release - <key", READ],
    [`exec 4${HERE_DOCUMENT}\nrelease fd:4`, READ],
  ]);
});

Deno.test("--sign-key says what is wrong with a descriptor, and waits for none that nobody writes to", async () => {
  const notReadable = (number: number) =>
    `Cannot read descriptor ${number}: it is not open for reading, or no pipe`;
  const nothing = (name: string) => `Cannot read the signing key: nothing came from ${name}`;
  const noKey = (name: string) =>
    `Cannot use the key "${name}": it is no key in a format that is known, expected PEM, OpenSSH or nix`;
  const cases: [script: string, error: string][] = [
    ["release fd:3", notReadable(3)],
    ["release fd:77", notReadable(77)],
    ["release fd:3 3<key", notReadable(3)],
    ["release fd:3 3</dev/null", notReadable(3)],
    ["release fd:3 3> >(cat)", notReadable(3)],
    ['mkfifo fifo; (printf %s "$KEY" >fifo &) ; release fd:3 3<fifo', notReadable(3)],
    ["release fd:3 3< <(:)", nothing("descriptor 3")],
    ["release - </dev/null", nothing("standard input")],
    ['exec 3< <(printf %s "$KEY"); cat <&3 >/dev/null; release fd:3', nothing("descriptor 3")],
    ["release fd:3 3< <(echo nonsense)", noKey("fd:3")],
    ["release - < <(echo nonsense)", noKey("standard input")],
    ["release fd:3 3< <(yes)", "Cannot read descriptor 3: it gives more than 65536 bytes"],
    ["release - </dev/zero", "Cannot read standard input: it gives more than 65536 bytes"],
  ];
  await expectErrors("bash", cases);
});
