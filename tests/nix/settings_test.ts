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
  fn: (
    world: {
      evaluate: Evaluate;
      refusal: Refusal;
      /** Whether each of these is taken as a push command. */
      accepted: (texts: readonly string[]) => Promise<boolean[]>;
    },
  ) => Promise<void>,
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
        async accepted(texts) {
          const file = join(fleet.root, "texts.json");
          await Deno.writeTextFile(file, JSON.stringify(texts));
          const app = `(${LIB}).mkReleaseApp (${APP} // { settings = { pushCmd = text; }; })`;
          const each = `text: (builtins.tryEval (builtins.seq (${app}).program null)).success`;
          const expression = `map (${each}) (builtins.fromJSON (builtins.readFile ${file}))`;
          const argv = [which("nix"), ...features, "eval", "--impure", "--json", "--expr", expression];
          const { code, stdout, stderr } = await run(argv, { cwd: fleet.root, env: fleet.env() });
          assertEquals(code, 0, stderr);
          return JSON.parse(stdout);
        },
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

/** As long as it has to be, with what tokens are made of. */
const chars = (length: number) => "aB3dEf7hIj".repeat(20).slice(0, length);
const base64Of = (text: string) => btoa(`${text}\nMC4CAQAw`);

const SECRETS: readonly string[] = [
  ...["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map((prefix) => `${prefix}${chars(36)}`),
  `github_pat_${chars(22)}_${chars(59)}`,
  ...["glpat-", "gldt-", "glrt-", "glrt-t1_", "glcbt-64_", "glft-", "glsoat-", "glffct-", "glwt-"].map((
    prefix,
  ) => `${prefix}${chars(20)}`),
  ...[`glpat-${chars(27)}.01.0w1abcde9`, `glptt-${chars(40)}`, `glimt-${chars(25)}`, `glagent-${chars(50)}`],
  ...[
    `hvs.${chars(24)}`,
    `hvb.${chars(138)}`,
    `hvr.${chars(100)}`,
    `VAULT_TOKEN=s.${chars(24)} vault read x`,
  ],
  ...["AKIAIOSFODNN7EXAMPLE", "key ASIAIOSFODNN7EXAMPLE"],
  ...["aws_secret_access_key=", "AWS_SECRET_ACCESS_KEY = '", '"SecretAccessKey": "'].map((name) =>
    `${name}wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY`
  ),
  `AWS_SESSION_TOKEN=${chars(100)}`,
  ...["AGE-SECRET-KEY-1QQQ", "AGE-SECRET-KEY-PQ-1QQQ", "age-secret-key-1qqq"],
  ...["PuTTY-User-Key-File-3: ssh-ed25519", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"],
  "-----BEGIN PGP PRIVATE KEY BLOCK-----",
  ...["", "OPENSSH ", "RSA ", "EC ", "ENCRYPTED "].map((kind) =>
    base64Of(`-----BEGIN ${kind}PRIVATE KEY-----`)
  ),
  ...[`MC4CAQAwBQYDK2VwBCIEI${chars(43)}`, "b3BlbnNzaC1rZXktdjEAAAAA"],
  ...[`cache-1:${chars(86)}==`, `ecdsa-p256:${chars(86)}== cache-1:${chars(86)}==`],
  ...[`xoxb-123456789012-${chars(24)}`, `xapp-1-A0123-123-${chars(64)}`, `npm_${chars(36)}`],
  ...[`pypi-AgEIcHlwaS5vcmc${chars(60)}`, `dckr_pat_${chars(27)}`, `dckr_oat_${chars(32)}`],
  `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.${chars(43)}`,
  `CACHIX_SIGNING_KEY=${chars(86)}==`,
  ...["https://user:hunter2@example.com/x", "nix copy --to 'https://ci:s3cr3t@cache.example.com'"],
  ...["https://:pw@example.com", "http://$USER:pw@host", "postgres://u:p%40ss@db/x", "https://u:a:b@host/"],
  ...[`https://${chars(40)}@github.com/x`, `https://oauth2:glpat-${chars(20)}@gitlab.com/x`],
];

const NO_SECRETS: readonly string[] = [
  ...["/nix/store/00000000000000000000000000000000-release.pem", "/run/keys/release.pem"],
  ...[`sha256-${chars(43)}=`, `sha512-${chars(86)}==`, `sha512:${chars(86)}==`, "0123456789abcdef".repeat(4)],
  ...[`ecdsa-p256:${chars(86)}==`, `ed25519:${chars(43)}=`, `age1${"q".repeat(58)}`],
  "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",
  ...["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ"].map((key) =>
    `${key}${chars(180)} ci@host`
  ),
  "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA",
  ...["s.example.com", "hvs.example.com", "glpat.example.com", "ghp.example.org", "pypi-mirror.example.com"],
  ...["https://example.com:8443/x@y", "ssh://git@example.com:22/x", "git@host:org/fleet.git:main"],
  ...["https://user@example.com", "https://user:$TOKEN@example.com", "https://$USER:\${TOKEN}@example.com"],
  ...["http://[::1]:8080/a@b", "https://example.com/?u=a:b@c", "https://example.com/path:with@sign"],
  ...[
    "s3://cache?endpoint=minio:9000&profile=me",
    "AWS_SECRET_ACCESS_KEY=$(cat key)",
    "AWS_SECRET_ACCESS_KEY",
  ],
  "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
  ...["github:org/fleet/0123456789abcdef0123456789abcdef01234567", "chore(ci): release {sha:0:8} [skip ci]"],
  ...["env:RELEASE_KEY", "fd:3", "-", "npm_config_registry=https://r.example.com"],
];

settingsTest(
  "a token, a key and a password are refused within a text, and nothing that only resembles them",
  async ({ accepted }) => {
    const texts = [...SECRETS, ...NO_SECRETS];
    const found = await accepted(texts.flatMap((text) => [text, `run --with='${text}' and more`]));
    const wrong = texts.filter((text, index) =>
      [0, 1].some((within) => found[index * 2 + within] !== NO_SECRETS.includes(text))
    );
    assertEquals(wrong, []);
  },
);

settingsTest(
  "a token is refused in a list, in a pair and in its name, and the tokens of nix's own setting are",
  async ({ evaluate, refusal }) => {
    const token = `ghp_${chars(36)}`;
    const refused = (name: string, problem: string) =>
      `Cannot use the setting "${name}": ${problem}, and everyone can read what is in the store`;
    const secret = "it looks like a private key or a token";
    assertEquals(await refusal(`{ hookEnv = [ "A" "${token}" ]; }`), refused("hookEnv", secret));
    assertEquals(await refusal(`{ nixOptions.x = "github.com=${token}"; }`), refused("nixOptions", secret));
    assertEquals(await refusal(`{ nixOptions."${token}" = "x"; }`), refused("nixOptions", secret));
    const holds = (option: string) => refused("nixOptions", `${option} holds tokens`);
    assertEquals(
      await refusal('{ nixOptions.access-tokens = "git.example.com=abc"; }'),
      holds("access-tokens"),
    );
    assertEquals(
      await refusal('{ nixOptions.extra-access-tokens = "git.example.com=abc"; }'),
      holds("extra-access-tokens"),
    );
    const url = refused("pinSourceUrl", "there is a URL with a password in it");
    assertEquals(await refusal('{ pinSourceUrl = "git+https://me:secret@example.com/fleet"; }'), url);
    assertEquals(await evaluate('{ nixOptions.access-tokens = ""; }'), [{ option: { "access-tokens": "" } }]);
  },
);

settingsTest("a key file in the store is refused", async ({ evaluate, refusal }) => {
  assertEquals(
    await refusal('{ signKey = "/nix/store/00000000000000000000000000000000-release.pem"; }'),
    'Cannot use the setting "signKey": "/nix/store/00000000000000000000000000000000-release.pem" is a file in the store, ' +
      "and everyone can read what is in the store",
  );
  assertEquals(await evaluate('{ signKey = "env:RELEASE_KEY"; }'), [{ "sign-key": "env:RELEASE_KEY" }]);
});
