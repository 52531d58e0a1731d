import { assertEquals } from "@std/assert";
import { annotation, errorLines, groupStart } from "../../src/report/workflow_commands.ts";
import { ReleaseError } from "../../src/errors.ts";
import { pureTest } from "../support/pure.ts";

pureTest("annotation() is one command whatever is in it, and nothing in it acts on a terminal", () => {
  const hostile = "::set-env name=A::b\n::stop-commands::x\r%0A::error::y\x1b[2J\u202e##[group]z";
  assertEquals(
    annotation("error", "a:b,c::d\n::e", [hostile, hostile]),
    "::error title=a%3Ab%2Cc%3A%3Ad\\n%3A%3Ae::" + Array(2).fill(
      "\\x3a:set-env name=A::b\\n::stop-commands::x\\r%250A::error::y\\x1b[2J\\u{202e}\\x23#[group]z",
    ).join("%0A"),
  );
});

pureTest("groupStart() is one command whatever is in the title", () => {
  assertEquals(groupStart("$ 100 % of\n::error::a"), "::group::$ 100 %25 of\\n::error::a");
});

pureTest("errorLines() are the error and the end of what belongs to it", () => {
  const lines = Array.from({ length: 12 }, (_, index) => `line ${index}`);
  const error = new ReleaseError("build", "Cannot build", { path: "hosts.a", lines, hint: "mend it" });
  assertEquals(errorLines(error), ["Cannot build", "at: hosts.a", ...lines.slice(2), "hint: mend it"]);
  assertEquals(errorLines(new ReleaseError("usage", "No hosts")), ["No hosts"]);
});
