import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Finished, PROJECT, run, which } from "../support/command.ts";
import { runInProcess } from "../support/in_process.ts";
import { DENO_ENV } from "../support/program.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Runs `canonicalize` in this process. */
function canonicalize(stdin: Uint8Array<ArrayBuffer>): Promise<Finished> {
  return runInProcess(["canonicalize"], { cwd: PROJECT, stdin });
}

/** Runs `canonicalize` without any permission behind a redirection of the shell. */
function redirected(redirection: string): Promise<Finished> {
  const program = ["run", "--no-prompt", "--cached-only", "--frozen", join(PROJECT, "src/main.ts")];
  const argv = [which("sh"), "-c", `exec "$@" ${redirection}`, "sh", Deno.execPath(), ...program];
  return run([...argv, "canonicalize"], { cwd: PROJECT, env: { ...DENO_ENV, HOME: PROJECT, NO_COLOR: "1" } });
}

Deno.test("canonicalize leaves golden artifacts as they are", async () => {
  const expected = join(PROJECT, "tests/golden/flakes/full/expected");
  for (const dir of [expected, join(expected, "rollouts")]) {
    for (const { name } of Deno.readDirSync(dir)) {
      if (!name.endsWith(".json")) continue;
      const text = await Deno.readTextFile(join(dir, name));
      assertEquals(await canonicalize(encode(text)), { code: 0, stdout: text, stderr: "" }, name);
    }
  }
});

Deno.test("canonicalize sorts by UTF-16, writes numbers as RFC 8785 says, and no newline", async () => {
  const { stdin, expected } = {
    stdin:
      '\r\n { "\\u20ac": 1.50, "\\ud83d\\ude00":1E30,\t"\\ufb33" : -0, "a":\n[0.000001,1e-7,"\\u000f/"] } \n',
    expected: '{"a":[0.000001,1e-7,"\\u000f/"],"€":1.5,"😀":1e+30,"\ufb33":0}',
  };
  assertEquals(await canonicalize(encode(stdin)), { code: 0, stdout: expected, stderr: "" });
});

/** What has no canonical form: the input, and what stands behind `Cannot read the JSON: `. */
const REFUSED: Record<string, [input: Uint8Array<ArrayBuffer> | string, problem: string]> = {
  "nothing": ["", "found the end of the text at line 1, column 1, expected a value"],
  "blanks": [" \n ", "found the end of the text at line 2, column 2, expected a value"],
  "a duplicate key": ['{"a":1,\n "b":2, "a":3}', 'duplicate key "a" at line 2, column 9'],
  "a duplicate key with an escape": ['{"a":1,"\\u0061":2}', 'duplicate key "a" at line 1, column 8'],
  "a lone surrogate": ['["€",\n"\\ud800"]', "lone surrogate in the string at line 2, column 1"],
  "an integer that is rounded": [
    "[1,\n9007199254740993]",
    "integer that a double rounds to 9007199254740992 at line 2, column 1",
  ],
  "a number beyond a double": ["[-1e309]", "number beyond the range of a double at line 1, column 2"],
  "513 levels": [
    `${"[".repeat(513)}${"]".repeat(513)}`,
    "nesting deeper than 512 levels at line 1, column 513",
  ],
  "two values": ["{}\n{}", 'found "{" at line 2, column 1, expected the end of the text'],
  "a comma too many": ["[1,]", 'found "]" at line 1, column 4, expected a value'],
  "a byte order mark": ["\ufeff{}", "byte order mark at line 1, column 1"],
  "invalid UTF-8": [Uint8Array.of(0x22, 0xc3, 0x28, 0x22), "the bytes at offset 1 are not UTF-8"],
};

Deno.test("canonicalize refuses with exit 1, line and column, what has no canonical form", async () => {
  for (const [what, [input, problem]] of Object.entries(REFUSED)) {
    const result = await canonicalize(typeof input === "string" ? encode(input) : input);
    const stderr = `error: Cannot read the JSON: ${problem}\n`;
    assertEquals(result, { code: 1, stdout: "", stderr }, what);
  }
  const deepest = `${"[".repeat(512)}${"]".repeat(512)}`;
  assertEquals(await canonicalize(encode(deepest)), { code: 0, stdout: deepest, stderr: "" });
});

Deno.test("canonicalize reads 10 MB from a pipe, and writes them", async () => {
  const values = Array.from({ length: 100_000 }, (_, index) => ({ z: `${index}`.repeat(15), a: index }));
  const text = JSON.stringify(values, null, 1);
  assert(text.length > 10_000_000);
  const { code, stdout, stderr } = await canonicalize(encode(text));
  assertEquals([code, stderr], [0, ""]);
  const expected = JSON.stringify(values.map(({ z, a }) => ({ a, z })));
  assert(stdout === expected, "the output is another");
});

Deno.test("canonicalize takes a closed stdin for an empty one", async () => {
  const [, problem] = REFUSED["nothing"]!;
  const empty = { code: 1, stdout: "", stderr: `error: Cannot read the JSON: ${problem}\n` };
  assertEquals(await redirected("<&-"), empty);
  assertEquals(await redirected("< /dev/null"), empty);
});

Deno.test("canonicalize exits with 2 where it cannot read", async () => {
  const stderr = "error: Cannot read standard input: Is a directory (os error 21)\n";
  assertEquals(await redirected("< /"), { code: 2, stdout: "", stderr });
});

Deno.test({
  name: "canonicalize exits with 2 where it cannot write",
  // Others have no device that is always full.
  ignore: Deno.build.os !== "linux",
  async fn() {
    const stderr = "error: Cannot write standard output: No space left on device (os error 28)\n";
    assertEquals(await redirected("< deno.json > /dev/full"), { code: 2, stdout: "", stderr });
  },
});

Deno.test("canonicalize exits with 2 when it is given arguments", async () => {
  for (
    const [arg, message, hint] of [
      [
        "fleet.json",
        'Unknown argument "fleet.json"',
        "usage: fleet-release canonicalize < FILE",
      ],
      ["--jsn", 'Unknown option "--jsn"', "fleet-release canonicalize --help lists the options"],
    ] as const
  ) {
    const result = await runInProcess(["canonicalize", arg], { cwd: PROJECT });
    assertEquals(result, { code: 2, stdout: "", stderr: `error: ${message}\nhint: ${hint}\n` });
  }
});
