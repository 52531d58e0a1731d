/**
 * `fleet-release verify`: whether a release, or one file of it, is one that consumers accept.
 *
 * @module
 */
import { basename, dirname, resolve } from "@std/path";
import { defineCommand, type Given, type Session } from "../cli/command.ts";
import { choice, flag, number, pathRead, text } from "../cli/option.ts";
import { checkArtifactName } from "../config.ts";
import {
  BOOTSTRAP_NONCES_FILE,
  FLEET_FILE,
  RELEASE_INDEX_FILE,
  REVOCATIONS_FILE,
  signaturePath,
  signedPath,
} from "../contract/layout.ts";
import { lookup } from "../contract/records.ts";
import { parseTimestamp, TIMESTAMP_FORM, wholeSeconds } from "../contract/time.ts";
import { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import type { Report } from "../report/verdict.ts";
import type { ArtifactVerdict, VerifyArtifactOptions } from "../verify/artifact.ts";
import type { Trust, TrustedKey } from "../verify/trust.ts";
import { GIT_VARIABLES, gitGrants, interruption, judgeDirectory, type ReleasePlace } from "./directory.ts";
import { HELP_OPTIONS, trustFile } from "./shared.ts";

/** A file to verify, and its signature. */
interface FileSubject {
  readonly kind: "artifact" | "rollout-manifest";
  readonly file: string;
  readonly signature: string;
}

/** What `verify artifact` can be told that a file is. */
const DOCUMENT_KINDS = ["fleet", "revocations", "bootstrap-nonces", "release-index"] as const;
type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/** A release directory to verify. */
interface DirectorySubject extends ReleasePlace {
  readonly kind: "directory";
  /** The fleet's file name, when the fleet was named in the place of its directory. */
  readonly fleet?: string;
}

/** What is verified. */
type Subject =
  | DirectorySubject
  | FileSubject & { readonly kind: "artifact"; readonly document: DocumentKind }
  | FileSubject & { readonly kind: "rollout-manifest"; readonly rolloutId: string };

/** What `verify` is told. Paths are relative to the current directory. */
export interface VerifySettings {
  readonly subject: Subject;
  readonly trustFile: string;
  readonly artifactName: string;
  /** Undefined: the clock. */
  readonly now: string | undefined;
  /** Undefined: each channel's own. */
  readonly freshnessWindowSeconds: number | undefined;
  /** Whether there has to be a release index. */
  readonly requireIndex: boolean;
  readonly json: boolean;
}

const OPTIONS = {
  "trust-file": trustFile("the keys that consumers trust"),
  "signature": pathRead({
    group: "What to verify",
    placeholder: "FILE",
    goesWith: ["artifact", "rollout-manifest"],
    defaultText: "FILE.sig",
    help: "the signature of the one file",
  }),
  "kind": choice({
    group: "What to verify",
    placeholder: "KIND",
    choices: DOCUMENT_KINDS,
    goesWith: ["artifact"],
    defaultText: "by FILE's name",
    help: "what the file has to be: fleet, revocations, bootstrap-nonces or release-index",
  }),
  "rollout-id": text({
    group: "What to verify",
    placeholder: "ID",
    goesWith: ["rollout-manifest"],
    help: "the id that names the rollout manifest",
  }),
  "git": text({
    group: "What to verify",
    placeholder: "REV",
    offers: "revisions",
    goesWith: ["directory"],
    help: "read the directory from this commit, tag or branch, without a checkout",
  }),
  "artifact-name": text({
    group: "What to verify",
    placeholder: "NAME",
    goesWith: ["directory"],
    default: FLEET_FILE,
    help: "file name of the fleet artifact",
  }),
  "require-index": flag({
    group: "What to verify",
    goesWith: ["directory"],
    help: "refuse a directory without the index of release --release-index",
  }),
  "now": text({
    group: "What to verify",
    placeholder: "TIME",
    help: "time to judge by, RFC 3339, in place of the clock",
  }),
  "freshness-window": number({
    group: "What to verify",
    placeholder: "SECONDS",
    least: 0,
    defaultText: "each channel's own",
    help: "how old a signature may be",
  }),
  "json": flag({ group: "Output", help: "print the verdict on stdout as JSON" }),
  ...HELP_OPTIONS,
};

const USAGE = [
  "verify [DIR | FILE.json] --trust-file FILE [OPTION...]",
  "verify artifact FILE --trust-file FILE [OPTION...]",
  "verify rollout-manifest FILE --rollout-id ID --trust-file FILE [OPTION...]",
];

/** The command. */
export const VERIFY = defineCommand({
  name: "verify",
  usage: USAGE,
  summary: "check a release, or one file of it, as the strictest consumer would",
  about:
    "Checks a release directory (by default `releases`), or one file of it, against the keys in a trust file.\n" +
    "A fleet's FILE.json stands for the directory that it is in. Reports all that is wrong.",
  options: OPTIONS,
  operands: 'a directory, a file of it, or "artifact" or "rollout-manifest" and a file',
  offers: "files",
  onlyTells: true,
  exitCodes: { 0: "verified", 1: "refused", 2: "arguments, or a file that cannot be read" },
  example: "fleet-release verify releases --trust-file trust.json",
  variables: GIT_VARIABLES,
  grants: [
    {
      permission: "read",
      what: "the directory, or the file and its signature",
      why: "what is verified",
      of: ({ subject }: VerifySettings, { cwd }) => {
        if (subject.kind !== "directory") {
          return [resolve(cwd, subject.file), resolve(cwd, subject.signature)];
        }
        return subject.git === undefined ? [resolve(cwd, subject.dir)] : [];
      },
    },
    ...gitGrants(
      ({ subject }: VerifySettings) => subject.kind === "directory" && subject.git !== undefined,
      "with `--git`, ",
    ),
  ],
  read: readSettings,
  run: verify,
  failureCode: () => 2,
});

function readSettings(given: Given<typeof OPTIONS>): VerifySettings {
  const { values } = given;
  const subject = subjectOf(given);
  const { trustFile, now, freshnessWindow, requireIndex, json } = values;
  const artifactName = subject.kind === "directory" && subject.fleet || values.artifactName;
  if (trustFile === undefined) {
    throw new ReleaseError("usage", "No keys to verify with: --trust-file is missing", {
      hint: "`fleet-release pubkey KEY --format trust-file` writes one for a key that you hold",
    });
  }
  if (now !== undefined && parseTimestamp(now) === undefined) {
    throw new ReleaseError("usage", `Cannot read --now "${now}": expected ${TIMESTAMP_FORM}`);
  }
  checkArtifactName(artifactName);
  const judging = { now, freshnessWindowSeconds: freshnessWindow, requireIndex };
  return { subject, trustFile, artifactName, ...judging, json };
}

/** What is to be verified, and that nothing is said that does not go with it. */
function subjectOf(line: Given<typeof OPTIONS>): Subject {
  const { values, operands: [first = "releases", file, stray] } = line;
  if (first !== "artifact" && first !== "rollout-manifest") {
    if (file !== undefined) {
      throw new ReleaseError("usage", `Unknown argument "${file}"`, {
        hint: 'to verify one file, write "artifact FILE" or "rollout-manifest FILE"',
      });
    }
    if (/[^/]\.json(\.sig)?$/.test(first)) return subjectByName(signedPath(first) ?? first, line);
    refuseOthers("directory", line);
    if (first === "") throw new ReleaseError("usage", "The directory to verify is empty");
    return { kind: "directory", dir: first, git: values.git };
  }
  if (!file) {
    throw new ReleaseError("usage", `Nothing to verify: the file behind "${first}" is missing`, {
      hint: `to verify a directory of that name, write ./${first}`,
    });
  }
  if (stray !== undefined) {
    throw new ReleaseError("usage", `Unknown argument "${stray}"`, {
      hint: `usage: fleet-release ${USAGE[first === "artifact" ? 1 : 2]}`,
    });
  }
  return fileSubject(first, file, line);
}

/**
 * What is meant by a file in the place of the directory: by its name alone, as all else about files. A fleet's means the
 * release that it is the fleet of, unless something is said that goes with one file.
 */
function subjectByName(file: string, line: Given<typeof OPTIONS>): Subject {
  const { values, given } = line;
  const name = basename(file);
  if (manifestId(file) !== undefined) return fileSubject("rollout-manifest", file, line);
  if (kindByName(file) !== "fleet" || given.has("kind") || given.has("signature")) {
    return fileSubject("artifact", file, line);
  }
  refuseOthers("directory", line);
  if (given.has("artifact-name") && values.artifactName !== name) {
    throw new ReleaseError("usage", `--artifact-name "${values.artifactName}" is not the name of "${file}"`, {
      hint: "give one of them",
    });
  }
  return { kind: "directory", dir: dirname(file), git: values.git, fleet: name };
}

/** One file, as it is asked for. */
function fileSubject(kind: FileSubject["kind"], file: string, line: Given<typeof OPTIONS>): Subject {
  refuseOthers(kind, line);
  const { values } = line;
  const signature = values.signature ?? signaturePath(file);
  if (kind === "artifact") return { kind, file, signature, document: values.kind ?? kindByName(file) };
  return { kind, file, signature, rolloutId: checkRolloutId(values.rolloutId ?? manifestId(file)) };
}

/**
 * Refuses an option that does not go with what is verified.
 *
 * @throws {ReleaseError} of kind `usage`
 */
function refuseOthers(kind: Subject["kind"], { given }: Given<typeof OPTIONS>): void {
  const misfit = Object.entries(OPTIONS).find(([flag, { goesWith }]) =>
    given.has(flag) && goesWith !== undefined && !goesWith.includes(kind)
  );
  if (misfit === undefined) return;
  // An option of either kind of file does not go with a directory, and one of manifests alone not with an artifact.
  const subject = kind === "directory"
    ? "a directory"
    : misfit[1].goesWith?.includes("directory")
    ? "a file"
    : kind === "artifact"
    ? "an artifact"
    : "a rollout manifest";
  throw new ReleaseError("usage", `--${misfit[0]} does not go with ${subject}`);
}

/** The rollout id that a file is named by; undefined when its name is no manifest's. */
function manifestId(file: string): string | undefined {
  return /^([0-9a-f]{64})\.json$/.exec(basename(file))?.[1];
}

/**
 * What a file has to be by the name that it has in a release directory. Any other has to be a fleet, which is what the
 * reference's verifier takes it for: to take whatever it turns out to be would let one document stand for another.
 */
function kindByName(file: string): DocumentKind {
  const names: Readonly<Record<string, DocumentKind>> = {
    [REVOCATIONS_FILE]: "revocations",
    [BOOTSTRAP_NONCES_FILE]: "bootstrap-nonces",
    [RELEASE_INDEX_FILE]: "release-index",
  };
  return lookup(names, basename(file)) ?? "fleet";
}

function checkRolloutId(rolloutId: string | undefined): string {
  if (rolloutId !== undefined && /^[0-9a-f]{64}$/.test(rolloutId)) return rolloutId;
  throw new ReleaseError(
    "usage",
    rolloutId === undefined ? "--rollout-id is missing" : `Cannot read --rollout-id "${rolloutId}"`,
    { hint: "expected the 64 lower-case hex digits that the manifest's file is named by" },
  );
}

/**
 * Verifies, and prints the verdict. Needs permission to read what it reads, and with `--git` to run git and sh.
 *
 * @throws {ReleaseError} when something cannot be read
 */
async function verify(settings: VerifySettings, session: Session): Promise<number> {
  const { world, log } = session;
  const [{ reportLines }, { jsonDocument }] = await Promise.all([
    import("../report/verdict.ts"),
    import("../report/json.ts"),
  ]);
  const report = await judge(settings, session);
  report.warnings.forEach((warning) => log.warn(warning));
  world.stdout.write(
    settings.json ? jsonDocument("verify", report) : `${reportLines(report).join("\n")}\n`,
  );
  return report.verified ? 0 : 1;
}

async function judge(settings: VerifySettings, session: Session): Promise<Report> {
  const { subject, artifactName, freshnessWindowSeconds, requireIndex, trustFile } = settings;
  const { world } = session;
  const [
    { createInputs },
    { parseTrustFile, trustAt },
    { fileReport, releaseReport },
  ] = await Promise.all([
    import("../adapters/files.ts"),
    import("../verify/trust.ts"),
    import("../report/verdict.ts"),
  ]);
  const now = settings.now ?? wholeSeconds(world.clock.now());
  const inputs = createInputs(world.cwd);
  const { trust, warnings } = trustAt(parseTrustFile(trustFile, await inputs.read(trustFile)), now);
  if (subject.kind !== "directory") {
    const verdict = await judgeFile(settings, subject, { trust, now, cwd: world.cwd });
    return fileReport(subject.file, verdict, warnings);
  }
  const options = { artifactName, trust, now, freshnessWindowSeconds, requireIndex };
  const { verdict, commit, interrupted } = await judgeDirectory(subject, options, session);
  const found = [...interrupted ? [interruption(subject)] : [], ...asRelease(subject, verdict)];
  return releaseReport(verdict, { commit, warnings: [...warnings, ...found] });
}

/** Who has named a file may not think of what lies beside it, for which it is refused. */
function asRelease({ dir, fleet }: DirectorySubject, { verified }: { verified: boolean }): Warning[] {
  if (fleet === undefined || verified) return [];
  return [{
    code: "whole-release",
    message: `"${fleet}" was verified with the release that it belongs to, all of "${dir}": ` +
      "`verify artifact FILE` verifies the file alone",
  }];
}

/** What one file is judged by. */
interface Judging {
  readonly trust: Trust;
  readonly now: string;
  /** What paths are relative to. */
  readonly cwd: string;
}

async function judgeFile(
  { freshnessWindowSeconds }: VerifySettings,
  subject: Exclude<Subject, { kind: "directory" }>,
  { trust: { keys, rejectBefore }, now, cwd }: Judging,
): Promise<ArtifactVerdict<TrustedKey>> {
  const [{ readBounded }, { verifyArtifact }] = await Promise.all([
    import("../adapters/bounded.ts"),
    import("../verify/artifact.ts"),
  ]);
  const read = (path: string) => readBounded({ path, cwd });
  const bytes = read(subject.file);
  const signature = readSignature(subject, read);
  const options: VerifyArtifactOptions & { keys: Trust["keys"] } = {
    ...{ bytes, signature, keys, now, freshnessWindowSeconds, rejectBefore },
  };
  if (subject.kind === "artifact") {
    return withWayToVerify(await verifyArtifact({ ...options, kind: subject.document }), subject.document);
  }
  const verdict = await verifyArtifact({ ...options, kind: "rollout-manifest" });
  if (verdict.sha256 === subject.rolloutId) return verdict;
  const message = `its rollout id is ${verdict.sha256}, expected ${subject.rolloutId}`;
  return {
    ...verdict,
    verified: false,
    failures: [...verdict.failures, { code: "wrong-rollout-id", message }],
  };
}

/** The verdict on a document of another kind than was expected says how that one is verified. */
function withWayToVerify(
  verdict: ArtifactVerdict<TrustedKey>,
  expected: DocumentKind,
): ArtifactVerdict<TrustedKey> {
  const { kind } = verdict;
  if (kind === null || kind === expected) return verdict;
  const way = kind === "rollout-manifest"
    ? "verify it as one, with its --rollout-id"
    : `give --kind ${kind} if that is what it should be`;
  const failures = verdict.failures.map(({ code, message }) =>
    code === "wrong-document" ? { code, message: `${message}: ${way}` } : { code, message }
  );
  return { ...verdict, failures };
}

/** A file without the signature that belongs beside it is refused; one that was named has to be there. */
function readSignature(
  { file, signature }: FileSubject,
  read: (path: string) => Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> | null {
  try {
    return read(signature);
  } catch (error) {
    const isMissing = error instanceof ReleaseError && error.cause instanceof Deno.errors.NotFound;
    if (isMissing && signature === signaturePath(file)) return null;
    throw error;
  }
}
