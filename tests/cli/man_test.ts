import { assertEquals } from "@std/assert";
import { defineCommand } from "../../src/cli/command.ts";
import { manPage } from "../../src/cli/man.ts";
import { choice, flag, text } from "../../src/cli/option.ts";
import { ALL } from "../support/asked.ts";
import { find, run } from "../support/command.ts";
import { pureTest } from "../support/pure.ts";

/** A command whose texts would be roff, were they not escaped. */
const ODD = defineCommand({
  name: "odd",
  usage: ["odd .X 'Y"],
  summary: ".SH of \\fBno\\fR importance",
  about: ".so /etc/passwd\n'br is `no \\n request`, and ~this^ …",
  options: {
    "dot": text({
      group: '.Of "two" words',
      placeholder: ".FILE",
      default: "'.'",
      env: "ODD_DOT",
      help: "'tis \\(aq",
    }),
    "say": choice({ group: "Last", placeholder: "X", choices: ["x"], short: "s", help: ".TP" }),
    "it": flag({ group: "Last", help: '-- "it"' }),
  },
  exitCodes: { 0: ".", 1: "'" },
  example: ".fleet-release 'odd'\n'\\",
  variables: ["ODD_DOT"],
  grants: [],
  read: () => ({}),
  run: () => Promise.resolve(0),
});

/** What can show a page, and what can find fault with one. */
const MAN = [
  ["mandoc", "-T", "lint", "-W", "style"],
  ["groff", "-man", "-ww", "-z", "-Tutf8"],
].filter(([program]) => find(program!) !== undefined);
const RENDER = find("mandoc") === undefined ? undefined : ["mandoc", "-T", "utf8", "-O", "width=78"];

pureTest("manPage() takes nothing of a command for roff", () => {
  const page = manPage([ODD], "1.2.3");
  assertEquals(page.split("\n").filter((line) => /^['.]/.test(line)).map((line) => line.split(" ")[0]!), [
    ...[".TH", ".ad", ".SH", ".SH", ".SH", ".TP", ".TP", ".PP"],
    ...[".SH", ".PP", ".SS", ".TP", ".SS", ".TP", ".TP", ".SS", ".TP", ".TP", ".SS", ".nf", ".fi"],
    ...[".SH", ".TP", ".SH"],
  ]);
});

Deno.test({
  name: `a page says what the command does, as it does${
    RENDER === undefined ? " (skipped: there is no mandoc)" : ""
  }`,
  ignore: RENDER === undefined,
  async fn() {
    const [program, ...args] = RENDER!;
    const page = new TextEncoder().encode(manPage([ODD], "1.2.3"));
    const { stdout } = await run([find(program!)!, ...args], { stdin: page });
    // Bold and italic letters are printed twice, and over a line.
    // deno-lint-ignore no-control-regex
    const text = stdout.replace(/.\x08/gu, "");
    assertEquals(
      text.slice(text.indexOf("FLEET-RELEASE ODD"), text.indexOf("SEE ALSO")).trimEnd(),
      String.raw`FLEET-RELEASE ODD
       fleet-release odd .X 'Y

       .so /etc/passwd 'br is no \n request, and ~this^ …

   .Of "two" words
       --dot .FILE
              'tis \(aq [default: '.', env: ODD_DOT]

   Last
       -s, --say X
              .TP

       --it   -- "it"

   Exit codes
       0      .

       1      '

   Example
       .fleet-release 'odd'
       '\

ENVIRONMENT
       ODD_DOT
              holds where --dot is not given`,
    );
  },
});

Deno.test("the page of the program has every command, option, exit code and variable", () => {
  const page = manPage(ALL, "1.2.3");
  const sections = new Map(
    page.split(/^\.SH /m).map((part) => [part.split("\n")[0]!.replaceAll('"', ""), part]),
  );
  for (const { name, options, exitCodes } of ALL) {
    const section = sections.get(`FLEET\\-RELEASE ${name.toUpperCase()}`) ?? "";
    const tags = [...section.matchAll(/^\.TP\n(.*)$/gm)].map(([, tag]) =>
      tag!.replace(/\\f[BIR]/g, "").replaceAll("\\-", "-")
    );
    const flags = tags.flatMap((tag) => /--([a-z-]+)/.exec(tag)?.[1] ?? []);
    assertEquals(flags, Object.keys(options), name);
    assertEquals(tags.filter((tag) => /^\d+$/.test(tag)), Object.keys(exitCodes), name);
  }
  const variables = new Set(
    ALL.flatMap(({ options }) => Object.values(options).flatMap(({ env }) => env ?? [])),
  );
  assertEquals([...sections.get("ENVIRONMENT")!.matchAll(/^\\fB(\w+)\\fR$/gm)].map(([, name]) => name), [
    ...variables,
  ]);
});

for (const [program, ...args] of MAN) {
  Deno.test(`${program} finds nothing wrong with the page but that it has no date`, async () => {
    for (const page of [manPage(ALL, "1.2.3"), manPage([ODD], "1.2.3")]) {
      const { stdout, stderr } = await run([find(program!)!, ...args], {
        stdin: new TextEncoder().encode(page),
      });
      const lines = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
      assertEquals(lines.filter((line) => !/missing date, using ""/.test(line)), []);
    }
  });
}
