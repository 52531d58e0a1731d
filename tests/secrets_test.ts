import { assertEquals } from "@std/assert";
import {
  hideSecrets,
  looksLikeKey,
  Secrets,
  secretsOf,
  type SecretSources,
  signKeyVariable,
} from "../src/secrets.ts";
import { pureTest } from "./support/pure.ts";

pureTest("signKeyVariable() is the variable of env:NAME alone", () => {
  const variables: [signKey: string | undefined, variable: string | undefined][] = [
    ["env:KEY", "KEY"],
    ["env:", ""],
    ["./env:KEY", undefined],
    ["release.pem", undefined],
    [undefined, undefined],
  ];
  assertEquals(variables.map(([signKey]) => [signKey, signKeyVariable(signKey)]), variables);
});

const HIDDEN: [text: string, shown: string][] = [
  ["https://user:token@host.example/fleet", "https://***@host.example/fleet"],
  ["https://token@host.example", "https://***@host.example"],
  // The user of ssh is no secret, and its password is.
  ["git+ssh://git@host.example:22/fleet", "git+ssh://git@host.example:22/fleet"],
  ["ssh://git:p4ss@host.example:22/fleet", "ssh://***@host.example:22/fleet"],
  ["https://user:p'w@host/x and 'https://u:p@h'.", "https://***@host/x and 'https://***@h'."],
  ["https://user:p@w@host.example/x", "https://***@host.example/x"],
  ["https://user:p/w@host.example/x", "https://***@host.example/x"],
  ["https://user:p#w?@host:1/x", "https://***@host:1/x"],
  ["https://user:p%2Fw@[::1]:443/x", "https://***@[::1]:443/x"],
  ["https://host.example:8080/a@b", "https://host.example:8080/a@b"],
  ["https://[::1]:8080/a@b", "https://[::1]:8080/a@b"],
  ["user:p4ss@host.example:org/fleet.git", "user:***@host.example:org/fleet.git"],
  ["image:tag@sha256:0123", "image:tag@sha256:0123"],
  ["https://h/x?private_token=abcd&rev=1", "https://h/x?private_token=***&rev=1"],
  ["https://h/x?ref=main&access_token=abcd#x", "https://h/x?ref=main&access_token=***#x"],
  ["https://h/x?X-Amz-Signature=0123abcd", "https://h/x?X-Amz-Signature=***"],
  [
    "s3://cache?region=eu-central-1&secret-key=/etc/k.sec",
    "s3://cache?region=eu-central-1&secret-key=/etc/k.sec",
  ],
  ["cannot read 'https://u:p@h/a' and https://u:p@h/b", "cannot read 'https://***@h/a' and https://***@h/b"],
  ['{"remote":"https://u:p@h/a"}', '{"remote":"https://***@h/a"}'],
  ["https://host.example/a@b", "https://host.example/a@b"],
  ["https://host.example?mail=a@b", "https://host.example?mail=a@b"],
  ["git@host.example:org/fleet.git", "git@host.example:org/fleet.git"],
  ["bot@example.com", "bot@example.com"],
  ["", ""],
];

pureTest(
  "hideSecrets() takes the user and the password out of URLs, and nothing out of other text",
  () => {
    assertEquals(HIDDEN.map(([text]) => [text, hideSecrets(text)]), HIDDEN);
  },
);

const NIX_KEY = `cache.example.com-1:${"A".repeat(86)}==`;

const KEYS: [text: string, shown: string][] = [
  ["-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----", "***"],
  ['cannot read "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl" here', 'cannot read "***" here'],
  ["-----BEGIN PUBLIC KEY-----\nMC4C", "-----BEGIN PUBLIC KEY-----\nMC4C"],
  [`a ${NIX_KEY} b`, "a *** b"],
  [`ecdsa-p256:${"A".repeat(86)}==`, `ecdsa-p256:${"A".repeat(86)}==`],
  [`ed25519:${"A".repeat(43)}=`, `ed25519:${"A".repeat(43)}=`],
];

pureTest("hideSecrets() takes out private keys, and leaves public ones", () => {
  assertEquals(KEYS.map(([text]) => [text, hideSecrets(text)]), KEYS);
});

pureTest("looksLikeKey() tells a key that stands where the name of its file should", () => {
  const keys = [
    "-----BEGIN PRIVATE KEY-----",
    "x -----BEGIN",
    NIX_KEY,
    "A".repeat(44),
    `  ${"A".repeat(43)}=\n`,
  ];
  const names = [
    "release.pem",
    "./release.pem",
    "env:KEY",
    "",
    `/${"a".repeat(80)}`,
    "a".repeat(40),
    "a/b:c",
  ];
  assertEquals(keys.filter((text) => !looksLikeKey(text)), []);
  assertEquals(names.filter(looksLikeKey), []);
});

/** The secrets of a run that is told this. */
function known(sources: Partial<SecretSources>): Secrets {
  return secretsOf({
    ...{ commands: [], nixOptions: [], texts: [], hookEnv: [], keyVariable: undefined, env: {} },
    ...sources,
  });
}

/** A hook, what it printed, and what is shown of that. */
const PRINTED: [command: string, line: string, shown: string][] = [
  // What stands where secrets are put.
  ["push --token abcdefgh", "push: abcdefgh is refused", "push: *** is refused"],
  ["push --token=abcdefgh", "--token=abcdefgh", "--token=***"],
  ["push --api-key 'two words'", "no two words", "no ***"],
  ["pkcs11-tool --pin 4711", "pin 4711 of 147112", "pin *** of 147112"],
  ["echo password hunter22", "hunter22", "***"],
  ["curl -H 'Authorization: Bearer s3cr3t-1'", "> Authorization: Bearer s3cr3t-1", "> Authorization: ***"],
  ["curl -u bob:passw -T x", "bob:passw", "bob:***"],
  [`curl -d '{"token": "abcdefgh"}'`, '"abcdefgh"', '"***"'],
  ["TOKEN=abcdefgh push", "abcdefgh", "***"],
  ["export DB_PASSWORD='two words'; push", "no two words", "no ***"],
  ["sh -c 'env TOKEN=abcdefgh push'", "abcdefgh", "***"],
  ["copy https://me:passw@host.example/x", "me passw at host.example", "me *** at host.example"],
  ["mysql -phunter db", "hunter", "***"],
  ["x -pCanarySecret1", "-pCanarySecret1 CanarySecret1", "*** ***"],
  // What looks like one.
  ["push tok-4F9aZ77q", "tok-4F9aZ77q", "***"],
  ["T=CanarySecret2 push", "CanarySecret2", "***"],
  ["push /wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI", "***"],
  ["echo 'Zx;Tr|Qv&Lp'", "Zx;Tr|Qv&Lp", "***"],
  // What nobody could mend a hook without.
  [
    "sh ./deploy-to-cache.sh",
    "sh: 0: cannot open ./deploy-to-cache.sh",
    "sh: 0: cannot open ./deploy-to-cache.sh",
  ],
  ["no-such-program --all", "sh: no-such-program: not found", "sh: no-such-program: not found"],
  [
    "nix copy --to https://cache.example.com",
    "cannot reach cache.example.com",
    "cannot reach cache.example.com",
  ],
  ["REGION=eu-west-1 NAME=eu push", "no eu in eu-west-1", "no eu in eu-west-1"],
  ["push --key release --keyring fleet", "no key release in fleet", "no key release in fleet"],
  ["push --token $TOKEN --pin env:HSM_PIN", "$TOKEN env:HSM_PIN", "$TOKEN env:HSM_PIN"],
  ["push --password-file /run/secrets/pw", "no /run/secrets/pw", "no /run/secrets/pw"],
  [
    "/nix/store/0c1xqpw5hjmlr3c9kkqj8b2fv4n7dz6s-push/bin/push a",
    "s-push/bin/push: no",
    "s-push/bin/push: no",
  ],
  ["grep -v 'error|warning' --color=never", "error|warning never", "error|warning never"],
  ["push --token abc", "push: abc", "push: abc"],
];

pureTest("secretsOf() knows what is secret in a hook by its place or its looks, and nothing else", () => {
  const shown = PRINTED.map(([command, line]) => [command, line, known({ commands: [command] }).hide(line)]);
  assertEquals(shown, PRINTED);
});

/** A variable, whether hooks are said to need it, and whether its value is secret. */
const VARIABLES: [name: string, value: string, hookEnv: boolean, hidden: boolean][] = [
  ["GITHUB_TOKEN", "abcdefgh", false, true],
  ["DB_PASSWORD", "abcdefgh", false, true],
  ["CLIENT_SECRET_2", "abcdefgh", false, true],
  ["DEPLOY_KEY", "abcdefgh", false, true],
  ["AWS_ACCESS_KEY_ID", "abcdefgh", false, true],
  ["AWS_SESSION_TOKEN", "abcdefgh", false, true],
  ["AWS_DEFAULT_REGION", "abcdefgh", false, false],
  ["TOKEN_FILE", "/run/secrets/token", false, false],
  ["API_TOKEN", "true", false, false],
  ["EDITOR", "abcdefgh", false, false],
  ["OLDPWD", "/data/aB3dE9fGhI", false, false],
  ["MINE", "abcdefgh", true, true],
  ["VAULT_ADDR", "vault.example.com", true, false],
  ["HSM_MODULE", "/usr/lib/libhsm.so", true, false],
  ["HTTPS_PROXY", "http://user:abcdefgh@proxy.example.com", false, true],
  ["GIT_CONFIG_VALUE_0", "Authorization: Basic abcdefgh", false, true],
  ["NIX_CONFIG", "cores = 4\naccess-tokens = github.com=abcdefgh gitlab.com=PAT:hgfedcba", false, true],
];

pureTest("secretsOf() knows the variables that are secret, by their names", () => {
  const shown = VARIABLES.map(([name, value, hookEnv]) => {
    const secrets = known({ env: { [name]: value }, hookEnv: hookEnv ? [name] : [] });
    const word = value.includes("abcdefgh") ? "abcdefgh" : value;
    return [name, value, hookEnv, secrets.hide(`it is ${word} here`) === "it is *** here"];
  });
  assertEquals(shown, VARIABLES);
  const secrets = known({ env: { K: "-----BEGIN X-----\nabcdefgh\nhg\n" }, keyVariable: "K" });
  assertEquals(secrets.hide("-----BEGIN X----- abcdefgh hg"), "-----BEGIN X----- *** hg");
});

const SETTINGS: [name: string, value: string, line: string, shown: string][] = [
  ["access-tokens", "github.com=abcdefgh", "for github.com=abcdefgh", "for github.com=***"],
  [
    "extra-access-tokens",
    "gitlab.com=PAT:abcdefgh",
    "gitlab.com=PAT:abcdefgh abcdefgh",
    "gitlab.com=*** ***",
  ],
  ["secret-thing", "abcdefgh", "abcdefgh", "***"],
  ["netrc-file", "/etc/nix/netrc", "/etc/nix/netrc", "/etc/nix/netrc"],
  ["trusted-public-keys", "cache-1:abcdefgh", "cache-1:abcdefgh", "cache-1:abcdefgh"],
  ["substituters", "https://u:abcdefgh@c.example", "abcdefgh of c.example", "*** of c.example"],
  ["cores", "12345678", "12345678", "12345678"],
];

pureTest("secretsOf() knows the settings of nix that are secret, by their names", () => {
  const shown = SETTINGS.map(([name, value, line]) => {
    return [name, value, line, known({ nixOptions: [[name, value]] }).hide(line)];
  });
  assertEquals(shown, SETTINGS);
});

/** A password that has in it what has a meaning in URLs. */
const PASSWORD = "p/w@4?x#'y:ü";

pureTest(
  "secretsOf() knows a URL's password however it is written, and whatever else is printed of it",
  () => {
    const secrets = known({ texts: [`https://bob:${PASSWORD}@host.example/x`] });
    for (
      const spelling of [
        PASSWORD,
        encodeURIComponent(PASSWORD),
        encodeURI(PASSWORD),
        encodeURIComponent(PASSWORD).toLowerCase(),
        PASSWORD.replace("4", "\x1b[1m4\x1b[0m"),
        PASSWORD.replace("4", "\x1b]0;title\x074"),
        PASSWORD.replace("4", "\u200b4\r"),
        `\x1b]0;${PASSWORD}`,
      ]
    ) {
      assertEquals(secrets.hide(`no <${spelling}>`).replace("\x1b]0;", ""), "no <***>");
    }
    const basic = new TextEncoder().encode(`bob:${PASSWORD}`).toBase64();
    assertEquals(secrets.hide(`Basic ${basic}`), "Basic ***");
    assertEquals(secrets.hide("host.example of bob"), "host.example of bob");
    const user = known({ texts: ["https://deploy@host.example/x", "https://t0kenToken@host.example/x"] });
    assertEquals(
      user.hide("deploy by t0kenToken at https://deploy@host.example"),
      "deploy by *** at https://***@host.example",
    );
  },
);

pureTest(
  "Secrets hides parts that overlap or touch as one, and the beginning of one that was cut off",
  () => {
    const secrets = new Secrets();
    secrets.learn("abcdefgh", "efghijkl", "mnopqrst");
    assertEquals(secrets.hide("abcdefghijklmnopqrst!"), "***!");
    assertEquals(secrets.hide("xx abcdef…"), "xx ***…");
    assertEquals(secrets.hide("xx abc…"), "xx abc…");
  },
);

pureTest("Secrets hides a short secret where it stands alone, and none of three letters", () => {
  const secrets = new Secrets();
  secrets.learn("4711", "abc");
  assertEquals(secrets.hide("pin=4711, 147112 abc"), "pin=***, 147112 abc");
});

/** Texts on which a pattern that looks at each place again and again takes minutes. */
const LONG = 200_000;
const PATHOLOGICAL = [
  ...[
    "a",
    "a.",
    "-",
    "@",
    ":",
    "://",
    "a@",
    "a:b@",
    "?a=",
    "?token=",
    "'",
    "%4",
    "%41",
    "\x1b[",
    "\x1b]",
    "\x9d",
    "\u200b",
  ],
  ...["-----BEGIN ", "-----BEGIN PRIVATE KEY", "##", "##[", " ", "https://a:b", "a:b/", "0:/@"],
].map((piece) => piece.repeat(Math.ceil(LONG / piece.length)));

pureTest(
  "Secrets hides what is known in texts on which a pattern that goes back and forth would take minutes",
  () => {
    const secrets = new Secrets();
    secrets.learn("s3cret-9");
    for (const text of PATHOLOGICAL) {
      for (const around of [text, `https://u:p${text}@host.example/x`]) {
        assertEquals(secrets.hide(`${around} s3cret-9`).endsWith("***"), true);
      }
    }
  },
);
