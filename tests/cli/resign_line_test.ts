// The command line of `resign`: its options mean what they mean to a release.

import { assertEquals } from "@std/assert";
import { RESIGN } from "../../src/commands/resign.ts";
import { asked, askedConfig } from "../support/asked.ts";
import { pureTest, rejection } from "../support/pure.ts";

const KEY = "--sign-key=k";

/** For each option a line that gives it. */
const LINES: Record<string, string[]> = {
  "now": [KEY, "--now=2026-06-01T14:00:00+02:00"],
  "hook-env": [KEY, "--hook-env=A,B"],
  "hook-timeout": [KEY, "--hook-timeout=4"],
  "sign-cmd": ["--sign-cmd=sign"],
  "sign-jobs": ["--sign-cmd=sign", "--sign-jobs=2"],
  "sign-key": [KEY],
  "sign-agent": ["--sign-agent=k.pub"],
  "signature-algorithm": ["--sign-cmd=sign", "--signature-algorithm=ecdsa-p256"],
  "signature-encoding": ["--sign-cmd=s", "--signature-algorithm=ecdsa-p256", "--signature-encoding=der"],
  "trust-file": [KEY, "--trust-file=t"],
  "public-key": [KEY, "--public-key=ed25519:x"],
  "allow-previous-key": [KEY, "--trust-file=t", "--allow-previous-key"],
  "release-dir": [KEY, "--release-dir=out"],
  "artifact-name": [KEY, "--artifact-name=f.json"],
  "keep-releases": [KEY, "--keep-releases=3"],
  "wait-lock": [KEY, "--wait-lock=4"],
  "git-commit": [KEY, "--git-commit"],
  "git-push": [KEY, "--git-push=origin:main"],
  "git-push-retries": [KEY, "--git-push-retries=0"],
  "git-timeout": [KEY, "--git-timeout=4"],
  "git-hooks": [KEY, "--git-hooks"],
  "git-sign": [KEY, "--git-sign"],
  "commit-template": [KEY, "--commit-template=resigned"],
  "git-user-name": [KEY, "--git-user-name=bot"],
  "git-user-email": [KEY, "--git-user-email=bot@example.com"],
  "smoke-verify": [KEY, "--smoke-verify=false"],
  "allow-older": [KEY, "--allow-older"],
};

for (const [flag, args] of Object.entries(LINES)) {
  pureTest(`resign --${flag} means what it means to a release, whose evaluation is left out`, async () => {
    const config = { ...await askedConfig(args), noMemo: true };
    assertEquals(await asked(["resign", ...args]), {
      command: "resign",
      settings: { json: false, config },
      log: { format: "pretty", verbose: false },
    });
  });
}

pureTest("these tests give every option of resign", () => {
  const others = ["if-due", "json", "log-format", "verbose", "help", "version"];
  assertEquals(Object.keys(RESIGN.options).sort(), [...Object.keys(LINES), ...others].sort());
});

pureTest("resign --if-due keeps an unchanged signature, and is printed and logged as a release", async () => {
  const config = { ...await askedConfig([KEY]), noMemo: true, reuseUnchangedSignature: true };
  assertEquals(await asked(["resign", KEY, "--if-due", "--json", "--log-format=json", "-v"]), {
    command: "resign",
    settings: { json: true, config },
    log: { format: "json", verbose: true },
  });
});

pureTest("resign takes of the settings of a flake app what it has an option for", async () => {
  const settings = { "sign-key": "k", "push-cmd": "push", "git-push": "origin:main" };
  const config = { ...await askedConfig(["--sign-key=k", "--git-push=origin:main"]), noMemo: true };
  assertEquals(await asked(["resign"], { settings }), {
    command: "resign",
    settings: { json: false, config },
    log: { format: "pretty", verbose: false },
  });
});

pureTest("resign refuses an option that is about what is evaluated or built", async () => {
  for (const flag of ["hosts", "build-flake", "push-cmd", "trust-attr", "revocations-attr"]) {
    const { message } = await rejection(asked(["resign", KEY, `--${flag}=x`]));
    assertEquals(message, `Unknown option "--${flag}"`);
  }
});
