/**
 * `fleet-release resign`: signs the release that is there anew, before it is stale.
 *
 * @module
 */
import { defineCommand, type Session } from "../cli/command.ts";
import { flag, pickValues } from "../cli/option.ts";
import type { ReleaseConfig } from "../config.ts";
import type { Ports } from "../ports.ts";
import { jsonDocument } from "../report/json.ts";
import { inCi } from "./in_ci.ts";
import {
  CONFIG_OPTIONS,
  OPTIONS as RELEASE_OPTIONS,
  programGrants,
  PUBLISHING_GRANTS,
  RUN_OUTPUT_OPTIONS,
  runIn,
  TEMPORARY_GRANTS,
  validateConfig,
  VARIABLES as RELEASE_VARIABLES,
} from "./release.ts";
import { INTERRUPTED, MORE_VARIABLES } from "./shared.ts";

/** The options of a release that say how it is signed, verified, written, committed and pushed. */
const SHARED_OPTIONS = {
  "now": { ...CONFIG_OPTIONS["now"], group: "When" },
  "hook-env": { ...CONFIG_OPTIONS["hook-env"], group: "Signing" },
  "hook-timeout": { ...CONFIG_OPTIONS["hook-timeout"], group: "Signing" },
  "sign-cmd": CONFIG_OPTIONS["sign-cmd"],
  "sign-jobs": CONFIG_OPTIONS["sign-jobs"],
  "sign-key": CONFIG_OPTIONS["sign-key"],
  "sign-agent": CONFIG_OPTIONS["sign-agent"],
  "signature-algorithm": CONFIG_OPTIONS["signature-algorithm"],
  "signature-encoding": CONFIG_OPTIONS["signature-encoding"],
  "trust-file": {
    ...CONFIG_OPTIONS["trust-file"],
    help: "verify what is there, and every new signature, with the keys that consumers trust",
  },
  "public-key": CONFIG_OPTIONS["public-key"],
  "allow-previous-key": CONFIG_OPTIONS["allow-previous-key"],
  "release-dir": { ...CONFIG_OPTIONS["release-dir"], help: "where the release is" },
  "artifact-name": CONFIG_OPTIONS["artifact-name"],
  "keep-releases": CONFIG_OPTIONS["keep-releases"],
  "wait-lock": CONFIG_OPTIONS["wait-lock"],
  "git-commit": CONFIG_OPTIONS["git-commit"],
  "git-push": CONFIG_OPTIONS["git-push"],
  "git-push-retries": CONFIG_OPTIONS["git-push-retries"],
  "git-timeout": CONFIG_OPTIONS["git-timeout"],
  "git-hooks": CONFIG_OPTIONS["git-hooks"],
  "git-sign": CONFIG_OPTIONS["git-sign"],
  "commit-template": CONFIG_OPTIONS["commit-template"],
  "git-user-name": CONFIG_OPTIONS["git-user-name"],
  "git-user-email": CONFIG_OPTIONS["git-user-email"],
  "smoke-verify": CONFIG_OPTIONS["smoke-verify"],
  "allow-older": {
    ...CONFIG_OPTIONS["allow-older"],
    help: "sign a release that is stale, or older than the commit's, and over one that was signed later",
  },
};

const OPTIONS = {
  "if-due": flag({
    group: "When",
    help: "keep the release as it is unless it is due, or a bootstrap nonce in it has expired",
  }),
  ...SHARED_OPTIONS,
  ...RUN_OUTPUT_OPTIONS,
};

/** nix is not asked, but one variable of its packages says where git's certificates are. */
const VARIABLES = RELEASE_VARIABLES.filter((name) => !/^NIX_/.test(name) || name === "NIX_SSL_CERT_FILE");

/** What `resign` is told. */
export interface ResignSettings {
  readonly config: ReleaseConfig;
  /** Whether the result is printed on stdout as JSON. */
  readonly json: boolean;
}

/** The command. */
export const RESIGN = defineCommand({
  name: "resign",
  usage: ["resign --sign-key FILE [OPTION...]", "resign --sign-cmd COMMAND [OPTION...]"],
  summary: "sign the release that is there anew, before it is stale",
  about:
    "Gives the release in the release directory a new signing time, and new signatures. Evaluates and builds\n" +
    "nothing: what is there has to be what consumers accept. It is what a release of the same commit would be.",
  options: OPTIONS,
  takesSettings: RELEASE_OPTIONS,
  exitCodes: {
    0: "signed anew, not due, or done already by another run",
    1: "usage, configuration, git, input or output",
    2: "a signature could not be made",
    3: "the release that is there is not trusted, or consumers would refuse the new one",
    4: "superseded: the branch of --git-push has a newer release, and nothing was pushed",
    ...INTERRUPTED,
  },
  example:
    "fleet-release resign --if-due --sign-key ~/keys/release.pem --trust-file trust.json --git-push origin:main",
  variables: VARIABLES,
  grants: [
    ...programGrants(
      ["git", "sh"],
      "`git` and `sh`, by their paths on `PATH`",
      "`sh` runs the sign hook, and git under it. There is no nix among them",
    ),
    ...TEMPORARY_GRANTS,
    ...PUBLISHING_GRANTS,
    {
      permission: "env",
      what: "the variables that git and ssh go by, each by name",
      why: "they are all that the child processes get",
      of: () => [...VARIABLES, ...MORE_VARIABLES],
    },
  ],
  read: ({ values }): ResignSettings => ({
    json: values.json,
    config: validateConfig({
      ...pickValues(SHARED_OPTIONS, values),
      reuseUnchangedSignature: values.ifDue,
      noMemo: true,
    }),
  }),
  run: (settings: ResignSettings, session: Session) => runResign(settings, session),
});

/**
 * Signs anew, and prints the result when that is asked for.
 *
 * @param ports What the run sees of the world in the place of what was opened for it; by default just that
 */
export async function runResign(
  { config, json }: ResignSettings,
  session: Session,
  ports?: (opened: Ports) => Ports,
): Promise<number> {
  const { resign } = await import("../pipeline.ts");
  const { world } = session;
  const outcome = await inCi(
    session,
    config.artifactName,
    (log) => runIn(world, config, { log, ports, variables: VARIABLES, usesNix: false, work: resign }),
  );
  if (json) world.stdout.write(jsonDocument("resign", outcome));
  return 0;
}
