import { assertEquals } from "@std/assert";
import { RELEASE, secretsIn, validateConfig } from "../../src/commands/release.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import { parseGitPush } from "../../src/config.ts";
import { ReleaseError } from "../../src/errors.ts";
import { release } from "../../src/pipeline.ts";
import { jsonError } from "../../src/report/json.ts";
import { createLog, errorWithoutSecrets, withoutSecrets } from "../../src/report/log.ts";
import { outcomeWithoutSecrets } from "../../src/report/outcome.ts";
import { startRun } from "../../src/stages/run.ts";
import { FakeWorld } from "../support/fake_ports.ts";
import { pureTest } from "../support/pure.ts";

/** A secret of capitals, small letters and digits, as tokens are. */
const CANARY = "Canary7aQ2xZ";

/** What a run is told with the secret in it: settings, and variables. */
interface Told {
  readonly settings: Partial<ReleaseConfig>;
  readonly env?: Record<string, string>;
}

const URL = `https://bob:${CANARY}@host.example/x`;

/**
 * Each option, and the ways to put a secret into what it gives: none for an option that nobody puts one into. A new
 * option has to be added here, and so has to be thought about.
 */
const OPTIONS: Readonly<Record<string, Told[]>> = {
  "hosts": [],
  "build-flake": [
    { settings: { buildFlake: `git+${URL}` } },
    { settings: { buildFlake: `git+https://host.example/x?access_token=${CANARY}` } },
    { settings: { buildFlake: `https://${CANARY}@host.example/x.tar.gz` } },
  ],
  "fleet-resolved-attr": [],
  "revocations-attr": [],
  "bootstrap-nonces-attr": [],
  "pin-source-url": [{ settings: { pinSourceUrl: `git+${URL}` } }],
  "now": [],
  "push-cmd": [
    { settings: { pushCmd: `push --token ${CANARY}` } },
    { settings: { pushCmd: `T=${CANARY} push` } },
    { settings: { pushCmd: `mysql -p${CANARY}` } },
    { settings: { pushCmd: `curl -H 'Private-Token: ${CANARY}' ${URL}` } },
  ],
  "push-all-cmd": [{ settings: { pushAllCmd: `upload --token ${CANARY}` } }],
  "push-jobs": [],
  "push-retries": [],
  "push-changed": [],
  "push-early": [],
  "hook-env": [{ settings: { hookEnv: ["MINE"] }, env: { MINE: CANARY } }],
  "hook-timeout": [],
  "sign-cmd": [{ settings: { signCmd: `sign --pin ${CANARY}` } }],
  "sign-jobs": [],
  "sign-key": [{ settings: { signKey: "env:K", signCmd: undefined }, env: { K: `name:${CANARY}` } }],
  "sign-agent": [],
  "signature-algorithm": [],
  "signature-encoding": [],
  "reuse-unchanged-signature": [],
  "trust-file": [],
  "trust-attr": [],
  "public-key": [],
  "allow-previous-key": [],
  "release-dir": [],
  "artifact-name": [],
  "release-index": [],
  "keep-releases": [],
  "prune-sidecars": [],
  "wait-lock": [],
  "git-commit": [],
  "git-push": [
    `${URL}:main`,
    `https://bob:p'${CANARY}@host.example/x:main`,
    `https://bob:p@${CANARY}@host.example/x:main`,
    `https://bob:p/${CANARY}@host.example/x:main`,
    `https://bob:p#${CANARY}?@host.example/x:main`,
    `https://host.example/x?private_token=${CANARY}:main`,
    `bob:${CANARY}@host.example:x:main`,
  ].map((target) => ({ settings: { gitPush: parseGitPush(target) } })),
  "git-push-retries": [],
  "git-timeout": [],
  "git-hooks": [],
  "git-sign": [],
  "commit-template": [],
  "git-user-name": [],
  "git-user-email": [],
  "smoke-verify": [],
  "allow-older": [],
  "require-clean": [],
  "strict": [],
  "deny-warnings": [],
  "confirm": [],
  "option": [
    { settings: { nixOptions: [["access-tokens", `github.com=${CANARY}`]] } },
    { settings: { nixOptions: [["extra-access-tokens", `gitlab.com=PAT:${CANARY}`]] } },
    { settings: { nixOptions: [["some-password", CANARY]] } },
    { settings: { nixOptions: [["substituters", URL]] } },
  ],
  "accept-flake-config": [],
  "no-accept-flake-config": [],
  "no-memo": [],
  "builders": [{ settings: { builders: `ssh://bob:${CANARY}@host.example x86_64-linux` } }],
  "max-jobs": [],
  "eval-workers": [],
  "eval-max-memory": [],
  "eval-timeout": [],
  "build-timeout": [],
  "report": [],
  "json": [],
  "log-format": [],
  "verbose": [],
  "help": [],
  "version": [],
};

/** The same of variables that are secret without anybody saying so. */
const VARIABLES: Told[] = [
  ...[
    "GITHUB_TOKEN",
    "DB_PASSWORD",
    "SOME_SECRET",
    "DEPLOY_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
  ].map((
    name,
  ) => ({ settings: {}, env: { [name]: CANARY } })),
  { settings: {}, env: { NIX_CONFIG: `access-tokens = github.com=${CANARY}` } },
  { settings: {}, env: { HTTPS_PROXY: `http://bob:${CANARY}@proxy.example` } },
  { settings: {}, env: { GIT_CONFIG_VALUE_0: `Authorization: Bearer ${CANARY}` } },
];

pureTest("this table knows every option of a release", () => {
  assertEquals(Object.keys(OPTIONS), Object.keys(RELEASE.options));
});

/** Ways in which others print a secret. */
const SPELLINGS: ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => `"${secret}"`,
  (secret) => `\\${secret}`,
  (secret) => secret.replace("7", "%37"),
  (secret) => secret.replace("7", "\x1b[1m7\x1b[0m"),
  (secret) => secret.replace("7", "\u200b7"),
];

/** A run that fails at one of its effects, with the secret in what is said there. */
async function seen(
  { settings, env = {} }: Told,
  failAt: number,
  format: "pretty" | "json",
): Promise<string> {
  const written: string[] = [];
  const world = new FakeWorld();
  const said = SPELLINGS.map((spell) => `said ${spell(CANARY)}`);
  const failure = new ReleaseError("push-hook", said.join(), { path: said[0], lines: said, hint: said[1] });
  Object.assign(world, { failAt, failure });
  const config = validateConfig({ signCmd: "sign", ...settings });
  const secrets = secretsIn(config, env);
  const stream = {
    write: (text: string) => void written.push(text),
    isTerminal: format === "pretty",
    width: 500,
  };
  const clock = { now: () => Temporal.Instant.from("2026-06-01T12:00:00Z"), monotonic: () => 0 };
  const log = createLog({ format, verbose: true, stream, clock });
  const told = withoutSecrets(log, secrets);
  world.onEffect = () => {
    told.command(["git", ...said, ...Object.values(env), JSON.stringify(settings)]);
    said.forEach((line) => told.output(line));
    told.warn({ code: "x", message: said.join(), path: said.join() });
  };
  try {
    const outcome = await release(startRun(config, { ...world.ports(), log: told }));
    written.push(JSON.stringify(outcomeWithoutSecrets(outcome, secrets)));
  } catch (error) {
    const known = errorWithoutSecrets(error, secrets);
    if (!(known instanceof ReleaseError)) throw known;
    log.error(known, 1);
    // On one line, as the log is.
    written.push(JSON.stringify(JSON.parse(jsonError(known, 1))));
  }
  log.close();
  return written.join("");
}

/** Where the secret is in what was printed, whatever stands within it. */
function leaks(printed: string): string[] {
  const plain = printed.replace(/\\x1b\[\d*m|\\u001b\[\d*m|\\u\{200b\}|\\u200b/g, "").replaceAll("%37", "7");
  return plain.split("\n").filter((line) => line.includes(CANARY) || line.includes(CANARY.slice(3)));
}

pureTest("no secret that a run is given is printed, in either format, whichever effect fails", async () => {
  const all = [...Object.values(OPTIONS).flat(), ...VARIABLES];
  for (const [index, told] of all.entries()) {
    // Every way fails at some of the effects, and each effect is reached by several.
    for (const failAt of [index % 14, (index + 7) % 14, Infinity]) {
      for (const format of ["pretty", "json"] as const) {
        const printed = await seen(told, failAt, format);
        assertEquals(leaks(printed), [], `${JSON.stringify(told)}, effect ${failAt}`);
        if (format === "json") printed.trimEnd().split("\n").forEach((line) => JSON.parse(line));
      }
    }
  }
});
