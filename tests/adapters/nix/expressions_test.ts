import { assertEquals } from "@std/assert";
import { applyTo, ATTRIBUTES, HOSTS, INVENTORY, ONE_HOST } from "../../../src/adapters/nix/expressions.ts";
import { pureTest } from "../../support/pure.ts";

/**
 * Reads a string of the nix language. Stricter than nix: fails on every `${` that has no backslash before it, and on
 * anything behind the string's end.
 */
function readNixString(source: string): string {
  let text = "";
  let at = 1;
  if (source[0] !== '"') throw new Error("no string");
  while (source[at] !== '"') {
    const char = source[at];
    if (char === undefined) throw new Error("the string does not end");
    if (char === "$" && source[at + 1] === "{") throw new Error("an interpolation begins");
    if (char === "\\") {
      const escaped = source[at + 1]!;
      text += { n: "\n", r: "\r", t: "\t" }[escaped] ?? escaped;
      at += 2;
    } else {
      text += char;
      at++;
    }
  }
  if (at !== source.length - 1) throw new Error(`"${source.slice(at + 1)}" stands behind the string`);
  return text;
}

/** The data that a call hands to its function, as nix reads it. */
function dataIn(call: string, expression: string): unknown {
  const before = `(${expression}) (builtins.fromJSON `;
  assertEquals([call.slice(0, before.length), call.at(-1)], [before, ")"]);
  return JSON.parse(readNixString(call.slice(before.length, -1)));
}

const NAMES: Record<string, string> = {
  "a plain name": "web1",
  "dots": "web.example.com",
  "quotes": `a"b'c''d`,
  "the end of a string and code behind it": `"; builtins.abort "x" + "`,
  "an interpolation": '${builtins.abort "x"}',
  "an escaped interpolation": "\\${x}",
  "two and three dollars": "$${x} $$${y}",
  "a dollar at the end": "x$",
  "backslashes": "\\ \\\\ \\\\\\",
  "a backslash at the end": "x\\",
  "backslashes before a quote": '\\" \\\\"',
  "lines": "a\nb\r\nc\td",
  "control characters": "\u0001\u001b\u007f",
  "what JSON escapes": "\b\f\u2028\u2029",
  "accents": "ünïcode",
  "characters above U+FFFF": "\u{1f5a5}",
  "an indented string": "''${x}''",
  "comments": "# /* x */",
  "nothing": "",
};

for (const [what, name] of Object.entries(NAMES)) {
  pureTest(`applyTo() hands a name with ${what} on as data`, () => {
    const data = { [name]: name, list: [name, { name }] };
    assertEquals(dataIn(applyTo("f", data), "f"), data);
  });
}

pureTest("applyTo() writes one line beside the function, and no character of the data as it stands", () => {
  assertEquals(
    applyTo("x: x", { flake: "path:/a?b", hosts: [{ kind: "nixos", name: 'a"${b}\n' }] }),
    '(x: x) (builtins.fromJSON "{\\"flake\\":\\"path:/a?b\\",\\"hosts\\":[{\\"kind\\":\\"nixos\\",' +
      '\\"name\\":\\"a\\\\\\"\\${b}\\\\n\\"}]}")',
  );
});

pureTest("the nix code takes its data as one set, and reads no flake but the one in it", () => {
  assertEquals(
    [INVENTORY, ATTRIBUTES, HOSTS, ONE_HOST].map((code) => code.trim().split(":")[0]),
    ["{ flake, attributes }", "{ flake, attributes }", "{ flake, hosts, mark }", "{ flake, host }"],
  );
  for (const code of [INVENTORY, ATTRIBUTES, HOSTS, ONE_HOST]) {
    assertEquals(code.match(/builtins\.getFlake \w+/g), ["builtins.getFlake url"]);
    assertEquals(code.match(/\bopen [^=]\w+/g), ["open flake"]);
  }
});
