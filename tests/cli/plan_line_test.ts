// The command line of `plan`: its options mean what they mean to a release.

import { assertEquals } from "@std/assert";
import { PLAN } from "../../src/commands/plan.ts";
import { type Asked, asked, askedConfig } from "../support/asked.ts";
import { pureTest } from "../support/pure.ts";

/** For each option that is one of a release a line that gives it. */
const LINES: Record<string, string[]> = {
  "hosts": ["--hosts=auto:exclude=lab"],
  "build-flake": ["--build-flake=../x"],
  "fleet-resolved-attr": ["--fleet-resolved-attr=a"],
  "revocations-attr": ["--revocations-attr=b"],
  "bootstrap-nonces-attr": ["--bootstrap-nonces-attr=c"],
  "pin-source-url": ["--pin-source-url=git+file:///x"],
  "now": ["--now=2026-06-01T14:00:00+02:00"],
  "release-dir": ["--release-dir=out"],
  "artifact-name": ["--artifact-name=f.json"],
  "git-commit": ["--git-commit"],
  "trust-file": ["--trust-file=t"],
  "trust-attr": ["--trust-attr=a"],
  "public-key": ["--public-key=ed25519:x"],
  "allow-previous-key": ["--trust-file=t", "--allow-previous-key"],
  "allow-older": ["--allow-older"],
  "require-clean": ["--require-clean"],
  "strict": ["--strict"],
  "deny-warnings": ["--deny-warnings"],
  "option": ["--option", "cores", "4"],
  "accept-flake-config": ["--accept-flake-config"],
  "no-accept-flake-config": ["--no-accept-flake-config"],
  "no-memo": ["--no-memo"],
  "builders": ["--builders="],
  "max-jobs": ["--max-jobs=auto"],
  "eval-workers": ["--eval-workers=2"],
  "eval-max-memory": ["--eval-max-memory=2048"],
  "eval-timeout": ["--eval-timeout=4"],
  "build-timeout": ["--build-timeout=4"],
};

/** The plan that a release with these arguments would have, with a difference. */
async function plan(
  args: readonly string[],
  difference: Record<string, unknown> = {},
  options: Record<string, unknown> = {},
): Promise<Asked> {
  return {
    command: "plan",
    settings: {
      config: { ...await askedConfig(["--sign-key=k", ...args]), signKey: undefined },
      options: { against: undefined, diffClosures: false, build: false, ...options },
      ...{ format: "text", exitCode: false },
      ...difference,
    },
    log: { format: "pretty", verbose: false },
  };
}

for (const [flag, args] of Object.entries(LINES)) {
  pureTest(`plan --${flag} means what it means to a release, and needs no key`, async () => {
    assertEquals(await asked(["plan", ...args]), await plan(args));
  });
}

pureTest("these tests give every option of plan", () => {
  const others = ["against", "diff-closures", "build", "json", "markdown", "exit-code"];
  const logging = ["log-format", "verbose", "help", "version"];
  assertEquals(Object.keys(PLAN.options).sort(), [...Object.keys(LINES), ...others, ...logging].sort());
});

pureTest("plan compares as it is told to, and prints what it is asked for", async () => {
  assertEquals(
    await asked(["plan", "--against=v1", "--diff-closures", "--build", "--json"]),
    await plan([], { format: "json" }, { against: "v1", diffClosures: true, build: true }),
  );
  assertEquals(
    await asked(["plan", "--markdown", "--exit-code"]),
    await plan([], { format: "markdown", exitCode: true }),
  );
});

pureTest("plan takes of the settings of a flake app what it has an option for", async () => {
  const settings = { "sign-key": "k", "push-cmd": "push", "release-dir": "out", "git-push": "origin:main" };
  assertEquals(await asked(["plan"], { settings }), await plan(["--release-dir=out"]));
});
