import { assert, assertEquals } from "@std/assert";
import { atOnce, type ErrorKind, ioError, ReleaseError } from "../src/errors.ts";
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
  "superseded": 4,
  "declined": 5,
  "locked": 75,
  "interrupted": 130,
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

pureTest("with() gives the same error with another place or hint, and keeps what is not given", () => {
  const error = new ReleaseError("build", "x", {
    ...{ code: "w", path: "a", hint: "b", lines: ["c"], hosts: ["d"] },
  });
  const read = (
    { kind, message, code, path, hint, lines, hosts }: ReleaseError,
  ) => [kind, message, code, path, hint, lines, hosts];
  assertEquals(read(error.with({ hint: "e" })), ["build", "x", "w", "a", "e", ["c"], ["d"]]);
  assertEquals(read(error.with({ path: "f" })), ["build", "x", "w", "f", "b", ["c"], ["d"]]);
  assert(error.with({}).cause === error);
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
  assertEquals(ioError("Cannot read", "broken", "word").code, "word");
});

pureTest("atOnce() gives what all come to in their order, or the error of the first that fails", async () => {
  assertEquals(await atOnce(Promise.resolve(1), "two", Promise.resolve(null)), [1, "two", null]);
  const ended: string[] = [];
  const late = Promise.withResolvers<never>();
  const first = late.promise.finally(() => ended.push("first"));
  const last = Promise.reject(new Error("last")).finally(() => {
    ended.push("last");
    late.reject(new Error("first"));
  });
  const message = await atOnce(Promise.resolve(), first, last).catch(({ message }) => message);
  assertEquals([message, ended], ["first", ["last", "first"]]);
});
