/**
 * `fleet-release release`: turns one commit of a fleet into a release.
 *
 * @module
 */
import { dirname, resolve } from "@std/path";
import type { CommandTrace } from "../adapters/process.ts";
import { SETTINGS_VARIABLE } from "../cli/arguments.ts";
import { defineCommand, type Session } from "../cli/command.ts";
import type { Grant, Surroundings } from "../cli/grant.ts";
import {
  boolean,
  camelCase,
  choice,
  command,
  defaultsOf,
  flag,
  flagIfGiven,
  list,
  number,
  numberOrWord,
  pairs,
  pathRead,
  pathWritten,
  pickValues,
  text,
  type Values,
  waysTo,
} from "../cli/option.ts";
import {
  asksStdin,
  checkConfig,
  checkSignatureAlgorithm,
  checkSignKey,
  checkWithoutKeys,
  parseGitPush,
  type ReleaseConfig,
  signKeyDescriptor,
} from "../config.ts";
import { FLEET_FILE } from "../contract/layout.ts";
import { formatInstant } from "../contract/time.ts";
import { SIGNATURE_ALGORITHMS, type Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import type { Clock, Log, Ports } from "../ports.ts";
import type { Notes, Run } from "../stages/run.ts";
import type { EndedRun, Publication, RunOutcome } from "../report/outcome.ts";
import { jsonDocument } from "../report/json.ts";
import { errorWithoutSecrets, SILENT_LOG, withoutSecrets } from "../report/log.ts";
import { parseAttribute } from "../plan/attributes.ts";
import { hasScheme, isPath, localDirectory } from "../plan/flake_reference.ts";
import { parseHostsSpec } from "../plan/hosts.ts";
import { type Secrets, secretsOf, signKeyVariable } from "../secrets.ts";
import { CI_VARIABLES, environmentOf, processWorld, type World } from "../world.ts";
import { inCi } from "./in_ci.ts";
import { openReport, REPORT } from "./report.ts";
import {
  found,
  HELP_OPTIONS,
  INTERRUPTED,
  KEEP_RELEASES,
  lockGrants,
  LOG_OPTIONS,
  MORE_VARIABLES,
  oneKey,
  readFile,
  seconds,
  trustFile,
  waitLock,
} from "./shared.ts";

/** The repository of a flake, when it is on this machine: where that is found as the run finds it. */
function flakeRepository(
  flake: string,
  { cwd, realDirectory, repositoryOf }: Surroundings,
): readonly string[] {
  const real = hasScheme(flake) ? undefined : realDirectory(resolve(cwd, flake));
  const directory = real ?? localDirectory(flake);
  return directory === undefined ? [] : [repositoryOf(resolve(cwd, directory))];
}

/** The flake of an attribute that names one. */
function attributeFlake(option: string): Grant<string> {
  return {
    permission: "read",
    what: `the repository of a flake that \`--${option}\` names, when it is on this machine`,
    why: "as of `--build-flake`",
    of: (attribute, around) => {
      const { flake } = parseAttribute(`--${option}`, attribute);
      return flake === undefined || !(isPath(flake) || hasScheme(flake))
        ? []
        : flakeRepository(flake, around);
    },
  };
}

/** What a commit touches of the repository; nothing when there is none to make. */
function gitPlaces(
  { gitCommit, releaseDir }: ReleaseConfig,
  { cwd, gitPlacesOf }: Surroundings,
): ReturnType<Surroundings["gitPlacesOf"]> {
  return gitCommit ? gitPlacesOf(resolve(cwd, releaseDir), releaseDir) : { dirs: [], written: [] };
}

/** The options that say what to release and how. */
export const CONFIG_OPTIONS = {
  "hosts": text({
    group: "What to release",
    placeholder: "SPEC",
    default: { kind: "auto", exclude: [] },
    defaultText: "auto",
    empty: "read",
    read: parseHostsSpec,
    offers: "hosts",
    help:
      '"auto", "auto:exclude=a,b", or a list of names, web-*, @tag, %channel, and !not; - reads it from stdin',
  }),
  "build-flake": text({
    group: "What to release",
    placeholder: "REF",
    default: ".",
    offers: "directories",
    help: "flake of the fleet",
    permits: [{
      permission: "read",
      what: "the repository of `--build-flake`, when it is on this machine",
      why: "to tell where it begins; nix and git read what is in it",
      of: flakeRepository,
    }],
  }),
  "fleet-resolved-attr": text({
    group: "What to release",
    placeholder: "ATTR",
    default: ".#fleet.resolved",
    help: "attribute that holds the fleet; FLAKE#ATTR is one of another flake",
    permits: [attributeFlake("fleet-resolved-attr")],
  }),
  "revocations-attr": text({
    group: "What to release",
    placeholder: "ATTR",
    help: "attribute that holds the revocations; without it there is no such artifact",
    permits: [attributeFlake("revocations-attr")],
  }),
  "bootstrap-nonces-attr": text({
    group: "What to release",
    placeholder: "ATTR",
    help: "attribute that holds the bootstrap nonces; without it there is no such artifact",
    permits: [attributeFlake("bootstrap-nonces-attr")],
  }),
  "pin-source-url": text({
    group: "What to release",
    placeholder: "REF",
    empty: "not given",
    help: "flake that pinned hosts are built from, at their commit",
  }),
  "now": text({
    group: "What to release",
    placeholder: "TIME",
    empty: "not given",
    help: "signing time, RFC 3339, in place of SOURCE_DATE_EPOCH and the clock",
  }),
  "push-cmd": command({
    group: "Hooks",
    placeholder: "COMMAND",
    env: "NIXFLEET_PUSH_CMD",
    empty: "not given",
    oneWayTo: "push",
    help: "pushes $NIXFLEET_PATH, the closure of $NIXFLEET_HOST",
  }),
  "push-all-cmd": command({
    group: "Hooks",
    placeholder: "COMMAND",
    env: "NIXFLEET_PUSH_ALL_CMD",
    empty: "not given",
    oneWayTo: "push",
    help: "pushes all closures at once: their paths are on stdin, and in $NIXFLEET_PATHS_FILE",
  }),
  "push-jobs": number({
    group: "Hooks",
    placeholder: "N",
    least: 1,
    default: 4,
    empty: "not given",
    help: "closures pushed at once",
  }),
  "push-retries": number({
    group: "Hooks",
    placeholder: "N",
    least: 0,
    default: 3,
    empty: "not given",
    help: "how often a push that fails is tried again",
  }),
  "push-changed": flag({
    group: "Hooks",
    help: "push only closures that the release which is there does not have for the same host",
  }),
  "push-early": flag({
    group: "Hooks",
    help: "push each closure as soon as it is built, before it is known whether all of them are",
  }),
  "hook-env": list({
    group: "Hooks",
    placeholder: "NAMES",
    item: (name) => {
      if (/^[A-Za-z_]\w*$/.test(name)) return undefined;
      // A value is none that anybody should see.
      return name.includes("=")
        ? { hidden: "a variable is given with its value" }
        : "is no name of a variable";
    },
    empty: "not given",
    help: "variables that hooks need beside the usual ones, as in A,B; for permissions by name",
    permits: [{
      permission: "env",
      what: "the variables of `--hook-env`",
      why: "hooks get no others",
      of: (names) => names,
    }],
  }),
  "hook-timeout": seconds({
    group: "Hooks",
    help: "stop a hook that takes longer, which fails the run",
  }),
  "sign-cmd": command({
    group: "Signing",
    placeholder: "COMMAND",
    env: "NIXFLEET_SIGN_CMD",
    oneWayTo: "sign",
    empty: "read",
    help: "hook that signs $NIXFLEET_INPUT into $NIXFLEET_OUTPUT, 64 raw bytes",
  }),
  "sign-jobs": number({
    group: "Signing",
    placeholder: "N",
    least: 1,
    default: 1,
    empty: "not given",
    help: "files that the hook signs at once",
  }),
  "sign-key": pathRead({
    group: "Signing",
    placeholder: "FILE",
    oneWayTo: "sign",
    read: (signKey) => checkSignKey(signKey),
    help:
      "sign with this private key (PKCS#8, OpenSSH or nix); - is standard input, fd:N a pipe, env:NAME a variable",
    permits: [
      {
        permission: "read",
        what: "the file of `--sign-key`",
        why: "the key to sign with",
        of: (signKey, { cwd }) =>
          signKeyVariable(signKey) === undefined && signKeyDescriptor(signKey) === undefined
            ? [resolve(cwd, signKey)]
            : [],
      },
      {
        permission: "read",
        what: "`/dev/fd/N` of `--sign-key fd:N`",
        why: "the key is read from there; standard input needs no permission",
        of: (signKey) => {
          const descriptor = signKeyDescriptor(signKey) ?? 0;
          return descriptor === 0 ? [] : [`/dev/fd/${descriptor}`];
        },
      },
      {
        permission: "env",
        what: "the variable of `--sign-key env:NAME`",
        why: "the key is taken from there, and handed to no child process",
        of: (signKey) => variableOf(signKey),
      },
    ],
  }),
  "sign-agent": pathRead({
    group: "Signing",
    placeholder: "FILE",
    oneWayTo: "sign",
    help: "have the ssh-agent sign with the key whose public part is in this file",
    permits: [
      readFile("sign-agent", "which key the agent is to sign with"),
      ...(["read", "write"] as const).map((permission): Grant<string> => ({
        permission,
        what: "with `--sign-agent`, the socket that `SSH_AUTH_SOCK` names",
        why: "to talk to the ssh-agent",
        of: (_, { agentSocket }) => agentSocket === undefined ? [] : [agentSocket],
      })),
      {
        permission: "net",
        what: "with `--sign-agent`, the same socket as `unix:PATH`",
        why: "Deno 2.9 wants that, too. It is no address of a network, and none is ever permitted",
        of: (_, { agentSocket, sockets }) =>
          agentSocket === undefined || !sockets ? [] : [`unix:${agentSocket}`],
      },
    ],
  }),
  "signature-algorithm": choice({
    group: "Signing",
    placeholder: "NAME",
    env: "NIXFLEET_SIGNATURE_ALGORITHM",
    choices: SIGNATURE_ALGORITHMS,
    saysMoreOf: "sign",
    defaultText: "that of the key, or ed25519",
    read: checkSignatureAlgorithm,
    help: `what the sign command makes: ${SIGNATURE_ALGORITHMS.join(" or ")}`,
  }),
  "signature-encoding": choice({
    group: "Signing",
    placeholder: "NAME",
    choices: ["raw", "der"],
    default: "raw",
    saysMoreOf: "sign",
    help: "how the sign command writes an ecdsa-p256 signature: raw, or der",
  }),
  "reuse-unchanged-signature": flag({
    group: "Signing",
    help: "keep the release on disk when only its stamp would change and it is not due",
  }),
  "trust-file": trustFile(
    "verify every signature with the keys that consumers trust, before any file is written",
  ),
  "trust-attr": text({
    group: "Trust",
    placeholder: "ATTR",
    oneWayTo: "trust",
    help: "the same with the keys that this attribute of the flake holds",
    permits: [attributeFlake("trust-attr")],
  }),
  "public-key": oneKey("the same with this one key"),
  "allow-previous-key": flag({
    group: "Trust",
    saysMoreOf: "trust",
    help: "accept signatures by the previous key, which consumers are about to forget",
  }),
  "release-dir": pathWritten({
    group: "Where to",
    placeholder: "DIR",
    default: "releases",
    offers: "directories",
    help: "where the artifacts are written",
    permits: [
      {
        permission: "read",
        what: "the repository of `--release-dir`, what is written below, and the links that lead there",
        why: "a release is committed to its own repository or not at all; an earlier release may be kept",
        of: (releaseDir, { cwd, repositoryOf, firstMissing, followLinks }) => {
          const { path, links } = followLinks(resolve(cwd, releaseDir), releaseDir);
          return [repositoryOf(path), firstMissing(path) ?? path, ...links];
        },
      },
      {
        permission: "write",
        what: "`--release-dir`, where it really is, or the first directory on the way that is not there",
        why: "the release is written there; the rest of the repository is git's",
        of: (releaseDir, { cwd, firstMissing, followLinks }) => {
          const { path } = followLinks(resolve(cwd, releaseDir), releaseDir);
          return [firstMissing(path) ?? path];
        },
      },
    ],
  }),
  "artifact-name": text({
    group: "Where to",
    placeholder: "NAME",
    default: FLEET_FILE,
    empty: "read",
    help: "file name of the fleet artifact",
  }),
  "release-index": flag({
    group: "Where to",
    help: "sign a list of the files and their hashes too, which verify holds them to",
  }),
  "keep-releases": number({
    group: "Where to",
    placeholder: "N",
    least: 1,
    default: KEEP_RELEASES,
    defaultText: `${KEEP_RELEASES}`,
    help: "keep the rollout manifests of the last N releases, and remove older ones",
  }),
  "prune-sidecars": flag({
    group: "Where to",
    help: "remove sidecars and an index of an earlier release that this one does not have",
  }),
  "wait-lock": waitLock("Where to"),
  "git-commit": flag({ group: "Git", help: "commit the release files" }),
  "git-push": text({
    group: "Git",
    placeholder: "REMOTE:BRANCH",
    empty: "read",
    read: parseGitPush,
    help: "push the commit; implies --git-commit. The branch may be one for releases alone",
  }),
  "git-push-retries": number({
    group: "Git",
    placeholder: "N",
    least: 0,
    default: 5,
    empty: "not given",
    help: "how often a push is tried again, on top of what others have pushed meanwhile",
  }),
  "git-timeout": number({
    group: "Git",
    placeholder: "SECONDS",
    least: 1,
    default: 60,
    empty: "not given",
    help: "stop talking to a remote that shows no progress for so long",
  }),
  "git-hooks": flag({
    group: "Git",
    help: "let the repository's git hooks run when it commits and pushes",
  }),
  "git-sign": flagIfGiven({
    group: "Git",
    help: "have git sign the commit, as it is configured to; by default when commit.gpgSign is set",
  }),
  "commit-template": text({
    group: "Git",
    placeholder: "TEXT",
    // `[skip ci]` keeps the commit from starting the CI job that made it.
    default: "chore(ci): release {sha:0:8} [skip ci]",
    help: "message of the commit, with {sha:0:8}, {sha} and {ts}",
  }),
  "git-user-name": text({
    group: "Git",
    placeholder: "NAME",
    env: "NIXFLEET_GIT_USER_NAME",
    empty: "not given",
    help: "author of the commit",
  }),
  "git-user-email": text({
    group: "Git",
    placeholder: "ADDRESS",
    env: "NIXFLEET_GIT_USER_EMAIL",
    empty: "not given",
    help: "address of the author",
  }),
  "smoke-verify": boolean({
    group: "Safety",
    default: true,
    help: "read the signed artifacts back as a consumer would before any is written",
  }),
  "allow-older": flag({
    group: "Safety",
    help:
      "release over one that was signed later; keep closures of one that is stale, or older than the commit's",
  }),
  "require-clean": flag({
    group: "Safety",
    help: "refuse a source that nix cannot lock to a commit",
  }),
  "strict": flag({
    group: "Safety",
    help: "refuse a disruption budget that consumers cannot understand",
  }),
  "deny-warnings": flag({
    group: "Safety",
    help: "refuse whatever there is to warn of before anything is built",
  }),
  "confirm": flag({
    group: "Safety",
    help: "show what changes, and ask on the terminal before anything is signed",
  }),
  "option": pairs({
    group: "Nix",
    placeholder: "NAME VALUE",
    help: "setting for every nix command",
  }),
  "accept-flake-config": flag({
    group: "Nix",
    help: "go by the settings in the flake's nixConfig: its caches, say",
  }),
  "no-accept-flake-config": flag({
    group: "Nix",
    help: "pass over settings in the flake's nixConfig that were not trusted before",
  }),
  "no-memo": flag({
    group: "Nix",
    help: "evaluate everything, also what an earlier run has evaluated on the same commit",
  }),
  "builders": text({
    group: "Nix",
    placeholder: "SPEC",
    empty: "read",
    help: "remote builders, as for nix",
  }),
  "max-jobs": numberOrWord({
    group: "Nix",
    placeholder: "N",
    empty: "not given",
    help: "derivations built at once, as for nix",
  }),
  "eval-workers": number({
    group: "Nix",
    placeholder: "N",
    least: 1,
    defaultText: "one for each core",
    empty: "not given",
    help: "processes that evaluate hosts at once",
  }),
  "eval-max-memory": number({
    group: "Nix",
    placeholder: "MIB",
    least: 1,
    defaultText: "its share of what there is",
    empty: "not given",
    help: "memory that each of them may take before a fresh one goes on",
  }),
  "eval-timeout": seconds({
    group: "Nix",
    help: "end a run that takes longer to evaluate the fleet, or then its hosts",
  }),
  "build-timeout": seconds({
    group: "Nix",
    help: "end a run that takes longer to build the hosts, once all of them are evaluated",
  }),
};

/** How a run tells what it does. */
export const RUN_OUTPUT_OPTIONS = {
  "json": flag({ group: "Output", help: "print the result on stdout as JSON" }),
  ...LOG_OPTIONS,
  ...HELP_OPTIONS,
};

/** All options of a release, in the order of `--help`. */
export const OPTIONS = { ...CONFIG_OPTIONS, "report": REPORT, ...RUN_OUTPUT_OPTIONS };

/** What says when a release is signed, where `--now` does not. */
export const EPOCH_VARIABLE = "SOURCE_DATE_EPOCH";

/** The programs of a release, by the names that they are looked for by. */
export const PROGRAMS: readonly string[] = ["nix", "nix-store", "git", "sh"];

/** What every run that publishes has to be permitted, whatever it publishes. */
interface Publishing {
  readonly config: ReleaseConfig;
}

/** What a run has to be permitted for these programs. */
export function programGrants(programs: readonly string[], what: string, why: string): Grant<unknown>[] {
  return [
    { permission: "run", what, why, of: (_, around) => found(programs, around) },
    {
      permission: "read",
      what: "the directories of these programs",
      why: "to find them",
      of: (_, around) => found(programs, around).map((path) => dirname(path)),
    },
  ];
}

/** The temporary directory of a run. */
export const TEMPORARY_GRANTS: readonly Grant<Publishing>[] = [
  {
    permission: "read",
    what: "the temporary directory",
    why: "as below",
    of: (_, { tempDir }) => [tempDir],
  },
  {
    permission: "write",
    what: "the temporary directory",
    why: "what hooks sign, git's index for the commit, what keeps builds from collection, and long errors",
    of: (_, { tempDir }) => [tempDir],
  },
];

/** Where what has been evaluated is kept. */
export const MEMO_GRANTS: readonly Grant<Pick<Publishing, "config">>[] = (["read", "write"] as const).map((
  permission,
) => ({
  permission,
  what: "without `--no-memo`, `fleet-release` in the user's cache directory",
  why: "what has been evaluated is not evaluated again by the next run on the same commit",
  of: ({ config }, { cacheDir }) => config.noMemo || cacheDir === undefined ? [] : [cacheDir],
}));

/**
 * What a command is permitted that evaluates a fleet, and changes nothing.
 *
 * @param temporary What is in the temporary directory
 */
export function lookingGrants(temporary: string): Grant<Pick<Publishing, "config">>[] {
  return [
    ...programGrants(
      PROGRAMS,
      "`nix`, `nix-store`, `git` and `sh`, by their paths on `PATH`",
      "nix evaluates, git knows the repository, and every command runs under `sh`",
    ),
    ...(["read", "write"] as const).map((permission) => ({
      permission,
      what: "the temporary directory",
      why: temporary,
      of: (_: unknown, { tempDir }: Surroundings) => [tempDir],
    })),
    ...MEMO_GRANTS,
  ];
}

/** What a release is committed with, the settings of a flake app, and the locks. */
export const PUBLISHING_GRANTS: readonly Grant<Publishing>[] = [
  {
    permission: "read",
    what: "with `--git-commit`, git's directories of the repository of `--release-dir`",
    why: "what git has written there is brought to the disk, and what a killed run left is looked for",
    of: ({ config }, around) => gitPlaces(config, around).dirs,
  },
  {
    permission: "write",
    what:
      "with `--git-commit`, git's index there, `fleet-release.index` beside it, and the locks of both and of branches",
    why: "the index and the branch change together or not at all; the rest of the repository is git's",
    of: ({ config }, around) => gitPlaces(config, around).written,
  },
  {
    permission: "read",
    what: "the settings of a flake app",
    why: "its options",
    of: (_, { settingsFile }) => settingsFile === undefined ? [] : [settingsFile],
  },
  {
    permission: "write",
    what:
      "in a job of GitHub, Gitea or Forgejo, the files that `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT` name",
    why: "the summary of the step, and its outputs",
    of: (_, { cwd, stepFiles = [] }) => stepFiles.map((path) => resolve(cwd, path)),
  },
  {
    permission: "env",
    what: "in such a job, `GITHUB_ACTIONS` and these two",
    why: "they say that it is one, and where its files are",
    of: (_, { stepFiles }) => stepFiles === undefined ? [] : CI_VARIABLES,
  },
  ...lockGrants(({ config }: Publishing) => ({ dir: config.releaseDir, commits: config.gitCommit })),
];

/** The variables that nix, git and ssh go by. */
export const PROGRAM_VARIABLES: readonly string[] = [
  ...["HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER"],
  ...["CACHE", "CONFIG", "DATA", "STATE"].map((kind) => `XDG_${kind}_HOME`),
  "XDG_RUNTIME_DIR",
  ...[
    "ASKPASS",
    "AUTHOR_DATE",
    "AUTHOR_EMAIL",
    "AUTHOR_NAME",
    "COMMITTER_DATE",
    "COMMITTER_EMAIL",
    "COMMITTER_NAME",
    "CONFIG_COUNT",
    "CONFIG_GLOBAL",
  ]
    .map((name) => `GIT_${name}`),
  ...["GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO"],
  ...["GNUPGHOME", "GPG_TTY"],
  ...[
    "CACHE_HOME",
    "CONFIG_HOME",
    "CONF_DIR",
    "DATA_HOME",
    "STATE_HOME",
    "CONFIG",
    "DAEMON_SOCKET_PATH",
    "PATH",
  ]
    .map((name) => `NIX_${name}`),
  ...["REMOTE", "SSHOPTS", "SSL_CERT_FILE", "STATE_DIR", "STORE_DIR", "USER_CONF_FILES"].map((name) =>
    `NIX_${name}`
  ),
  ...["SSH_AUTH_SOCK", "SSL_CERT_DIR", "SSL_CERT_FILE"],
  ...[
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
  ],
];

/**
 * The variables that a run needs when the permissions name variables one by one: those that its options are read
 * from, and those that nix, git and ssh go by. Others that a hook needs are named by `--hook-env`.
 */
export const VARIABLES: readonly string[] = [
  ...PROGRAM_VARIABLES,
  SETTINGS_VARIABLE,
  EPOCH_VARIABLE,
  ...Object.values(OPTIONS).flatMap(({ env }) => env ?? []),
];

/** What a release is told: what to release and how, and what it prints. */
export interface ReleaseSettings {
  readonly config: ReleaseConfig;
  /** Whether the result is printed on stdout as JSON. */
  readonly json: boolean;
  /** The file that a page about the run is written to. */
  readonly report: string | undefined;
}

/** The command. */
export const RELEASE = defineCommand({
  name: "release",
  usage: ["[release] --sign-key FILE [OPTION...]", "[release] --sign-cmd COMMAND [OPTION...]"],
  summary: "make a release; what happens without a command",
  about: "Turns one commit of a Nix fleet into a signed release.",
  options: OPTIONS,
  elsewhere: { "dry-run": "plan", "dryrun": "plan" },
  takesSettings: true,
  exitCodes: {
    0: "released, nothing to change, or released already by another run",
    1: "usage, configuration, evaluation, build, git, input or output",
    2: "a push hook failed, or a signature could not be made",
    3: "a signed artifact could not be read back as a consumer would, or its signature is not trusted",
    4: "superseded: the branch of --git-push has a newer release, and nothing was pushed",
    5: "declined: whoever --confirm asks has not said yes, and nothing was signed or written",
    ...INTERRUPTED,
  },
  example: `fleet-release --sign-key ~/keys/release.pem --trust-file trust.json \\
    --push-cmd 'nix copy --to https://cache.example.com "$NIXFLEET_PATH"' --git-push origin:main`,
  variables: VARIABLES,
  grants: [
    ...programGrants(
      PROGRAMS,
      "`nix`, `nix-store`, `git` and `sh`, by their paths on `PATH`",
      "they do the work; `sh` runs the hooks, and every command under it, so that one that is killed is noticed",
    ),
    ...TEMPORARY_GRANTS,
    ...MEMO_GRANTS,
    ...PUBLISHING_GRANTS,
    {
      permission: "env",
      what: "the variables that nix, git and ssh go by, each by name",
      why: "they are all that the child processes get",
      of: () => [...VARIABLES, ...MORE_VARIABLES],
    },
  ],
  read: ({ values }): ReleaseSettings => ({
    json: values.json,
    report: values.report,
    config: validateConfig(configOf(pickValues(CONFIG_OPTIONS, values))),
  }),
  run: (settings: ReleaseSettings, session: Session) => runRelease(settings, session),
});

/**
 * Releases, and prints the result when that is asked for.
 *
 * @param ports What the run sees of the world in the place of what was opened for it; by default just that
 */
export async function runRelease(
  { config, json, report }: ReleaseSettings,
  session: Session,
  ports?: (opened: Ports) => Ports,
): Promise<number> {
  const { world } = session;
  const place = { releaseDir: config.releaseDir, cwd: world.cwd };
  const outcome = await inCi(session, config.artifactName, async (log) => {
    const ended = report === undefined ? undefined : await openReport({ file: report, ...place });
    const whole = await withHosts(config, session).catch((error: unknown) => {
      const secrets = secretsIn(config, {});
      const end = { error: errorWithoutSecrets(error, secrets) };
      for (const warning of ended?.({ end, notes: undefined, secrets }) ?? []) log.warn(warning);
      throw error;
    });
    return await releaseIn(world, whole, { log, ports, ended });
  });
  if (json) world.stdout.write(jsonDocument("release", outcome));
  return 0;
}

/** The configuration with the hosts that standard input names, when they are to come from there. */
export async function withHosts(config: ReleaseConfig, session: Session): Promise<ReleaseConfig> {
  if (!asksStdin(config.hosts)) return config;
  const { readHosts } = await import("./stdin_hosts.ts");
  return checkWithoutKeys({ ...config, hosts: await readHosts(session) });
}

/** The configuration that options say. */
function configOf({ option, ...settings }: Values<typeof CONFIG_OPTIONS>): ReleaseConfig {
  return { ...settings, nixOptions: option };
}

/** What holds when nothing else is given. */
export function defaultConfig(): ReleaseConfig {
  return configOf(defaultsOf(CONFIG_OPTIONS));
}

/**
 * Fills in the defaults and checks the rules that hold between fields. Pure.
 *
 * @param settings What the user set; absent or undefined fields take their default
 * @returns the whole configuration; `gitPush` implies `gitCommit`
 * @throws {ReleaseError} of kind `usage`, naming the option
 *
 * @example
 * ```ts
 * import { validateConfig } from "../../mod.ts";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const config = validateConfig({ signCmd: "sign", gitPush: { remote: "origin", branch: "main" } });
 * assertEquals(config.gitCommit, true);
 * assertEquals(config.releaseDir, "releases");
 * assertThrows(() => validateConfig({}), Error, "--sign-cmd");
 * ```
 */
export function validateConfig(settings: Partial<ReleaseConfig>): ReleaseConfig {
  return checkConfig(wholeConfig(settings));
}

/**
 * The same, whether it says how to sign or not.
 *
 * @throws {ReleaseError} as {@linkcode validateConfig}
 */
export function validateWithoutKeys(settings: Partial<ReleaseConfig>): ReleaseConfig {
  return checkWithoutKeys(wholeConfig(settings));
}

function wholeConfig(settings: Partial<ReleaseConfig>): ReleaseConfig {
  const given = Object.fromEntries(
    Object.entries(settings).filter(([name, value]) => value !== undefined && !isNotGiven(name, value)),
  );
  const config: ReleaseConfig = { ...defaultConfig(), ...given };
  refuseTwoWays(config, "sign", "Two ways to sign");
  refuseTwoWays(config, "push", "Two ways to push");
  refuseTwoWays(config, "trust", "Two sources of trusted keys");
  return config;
}

/** Whether a field has what stands for no value at all. */
function isNotGiven(field: string, value: unknown): boolean {
  return value === "" &&
    Object.entries(CONFIG_OPTIONS).some(([flag, { empty }]) =>
      camelCase(flag) === field && empty === "not given"
    );
}

function refuseTwoWays(config: ReleaseConfig, what: string, problem: string): void {
  const given: Readonly<Record<string, unknown>> = { ...config };
  const ways = waysTo(what, OPTIONS).filter((flag) => given[camelCase(flag)] !== undefined);
  if (ways.length < 2) return;
  throw new ReleaseError("usage", `${problem}: --${ways[0]} and --${ways[1]}`, { hint: "give one of them" });
}

/** The variable that a signing key is taken from, if it is. */
function variableOf(signKey: string | undefined): string[] {
  const variable = signKeyVariable(signKey);
  return variable === undefined ? [] : [variable];
}

/** The world that a run sees, where it is not the process's own. */
export interface ReleaseOptions {
  /** Told what goes on. Silent by default. */
  readonly log?: Log & CommandTrace;
  /** The environment that nix, git and the hooks are given. By default this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** The directory that relative paths start from, absolute. By default this process's own. */
  readonly cwd?: string;
  /** Time. By default the machine's. */
  readonly clock?: Clock;
  /**
   * Ends the run when it is aborted, with the signal's reason: what it has started is stopped. A release that is being
   * written or committed is so first.
   */
  readonly signal?: AbortSignal;
}

/**
 * Releases a fleet: evaluates, builds, pushes, signs, verifies, writes, and commits when it is told to.
 *
 * Requires permission to run `nix`, `nix-store`, `git` and `sh`; to read the directories they are in, the fleet's
 * repository and the release directory; to write the last two and the temporary directory; to read and write
 * `fleet-release` in the user's cache directory, but with `noMemo`; and to read the environment.
 *
 * @param settings What to release and how; only one of `signKey`, `signAgent` and `signCmd` has to be there
 * @param options The world, where it is not the process's own
 * @returns what was released
 * @throws {ReleaseError} whose `exitCode` the program ends with
 *
 * @example
 * ```ts
 * import { release, ReleaseError } from "../../mod.ts";
 * import { assertRejects } from "@std/assert";
 *
 * // In CI: await release({ signKey: "env:RELEASE_KEY", gitPush: { remote: "origin", branch: "main" } })
 * await assertRejects(() => release({ releaseDir: "releases" }), ReleaseError, "No way to sign");
 * ```
 */
export async function release(
  settings: Partial<ReleaseConfig>,
  { log = SILENT_LOG, env, cwd, clock, signal }: ReleaseOptions = {},
): Promise<RunOutcome> {
  const config = validateConfig(settings);
  const own = processWorld();
  const { stdin, ask, stdout, stderr, cores, runtime } = own;
  const world: World = {
    ...{ stdin, ask, stdout, stderr, cores, runtime },
    cwd: cwd ?? own.cwd,
    environment: env === undefined ? own.environment : environmentOf(env),
    clock: clock ?? own.clock,
    // The signals of a process that only uses the library are its own.
    signal: signal ?? new AbortController().signal,
  };
  return await releaseIn(world, config, { log });
}

async function releaseIn(
  world: World,
  config: ReleaseConfig,
  how: Pick<RunIn<RunOutcome>, "log" | "ports" | "ended">,
): Promise<RunOutcome> {
  const { release } = await import("../pipeline.ts");
  return await runIn(world, config, { ...how, variables: VARIABLES, usesNix: true, work: release });
}

/** What is done in a run, and what that needs. */
export interface RunIn<Outcome extends Publication> {
  readonly log: Log & CommandTrace;
  /** The ports in the place of those that were opened; by default just these. */
  readonly ports?: ((opened: Ports) => Ports) | undefined;
  /** The variables that it cannot do without. */
  readonly variables: readonly string[];
  /** Whether it evaluates and builds. */
  readonly usesNix: boolean;
  /** Told how the run has ended, well or not; gives what the user should know of what it has done then. */
  readonly ended?: ((run: EndedRun<Outcome>) => readonly Warning[]) | undefined;
  readonly work: (run: Run) => Promise<Outcome>;
}

/**
 * Does what publishes a release, alone on its directory: nothing else is at work there meanwhile.
 *
 * @returns its result, without secrets
 */
export async function runIn<Outcome extends Publication>(
  world: World,
  config: ReleaseConfig,
  { log, ports = (opened) => opened, variables, usesNix, ended = () => [], work }: RunIn<Outcome>,
): Promise<Outcome> {
  const given = world.environment.require([...variables, ...config.hookEnv, ...variableOf(config.signKey)]);
  const { openPorts } = await import("../adapters/ports.ts");
  const { lockReleaseDir } = await import("../adapters/lock.ts");
  const { withSafePath } = await import("../adapters/search_path.ts");
  const { outcomeWithoutSecrets } = await import("../report/outcome.ts");
  const { startRun } = await import("../stages/run.ts");
  const { Interruption, interruptedError } = await import("../stages/interruption.ts");
  const { env, warnings } = withSafePath(given);
  const { cwd, stdin, ask, clock, cores } = world;
  const secrets = secretsIn(config, env);
  using interruption = new Interruption(world.signal);
  let notes: Notes | undefined;
  const tell = (end: EndedRun<Outcome>["end"]) => {
    const warnings = ended({ end, notes, secrets });
    for (const warning of warnings) log.warn(warning);
    return warnings;
  };
  try {
    const epoch = sourceDateEpoch(given);
    if (config.confirm && ask === undefined) throw nobodyToAsk();
    const seen = { stdin, ask, log: withoutSecrets(log, secrets), clock, cores };
    const surface = { cwd, env, hidden: HIDDEN, secrets, usesNix, ...seen };
    // Before anything is looked at: what another run is about to write would be read as it was.
    using _lock = await lockReleaseDir(resolve(cwd, config.releaseDir), config.releaseDir, {
      commits: config.gitCommit,
      wait: config.waitLock,
      clock,
      signal: interruption.signal,
      warn: (...found) => warnings.push(...found),
    });
    await using opened = await openPorts(config, surface, interruption);
    const run = startRun(config, ports(opened), { interruption, epoch });
    notes = run.notes;
    run.warn(...warnings);
    const outcome = outcomeWithoutSecrets(await work(run), secrets);
    return { ...outcome, warnings: [...outcome.warnings, ...tell({ outcome })] };
  } catch (error) {
    const done = notes?.stages.map(({ stage }) => stage) ?? [];
    const { reason } = interruption.signal;
    const known = errorWithoutSecrets(
      interruptedError(error, reason, { at: notes?.at ?? [], done }),
      secrets,
    );
    tell({ error: known });
    throw known;
  }
}

function nobodyToAsk(): ReleaseError {
  return new ReleaseError(
    "usage",
    "--confirm has nobody to ask: standard input or standard error is no terminal",
    {
      hint: "leave it out, and see before what a release would change with `fleet-release plan`",
    },
  );
}

/**
 * The signing time that reproducible builds are given, in seconds since 1970; undefined when it is not set.
 *
 * @throws {ReleaseError} of kind `usage` when it is no such number
 */
export function sourceDateEpoch(env: Readonly<Record<string, string>>): Timestamp | undefined {
  const text = env[EPOCH_VARIABLE];
  if (!text) return undefined;
  // The last second of the year 9999.
  if (/^\d{1,12}$/.test(text) && Number(text) <= 253402300799) {
    return formatInstant(Temporal.Instant.fromEpochMilliseconds(Number(text) * 1000));
  }
  throw new ReleaseError("usage", `Cannot read SOURCE_DATE_EPOCH "${text}"`, {
    hint: "expected the signing time in whole seconds since 1970, as `date +%s` prints it; or unset it",
  });
}

/** What a run with this configuration must not print. Pure. Each text in it may be a URL with a password. */
export function secretsIn(config: ReleaseConfig, env: Readonly<Record<string, string>>): Secrets {
  const values = Object.entries(config);
  const isCommand = (name: string) => COMMANDS.some((flag) => camelCase(flag) === name);
  return secretsOf({
    commands: values.flatMap(([name, value]) => isCommand(name) && typeof value === "string" ? [value] : []),
    texts: values.flatMap(([, value]) => textsIn(value)),
    nixOptions: config.nixOptions,
    hookEnv: config.hookEnv,
    keyVariable: signKeyVariable(config.signKey),
    env,
  });
}

/** The options that are commands. */
const COMMANDS = Object.entries(OPTIONS).flatMap(([flag, { kind }]) => kind === "command" ? [flag] : []);

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The hooks' texts may hold tokens, and no process that is started needs them. */
export const HIDDEN: readonly string[] = [
  SETTINGS_VARIABLE,
  ...Object.values(OPTIONS).flatMap(({ kind, env }) => kind === "command" ? env ?? [] : []),
];
