import { assertEquals } from "@std/assert";
import { hideSecrets, looksLikeKey, redactor, signKeyVariable } from "../src/secrets.ts";
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

const HIDDEN_PARTS: [command: string, line: string, shown: string][] = [
  // Programs, options and the contract's variables stay: without them nobody could mend a hook.
  [
    'curl --silent -H "token: s3cret" "$NIXFLEET_PATH"',
    "curl: --silent s3cret $NIXFLEET_PATH",
    "curl: --silent *** $NIXFLEET_PATH",
  ],
  ["KEY=hunter22 upload; exec send 'two words'", "upload two words, send hunter22", "upload ***, send ***"],
  ["copy https://me:passw@host/x", "me passw host passw", "me *** *** ***"],
  // A piece is hidden with the longer one that it is in.
  ["upload abcd abcdefgh", "abcdefgh abcd", "*** ***"],
  // What is shorter than four characters could stand anywhere.
  ["upload abc", "abc", "abc"],
  ["upload token\nsend other1", "a token and other1", "a *** and ***"],
];

pureTest("redactor() hides the parts of a command that may be secret, and leaves what it runs", () => {
  const shown = HIDDEN_PARTS.map(([command, line]) => [command, line, redactor(command)(line)]);
  assertEquals(shown, HIDDEN_PARTS);
});

const HIDDEN: [text: string, shown: string][] = [
  ["https://user:token@host.example/fleet", "https://***@host.example/fleet"],
  ["https://token@host.example", "https://***@host.example"],
  ["git+ssh://git@host.example:22/fleet", "git+ssh://***@host.example:22/fleet"],
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

/** A hook, what it printed, and what is shown of that. */
const PRINTED: [command: string, line: string, shown: string][] = [
  ["push --token abcd1234", "push: abcd1234 is refused", "push: *** is refused"],
  ["curl -H 'Authorization: Bearer s3cr3t-1'", "Bearer s3cr3t-1", "*** ***"],
  ["TOKEN=abcd1234 push", "abcd1234", "***"],
  ["curl https://user:passw0rd@host.example/x", "user passw0rd", "*** ***"],
  ["push abcd1234", "push abcd1234", "***"],
  // Names of programs and variables of the contract, options and what is short are needed to mend a hook.
  ['sign --in "$NIXFLEET_INPUT"', "sign: --in: no $NIXFLEET_INPUT", "sign: --in: no $NIXFLEET_INPUT"],
  ["push -k abc", "push: abc", "push: abc"],
  ["push a", "nothing of it", "nothing of it"],
];

pureTest("redactor() hides the parts of a command in what it printed, the longest first", () => {
  assertEquals(PRINTED.map(([command, line]) => [command, line, redactor(command)(line)]), PRINTED);
});
