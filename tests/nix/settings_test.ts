import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type NixOption, nixOptions } from "../../tools/nix_options.ts";
import { RELEASE } from "../../src/commands/release.ts";
import { parseSettings } from "../../src/cli/settings.ts";
import { PROJECT, run, which } from "../support/command.ts";
import { TestFleet } from "../support/fleet.ts";
import { PACKAGED } from "../support/nix_package.ts";

/** Packages of which nothing is built: the app's text is the settings that it would bring. */
const APP = `{
  pkgs = { writeText = _: text: text; writeShellScript = _: text: builtins.head (builtins.match ".*SETTINGS=([^\\n]*).*" text); };
  package = { outPath = "/fleet-release"; meta.mainProgram = "fleet-release"; };
}`;

/** The project's library, on that of the stand-in. */
const LIB = `import ${JSON.stringify(join(PROJECT, "nix/lib.nix"))} {
  lib = import ${JSON.stringify(join(PROJECT, "tests/fixtures/nixpkgs-standin/lib.nix"))};
  packageFor = _: throw "no package is asked for";
}`;

function settingsTest(
  name: string,
  fn: (world: { evaluate: Evaluate; refusal: Refusal }) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: !PACKAGED,
    async fn() {
      await using fleet = await TestFleet.create({ git: false });
      const features = ["--extra-experimental-features", "nix-command"];
      const programs = (settings: readonly string[]) => {
        const each = settings.map((each) => `(program (${each}))`).join(" ");
        const expression =
          `let program = settings: ((${LIB}).mkReleaseApp (${APP} // { inherit settings; })).program; in [ ${each} ]`;
        const argv = [which("nix"), ...features, "eval", "--impure", "--json", "--expr", expression];
        return run(argv, { cwd: fleet.root, env: fleet.env() });
      };
      await fn({
        async evaluate(...settings) {
          const { code, stdout, stderr } = await programs(settings);
          assertEquals(code, 0, stderr);
          return JSON.parse(stdout).map((settings: string) => JSON.parse(settings));
        },
        async refusal(settings) {
          const { stderr } = await programs([settings]);
          return /(?:Cannot use the setting|[Aa] definition for option|The option) .*/.exec(stderr)?.[0] ??
            stderr;
        },
      });
    },
  });
}

/** Evaluates settings, by one process, and gives what the program would be told by each. */
type Evaluate = (...settings: string[]) => Promise<unknown[]>;
type Refusal = (settings: string) => Promise<string>;

settingsTest("settings are the options of the command line, under their own names", async ({ evaluate }) => {
  assertEquals(
    await evaluate(`{
      hosts = "web1,web2";
      smokeVerify = false;
      evalWorkers = 2;
      maxJobs = "auto";
      nixOptions = { cores = "4"; };
      git = { commit = true; userName = "Fleet CI"; template = "release {sha}"; };
    }`),
    [{
      "commit-template": "release {sha}",
      "eval-workers": 2,
      "git-commit": true,
      "git-user-name": "Fleet CI",
      hosts: "web1,web2",
      "max-jobs": "auto",
      option: { cores: "4" },
      "smoke-verify": false,
    }],
  );
});

settingsTest("no settings are settings too, and so is a module", async ({ evaluate }) => {
  const module = '{ lib, ... }: { releaseDir = lib.concatStrings [ "a" "b" ]; }';
  assertEquals(await evaluate("{ }", module), [{}, { "release-dir": "ab" }]);
});

settingsTest(
  "the program takes every setting that the module has, as the module writes it",
  async ({ evaluate }) => {
    const value = {
      switch: "true",
      text: '"ed25519"',
      number: "1",
      pairs: '{ cores = "4"; }',
      list: '[ "A" ]',
    };
    const write = (type: NixOption["type"]) =>
      typeof type === "string" ? value[type] : JSON.stringify(type.enum[0]);
    const written = nixOptions(RELEASE).map(({ name, type }) => `${name} = ${write(type)};`).join(" ");
    const [settings] = await evaluate(`{ ${written} }`);
    assertEquals(
      Object.keys(parseSettings("settings.json", settings, RELEASE.options)).sort(),
      nixOptions(RELEASE).map(({ flag }) => flag).sort(),
    );
  },
);

settingsTest("a list is written as a list, and a text with commas as it stands", async ({ evaluate }) => {
  assertEquals(
    await evaluate(
      '{ hookEnv = [ "A" "B" ]; }',
      "{ hookEnv = [ ]; }",
      '{ hookEnv = "A,B"; }',
      "{ hookEnv = null; }",
      // Modules that each need a variable do not have to know of each other.
      '{ imports = [ { hookEnv = [ "A" ]; } { hookEnv = [ "B" ]; } ]; }',
    ),
    [{ "hook-env": ["A", "B"] }, { "hook-env": [] }, { "hook-env": "A,B" }, {}, { "hook-env": ["A", "B"] }],
  );
});

settingsTest("an enumeration is written as the word that it is", async ({ evaluate }) => {
  const words = '{ logFormat = "json"; signatureAlgorithm = "ecdsa-p256"; signatureEncoding = "der"; }';
  assertEquals(await evaluate(words, "{ logFormat = null; signatureEncoding = null; }"), [{
    "log-format": "json",
    "signature-algorithm": "ecdsa-p256",
    "signature-encoding": "der",
  }, {}]);
});

settingsTest(
  "a word that an enumeration has not, and a list of other things than texts, are refused",
  async ({ refusal }) => {
    assertEquals(
      await refusal('{ logFormat = "jsno"; }'),
      'A definition for option `logFormat\' is not of type `null or one of "pretty", "json"\'.',
    );
    assertEquals(
      await refusal('{ signatureAlgorithm = "rsa"; }'),
      'A definition for option `signatureAlgorithm\' is not of type `null or one of "ed25519", "ecdsa-p256"\'.',
    );
    assertEquals(
      await refusal("{ hookEnv = [ 1 ]; }"),
      "A definition for option `hookEnv' is not of type `string'.",
    );
    assertEquals(
      await refusal("{ hookEnv = 1; }"),
      "A definition for option `hookEnv' is not of type `null or list of string or string'.",
    );
  },
);

settingsTest("a private key is refused in a list too", async ({ refusal }) => {
  assertEquals(
    await refusal('{ hookEnv = [ "A" "AGE-SECRET-KEY-1QQQ" ]; }'),
    'Cannot use the setting "hookEnv": it looks like a private key or a token, and everyone can read what is in the store',
  );
});

settingsTest(
  "a setting that there is not, or of another type, is refused at evaluation",
  async ({ refusal }) => {
    assertEquals(await refusal('{ host = "web1"; }'), "The option `host' does not exist.");
    assertEquals(await refusal("{ git.commmit = true; }"), "The option `git.commmit' does not exist.");
    assertEquals(
      await refusal('{ git.commit = "yes"; }'),
      "A definition for option `git.commit' is not of type `null or boolean'.",
    );
    // A path would be copied to the store, and the key with it.
    assertEquals(
      await refusal("{ signKey = /release.pem; }"),
      "A definition for option `signKey' is not of type `null or string'.",
    );
  },
);

settingsTest("a private key is refused at evaluation, wherever it stands", async ({ evaluate, refusal }) => {
  const refused = (name: string) =>
    `Cannot use the setting "${name}": it looks like a private key or a token, and everyone can read what is in the store`;
  for (const kind of ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "]) {
    const pem = `''\n-----BEGIN ${kind}PRIVATE KEY-----\nAAAA\n''`;
    assertEquals(await refusal(`{ signKey = ${pem}; }`), refused("signKey"));
  }
  const nixKey = `cache.example.com-1:${"A".repeat(86)}==`;
  assertEquals(
    await refusal(`{ pushCmd = "nix store sign -k <(echo ${nixKey}) $NIXFLEET_PATH"; }`),
    refused("pushCmd"),
  );
  assertEquals(await refusal(`{ publicKey = "ed25519:${"A".repeat(86)}=="; }`), refused("publicKey"));
  assertEquals(await refusal('{ signCmd = "age -i AGE-SECRET-KEY-1QQQ"; }'), refused("signCmd"));
  assertEquals(await refusal(`{ nixOptions.secret = "${nixKey}"; }`), refused("nixOptions"));

  const publicKeys = [`ed25519:${"A".repeat(43)}=`, `ecdsa-p256:${"A".repeat(86)}==`];
  assertEquals(
    await evaluate(...publicKeys.map((publicKey) => `{ publicKey = "${publicKey}"; }`)),
    publicKeys.map((publicKey) => ({ "public-key": publicKey })),
  );
});

settingsTest("a key file in the store is refused", async ({ evaluate, refusal }) => {
  assertEquals(
    await refusal('{ signKey = "/nix/store/00000000000000000000000000000000-release.pem"; }'),
    'Cannot use the setting "signKey": "/nix/store/00000000000000000000000000000000-release.pem" is a file in the store, ' +
      "and everyone can read what is in the store",
  );
  assertEquals(await evaluate('{ signKey = "env:RELEASE_KEY"; }'), [{ "sign-key": "env:RELEASE_KEY" }]);
});
