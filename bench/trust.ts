/**
 * How long signing, writing and verifying take.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { ensureDir } from "@std/fs";
import { composeRelease } from "../mod.ts";
import { createHooks } from "../src/adapters/hooks/hooks.ts";
import { Shell } from "../src/adapters/process.ts";
import { createReleaseDir } from "../src/adapters/release_dir.ts";
import { generatePrivateKey, parsePrivateKey } from "../src/crypto/private_key.ts";
import type { SignedArtifact } from "../src/model.ts";
import { SILENT_LOG } from "../src/report/log.ts";
import { filesToWrite } from "../src/stages/publish.ts";
import { trustFileOf } from "../src/verify/trust.ts";
import { expectRun, PROJECT, which } from "../tests/support/command.ts";
import { fleetOf, type FleetSize } from "./compose_once.ts";
import { race } from "./race.ts";
import { atMost, type Benchmark, formatRatio, formatSeconds, ratios, spreadOf } from "./report.ts";

const ABOUT = `The files of a release and their signatures, beside what does less:
- sign: with a key of our own, beside a hook that runs \`openssl pkeyutl\` for each file
- write: as one step that outlasts a power cut, beside writing and syncing each file
- verify: \`fleet-release verify\` of all that there is, beside \`openssl pkeyutl -verify\` of each signature alone`;

const LARGE: FleetSize = { hosts: 10_000, channels: 100 };
const HUGE: FleetSize = { hosts: 100_000, channels: 1_000 };

export const trustBenchmark: Benchmark = {
  name: "trust",
  title: "Signing, writing and verifying",
  about: ABOUT,

  async run(quick) {
    const large = await measure(LARGE, quick ? 2 : 5);
    const huge = quick ? null : await measure(HUGE, 2);
    const verified = spreadOf(large.taken.verify);
    return {
      table: [
        ["", "other ÷ ours", "ours", "other"],
        ...[large, ...huge === null ? [] : [huge]].flatMap(({ rows }) => rows),
      ],
      aims: [
        atMost("a release of 10,000 hosts is verified in at most 2 s", {
          figure: verified,
          most: 2,
          format: formatSeconds,
        }),
        ...huge === null ? [] : [
          atMost("100,000 hosts in 1,000 channels are verified in at most 12 times as long", {
            figure: ratios([spreadOf(huge.taken.verify).median], [verified.median]),
            most: 12,
            format: formatRatio,
          }),
        ],
      ],
    };
  },
};

async function measure(size: FleetSize, rounds: number) {
  const dir = await Deno.makeTempDir({ prefix: "fleet-release-bench-" });
  try {
    const taken = await race(await contestants(size, dir), rounds);
    const row = (what: string, ours: readonly number[], other: readonly number[]) => [
      `${what} ${size.hosts} in ${size.channels}`,
      formatRatio(ratios(other, ours)),
      formatSeconds(spreadOf(ours)),
      formatSeconds(spreadOf(other)),
    ];
    const rows = [
      row("sign", taken.key, taken.hook),
      row("write", taken.write, taken.plainWrite),
      row("verify", taken.verify, taken.openssl),
    ];
    return { taken, rows };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function contestants(size: FleetSize, dir: string) {
  const { pem, publicKey } = await generatePrivateKey("ed25519");
  const inDir = (name: string) => join(dir, name);
  await Deno.writeTextFile(inDir("key.pem"), pem);
  await Deno.writeTextFile(inDir("trust.json"), JSON.stringify(trustFileOf(publicKey)));
  const openssl = which("openssl");
  const env = Deno.env.toObject();
  const exportKey = ["pkey", "-in", inDir("key.pem"), "-pubout", "-out", inDir("key.pub")];
  await expectRun([openssl, ...exportKey], { env });

  const signer = await parsePrivateKey(pem);
  const artifacts = await signedRelease(size, (bytes) => signer.sign(bytes));
  const files = filesToWrite(artifacts);
  await writePlain(inDir("releases"), files);
  const shell = new Shell({ path: env["PATH"]!, cwd: dir, trace: SILENT_LOG });
  const hook = createHooks(shell, { env, tempDir: dir }).signer({
    command: `${openssl} pkeyutl -sign -rawin -inkey ${
      inDir("key.pem")
    } -in "$NIXFLEET_INPUT" -out "$NIXFLEET_OUTPUT"`,
    algorithm: "ed25519",
    encoding: "raw",
  });
  let written = 0;
  const verify = ["verify", inDir("releases"), "--trust-file", inDir("trust.json"), "--now", SIGNED_AT];
  const check = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", inDir("key.pub")];
  return {
    key: {
      run: async () => {
        for (const { bytes } of artifacts) await signer.sign(bytes);
      },
    },
    hook: {
      run: async () => {
        for (const artifact of artifacts) await hook.sign(artifact);
      },
    },
    write: {
      run: async () => {
        await createReleaseDir(inDir(`written-${written++}`), dir).publish(files, []);
      },
    },
    plainWrite: { run: () => writePlain(inDir(`written-${written++}`), files) },
    verify: {
      run: async () => {
        const program = ["run", "--no-prompt", `--allow-read=${dir}`, join(PROJECT, "src/main.ts")];
        await expectRun([Deno.execPath(), ...program, ...verify], { env });
      },
    },
    openssl: {
      run: async () => {
        for (const { path } of artifacts) {
          const file = join(inDir("releases"), path);
          await expectRun([openssl, ...check, "-in", file, "-sigfile", `${file}.sig`], { env });
        }
      },
    },
  };
}

const SIGNED_AT = "2026-06-01T12:00:00Z";

async function signedRelease(
  size: FleetSize,
  sign: (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<SignedArtifact[]> {
  const { files } = composeRelease({ ...fleetOf(size), signedAt: SIGNED_AT, ciCommit: null });
  const signed: SignedArtifact[] = [];
  for (const [path, bytes] of files) signed.push({ path, bytes, sha256: "", signature: await sign(bytes) });
  return signed;
}

/** Writes each file and brings it to the disk. */
async function writePlain(dir: string, files: readonly { path: string; bytes: Uint8Array }[]): Promise<void> {
  for (const { path, bytes } of files) {
    await ensureDir(dirname(join(dir, path)));
    using file = Deno.openSync(join(dir, path), { write: true, createNew: true });
    file.writeSync(bytes);
    file.syncSync();
  }
}
