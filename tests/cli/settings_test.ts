// Options of a release that a file gives, and what wins over them.

import { assertEquals } from "@std/assert";
import type { Settings } from "../../src/cli/arguments.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { parseSettings, readSettings } from "../../src/cli/settings.ts";
import { pureTest, refusal } from "../support/pure.ts";

/** The settings of the release that is asked for. */
function asked(settings: Settings, args: string[] = [], env: Record<string, string> = {}) {
  const invocation = parseCommandLine(args, env, () => settings);
  if (invocation.command !== "release") throw new Error(`Unexpected command ${invocation.command}`);
  return invocation.settings;
}

pureTest("a setting holds where neither the command line nor a variable says otherwise", () => {
  const settings = parseSettings("s.json", {
    "push-cmd": "from settings",
    "release-dir": "out",
    "git-commit": true,
    "strict": true,
    "option": { cores: "4" },
  });
  const { pushCmd, releaseDir, gitCommit, strict, requireClean, nixOptions } = asked(settings, [
    "--release-dir=here",
    "--strict=false",
    "--option",
    "cores",
    "5",
  ], { NIXFLEET_PUSH_CMD: "from environment" });
  assertEquals({ pushCmd, releaseDir, gitCommit, strict, requireClean, nixOptions }, {
    pushCmd: "from settings",
    releaseDir: "here",
    gitCommit: true,
    strict: false,
    requireClean: false,
    nixOptions: [["cores", "4"], ["cores", "5"]],
  });
});

pureTest(
  "one way to sign on the command line takes back another of the settings, as these do of a variable",
  () => {
    const ways = (settings: Settings, args: string[] = []) => {
      const { signCmd, signKey, signAgent } = asked(settings, args, { NIXFLEET_SIGN_CMD: "sign" });
      return [signCmd, signKey, signAgent];
    };
    assertEquals(ways({}), ["sign", undefined, undefined]);
    assertEquals(ways({ "sign-key": "k" }), [undefined, "k", undefined]);
    assertEquals(ways({ "sign-key": "k" }, ["--sign-agent=p"]), [undefined, undefined, "p"]);
    assertEquals(ways({ "sign-key": "k" }, ["--sign-cmd=x"]), ["x", undefined, undefined]);
  },
);

pureTest("one source of trusted keys on the command line takes back another of the settings", () => {
  const { trustFile, trustAttr, publicKey } = asked({ "trust-attr": "trust" }, ["--trust-file=t"]);
  assertEquals([trustFile, trustAttr, publicKey], ["t", undefined, undefined]);
});

pureTest("an empty setting is refused as an empty option is", () => {
  assertEquals(refusal(() => asked({ "release-dir": "" })).message, "--release-dir is empty");
});

pureTest(
  "parseSettings() writes numbers and truths as the command line would, and an object as pairs",
  () => {
    const given = {
      "max-jobs": 4,
      "smoke-verify": false,
      "hosts": "a",
      "strict": true,
      "json": false,
      "option": { cores: "4", substituters: "" },
    };
    assertEquals<unknown>(parseSettings("s.json", given), {
      "max-jobs": "4",
      "smoke-verify": "false",
      "hosts": "a",
      "strict": true,
      "json": false,
      "option": [["cores", "4"], ["substituters", ""]],
    });
    assertEquals(parseSettings("s.json", {}), {});
    assertEquals<unknown>(parseSettings("s.json", { option: {} }), { option: [] });
  },
);

const NO_OBJECT = "expected an object of options by their long names";

const REFUSED: [value: unknown, problem: string, hint?: string][] = [
  [null, NO_OBJECT],
  [[], NO_OBJECT],
  ["x", NO_OBJECT],
  [{ "release-dri": "x" }, 'there is no option "release-dri"', 'did you mean "release-dir"?'],
  [{ "bogus-setting": "x" }, 'there is no option "bogus-setting"'],
  [{ constructor: "x" }, 'there is no option "constructor"'],
  [{ hosts: ["a"] }, '"hosts" is a list, expected a text'],
  [{ "release-dir": null }, '"release-dir" is null, expected a text'],
  [{ "git-commit": "true" }, '"git-commit" is a text, expected true or false'],
  [{ "git-commit": 1 }, '"git-commit" is a number, expected true or false'],
  [{ option: [["cores", "4"]] }, '"option" is a list, expected an object of texts'],
  [{ option: { cores: 4 } }, '"option" is an object, expected an object of texts'],
];

for (const [value, problem, hint] of REFUSED) {
  pureTest(`parseSettings() refuses ${JSON.stringify(value)}`, () => {
    assertEquals(refusal(() => parseSettings("s.json", value)), {
      kind: "usage",
      message: `Cannot use the settings "s.json": ${problem}`,
      ...(hint === undefined ? {} : { hint }),
    });
  });
}

Deno.test("readSettings() reads the file that the variable names, and no other", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, '{"release-dir":"out","option":{"cores":"4"}}');
    assertEquals(readSettings({ FLEET_RELEASE_SETTINGS: path }), {
      "release-dir": "out",
      "option": [["cores", "4"]],
    });
  } finally {
    await Deno.remove(path);
  }
  const { kind, message } = refusal(() => readSettings({ FLEET_RELEASE_SETTINGS: path }));
  const beginning = `Cannot read the settings "${path}": `;
  assertEquals([kind, message.slice(0, beginning.length)], ["io", beginning]);
});

Deno.test("readSettings() names the file when it is no JSON, or not UTF-8", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    for (const bytes of [new TextEncoder().encode("{"), new Uint8Array(), Uint8Array.of(0xff)]) {
      await Deno.writeFile(path, bytes);
      const { message } = refusal(() => readSettings({ FLEET_RELEASE_SETTINGS: path }));
      assertEquals(message.includes(`"${path}"`), true, message);
    }
  } finally {
    await Deno.remove(path);
  }
});

pureTest("readSettings() reads nothing unless the variable names a file", () => {
  assertEquals(readSettings({}), {});
  assertEquals(readSettings({ FLEET_RELEASE_SETTINGS: "" }), {});
});

pureTest("what a setting says of its own way to sign is not said of one that the command line gives", () => {
  const settings = {
    "sign-cmd": "sign",
    "signature-algorithm": "ecdsa-p256",
    "signature-encoding": "der",
    "trust-file": "trust.json",
    "allow-previous-key": true,
  };
  const of = (args: string[]) => {
    const { signatureAlgorithm, signatureEncoding, allowPreviousKey } = asked(settings, args);
    return [signatureAlgorithm, signatureEncoding, allowPreviousKey];
  };
  assertEquals(of([]), ["ecdsa-p256", "der", true]);
  assertEquals(of(["--sign-key", "k.pem"]), [undefined, "raw", true]);
  assertEquals(of(["--public-key", "ed25519:x"]), ["ecdsa-p256", "der", false]);
  assertEquals(of(["--sign-cmd", "other", "--signature-encoding", "der"]), [undefined, "der", true]);
});

pureTest("--help and --version are answered whatever is wrong with the settings", () => {
  const broken = () => {
    throw new Error("broken");
  };
  assertEquals(parseCommandLine(["--help"], {}, broken), { command: "help", of: "release" });
  assertEquals(parseCommandLine(["--version"], {}, broken), { command: "version" });
});

pureTest("an empty option on the command line takes back a setting", () => {
  const settings = { "push-cmd": "push", "git-push": "origin:main", "trust-file": "trust.json" };
  const { pushCmd, gitPush, trustFile } = asked(settings, ["--push-cmd=", "--git-push", "", "--trust-file="]);
  assertEquals([pushCmd, gitPush, trustFile], [undefined, undefined, undefined]);
});
