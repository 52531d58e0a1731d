import { assert, assertEquals } from "@std/assert";
import { type ErrorKind, ioError, ReleaseError } from "../src/errors.ts";
import { hideSecrets } from "../src/secrets.ts";
import { nearest } from "../src/text.ts";
import { pureTest } from "./support/pure.ts";

/** The exit codes of the contract. */
const EXIT_CODES: Record<ErrorKind, number> = {
  "usage": 1,
  "evaluation": 1,
  "contract": 1,
  "build": 1,
  "git": 1,
  "io": 1,
  "push-hook": 2,
  "sign-hook": 2,
  "signer": 2,
  "smoke-verify": 3,
};

pureTest("ReleaseError takes its exit code from its kind, whatever its text says", () => {
  for (const [kind, exitCode] of Object.entries(EXIT_CODES)) {
    for (const message of ["", "Push hook failed", "smoke-verify", "exit 2"]) {
      assertEquals(new ReleaseError(kind as ErrorKind, message).exitCode, exitCode, kind);
    }
  }
});

pureTest("ReleaseError is an error with all that it is given", () => {
  const cause = new Error("cause");
  const error = new ReleaseError("build", "Cannot build", {
    path: "a.b",
    hint: "mend it",
    lines: ["x"],
    cause,
  });
  const { name, kind, message, path, hint, lines } = error;
  assertEquals({ name, kind, message, path, hint, lines }, {
    name: "ReleaseError",
    kind: "build",
    message: "Cannot build",
    path: "a.b",
    hint: "mend it",
    lines: ["x"],
  });
  assert(error instanceof Error);
  assert(error.cause === cause);
});

pureTest("ReleaseError has no path, hint, lines or cause unless they are given", () => {
  const { path, hint, lines, ...others } = new ReleaseError("usage", "x");
  assertEquals({ path, hint, lines }, { path: undefined, hint: undefined, lines: [] });
  assertEquals("cause" in others, false);
});

pureTest("ioError() says what was tried and what the file system said", () => {
  const cause = new Deno.errors.NotFound("No such file or directory");
  const error = ioError('Cannot read "x"', cause);
  assertEquals([error.kind, error.message, error.cause], [
    "io",
    'Cannot read "x": No such file or directory',
    cause,
  ]);
  assertEquals(ioError("Cannot read", "broken").message, "Cannot read: broken");
});

const KNOWN = ["hosts", "sign-cmd", "push-cmd", "git-push", "git-commit"];

const NEAREST: [word: string, meant: string | undefined][] = [
  ["hosts", "hosts"],
  ["host", "hosts"],
  ["hots", "hosts"],
  ["ohsts", "hosts"],
  ["hostss", "hosts"],
  ["signcmd", "sign-cmd"],
  ["sign-command", "sign-cmd"],
  ["pushcmd", "push-cmd"],
  ["git-psuh", "git-push"],
  ["gitcomit", "git-commit"],
  ["bogus-option-name", undefined],
  ["HOSTS", undefined],
];

pureTest("nearest() gives the known word with the fewest edits, if those are few for its length", () => {
  assertEquals(NEAREST.map(([word]) => [word, nearest(word, KNOWN)]), NEAREST);
});

pureTest("nearest() gives the first of words that are equally near, and none of no words", () => {
  assertEquals(nearest("web3", ["web1", "web2"]), "web1");
  assertEquals(nearest("web3", ["web2", "web1"]), "web2");
  assertEquals(nearest("web3", []), undefined);
});

pureTest("nearest() takes words of any letters", () => {
  assertEquals(nearest("grün", ["gruen", "grün", "grau"]), "grün");
  assertEquals(nearest("", ["ab", "abc"]), "ab");
  assertEquals(nearest("", ["abc"]), undefined);
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
