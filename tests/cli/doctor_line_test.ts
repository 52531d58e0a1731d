// The command line of `doctor`: its options mean what they mean to a release, and no key has to be among them.

import { assertEquals } from "@std/assert";
import type { Option } from "../../src/cli/option.ts";
import { DOCTOR } from "../../src/commands/doctor.ts";
import { defaultConfig, RELEASE } from "../../src/commands/release.ts";
import { asked } from "../support/asked.ts";
import { pureTest, rejection } from "../support/pure.ts";

pureTest("doctor has the options of a release, each of the same kind", () => {
  assertEquals(Object.keys(DOCTOR.options), Object.keys(RELEASE.options));
  const same = ([flag, option]: [string, Option<unknown>]) => [flag, { ...option, help: "", permits: [] }];
  assertEquals(Object.entries(DOCTOR.options).map(same), Object.entries(RELEASE.options).map(same));
});

pureTest(
  "doctor takes what a release is told, by its line, its settings and its variables, and keeps nothing",
  async () => {
    const log = { format: "pretty", verbose: false } as const;
    const config = { ...defaultConfig(), noMemo: true };
    assertEquals(await asked(["doctor"]), {
      command: "doctor",
      settings: { json: false, report: undefined, config },
      log,
    });
    const given = { signKey: "k", gitPush: { remote: "origin", branch: "main" }, gitCommit: true };
    const pushed = { ...config, ...given, pushCmd: "push", nixOptions: [["cores", "4"]] };
    const args = ["doctor", "--sign-key=k", "--report=p.html", "--json", "--option", "cores", "4"];
    const layers = { env: { NIXFLEET_PUSH_CMD: "push" }, settings: { "git-push": "origin:main" } };
    assertEquals(await asked(args, layers), {
      command: "doctor",
      settings: { json: true, report: "p.html", config: pushed },
      log,
    });
  },
);

pureTest("doctor refuses what is no configuration at all", async () => {
  for (
    const [args, message] of [
      [["--sign-key=k", "--sign-cmd=s"], "Two ways to sign: --sign-cmd and --sign-key"],
      [["--trust-file=t", "--public-key=k"], "Two sources of trusted keys: --trust-file and --public-key"],
      [["--hosts="], "No hosts to release: --hosts names none"],
    ] as const
  ) {
    assertEquals((await rejection(asked(["doctor", ...args]))).message, message);
  }
});
