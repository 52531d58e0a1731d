/**
 * How long signing and verifying take.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { ensureDir } from "@std/fs";
import { composeRelease } from "../mod.ts";
import { createHooks } from "../src/adapters/hooks/hooks.ts";
import { Shell } from "../src/adapters/process.ts";
import { generatePrivateKey, parsePrivateKey } from "../src/crypto/private_key.ts";
import { SILENT_LOG } from "../src/report/log.ts";
import { trustFileOf } from "../src/verify/trust.ts";
import { expectRun, PROJECT, which } from "../tests/support/command.ts";
import { fleetOf } from "./compose_once.ts";
import { race } from "./race.ts";
import { type Benchmark, formatRatio, formatSeconds, ratios, spreadOf } from "./report.ts";

const ABOUT = `A fleet of 10,000 hosts on 100 channels, 101 files and their signatures:
- sign: with a key of our own, beside a hook that runs \`openssl pkeyutl\` for each file
- verify: \`fleet-release verify\` of all that there is, beside \`openssl pkeyutl -verify\` of each signature alone`;

export const trustBenchmark: Benchmark = {
  name: "trust",
  title: "Signing and verifying",
  about: ABOUT,

  async run(quick) {
    const dir = await Deno.makeTempDir({ prefix: "fleet-release-bench-" });
    try {
      return await measure(dir, quick ? 2 : 5);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
};

async function measure(dir: string, rounds: number) {
  const { pem, publicKey } = await generatePrivateKey("ed25519");
  const [key, publicPem, trust] = ["key.pem", "key.pub", "trust.json"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  await Deno.writeTextFile(key, pem);
  await Deno.writeTextFile(trust, JSON.stringify(trustFileOf(publicKey)));
  const openssl = which("openssl");
  const env = Deno.env.toObject();
  await expectRun([openssl, "pkey", "-in", key, "-pubout", "-out", publicPem], { env });

  const { files } = composeRelease({ ...fleetOf(10_000), signedAt: "2026-06-01T12:00:00Z", ciCommit: null });
  const artifacts = [...files].map(([path, bytes]) => ({ path, bytes }));
  const signer = await parsePrivateKey(pem);
  const shell = new Shell({ path: env["PATH"]!, cwd: dir, trace: SILENT_LOG });
  const hook = createHooks(shell, { env, tempDir: dir }).signer({
    command: `${openssl} pkeyutl -sign -rawin -inkey ${key} -in "$NIXFLEET_INPUT" -out "$NIXFLEET_OUTPUT"`,
    algorithm: "ed25519",
    encoding: "raw",
  });
  for (const { path, bytes } of artifacts) {
    await ensureDir(dirname(join(dir, "releases", path)));
    await Deno.writeFile(join(dir, "releases", path), bytes);
    await Deno.writeFile(join(dir, "releases", `${path}.sig`), await signer.sign(bytes));
  }

  const taken = await race({
    "key": {
      run: async () => {
        for (const { bytes } of artifacts) await signer.sign(bytes);
      },
    },
    "hook": {
      run: async () => {
        for (const artifact of artifacts) await hook.sign(artifact);
      },
    },
    "verify": {
      run: async () => {
        await expectRun([
          ...[Deno.execPath(), "run", "--no-prompt", `--allow-read=${dir}`, join(PROJECT, "src/main.ts")],
          ...["verify", join(dir, "releases"), "--trust-file", trust, "--now", "2026-06-01T12:00:00Z"],
        ], { env });
      },
    },
    "openssl": {
      run: async () => {
        for (const { path } of artifacts) {
          const file = join(dir, "releases", path);
          const check = [
            "-verify",
            "-rawin",
            "-pubin",
            "-inkey",
            publicPem,
            "-in",
            file,
            "-sigfile",
            `${file}.sig`,
          ];
          await expectRun([openssl, "pkeyutl", ...check], { env });
        }
      },
    },
  }, rounds);
  const row = (what: string, ours: readonly number[], other: readonly number[]) => [
    what,
    formatRatio(ratios(other, ours)),
    formatSeconds(spreadOf(ours)),
    formatSeconds(spreadOf(other)),
  ];
  const verified = spreadOf(taken.verify);
  return {
    table: [
      ["", "openssl ÷ ours", "ours", "openssl"],
      row("sign", taken.key, taken.hook),
      row("verify", taken.verify, taken.openssl),
    ],
    aims: [{
      aim: "a release of 10,000 hosts is verified in at most 2 s",
      figure: formatSeconds(verified),
      met: verified.median <= 2,
    }],
  };
}
