// `fleet-release status`, on a directory with a release.

import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { ensureDir } from "@std/fs";
import { parsePrivateKey } from "../../src/crypto/private_key.ts";
import { KEY, PUBLIC_KEY } from "../support/fleet.ts";
import { runInProcess } from "../support/in_process.ts";
import { signedRelease } from "../support/signed_release.ts";
import { TemporaryDirectory } from "../support/traced.ts";
import { trustBytes } from "../support/trust.ts";

const SIGNER = await parsePrivateKey(await Deno.readTextFile(KEY));

/** A directory with a release in `releases`, and a trust file beside it that trusts its key as the previous one. */
async function released(): Promise<TemporaryDirectory> {
  const directory = await TemporaryDirectory.create();
  const files = await signedRelease({ signer: SIGNER, ciCommit: "0123456789abcdef" });
  for (const [path, bytes] of files) {
    const file = join(directory.path, "releases", path);
    await ensureDir(dirname(file));
    await Deno.writeFile(file, bytes);
  }
  await Deno.writeFile(join(directory.path, "trust.json"), trustBytes({ previous: SIGNER.publicKey }));
  return directory;
}

Deno.test("status prints a table of the channels, and exits with how the release stands", async () => {
  await using directory = await released();
  const status = (...args: string[]) => runInProcess(["status", ...args], { cwd: directory.path });
  const key = ["--public-key", PUBLIC_KEY];
  const fresh = await status("--now", "2026-06-01T12:59:59Z", ...key);
  assertEquals(fresh, {
    code: 0,
    stdout: `fresh: a release of 3 hosts in 2 channels, signed at 2026-06-01T12:00:00Z from commit 01234567

channel  state  key                        fresh until           due                   hosts  waves  last change
edge     fresh  current ed25519:11qYAYKx…  2026-06-02T12:01:00Z  2026-06-01T13:00:00Z  1      0      before 2026-06-01T12:00:00Z (01234567)
stable   fresh  current ed25519:11qYAYKx…  2026-06-02T12:01:00Z  2026-06-01T13:00:00Z  2      2      before 2026-06-01T12:00:00Z (01234567)
`,
    stderr: "",
  });
  const due = await status(
    "releases",
    "--now",
    "2026-06-01T13:00:00Z",
    "--trust-file",
    "trust.json",
    "--json",
  );
  const report = JSON.parse(due.stdout);
  assertEquals(due.code, 3);
  assertEquals(Object.keys(report), [
    "schema",
    "state",
    "now",
    "signedAt",
    "ciCommit",
    "gitCommit",
    "channels",
    "failures",
    "warnings",
  ]);
  const { schema, state, now, channels, failures } = report;
  assertEquals([schema, state, now], ["fleet-release/status/1", "due", "2026-06-01T13:00:00Z"]);
  assertEquals([channels[0].key.slot, failures], ["previous", []]);
  const stale = await status("--now", "2026-06-02T12:01:01Z", ...key);
  assertEquals(stale.code, 4);
  assertEquals(stale.stdout.split("\n").map((line) => line.split(/[: ]/)[0]), [
    "stale",
    "",
    "channel",
    "edge",
    "stable",
    "",
    ...Array(5).fill("refused"),
    "",
  ]);

  await Deno.remove(join(directory.path, "releases/fleet.resolved.json.sig"));
  const refused = await status("--now", "2026-06-01T12:00:00Z", ...key);
  assertEquals(refused.code, 4);
  assertEquals(refused.stdout.split("\n").slice(0, 3), [
    "refused: a release that no trusted key has signed",
    "",
    'refused "fleet.resolved.json": it has no signature [no-signature]',
  ]);
  const absent = await status("nowhere", ...key);
  assertEquals([absent.code, absent.stdout], [2, ""]);
});
