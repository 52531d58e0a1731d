import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { PROJECT } from "../support/command.ts";
import { runInProcess } from "../support/in_process.ts";

/** A verdict of the reference's verifier; see tests/golden/README.md. */
interface GoldenVerdict {
  readonly name: string;
  readonly kind: "artifact" | "rollout-manifest";
  readonly text?: string;
  readonly base64?: string;
  readonly signature: string;
  readonly trust: string;
  readonly now: string;
  readonly freshnessWindowSeconds: number;
  readonly rolloutId?: string;
  readonly exit: 0 | 1 | 2;
}

const CASES: GoldenVerdict[] = (await Deno.readTextFile(join(PROJECT, "tests/golden/verify.jsonl")))
  .trimEnd().split("\n").map((line) => JSON.parse(line));

/**
 * What we refuse on purpose and the reference accepts, with the code words that say why. The reference verifies the
 * signature over the canonical form of what it was given, and we over the bytes themselves.
 */
const STRICTER: Record<string, string[]> = {
  "algorithm that the artifact declares is not that of the key (ours refuses)": ["wrong-algorithm"],
  "not canonical: a blank (ours refuses)": ["not-canonical", "bad-signature"],
  "trailing newline (ours refuses)": ["not-canonical", "bad-signature"],
  "duplicate key (ours refuses)": ["not-json", "bad-signature"],
};

Deno.test("the golden verdicts are 67, and four of them are stricter than the reference's", () => {
  assertEquals(CASES.length, 67);
  const marked = CASES.map(({ name }) => name).filter((name) => name.endsWith("(ours refuses)"));
  assertEquals(marked.sort(), Object.keys(STRICTER).sort());
});

for (const { name, kind, trust, now, freshnessWindowSeconds, rolloutId, exit, ...golden } of CASES) {
  Deno.test(`verify gives the reference's verdict: ${name}`, async () => {
    const dir = await Deno.makeTempDir({ prefix: "fleet-release-test-" });
    try {
      const document = golden.base64 === undefined
        ? new TextEncoder().encode(golden.text)
        : Uint8Array.fromBase64(golden.base64);
      await Deno.writeFile(join(dir, "document"), document);
      await Deno.writeFile(join(dir, "signature"), Uint8Array.fromHex(golden.signature));
      await Deno.writeTextFile(join(dir, "trust"), trust);
      const { code, stdout, stderr } = await runInProcess([
        "verify",
        kind,
        "document",
        ...["--signature", "signature", "--trust-file", "trust", "--now", now, "--json"],
        ...["--freshness-window", String(freshnessWindowSeconds)],
        ...(rolloutId === undefined ? [] : ["--rollout-id", rolloutId]),
      ], { cwd: dir });
      assertEquals({ code, stderr: code === 2 ? "" : stderr.replace(/^warning: .*\n/gm, "") }, {
        code: name in STRICTER ? 1 : exit,
        stderr: "",
      });
      if (name in STRICTER) {
        assertEquals(JSON.parse(stdout).failures.map(({ code }: { code: string }) => code), STRICTER[name]);
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
