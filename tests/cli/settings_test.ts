// Options of a release that a file gives, and what wins over them.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Settings } from "../../src/cli/arguments.ts";
import { readCommandLine } from "../../src/cli/command_line.ts";
import { parseSettings as parse, readSettings as readFrom } from "../../src/cli/settings.ts";
import { COMMANDS } from "../../src/commands/list.ts";
import { RELEASE } from "../../src/commands/release.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import { main } from "../../src/main.ts";
import { askedConfig } from "../support/asked.ts";
import { memoryWorld } from "../support/memory_world.ts";
import { inTempDir } from "../support/program.ts";
import { pureTest, refusal, rejection } from "../support/pure.ts";

const { options } = RELEASE;

/** The configuration of the release that is asked for, which signs with `k` where nothing else is said. */
function asked(
  settings: Settings,
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<ReleaseConfig> {
  const signs = [...args, ...Object.keys(settings), ...Object.keys(env)].some((word) =>
    /sign.(cmd|key|agent)/i.test(word)
  );
  return askedConfig(signs ? args : [...args, "--sign-key=k"], { settings, env });
}

/** What a settings file with this in it says. */
function parseSettings(path: string, value: unknown): Settings {
  return parse(path, value, options);
}

pureTest("a setting holds where neither the command line nor a variable says otherwise", async () => {
  const settings = parseSettings("s.json", {
    "push-cmd": "from settings",
    "release-dir": "out",
    "git-commit": true,
    "strict": true,
    "option": { cores: "4" },
  });
  const { pushCmd, releaseDir, gitCommit, strict, requireClean, nixOptions } = await asked(settings, [
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
  async () => {
    const ways = async (settings: Settings, args: string[] = []) => {
      const { signCmd, signKey, signAgent } = await asked(settings, args, { NIXFLEET_SIGN_CMD: "sign" });
      return [signCmd, signKey, signAgent];
    };
    assertEquals(await ways({}), ["sign", undefined, undefined]);
    assertEquals(await ways({ "sign-key": "k" }), [undefined, "k", undefined]);
    assertEquals(await ways({ "sign-key": "k" }, ["--sign-agent=p"]), [undefined, undefined, "p"]);
    assertEquals(await ways({ "sign-key": "k" }, ["--sign-cmd=x"]), ["x", undefined, undefined]);
  },
);

pureTest("one source of trusted keys on the command line takes back another of the settings", async () => {
  const { trustFile, trustAttr, publicKey } = await asked({ "trust-attr": "trust" }, ["--trust-file=t"]);
  assertEquals([trustFile, trustAttr, publicKey], ["t", undefined, undefined]);
});

pureTest("an empty setting is refused as an empty option is", async () => {
  assertEquals((await rejection(asked({ "release-dir": "" }))).message, "--release-dir is empty");
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
  ...[["A,B"], ["A", 1], ["A", null]].map((list): [unknown, string] => [
    { "hook-env": list },
    '"hook-env" is a list, expected a list of texts without commas',
  ]),
  [{ "hook-env": {} }, '"hook-env" is an object, expected a list of texts without commas'],
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

Deno.test("readSettings() reads the file that is named, from where the run is", async () => {
  await inTempDir(async (dir) => {
    await Deno.writeTextFile(join(dir, "s.json"), '{"release-dir":"out","option":{"cores":"4"}}');
    for (const path of [join(dir, "s.json"), "s.json"]) {
      assertEquals(await readFrom(path, options, dir), {
        "release-dir": "out",
        "option": [["cores", "4"]],
      });
    }
    const { kind, message } = await rejection(readFrom("none.json", options, dir));
    const beginning = 'Cannot read the settings "none.json": ';
    assertEquals([kind, message.slice(0, beginning.length)], ["io", beginning]);
  });
});

Deno.test("readSettings() names the file when it is no JSON, or not UTF-8", async () => {
  await inTempDir(async (dir) => {
    for (const bytes of [new TextEncoder().encode("{"), new Uint8Array(), Uint8Array.of(0xff)]) {
      await Deno.writeFile(join(dir, "s.json"), bytes);
      const { message } = await rejection(readFrom("s.json", options, dir));
      assertEquals(message.includes('"s.json"'), true, message);
    }
  });
});

Deno.test("the program reads the settings that the variable names, of a release alone", async () => {
  await inTempDir(async (dir) => {
    const path = join(dir, "s.json");
    await Deno.writeTextFile(path, '{"log-format":"xml"}');
    const said = async (args: string[]) => {
      const { world, printed } = memoryWorld({ env: { FLEET_RELEASE_SETTINGS: path } });
      return [await main(args, world), printed().stderr];
    };
    assertEquals(await said([]), [1, 'error: Cannot read --log-format "xml": expected pretty or json\n']);
    assertEquals(await said(["--help"]), [0, ""]);
    assertEquals(await said(["help", "verify"]), [0, ""]);
    const missing = "error: keygen wants the file to write\nhint: write `fleet-release keygen FILE`\n";
    assertEquals(await said(["keygen"]), [1, missing]);
  });
});

pureTest("the program reads no settings unless the variable names a file", async () => {
  for (const env of [{}, { FLEET_RELEASE_SETTINGS: "" }]) {
    const { world, printed } = memoryWorld({ env });
    assertEquals(await main(["--log-format=xml"], world), 1);
    assertEquals(printed().stderr, 'error: Cannot read --log-format "xml": expected pretty or json\n');
  }
});

const NAMES: [given: unknown, setting: Settings, hookEnv: string[]][] = [
  [["A", "B_1"], { "hook-env": "A,B_1" }, ["A", "B_1"]],
  [["A"], { "hook-env": "A" }, ["A"]],
  ["A, B_1", { "hook-env": "A, B_1" }, ["A", "B_1"]],
  [[], {}, []],
];

for (const [given, setting, hookEnv] of NAMES) {
  pureTest(
    `a list in the settings is a list of texts or a text with commas: ${JSON.stringify(given)}`,
    async () => {
      const settings = parseSettings("s.json", { "hook-env": given });
      assertEquals(settings, setting);
      assertEquals((await asked(settings)).hookEnv, hookEnv);
    },
  );
}

pureTest("an item of a list that is no name of a variable is refused as on the command line", async () => {
  const settings = parseSettings("s.json", { "hook-env": ["A", "1B"] });
  assertEquals(await rejection(asked(settings)), {
    kind: "usage",
    message: 'Cannot read --hook-env "A,1B": "1B" is no name of a variable',
  });
});

pureTest(
  "a list on the command line takes the place of that in the settings, and an empty one takes it back",
  async () => {
    const settings = parseSettings("s.json", { "hook-env": ["A", "B"] });
    assertEquals((await asked(settings, ["--hook-env=C"])).hookEnv, ["C"]);
    assertEquals((await asked(settings, ["--hook-env="])).hookEnv, []);
  },
);

pureTest(
  "what a setting says of its own way to sign is not said of one that the command line gives",
  async () => {
    const settings = {
      "sign-cmd": "sign",
      "signature-algorithm": "ecdsa-p256",
      "signature-encoding": "der",
      "trust-file": "trust.json",
      "allow-previous-key": true,
    };
    const of = async (args: string[]) => {
      const { signatureAlgorithm, signatureEncoding, allowPreviousKey } = await asked(settings, args);
      return [signatureAlgorithm, signatureEncoding, allowPreviousKey];
    };
    assertEquals(await of([]), ["ecdsa-p256", "der", true]);
    assertEquals(await of(["--sign-key", "k.pem"]), [undefined, "raw", true]);
    assertEquals(await of(["--public-key", "ed25519:x"]), ["ecdsa-p256", "der", false]);
    assertEquals(await of(["--sign-cmd", "other"]), [undefined, "raw", true]);
    const der = ["--sign-cmd", "other", "--signature-encoding", "der"];
    assertEquals(await of([...der, "--signature-algorithm", "ecdsa-p256"]), ["ecdsa-p256", "der", true]);
    const { message } = await rejection(asked(settings, der));
    assertEquals(message, "--signature-encoding der is for a --sign-cmd that makes ecdsa-p256");
  },
);

pureTest("--help and --version are answered whatever is wrong with the settings", async () => {
  const broken = { env: {}, settings: () => Promise.reject(new Error("broken")) };
  assertEquals(await readCommandLine(COMMANDS, ["--help"], broken), { kind: "help", of: "release" });
  assertEquals(await readCommandLine(COMMANDS, ["--version"], broken), { kind: "version" });
});

pureTest("an empty option on the command line takes back a setting", async () => {
  const settings = { "push-cmd": "push", "git-push": "origin:main", "trust-file": "trust.json" };
  const { pushCmd, gitPush, trustFile } = await asked(settings, [
    "--push-cmd=",
    "--git-push",
    "",
    "--trust-file=",
  ]);
  assertEquals([pushCmd, gitPush, trustFile], [undefined, undefined, undefined]);
});
