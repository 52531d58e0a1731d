/**
 * The program, as a list of stages. Read this file first.
 *
 * Nothing is pushed before everything is built, nothing is written before everything is signed and verified, and
 * nothing is committed before everything is written.
 *
 * @module
 */
import type { ReleaseConfig } from "./config.ts";
import { lookup, plural, quoteList } from "./contract/records.ts";
import { closureHash, type StorePath } from "./contract/store_path.ts";
import { wholeSeconds } from "./contract/time.ts";
import type { Timestamp } from "./contract/types.ts";
import { ReleaseError } from "./errors.ts";
import { keepOtherHosts, reuseRelease, warnOfStaleSidecars } from "./existing_release.ts";
import { renderCommitMessage } from "./plan/commit_message.ts";
import { composeArtifacts, decodeFleet } from "./plan/compose.ts";
import { enumerateHosts, type HostKind } from "./plan/hosts.ts";
import { pinTargetCommit, validatePinSourceUrl } from "./plan/pins.ts";
import { type SignedArtifact, smokeVerify } from "./plan/smoke_verify.ts";
import type { Warn, Warning } from "./plan/warnings.ts";
import type { HostDerivation, Ports } from "./ports.ts";
import {
  attributePaths,
  documents,
  identityOf,
  lockPinned,
  resolvePinnedCommits,
  resolveSource,
} from "./source.ts";
import { stages, type StageTime } from "./stage.ts";

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
  /** Where the release commit was pushed to; null when it was not. */
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
 * @throws {ReleaseError} whose kind tells the stage's nature; before the stage `write`, nothing has changed on disk
 */
export async function runPipeline(config: ReleaseConfig, ports: Ports): Promise<RunOutcome> {
  const { nix, git, hooks, releaseDir, log, clock } = ports;
  const warnings: Warning[] = [];
  const warn: Warn = (...found) => {
    warnings.push(...found);
    found.forEach((warning) => log.warn(warning));
  };
  const { run: stage, times } = stages(log, clock);
  const now = config.now ?? wholeSeconds(clock.now());

  // What is released: the flake as it is now. Every later nix call is given this, and never "." again.
  const source = await stage(
    {
      name: "source",
      title: `Reading flake ${config.buildFlake}`,
      done: ({ flake }) => `Read flake ${config.buildFlake} at ${flake.revision?.slice(0, 8) ?? "no commit"}`,
    },
    () => resolveSource(config, ports, warn),
  );
  const { flake, repository, ciCommit } = source;

  // Host names, fleet and sidecars in one cheap evaluation, so that mistakes show before anything is built.
  const { storeDir, hosts, evaluated } = await stage({
    name: "fleet",
    title: "Evaluating the fleet",
    done: ({ hosts, evaluated }) =>
      `Evaluated the fleet: releasing ${hosts.length} of ${
        plural(Object.keys(evaluated.fleet.hosts).length, "host")
      }`,
  }, async () => {
    const inventory = await nix.inventory(flake, attributePaths(config));
    const hosts = enumerateHosts(config.hosts, inventory.hosts);
    const decoded = decodeFleet(documents(config, inventory), now, config.strict);
    warn(...decoded.warnings);
    const fleet = await resolvePinnedCommits(decoded.evaluated.fleet, source, ports);
    validatePinSourceUrl(fleet, ciCommit, config.pinSourceUrl);
    return { storeDir: inventory.storeDir, hosts, evaluated: { ...decoded.evaluated, fleet } };
  });

  // What has to be built: every host's derivation, from the current commit or from the one that it is pinned to.
  const derivations = await stage({
    name: "evaluate",
    title: `Evaluating ${plural(hosts.length, "host")}`,
    done: (derivations) => `Evaluated ${plural(derivations.length, "host")}`,
  }, async () => {
    const groups = Map.groupBy(
      hosts,
      ({ name }) => pinTargetCommit(lookup(evaluated.fleet.hosts, name)?.pin, ciCommit),
    );
    const jobs = await Promise.all([...groups].map(async ([commit, hosts]) => ({
      flake: commit === null ? flake : await lockPinned(config, commit, hosts, ports),
      hosts,
      together: commit !== null,
    })));
    return await nix.evaluateHosts(jobs, (host, state) => log.host(host, state));
  });

  const built = await stage({
    name: "build",
    title: `Building ${plural(derivations.length, "host")}`,
    done: (built) => `Built ${plural(built.size, "host")}`,
  }, () => nix.build(derivations, storeDir, (host, state) => log.host(host, state)));
  requireEveryHost(derivations, built);
  const closures = derivations.map(({ name }) => {
    const storePath = built.get(name)!;
    return { host: name, storePath, closureHash: closureHash(storePath, storeDir) };
  });

  if (config.pushCmd !== undefined) {
    const { pushCmd } = config;
    await stage({
      name: "push",
      title: `Pushing ${plural(closures.length, "closure")}`,
      done: () => `Pushed ${plural(closures.length, "closure")}`,
    }, async () => {
      for (const closure of closures) {
        log.host(closure.host, "started");
        await hooks.push(pushCmd, closure);
        log.host(closure.host, "done");
      }
    });
  }

  // The exact bytes of the release; from here on nothing changes them.
  const { artifacts, stamp, kept } = await stage({
    name: "compose",
    title: "Composing the release",
    done: ({ artifacts, kept }) =>
      `Composed ${plural(artifacts.length, "artifact")}${
        kept === null ? "" : ", unchanged since they were signed"
      }`,
  }, async () => {
    const closureHashes = Object.fromEntries(closures.map(({ host, closureHash }) => [host, closureHash]));
    const withKept = config.hosts.kind === "auto" && config.hosts.exclude.length === 0
      ? evaluated
      : await keepOtherHosts(evaluated, hosts, config.artifactName, ports, warn);
    const stamp = { signedAt: now, ciCommit, signatureAlgorithm: config.signatureAlgorithm };
    const options = { closureHashes, stamp, now, artifactName: config.artifactName };
    const fresh = composeArtifacts(withKept, options);
    warn(...fresh.warnings);
    const kept = config.reuseUnchangedSignature
      ? await reuseRelease(withKept, options, fresh.fleet, ports)
      : null;
    return { artifacts: kept?.signed ?? fresh.artifacts, stamp: kept?.stamp ?? stamp, kept };
  });

  const signed = await stage({
    name: "sign",
    title: `Signing ${plural(artifacts.length, "artifact")}`,
    done: () =>
      kept === null
        ? `Signed ${plural(artifacts.length, "artifact")}`
        : `Kept ${plural(artifacts.length, "signature")}`,
  }, async () => {
    if (kept !== null) return kept.signed;
    const signed: SignedArtifact[] = [];
    for (const artifact of artifacts) {
      const { signature, input } = await hooks.sign(config.signCmd, artifact);
      signed.push({ ...artifact, signature, signedInput: input });
    }
    return signed;
  });

  if (config.smokeVerify) {
    await stage({
      name: "verify",
      title: "Reading the release back",
      done: () => `Read ${plural(signed.length, "artifact")} back as a consumer would`,
    }, () => smokeVerify(signed));
  } else {
    warn({
      code: "no-smoke-verify",
      message: "The signed artifacts were not read back: --smoke-verify is false",
    });
  }

  const files = inWritingOrder(signed).flatMap(({ path, bytes, signature }) => [
    { path: `${path}.sig`, bytes: signature },
    { path, bytes },
  ]);
  const changed = await stage({
    name: "write",
    title: `Writing ${releaseDir.path}`,
    done: (changed) =>
      changed.length === 0 ? "Wrote nothing: every file is there" : `Wrote ${plural(changed.length, "file")}`,
  }, async () => {
    const changed = await releaseDir.publish(files);
    await warnOfStaleSidecars(config, ports, warn);
    return changed;
  });

  let releaseCommit: string | null = null;
  if (config.gitCommit) {
    const message = renderCommitMessage(config.commitTemplate, stamp.ciCommit, stamp.signedAt);
    releaseCommit = await stage({
      name: "commit",
      title: "Committing the release",
      done: (commit) => commit === null ? "Committed nothing: no change" : `Committed ${commit.slice(0, 8)}`,
    }, () =>
      git.commit(repository!, {
        releaseDir: releaseDir.path,
        files,
        message,
        identity: identityOf(config),
        onWarning: warn,
      }));
  }

  let pushedTo: RunOutcome["pushedTo"] = null;
  if (config.gitPush !== undefined && releaseCommit !== null) {
    const { remote, branch } = config.gitPush;
    const commit = releaseCommit;
    await stage({
      name: "git-push",
      title: `Pushing to ${branch}`,
      done: () => `Pushed ${commit.slice(0, 8)} to ${branch}`,
    }, () => git.push(repository!, commit, remote, branch));
    pushedTo = { remote, branch };
  }

  return {
    outcome: (config.gitCommit ? releaseCommit === null : changed.length === 0) ? "no-change" : "released",
    commit: stamp.ciCommit,
    signedAt: stamp.signedAt,
    releaseCommit,
    pushedTo,
    hosts: derivations.map(({ name, kind }) => {
      const pin = lookup(evaluated.fleet.hosts, name)?.pin;
      return { name, kind, storePath: built.get(name)!, pinnedTo: pinTargetCommit(pin, ciCommit) };
    }),
    artifacts: signed.map(({ path, sha256, rolloutId }) => ({
      path,
      sha256,
      rolloutId: rolloutId ?? null,
      reused: kept !== null,
    })),
    warnings,
    stages: times,
  };
}

/** Every selected host must have been built: a lost host would be withdrawn from its rollout. */
function requireEveryHost(
  derivations: readonly HostDerivation[],
  built: ReadonlyMap<string, StorePath>,
): void {
  const lost = derivations.filter(({ name }) => !built.has(name));
  if (lost.length > 0) {
    throw new ReleaseError("build", `Nothing was built for host ${quoteList(lost.map(({ name }) => name))}`);
  }
}

/**
 * Content-addressed manifests first, the fleet last: a reader who finds the new fleet finds all that it leads to.
 *
 * @param signed In the order of signing: the fleet, the sidecars, the manifests
 */
function inWritingOrder([fleet, ...others]: readonly SignedArtifact[]): SignedArtifact[] {
  const manifests = others.filter(({ rolloutId }) => rolloutId !== undefined);
  const sidecars = others.filter(({ rolloutId }) => rolloutId === undefined);
  return [...manifests, ...sidecars, fleet!];
}
