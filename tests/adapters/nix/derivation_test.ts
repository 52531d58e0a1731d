import { assert, assertEquals } from "@std/assert";
import { outputsIn } from "../../../src/adapters/nix/derivation.ts";

const REST = `],[("/nix/store/x.drv",["out"])],[],"x86_64-linux","/bin/sh",["-c"],[("out","/nix/store/y")])`;

for (
  const [claim, text, outputs] of [
    ["one output", `Derive([("out","/nix/store/a-x","","")${REST}`, { out: "/nix/store/a-x" }],
    [
      "several outputs",
      `Derive([("doc","/nix/store/b-x-doc","",""),("out","/nix/store/a-x","","")${REST}`,
      { doc: "/nix/store/b-x-doc", out: "/nix/store/a-x" },
    ],
    [
      "an output of fixed content",
      `Derive([("out","/nix/store/a-x","r:sha256","00ff")${REST}`,
      { out: "/nix/store/a-x" },
    ],
    ["content-addressed outputs", `Derive([("out","","r:sha256",""),("dev","","r:sha256","")${REST}`, {}],
    ["outputs that nobody knows yet", `Derive([("out","","","")${REST}`, {}],
    [
      "a later form of the file",
      `DrvWithVersion("xp-dyn-drv",[("out","/nix/store/a-x","","")${REST}`,
      { out: "/nix/store/a-x" },
    ],
    ["a form that nobody knows", `Other([("out","/nix/store/a-x","","")${REST}`, {}],
    ["no derivation", "", {}],
  ] as const
) {
  Deno.test(`outputsIn() reads ${claim}`, () => {
    assertEquals(Object.fromEntries(outputsIn(new TextEncoder().encode(text))), { ...outputs });
  });
}

Deno.test("outputsIn() keeps nothing in memory of what else a derivation says", () => {
  const file = new TextEncoder().encode(
    `Derive([("out","/nix/store/a-x","","")${REST}${" ".repeat(8 << 20)}`,
  );
  const before = Deno.memoryUsage().heapUsed;
  const kept = Array.from({ length: 20 }, () => outputsIn(file));
  const grown = Deno.memoryUsage().heapUsed - before;
  assertEquals(kept.map((outputs) => outputs.get("out")), Array(20).fill("/nix/store/a-x"));
  assert(grown < 32 << 20, `${grown} bytes`);
});
