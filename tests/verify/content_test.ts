import { assertEquals } from "@std/assert";
import type { ReleaseFiles } from "../../src/verify/bindings.ts";
import { type ContentRules, readContent } from "../../src/verify/content.ts";
import { pureTest } from "../support/pure.ts";
import { newSigner, signedRelease } from "../support/signed_release.ts";

const [SIGNER, OTHER] = [await newSigner(), await newSigner("ecdsa-p256")];
const FILES = await signedRelease({ signer: SIGNER });
const LATER = await signedRelease({ signer: SIGNER, signedAt: "2026-06-01T13:00:00Z" });
const FLEET = "fleet.resolved.json";

/** By one key, or by none. */
function rules(signer: typeof SIGNER | null, rejectBefore: string | null = null): ContentRules {
  if (signer === null) return { artifactName: FLEET, trust: null };
  const keys = [{ slot: "current" as const, ...signer.publicKey }];
  return { artifactName: FLEET, trust: { keys, rejectBefore } };
}

/** The files with these in the place of theirs; undefined: gone. */
function replaced(files: Record<string, Uint8Array<ArrayBuffer> | undefined>): ReleaseFiles {
  const all = new Map(FILES);
  for (const [path, bytes] of Object.entries(files)) {
    if (bytes === undefined) all.delete(path);
    else all.set(path, bytes);
  }
  return all;
}

/** Whether there is anything to read, the slot of the key, and what is refused. */
async function found(files: ReleaseFiles, by: ContentRules): Promise<unknown[]> {
  const { content, key, failures } = await readContent(files, by);
  return [content !== null, key?.slot ?? null, failures.map(({ path, code }) => `${path} ${code}`)];
}

pureTest(
  "readContent() gives what a release says, however old it is, with the key or without any",
  async () => {
    for (const [by, slot] of [[rules(SIGNER), "current"], [rules(null), undefined]] as const) {
      const { content, key, failures } = await readContent(FILES, by);
      assertEquals([key?.slot, failures], [slot, []]);
      assertEquals(content!.fleet.hosts["web1"]!.closureHash, "a-system");
      assertEquals(content!.revocations!.map(({ reason }) => reason), ["stolen"]);
      assertEquals(content!.bootstrapNonces!.length > 0, true);
    }
    const alone = replaced({ "revocations.json": undefined, "bootstrap-nonces.json": undefined });
    const { content } = await readContent(alone, rules(SIGNER));
    assertEquals([content!.revocations, content!.bootstrapNonces], [null, null]);
  },
);

pureTest("readContent() reads nothing of what a consumer refuses", async () => {
  const by = rules(SIGNER);
  const empty = new Uint8Array();
  const cases: [files: ReleaseFiles, by: ContentRules, found: unknown[]][] = [
    [new Map(), by, [false, null, [`${FLEET} missing-fleet`]]],
    [replaced({ [FLEET]: undefined }), rules(null), [false, null, [`${FLEET} missing-fleet`]]],
    [FILES, rules(OTHER), [
      false,
      null,
      [FLEET, "revocations.json", "bootstrap-nonces.json"]
        .map((path) => `${path} bad-signature`),
    ]],
    [replaced({ [`${FLEET}.sig`]: undefined }), by, [false, null, [`${FLEET} no-signature`]]],
    [FILES, rules(SIGNER, "2026-06-01T12:00:01Z"), [
      ...[false, "current"],
      [FLEET, "revocations.json", "bootstrap-nonces.json"].map((path) => `${path} rejected`),
    ]],
    [FILES, rules(SIGNER, "2026-06-01T12:00:00Z"), [true, "current", []]],
    [replaced({ "revocations.json.sig": empty }), by, [false, "current", [
      "revocations.json bad-signature",
    ]]],
    // A list of before is put back, signature and all.
    [
      replaced({
        "revocations.json": LATER.get("revocations.json"),
        "revocations.json.sig": LATER.get("revocations.json.sig"),
      }),
      by,
      [false, "current", ["revocations.json wrong-stamp"]],
    ],
    [replaced({ [FLEET]: FILES.get("revocations.json") }), rules(null), [false, null, [
      `${FLEET} wrong-document`,
    ]]],
    [replaced({ [FLEET]: new TextEncoder().encode("{") }), rules(null), [false, null, [`${FLEET} not-json`]]],
  ];
  for (const [files, by, expected] of cases) assertEquals(await found(files, by), expected);
});

pureTest("readContent() decodes nothing that no key has signed", async () => {
  const bytes = new TextEncoder().encode('{"hosts":1}');
  const { failures } = await readContent(replaced({ [FLEET]: bytes }), rules(SIGNER));
  assertEquals(failures.map(({ code }) => code), ["bad-signature"]);
  const unverified = await readContent(replaced({ [FLEET]: bytes }), rules(null));
  assertEquals(unverified.failures.map(({ code }) => code), ["wrong-document"]);
});
