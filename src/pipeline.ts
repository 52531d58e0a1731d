/**
 * A release, as a list of stages. Read this file first.
 *
 * Nothing is pushed before everything is built, nothing is written before everything is signed and verified, and
 * nothing is committed before everything is written.
 *
 * @module
 */
import type { ReleaseConfig } from "./config.ts";
import { lookup } from "./contract/records.ts";
import { plural, quoteList } from "./text.ts";
import { closureHash, type StorePath } from "./contract/store_path.ts";
import { wholeSeconds } from "./contract/time.ts";
import type { Timestamp } from "./contract/types.ts";
import { hideSecrets } from "./secrets.ts";
import { ReleaseError } from "./errors.ts";
import { evaluateFleet, evaluateHosts, type FleetToRelease } from "./stages/evaluate.ts";
import { reuseRelease, warnOfStaleSidecars } from "./stages/previous.ts";
import { renderCommitMessage } from "./plan/commit_message.ts";
import {
  type Artifact,
  type HostKind,
  type SignedArtifact,
  type Stamp,
  type Warn,
  type Warning,
} from "./model.ts";
import { composeArtifacts } from "./plan/compose.ts";
import { pinTargetCommit } from "./plan/pins.ts";
import { smokeVerify } from "./stages/check.ts";
import type { Ports, ReleaseFile } from "./ports.ts";
import { identityOf, resolveSource, type Source } from "./stages/source.ts";
import { stages, type StageTime } from "./stages/run.ts";
import { readTrustedKeys, refuseUntrustedSigner, type TrustedKeys, verifyTrusted } from "./stages/trust.ts";

/** What a run came to. */
export interface RunOutcome {
  /** `no-change`: what is on disk, or committed, is this release already. */
  readonly outcome: "released" | "no-change";
  /** The commit that was released; null outside git. */
  readonly commit: string | null;
  /** What the release is stamped with. */
  readonly signedAt: Timestamp;
  /** The commit that holds the release files; null without `gitCommit`, and when nothing changed. */
  readonly releaseCommit: string | null;
  /** Where the release commit was pushed to, without a password in the URL; null when it was not. */
  readonly pushedTo: { readonly remote: string; readonly branch: string } | null;
  /** The hosts that were built, in the order of the release. */
  readonly hosts: readonly ReleasedHost[];
  /** The signed files, in the order in which they were signed. */
  readonly artifacts: readonly ReleasedArtifact[];
  /** What the user should know. */
  readonly warnings: readonly Warning[];
  /** Seconds per stage, in their order. */
  readonly stages: readonly StageTime[];
}

/** A host that was built. */
export interface ReleasedHost {
  /** Name of the host. */
  readonly name: string;
  /** Which of the flake's attribute sets it comes from. */
  readonly kind: HostKind;
  /** What was built. */
  readonly storePath: StorePath;
  /** The commit that it was built from, when a pin holds it there. */
  readonly pinnedTo: string | null;
}

/** A file that was signed. */
export interface ReleasedArtifact {
  /** Path relative to the release directory. */
  readonly path: string;
  /** SHA-256 of the bytes, in lower-case hex. */
  readonly sha256: string;
  /** The rollout's id; null when the file is no rollout manifest. */
  readonly rolloutId: string | null;
  /** Whether the signature on disk was kept. */
  readonly reused: boolean;
}

/**
 * Makes one release.
 *
 * @throws {ReleaseError} whose kind tells what went wrong; before the stage `write`, nothing has changed on disk
 */
export async function runPipeline(config: ReleaseConfig, ports: Ports): Promise<RunOutcome> {
  const { nix, git, signer, inputs, releaseDir, log, clock } = ports;
  const { run: stage, times } = stages(log, clock);
  const warnings: Warning[] = [];
  const warn: Warn = (...found) => {
    warnings.push(...found);
    found.forEach((warning) => log.warn(warning));
  };
  warn(...signer.warnings);
  const now = config.now ?? wholeSeconds(clock.now());

  // What is released: the flake as it is now. Every later nix call is given this, and never "." again.
  const source = await stage({
    name: "source",
    title: `Reading flake ${config.buildFlake}`,
    done: ({ flake }) => `Read flake ${config.buildFlake} at ${flake.revision?.slice(0, 8) ?? "no commit"}`,
  }, () => resolveSource(config, ports, warn));

  const fleet = await stage({
    name: "fleet",
    title: "Evaluating the fleet",
    done: ({ hosts, evaluated }) =>
      `Evaluated the fleet: releasing ${hosts.length} of ${
        count(Object.keys(evaluated.fleet.hosts), "host")
      }`,
  }, () => evaluateFleet(config, source, now, ports, warn));
  const hosts = count(fleet.hosts, "host");
  // Whether consumers would accept what is going to be signed, before hours of building.
  const trusted = await readTrustedKeys(config, { attribute: fleet.trusted, now }, inputs, warn);
  if (trusted !== null) refuseUntrustedSigner(signer, trusted);

  const derivations = await stage(
    { name: "evaluate", title: `Evaluating ${hosts}`, done: () => `Evaluated ${hosts}` },
    () => evaluateHosts(config, source, fleet, ports),
  );

  const closures = await stage(
    { name: "build", title: `Building ${hosts}`, done: () => `Built ${hosts}` },
    async () => {
      const built = await nix.build(derivations, fleet.storeDir, (host, state) => log.host(host, state));
      return closuresOf(fleet, built);
    },
  );

  if (config.pushCmd !== undefined) {
    const { pushCmd } = config;
    const title = count(closures, "closure");
    await stage(
      { name: "push", title: `Pushing ${title}`, done: () => `Pushed ${title}` },
      () => pushAll(pushCmd, closures, ports),
    );
  }

  // The exact bytes of the release; from here on nothing changes them.
  const composed = await stage({
    name: "compose",
    title: "Composing the release",
    done: ({ artifacts, kept }) =>
      `Composed ${count(artifacts, "artifact")}${kept === null ? "" : ", unchanged since they were signed"}`,
  }, () => compose(config, source, fleet, closures, { now, trusted }, ports, warn));
  const { stamp, kept } = composed;
  const artifacts = count(composed.artifacts, "artifact");

  const signed = kept ?? await stage(
    { name: "sign", title: `Signing ${artifacts}`, done: () => `Signed ${artifacts}` },
    () => signAll(composed.artifacts, ports),
  );

  if (trusted !== null) {
    await stage({
      name: "verify-signatures",
      title: "Verifying the signatures",
      done: () => `Verified ${count(signed, "signature")}`,
    }, () => verifyTrusted(signed, stamp, trusted));
  }

  if (config.smokeVerify) {
    await stage({
      name: "verify",
      title: "Reading the release back",
      done: () => `Read ${artifacts} back as a consumer would`,
    }, () => smokeVerify(signed));
  } else {
    warn({
      code: "no-smoke-verify",
      message: "The signed artifacts were not read back: --smoke-verify is false",
    });
  }

  const files = filesOf(signed);
  const written = await stage({
    name: "write",
    title: `Writing ${config.releaseDir}`,
    done: (written) =>
      written.length === 0 ? "Wrote nothing: every file is there" : `Wrote ${count(written, "file")}`,
  }, () => releaseDir.publish(files));
  await warnOfStaleSidecars(config, ports, warn);

  const releaseCommit = !config.gitCommit ? null : await stage({
    name: "commit",
    title: "Committing the release",
    done: (commit) => commit === null ? "Committed nothing: no change" : `Committed ${commit.slice(0, 8)}`,
  }, () =>
    git.commit(source.repository!, {
      releaseDir: releaseDir.path,
      files,
      message: renderCommitMessage(config.commitTemplate, stamp.ciCommit, stamp.signedAt),
      identity: identityOf(config),
      onWarning: warn,
    }));

  const pushedTo = releaseCommit === null ? null : config.gitPush ?? null;
  if (releaseCommit !== null && pushedTo !== null) {
    const { remote, branch } = pushedTo;
    await stage({
      name: "git-push",
      title: `Pushing to ${branch}`,
      done: () => `Pushed ${releaseCommit.slice(0, 8)} to ${branch}`,
    }, () => git.push(source.repository!, releaseCommit, remote, branch));
  }

  return {
    outcome: (config.gitCommit ? releaseCommit === null : written.length === 0) ? "no-change" : "released",
    commit: stamp.ciCommit,
    signedAt: stamp.signedAt,
    releaseCommit,
    pushedTo: pushedTo && { ...pushedTo, remote: hideSecrets(pushedTo.remote) },
    hosts: closures.map(({ host, kind, storePath }) => {
      const pin = lookup(fleet.evaluated.fleet.hosts, host)?.pin;
      return { name: host, kind, storePath, pinnedTo: pinTargetCommit(pin, source.ciCommit) };
    }),
    artifacts: signed.map(({ path, sha256, rolloutId = null }) => ({
      path,
      sha256,
      rolloutId,
      reused: kept !== null,
    })),
    warnings,
    stages: times,
  };
}

/** A host that was built. */
interface Closure {
  readonly host: string;
  readonly kind: HostKind;
  readonly storePath: StorePath;
  readonly closureHash: string;
}

/** Every selected host must have been built: a lost host would be withdrawn from its rollout. */
function closuresOf({ hosts, storeDir }: FleetToRelease, built: ReadonlyMap<string, StorePath>): Closure[] {
  const lost = hosts.filter(({ name }) => !built.has(name));
  if (lost.length > 0) {
    throw new ReleaseError("build", `Nothing was built for host ${quoteList(lost.map(({ name }) => name))}`);
  }
  return hosts.map(({ name, kind }) => {
    const storePath = built.get(name)!;
    return { host: name, kind, storePath, closureHash: closureHash(storePath, storeDir) };
  });
}

async function pushAll(command: string, closures: readonly Closure[], { hooks, log }: Ports): Promise<void> {
  for (const { host, storePath, closureHash } of closures) {
    log.host(host, "started");
    await hooks.push(command, { host, storePath, closureHash });
    log.host(host, "done");
  }
}

/** What is to be signed, or has been: `kept` is the release on disk, when it may stay as it is. */
interface Composed {
  readonly artifacts: readonly Artifact[];
  readonly stamp: Stamp;
  readonly kept: SignedArtifact[] | null;
}

async function compose(
  config: ReleaseConfig,
  { ciCommit }: Source,
  { evaluated }: FleetToRelease,
  closures: readonly Closure[],
  { now, trusted }: { now: Timestamp; trusted: TrustedKeys | null },
  ports: Ports,
  warn: Warn,
): Promise<Composed> {
  const stamp = { signedAt: now, ciCommit, signatureAlgorithm: ports.signer.algorithm };
  const closureHashes = Object.fromEntries(closures.map(({ host, closureHash }) => [host, closureHash]));
  const options = { closureHashes, stamp, now, artifactName: config.artifactName };
  const fresh = composeArtifacts(evaluated, options);
  warn(...fresh.warnings);
  const reused = config.reuseUnchangedSignature
    ? await reuseRelease(evaluated, options, fresh.fleet, trusted, ports)
    : null;
  return reused === null
    ? { artifacts: fresh.artifacts, stamp, kept: null }
    : { artifacts: reused.signed, stamp: reused.stamp, kept: reused.signed };
}

async function signAll(artifacts: readonly Artifact[], { signer }: Ports): Promise<SignedArtifact[]> {
  const signed: SignedArtifact[] = [];
  for (const artifact of artifacts) {
    const { signature, input } = await signer.sign(artifact);
    signed.push({ ...artifact, signature, signedInput: input });
  }
  return signed;
}

/**
 * The files in the order of writing: content-addressed manifests first, the fleet last, and each signature before what
 * it signs. A reader who finds the new fleet finds all that it leads to.
 *
 * @param signed In the order of signing: the fleet, the sidecars, the manifests
 */
function filesOf([fleet, ...others]: readonly SignedArtifact[]): ReleaseFile[] {
  const manifests = others.filter(({ rolloutId }) => rolloutId !== undefined);
  const sidecars = others.filter(({ rolloutId }) => rolloutId === undefined);
  return [...manifests, ...sidecars, fleet!].flatMap(({ path, bytes, signature }) => [
    { path: `${path}.sig`, bytes: signature },
    { path, bytes },
  ]);
}

function count(things: readonly unknown[], noun: string): string {
  return plural(things.length, noun);
}
