import { assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { dirname, join } from "@std/path";
import { placesOf, type Step } from "../../src/adapters/journal.ts";
import { sha256Hex } from "../../src/contract/canonical.ts";
import { GIT_VARIABLES } from "../../src/commands/directory.ts";
import { expectRun, type Finished, which } from "../support/command.ts";
import { runInProcess } from "../support/in_process.ts";
import { type Files, inOrder, interrupt, writeFiles } from "../support/interrupted.ts";
import { inTempDir, runProgram } from "../support/program.ts";
import { newSigner, rolesOf, signedRelease } from "../support/signed_release.ts";
import { trustOf } from "../support/trust.ts";

const SIGNED_AT = "2026-06-01T12:00:00Z";
const NOW = ["--now", "2026-06-01T12:30:00Z"];
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const SUMMARY =
  `verified a release of 3 hosts in 5 files, signed at ${SIGNED_AT} from commit 01234567 by the current key\n`;

const signer = await newSigner();
const FILES = await signedRelease({ signer, ciCommit: COMMIT });
/** The documents by what they are: the two manifests are `manifest 1` and `manifest 2`, in the order of channels. */
const ROLES = rolesOf(FILES);
/** The documents in the order in which they are reported, whatever order a directory is read in. */
const PATHS = [...ROLES.values()].sort((a, b) =>
  Number(a.startsWith("rollouts/")) - Number(b.startsWith("rollouts/")) ||
  (!a.startsWith("rollouts/") ? 0 : a > b ? 1 : -1)
);
const TRUST = trustOf({ current: signer.publicKey });

/** The release with other bytes in some of its files. */
function changed(changes: Record<string, Uint8Array<ArrayBuffer>>): Files {
  return new Map([...FILES, ...Object.entries(changes)]);
}

/** A file of the release with one bit turned. */
function damaged(path: string): Record<string, Uint8Array<ArrayBuffer>> {
  const bytes = FILES.get(path)!.slice();
  bytes[bytes.length >> 1]! ^= 1;
  return { [path]: bytes };
}

/** Gives a test a directory with the release in `releases` and `trust.json` beside it. */
async function withRelease(use: (dir: string) => Promise<void>, files: Files = FILES): Promise<void> {
  await inTempDir(async (dir) => {
    await writeFiles(join(dir, "releases"), files);
    await Deno.writeTextFile(join(dir, "trust.json"), JSON.stringify(TRUST));
    await use(dir);
  });
}

/** Runs `verify`, in this process. */
function verifyHere(dir: string, args: readonly string[]): Promise<Finished> {
  return runInProcess(["verify", ...args, ...NOW], { cwd: dir });
}

/** Runs `verify` as a process that may read exactly these paths. */
function verify(dir: string, paths: readonly string[], args: readonly string[]): Promise<Finished> {
  const readable = paths.map((path) => join(dir, path)).join(",");
  return runProgram([`--allow-read=${readable}`], ["verify", ...args, ...NOW], { cwd: dir });
}

/** Verifies a release directory. */
function verifyDirectory(dir: string, ...args: string[]): Promise<Finished> {
  return verifyHere(dir, ["--trust-file", "trust.json", ...args]);
}

/** The codes of what `--json` reports, by path. */
function codesOf({ stdout }: Finished): string[] {
  return JSON.parse(stdout).failures.map(({ path, code }: Record<string, string>) => `${path}: ${code}`);
}

/** What `--json` prints of a release that is verified. */
const REPORT = {
  schema: "fleet-release/verify/1",
  verified: true,
  signedAt: SIGNED_AT,
  ciCommit: COMMIT,
  gitCommit: null,
  files: PATHS.map((path) => ({
    path,
    kind: path.startsWith("rollouts/") ? "rollout-manifest" : path.split(".")[0],
    sha256: sha256Hex(FILES.get(path)!),
    key: "current",
  })),
  failures: [],
  warnings: [],
  summary: SUMMARY.slice("verified ".length, -1),
};

Deno.test("verify accepts a release with permission to read it and the trust file, and nothing else", async () => {
  await withRelease(async (dir) => {
    const permitted = await verify(dir, ["releases", "trust.json"], ["--trust-file", "trust.json"]);
    assertEquals(permitted, { code: 0, stdout: SUMMARY, stderr: "" });
    assertEquals(await verifyDirectory(dir), permitted);
    assertEquals(await verifyDirectory(dir, join(dir, "releases")), permitted);
    const { code, stdout, stderr } = await verifyDirectory(dir, "--json");
    assertEquals({ code, stdout: JSON.parse(stdout), stderr }, { code: 0, stdout: REPORT, stderr: "" });
    assertEquals(REPORT.files.map(({ kind }) => kind), [
      "fleet",
      "revocations",
      "bootstrap-nonces",
      "rollout-manifest",
      "rollout-manifest",
    ]);
  });
});

Deno.test("verify takes the name of the fleet from --artifact-name", async () => {
  await withRelease(async (dir) => {
    const args = ["--artifact-name", "fleet.json"];
    assertEquals((await verifyDirectory(dir, ...args)).code, 0);
    assertEquals(codesOf(await verifyDirectory(dir, "--json")).slice(0, 1), [
      "fleet.resolved.json: missing-fleet",
    ]);
  }, await signedRelease({ signer, artifactName: "fleet.json" }));
});

Deno.test("verify reports all that is wrong on stdout, and warnings on stderr, and exits with 1", async () => {
  await withRelease(
    async (dir) => {
      const unusable = { algorithm: "ed448", public: "" };
      const trust = { ...TRUST, ciReleaseKey: { ...TRUST.ciReleaseKey, previous: unusable } };
      await Deno.writeTextFile(join(dir, "trust.json"), JSON.stringify(trust));
      const manifest = ROLES.get("manifest 1")!;
      const message =
        'The previous key is passed over: its algorithm "ed448" is unknown, expected ed25519 or ecdsa-p256';
      const result = await verifyDirectory(dir);
      assertEquals(result, {
        code: 1,
        stdout:
          'refused "revocations.json": its signature does not verify with any trusted key [bad-signature]\n' +
          `refused "${manifest}": its signature does not verify with any trusted key [bad-signature]\n` +
          'refused "other.json": it has no signature [no-signature]\n' +
          "refused: 3 reasons\n",
        stderr: `warning: ${message}\n`,
      });
      const { code, stdout, stderr } = await verifyDirectory(dir, "--json");
      assertEquals([code, stderr], [1, `warning: ${message}\n`]);
      const report = JSON.parse(stdout);
      const unverified = (path: string) => ({
        path,
        code: "bad-signature",
        message: "its signature does not verify with any trusted key",
      });
      const bad = ["revocations.json", manifest];
      assertEquals(report, {
        ...REPORT,
        verified: false,
        files: REPORT.files.map((file) => bad.includes(file.path) ? { ...file, key: null } : file),
        failures: [
          ...bad.map(unverified),
          { path: "other.json", code: "no-signature", message: "it has no signature" },
        ],
        warnings: [{ code: "unusable-key", message, path: "ciReleaseKey.previous" }],
      });
    },
    changed({
      ...damaged("revocations.json.sig"),
      ...damaged(`${ROLES.get("manifest 1")}.sig`),
      "other.json": new TextEncoder().encode("{}"),
    }),
  );
});

Deno.test("verify judges what consumers find of a publication that was interrupted, and tells of it", async () => {
  const later = await signedRelease({ signer, ciCommit: COMMIT, signedAt: "2026-06-01T12:10:00Z" });
  const warning =
    'warning: A release is being put into "releases", or the run that did so was interrupted: this is ' +
    "what consumers find there now. The next run finishes it or takes it back\n";
  const manifests = inOrder(later).filter((path) => path.startsWith("rollouts/")).length;
  for (let count = 0; count <= later.size; count++) {
    await withRelease(async (dir) => {
      await interrupt(join(dir, "releases"), later, count);
      const { code, stdout, stderr } = await verifyDirectory(dir);
      // Until the first sidecar comes, nobody asks for the new manifests.
      const whole = count <= manifests || count === later.size;
      assertEquals([code, stderr], [whole ? 0 : 1, warning], `${count}: ${stdout}`);
      if (count <= manifests) assertEquals(stdout, SUMMARY);
    });
  }
  // The manifests alone, without a journal that says why, could be those of a release that was taken back.
  await withRelease(async (dir) => {
    await interrupt(join(dir, "releases"), later, manifests);
    await Deno.remove(join(dir, "releases/.fleet-release.journal"));
    assertEquals((await verifyDirectory(dir)).code, 1);
  });
});

Deno.test("verify takes no journal's word for a manifest", async () => {
  const later = { ciCommit: COMMIT, signedAt: "2026-06-01T12:10:00Z" };
  const ours = await signedRelease({ signer, ...later });
  const count = inOrder(ours).filter((path) => path.startsWith("rollouts/")).length;
  const fleet = "fleet.resolved.json";
  const spoiled: Record<string, (root: string, steps: readonly Step[]) => Promise<void>> = {
    "of a fleet that is not there": (root, steps) =>
      Deno.remove(placesOf(root, steps.find(({ path }) => path === fleet)!).next),
    "of a fleet without a signature": (root, steps) =>
      Deno.remove(placesOf(root, steps.find(({ path }) => path === `${fleet}.sig`)!).next),
    "of a fleet whose signature nobody trusted has made": async (root, steps) => {
      const bytes = FILES.get(`${fleet}.sig`)!;
      const change = async (step: Step) => {
        if (step.path !== `${fleet}.sig`) return step;
        await Deno.writeFile(placesOf(root, step).next, bytes);
        return { ...step, sha256: sha256Hex(bytes) };
      };
      const changed = await Promise.all(steps.map(change));
      await Deno.writeTextFile(join(root, ".fleet-release.journal"), JSON.stringify([changed]));
    },
    "that is none of the fleet's": async (root, steps) => {
      const bytes = await Deno.readFile(join(root, steps[1]!.path));
      const path = `rollouts/${"0".repeat(64)}.json`;
      await Deno.writeFile(join(root, path), bytes);
      const more = { ...steps[1]!, path };
      await Deno.writeTextFile(join(root, ".fleet-release.journal"), JSON.stringify([[...steps, more]]));
    },
  };
  for (const [of, spoil] of Object.entries(spoiled)) {
    await withRelease(async (dir) => {
      const root = join(dir, "releases");
      const steps = await interrupt(root, ours, count);
      assertEquals((await verifyDirectory(dir)).code, 0);
      await spoil(root, steps);
      const { code, stdout } = await verifyDirectory(dir);
      assertEquals([code, stdout.startsWith('refused "rollouts/')], [1, true], `${of}: ${stdout}`);
    });
  }
});

Deno.test("verify refuses one turned bit in every file of a release", async () => {
  await withRelease(async (dir) => {
    for (const path of FILES.keys()) {
      const file = join(dir, "releases", path);
      await Deno.writeFile(file, damaged(path)[path]!);
      const { code, stdout } = await verifyDirectory(dir);
      assertEquals([code, stdout.startsWith('refused "')], [1, true], path);
      await Deno.writeFile(file, FILES.get(path)!);
    }
    assertEquals((await verifyDirectory(dir)).code, 0);
  });
});

Deno.test("verify refuses files swapped between two valid releases, with or without their signatures", async () => {
  const later = await signedRelease({ signer, ciCommit: COMMIT, signedAt: "2026-06-01T12:10:00Z" });
  await withRelease(async (dir) => {
    for (const [role, path] of ROLES) {
      const other = rolesOf(later).get(role)!;
      for (const suffixes of [[""], [".sig"], ["", ".sig"]]) {
        for (const suffix of suffixes) {
          await Deno.writeFile(join(dir, "releases", path + suffix), later.get(other + suffix)!);
        }
        assertEquals((await verifyDirectory(dir)).code, 1, `${role} ${suffixes}`);
        await writeFiles(join(dir, "releases"), FILES);
      }
    }
    assertEquals((await verifyDirectory(dir)).code, 0);
  });
});

Deno.test("verify does not pass over what it cannot read", async () => {
  for (const place of ["releases", "releases/rollouts"]) {
    await withRelease(async (dir) => {
      // Names before and after all others, in whatever order the directory is read.
      for (const name of ["0.json", "m.json", "z.json"]) {
        await Deno.symlink(join(dir, "nowhere"), join(dir, place, name));
      }
      const { code, stdout, stderr } = await verifyDirectory(dir);
      assertEquals([code, stdout], [2, ""], stderr);
    });
  }
});

Deno.test("verify judges by the clock, by each channel's freshness window, and by --freshness-window", async () => {
  await withRelease(async (dir) => {
    const codes = async (...args: string[]) => {
      const result = await runInProcess(["verify", "--trust-file", "trust.json", "--json", ...args], {
        cwd: dir,
      });
      return [result.code, new Set(codesOf(result).map((failure) => failure.split(": ")[1]!))];
    };
    const none = new Set();
    assertEquals(await codes("--now", "2026-06-02T12:01:00Z"), [0, none]);
    assertEquals(await codes("--now", "2026-06-02T12:01:00.001Z"), [1, new Set(["stale"])]);
    assertEquals(await codes(...NOW, "--freshness-window", "1740"), [0, none]);
    assertEquals(await codes(...NOW, "--freshness-window=1739"), [1, new Set(["stale"])]);
    assertEquals(await codes("--now", "2026-06-01T11:58:59Z"), [1, new Set(["future"])]);

    const trust = trustOf({ current: signer.publicKey, rejectBefore: "2026-06-01T12:30:01Z" });
    await Deno.writeTextFile(join(dir, "trust.json"), JSON.stringify(trust));
    const rejected = [1, new Set(["rejected"])];
    assertEquals([await codes(...NOW), await codes("--now=2026-06-01T12:30:01Z")], [rejected, rejected]);
    const warned = async (now: string) =>
      (await runInProcess(["verify", "--trust-file", "trust.json", "--now", now], { cwd: dir })).stderr;
    assertEquals(await Promise.all(["2026-06-01T12:30:00Z", "2026-06-01T12:30:01Z"].map(warned)), [
      "warning: All that is signed before 2026-06-01T12:30:01Z is refused, which is yet to come: " +
      "at 2026-06-01T12:30:00Z, every release\n",
      "",
    ]);
  });
  const signedAt = `${new Date().toISOString().slice(0, 19)}Z`;
  await withRelease(async (dir) => {
    const args = ["verify", "--trust-file", "trust.json"];
    assertEquals((await runInProcess(args, { cwd: dir })).code, 0);
  }, await signedRelease({ signer, signedAt }));
});

Deno.test("verify accepts each file of a release alone, with permission to read it, its signature and the trust file", async () => {
  const kinds: Record<string, string> = {
    "fleet.resolved.json": "the fleet",
    "revocations.json": "the revocations",
    "bootstrap-nonces.json": "the bootstrap-nonces",
  };
  await withRelease(async (dir) => {
    for (const [role, path] of ROLES) {
      const file = join("releases", path);
      const bytes = FILES.get(path)!;
      const { channel } = JSON.parse(new TextDecoder().decode(bytes));
      const what = kinds[role] ?? `a rollout manifest of channel "${channel}"`;
      const call = [
        ...(role in kinds
          ? ["artifact", file]
          : ["rollout-manifest", file, "--rollout-id", sha256Hex(bytes)]),
        // Only a fleet says itself how old it may be.
        ...(role === "fleet.resolved.json" ? [] : ["--freshness-window", "86400"]),
      ];
      const summary = `${what}, signed at ${SIGNED_AT} from commit 01234567 by the current key`;
      const plain = [...call, "--trust-file", "trust.json"];
      const accepted = { code: 0, stdout: `verified ${summary}\n`, stderr: "" };
      assertEquals(await verifyHere(dir, plain), accepted);
      // Of each way to name a file one as a process.
      const isFirst = role === "fleet.resolved.json" || role === "manifest 1";
      if (isFirst) assertEquals(await verify(dir, [file, `${file}.sig`, "trust.json"], plain), accepted);
      // And with the signature elsewhere.
      await Deno.writeFile(join(dir, "signature"), FILES.get(`${path}.sig`)!);
      const elsewhere = ["--signature", "signature", "--trust-file", "trust.json", "--json"];
      const { code, stdout } = role === "revocations.json"
        ? await verify(dir, [file, "signature", "trust.json"], [...call, ...elsewhere])
        : await verifyHere(dir, [...call, ...elsewhere]);
      const { kind } = REPORT.files.find((file) => file.path === path)!;
      assertEquals({ code, stdout: JSON.parse(stdout) }, {
        code: 0,
        stdout: {
          ...REPORT,
          files: [{ path: file, kind, sha256: sha256Hex(bytes), key: "current" }],
          summary,
        },
      });
    }
  });
});

Deno.test("verify takes a fleet's file for the release that it is in, and any other for itself", async () => {
  await withRelease(async (dir) => {
    const named = ["releases/fleet.json", "--trust-file", "trust.json"];
    const accepted = { code: 0, stdout: SUMMARY, stderr: "" };
    assertEquals(await verify(dir, ["releases", "trust.json"], named), accepted);
    const signature = "releases/fleet.json.sig";
    assertEquals(await verifyDirectory(dir, signature), accepted);

    const manifest = ROLES.get("manifest 1")!;
    for (const path of ["revocations.json", manifest]) {
      const { code, stdout } = await verifyDirectory(dir, join("releases", path), "--freshness-window=9999");
      assertEquals([code, stdout.includes(path === manifest ? "manifest of channel" : "the revoc")], [
        0,
        true,
      ]);
    }

    await Deno.remove(join(dir, "releases", manifest));
    const { code, stdout, stderr } = await verifyHere(dir, named);
    assertEquals([code, stdout.match(/\[[a-z-]+\]/g)], [1, ["[missing-manifest]", "[missing-document]"]]);
    assertEquals(
      stderr,
      'warning: "fleet.json" was verified with the release that it belongs to, all of "releases": ' +
        "`verify artifact FILE` verifies the file alone\n",
    );
  }, await signedRelease({ signer, ciCommit: COMMIT, artifactName: "fleet.json" }));
});

Deno.test("verify refuses a file for its kind, its rollout id, its signature and its age, all at once", async () => {
  const manifest = ROLES.get("manifest 1")!;
  const [file, id] = [join("releases", manifest), manifest.slice("rollouts/".length, -".json".length)];
  const none = "0".repeat(64);
  await withRelease(async (dir) => {
    const codes = async (args: string[], window = 86400) => {
      const call = ["--freshness-window", `${window}`, "--trust-file", "trust.json", "--json", ...args];
      const result = await verifyHere(dir, call);
      return [result.code, ...codesOf(result).map((failure) => failure.split(": ")[1])];
    };
    assertEquals(await codes(["artifact", file]), [1, "wrong-document"]);
    assertEquals(await codes(["rollout-manifest", file, "--rollout-id", none]), [1, "wrong-rollout-id"]);
    const fleet = join("releases", "fleet.resolved.json");
    assertEquals(
      await codes(["rollout-manifest", fleet, "--rollout-id", sha256Hex(FILES.get("fleet.resolved.json")!)]),
      [
        1,
        "wrong-document",
      ],
    );
    const all = ["--rollout-id", none, "--signature", `${fleet}.sig`];
    assertEquals(await codes(["rollout-manifest", file, ...all], 60), [
      1,
      "bad-signature",
      "wrong-rollout-id",
    ]);
    assertEquals(await codes(["rollout-manifest", file, "--rollout-id", none], 60), [
      1,
      "stale",
      "wrong-rollout-id",
    ]);
    assertEquals(await codes(["rollout-manifest", file, "--rollout-id", id]), [0]);
  });
});

Deno.test("verify artifact takes the kind from --kind, or from the name, and else wants a fleet", async () => {
  await withRelease(async (dir) => {
    const at = (name: string) => join("releases", name);
    const copy = async (from: string, to: string) => {
      for (const suffix of ["", ".sig"]) {
        await Deno.copyFile(join(dir, at(from) + suffix), join(dir, to + suffix));
      }
    };
    await copy("revocations.json", "fleet.resolved.json");
    await copy("revocations.json", "other.json");
    await copy("fleet.resolved.json", "fleet.json");
    const call = async (...args: string[]) => {
      const { code, stdout } = await verifyHere(dir, [
        ...["artifact", ...args, "--trust-file", "trust.json", "--freshness-window", "86400"],
      ]);
      return [code, stdout.split("\n")[0]];
    };
    const stamp = `signed at ${SIGNED_AT} from commit 01234567 by the current key`;
    const verified = (what: string) => [0, `verified the ${what}, ${stamp}`];
    const refused = (path: string, message: string) => [1, `refused "${path}": ${message} [wrong-document]`];
    const mend = "give --kind revocations if that is what it should be";
    const message = `it is the revocations, expected the fleet: ${mend}`;
    assertEquals(await call("fleet.json"), verified("fleet"));
    assertEquals(await call("fleet.resolved.json"), refused("fleet.resolved.json", message));
    assertEquals(await call("other.json"), refused("other.json", message));
    assertEquals(await call("other.json", "--kind", "revocations"), verified("revocations"));
    assertEquals(
      await call(at("revocations.json"), "--kind=fleet"),
      refused(at("revocations.json"), message),
    );
    assertEquals(await call(at("fleet.resolved.json"), "--kind=release-index"), [
      1,
      `refused "${at("fleet.resolved.json")}": it is the fleet, expected the release index: ` +
      "give --kind fleet if that is what it should be [wrong-document]",
    ]);
    const manifest = at(ROLES.get("manifest 1")!);
    const way = "verify it as one, with its --rollout-id";
    assertEquals(
      await call(manifest),
      refused(manifest, `it is a rollout manifest, expected the fleet: ${way}`),
    );
  });
});

Deno.test("verify reads no file of any size that no release has, nor a device, and names what it refuses", async () => {
  await withRelease(async (dir) => {
    const releases = join(dir, "releases");
    using readme = await Deno.create(join(releases, "README.md"));
    await readme.truncate(5 * 2 ** 30);
    assertEquals((await verifyDirectory(dir)).code, 0);
    await Deno.remove(join(releases, "revocations.json.sig"));
    await Deno.symlink("/dev/zero", join(releases, "revocations.json.sig"));
    const stderr = 'error: Cannot read "releases/revocations.json.sig": it is no regular file\n';
    assertEquals(await verifyDirectory(dir), { code: 2, stdout: "", stderr });
    const alone = ["artifact", "releases/revocations.json", "--trust-file", "trust.json"];
    assertEquals(await verifyHere(dir, alone), { code: 2, stdout: "", stderr });
  });
});

/** What `verify` cannot do: the arguments, the beginning of what it says, and the hint. */
const CANNOT: Record<string, [args: string[], message: string, hint?: string]> = {
  "a directory that is not there": [
    ["missing", "--trust-file", "trust.json"],
    'Cannot read "missing": No such file or directory',
    "the first release makes it: give the directory that has one, relative to the current directory",
  ],
  "a file in a directory's place": [
    ["trust.json/", "--trust-file", "trust.json"],
    'Cannot read "trust.json/": Not a directory',
  ],
  "a trust file that is not there": [
    ["--trust-file", "missing.json"],
    'Cannot read "missing.json": No such file or directory',
  ],
  "no trust file": [
    [],
    "No keys to verify with: --trust-file is missing",
    "`fleet-release pubkey KEY --format trust-file` writes one for a key that you hold",
  ],
  "a trust file that is no JSON": [
    ["--trust-file", "releases/fleet.resolved.json.sig"],
    'Cannot use the trust file "releases/fleet.resolved.json.sig": Cannot read the JSON: ',
  ],
  "a trust file that is something else": [
    ["--trust-file", "releases/fleet.resolved.json"],
    'Cannot use the trust file "releases/fleet.resolved.json": ',
  ],
  "an artifact that is not there": [
    ["artifact", "missing.json", "--trust-file", "trust.json"],
    'Cannot read "missing.json": No such file or directory',
  ],
  "a signature that is not there": [
    ["artifact", "trust.json", "--trust-file", "trust.json", "--signature", "missing.sig"],
    'Cannot read "missing.sig": No such file or directory',
  ],
  "a manifest without an id": [
    ["rollout-manifest", "x", "--trust-file", "trust.json"],
    "--rollout-id is missing",
    "expected the 64 lower-case hex digits that the manifest's file is named by",
  ],
  "a time that is none": [
    ["--trust-file", "trust.json", "--now", "yesterday"],
    'Cannot read --now "yesterday": expected ',
  ],
  "an unknown option": [
    ["--trust-files", "trust.json"],
    'Unknown option "--trust-files"',
    "did you mean --trust-file?",
  ],
};

Deno.test("verify exits with 2, and prints nothing on stdout, for arguments and files that it cannot use", async () => {
  await withRelease(async (dir) => {
    for (const [what, [args, message, hint]] of Object.entries(CANNOT)) {
      const { code, stdout, stderr } = await runInProcess(["verify", ...args], {
        cwd: dir,
      });
      const [first, ...others] = stderr.split("\n");
      assertEquals(
        [code, stdout, first!.startsWith(`error: ${message}`)],
        [2, "", true],
        `${what}: ${stderr}`,
      );
      assertEquals(
        others.filter((line) => line.startsWith("hint: ")),
        hint === undefined ? [] : [`hint: ${hint}`],
      );
    }
    const { code, stdout } = await verify(dir, ["releases"], ["--trust-file", "trust.json"]);
    assertEquals([code, stdout], [2, ""]);
  });
});

Deno.test("verify refuses one file of which nothing says how old it may be, or that has no signature", async () => {
  await withRelease(async (dir) => {
    const stale = await runInProcess([
      "verify",
      "artifact",
      "releases/revocations.json",
      "--trust-file",
      "trust.json",
      ...NOW,
    ], { cwd: dir });
    assertEquals(stale, {
      code: 1,
      stdout:
        'refused "releases/revocations.json": nothing says how old it may be: --freshness-window is missing ' +
        "[stale]\nrefused: 1 reason\n",
      stderr: "",
    });
    await Deno.remove(join(dir, "releases/fleet.resolved.json.sig"));
    const unsigned = await runInProcess([
      "verify",
      "artifact",
      "releases/fleet.resolved.json",
      "--trust-file",
      "trust.json",
      ...NOW,
    ], { cwd: dir });
    assertEquals(unsigned, {
      code: 1,
      stdout:
        'refused "releases/fleet.resolved.json": it has no signature [no-signature]\nrefused: 1 reason\n',
      stderr: "",
    });
  });
});

Deno.test("verify --git reads a revision without a checkout, with permission to run git and sh", async () => {
  await inTempDir(async (root) => {
    const [git, sh] = [which("git"), which("sh")];
    const env = {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: root,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_COUNT: "2",
      GIT_CONFIG_KEY_0: "user.name",
      GIT_CONFIG_VALUE_0: "tester",
      GIT_CONFIG_KEY_1: "user.email",
      GIT_CONFIG_VALUE_1: "tester@example.com",
    };
    const tree = join(root, "tree");
    const inGit = (...args: string[]) => expectRun([git, "-C", tree, ...args], { env });
    await writeFiles(join(tree, "fleet/releases"), FILES);
    await expectRun([git, "init", "-q", "-b", "main", tree], { env });
    await inGit("add", "-A");
    // What a checkout would change: the bytes in the commit are those that were signed. Added after them, since it
    // would also take a carriage return out of a signature that has one before a line feed by chance.
    await Deno.writeTextFile(join(tree, ".gitattributes"), "* text eol=crlf ident export-ignore\n");
    await inGit("add", ".gitattributes");
    await inGit("commit", "-q", "-m", "good");
    await inGit("tag", "v1");
    // By its name alone: any other file that is added again would lose such a carriage return.
    await writeFiles(join(tree, "fleet/releases"), new Map(Object.entries(damaged("revocations.json"))));
    await inGit("add", "fleet/releases/revocations.json");
    await inGit("commit", "-q", "-m", "bad");
    // What no checkout would show as it is in the commit: a link in place of a file, and two files of one name.
    await inGit("checkout", "-q", "-b", "linked", "v1");
    await Deno.symlink("../../trust.json", join(tree, "fleet/releases/rollouts/x.json"));
    await inGit("add", "fleet/releases/rollouts/x.json");
    await inGit("commit", "-q", "-m", "linked");
    await inGit("checkout", "-q", "main");
    const treeOf = async (entries: string) => {
      const stdin = new TextEncoder().encode(entries);
      return (await expectRun([git, "-C", tree, "mktree"], { env, stdin })).trim();
    };
    const entries = await inGit("ls-tree", "v1:fleet/releases");
    const releases = await treeOf(entries + /^.*\tfleet\.resolved\.json\n/m.exec(entries)![0]);
    const top = await treeOf(`040000 tree ${await treeOf(`040000 tree ${releases}\treleases\n`)}\tfleet\n`);
    await inGit("tag", "twice", (await inGit("commit-tree", "-m", "twice", top)).trim());
    await expectRun([git, "clone", "-q", "--bare", tree, join(root, "bare")], { env });
    await Deno.remove(join(tree, "fleet/releases"), { recursive: true });
    const trust = join(root, "trust.json");
    await Deno.writeTextFile(trust, JSON.stringify(TRUST));

    const verifyHere = async (cwd: string, revision: string, ...args: string[]) => {
      const call = ["verify", ...args, `--git=${revision}`, "--trust-file", trust, ...NOW];
      return await runInProcess(call, { cwd: await Deno.realPath(cwd), env });
    };
    const verifyAt = (cwd: string, revision: string, ...args: string[]) => {
      const readable = [cwd, trust, dirname(git), dirname(sh)].join(",");
      const permissions = [`--allow-run=${git},${sh}`, `--allow-read=${readable}`];
      const variables = `--allow-env=${
        [...GIT_VARIABLES, "GIT_CONFIG_KEY_*", "GIT_CONFIG_VALUE_*", "NODE_V8_COVERAGE"].join(",")
      }`;
      return runProgram(
        [...permissions, variables],
        ["verify", ...args, `--git=${revision}`, "--trust-file", trust, ...NOW],
        { cwd, env },
      );
    };
    const good = (await inGit("rev-parse", "v1")).trim();
    const verified = { code: 0, stdout: `${SUMMARY.trimEnd()}, in commit ${good}\n`, stderr: "" };
    const fleet = join(tree, "fleet");
    assertEquals(await verifyAt(fleet, "v1"), verified);
    assertEquals(await verifyHere(fleet, "HEAD~1", "./releases/"), verified);
    assertEquals(
      await verifyHere(
        tree,
        await inGit("rev-parse", "--short", "v1").then((id) => id.trim()),
        "fleet/releases",
      ),
      verified,
    );
    assertEquals(await verifyHere(tree, "v1", join(tree, "fleet/releases")), verified);
    assertEquals(await verifyAt(join(root, "bare"), "v1", "fleet/releases"), verified);
    const { code, stdout, stderr } = await verifyHere(fleet, "v1", "--json");
    const report = { ...REPORT, gitCommit: good };
    assertEquals({ code, stdout: JSON.parse(stdout), stderr }, { code: 0, stdout: report, stderr: "" });

    // Of "main" one file is damaged, also where this one repository is told to show another commit in its place.
    const refusals = [await verifyHere(fleet, "main")];
    await inGit("replace", "main", "v1");
    refusals.push(await verifyHere(fleet, "main"));
    const bad = (await inGit("rev-parse", "main")).trim();
    const refused =
      'refused "revocations.json": its signature does not verify with any trusted key [bad-signature]\n';
    assertEquals(refusals.map(({ code, stdout }) => [code, stdout]), [
      [1, `${refused}refused: 1 reason, in commit ${bad}\n`],
      [1, `${refused}refused: 1 reason, in commit ${bad}\n`],
    ]);
    const json = await verifyHere(fleet, "main", "--json");
    assertEquals([json.code, JSON.parse(json.stdout).gitCommit], [1, bad]);
    // Who may push to the repository may push a tag of the branch's name, on a commit that is verified.
    await inGit("tag", "main", "v1");
    assertEquals(await verifyHere(fleet, "main"), {
      code: 2,
      stdout: "",
      stderr: 'error: The name "main" may mean 2 things\n' +
        `  refs/heads/main, which is ${bad}\n  refs/tags/main, which is ${good}\n` +
        "hint: write the one that you mean in full, as in refs/heads/main\n",
    });
    assertEquals((await verifyHere(fleet, "refs/heads/main")).code, 1);
    assertEquals(await verifyHere(fleet, "refs/tags/main"), verified);
    await inGit("tag", "-d", "main");
    for (
      const [cwd, revision, dir, message] of [
        [fleet, "v2", "releases", 'Cannot find the commit "v2"'],
        [fleet, "--all", "releases", 'Cannot find the commit "--all"'],
        [fleet, "v1:fleet", "releases", 'Cannot find the commit "v1:fleet"'],
        [fleet, "v1", "other", 'Cannot find the directory "other" in v1'],
        [
          fleet,
          "v1",
          "../../fleet/releases",
          'Cannot read "../../fleet/releases" from git: it is outside the repository',
        ],
        [fleet, "linked", "releases", 'Cannot read "rollouts/x.json" of linked: it is no regular file'],
        [fleet, "twice", "releases", 'Cannot read "fleet.resolved.json" of twice: it is there twice'],
        [join(root, "bare"), "v1", "releases", 'Cannot find the directory "releases" in v1'],
        [root, "v1", "releases", 'Cannot find the commit "v1"'],
      ] as const
    ) {
      const { code, stdout, stderr } = await verifyHere(cwd, revision, dir);
      assertEquals([code, stdout, stderr.split("\n")[0]], [2, "", `error: ${message}`]);
    }
  });
});

Deno.test("verify --git hands git nothing that is for releases, even when all may be read, and no relative PATH", async () => {
  await inTempDir(async (root) => {
    const git = which("git");
    const bin = join(root, "bin");
    await ensureDir(bin);
    await Deno.writeTextFile(join(bin, "git"), `#!/bin/sh\nenv >>${root}/seen\nexec ${git} "$@"\n`, {
      mode: 0o755,
    });
    const env = {
      PATH: `.:${bin}:${Deno.env.get("PATH")}`,
      HOME: root,
      RELEASE_KEY: "canary",
      NIXFLEET_SIGN_CMD: "canary",
      AWS_SECRET_ACCESS_KEY: "canary",
    };
    await expectRun([git, "init", "-q", join(root, "tree")], { env: { HOME: root } });
    await Deno.writeTextFile(join(root, "trust.json"), JSON.stringify(TRUST));
    const { code, stderr } = await runProgram(
      ["--allow-run", "--allow-read", "--allow-env"],
      ["verify", "--git=HEAD", "--trust-file", "../trust.json"],
      { cwd: join(root, "tree"), env },
    );
    const seen = await Deno.readTextFile(join(root, "seen"));
    assertEquals([code, seen.includes(`HOME=${root}`), seen.includes("canary")], [2, true, false]);
    assertEquals([seen.includes(`PATH=${bin}:`), stderr.includes('warning: PATH has "." in it')], [
      true,
      true,
    ]);
  });
});
