import { assertEquals } from "@std/assert";
import { EvaluationLog } from "../../../src/adapters/nix/evaluation_log.ts";
import { pureTest } from "../../support/pure.ts";
// What `nix --log-format internal-json --option show-trace true eval` wrote to stderr about hosts of one flake.
import oldWarns from "./recorded/nix-2.8.0-evaluation-warns.txt" with { type: "text" };
import newWarns from "./recorded/nix-2.26.3-evaluation-warns.txt" with { type: "text" };
import oldDeep from "./recorded/nix-2.8.0-evaluation-deep.txt" with { type: "text" };
import newDeep from "./recorded/nix-2.26.3-evaluation-deep.txt" with { type: "text" };
import oldAbsent from "./recorded/nix-2.8.0-evaluation-absent.txt" with { type: "text" };
import newAbsent from "./recorded/nix-2.26.3-evaluation-absent.txt" with { type: "text" };
import oldImports from "./recorded/nix-2.8.0-evaluation-imports.txt" with { type: "text" };
import newImports from "./recorded/nix-2.26.3-evaluation-imports.txt" with { type: "text" };

const withoutHash = (line: string) => line.replaceAll(/\/nix\/store\/[0-9a-z]{32}-/g, "");

/** A log that is read: what the listener is told, in its order, what `-v` shows, and why it failed. */
function read(text: string, wholeTraces = false) {
  const told: string[] = [];
  const log = new EvaluationLog({
    markedBy: "MARK",
    onMark: (mark) => told.push(`mark ${mark}`),
    onWarning: (warning) => told.push(`warning ${warning}`),
  }, wholeTraces);
  const shown = text.trimEnd().split("\n").flatMap((line) => log.add(line) ?? []);
  const errors = log.errors().map(({ lines, trace }) => ({
    lines: lines.map(withoutHash),
    trace: trace.map(withoutHash),
  }));
  return { told, shown: shown.map(withoutHash), errors };
}

for (const [version, recorded] of [["2.8.0", oldWarns], ["2.26.3", newWarns]] as const) {
  pureTest(`EvaluationLog tells marks from what the flake says, in the order of nix ${version}`, () => {
    const { told, shown, errors } = read(recorded);
    assertEquals(told, [
      "mark a",
      "warning old option",
      "warning { x = 1; }",
      "mark b",
      "warning old option",
      "warning shared by two\nhosts",
      "mark c",
      "warning builtin",
    ]);
    assertEquals([shown.length, shown.filter((text) => text.includes("MARK")), errors], [5, [], []]);
  });
}

/** Each version names the steps of a trace in its own words; the places are the flake's, and none is ours. */
const DEEP: [version: string, recorded: string, nearest: string, others: string[]][] = [
  [
    "2.8.0",
    oldDeep,
    "evaluating 'deep' at source/flake.nix:10:12",
    ["from call site at source/flake.nix:10:89", "while evaluating 'option' at source/flake.nix:9:20"],
  ],
  [
    "2.26.3",
    newDeep,
    "calling the 'throw' builtin at source/flake.nix:10:30",
    [
      "while calling 'deep' at source/flake.nix:10:12",
      "from call site at source/flake.nix:10:89",
      "while calling 'option' at source/flake.nix:9:20",
    ],
  ],
];

for (const [version, recorded, nearest, others] of DEEP) {
  pureTest(
    `EvaluationLog puts the message of nix ${version} first, and what the flake says of its context`,
    () => {
      const told = [
        "error: too deep",
        "by far",
        `  … while ${nearest}`,
        "  … while evaluating the option `level1':",
        "  … while evaluating the option `level2':",
        "  … while evaluating the option `level3':",
      ];
      const rest = [
        ...others,
        "from call site at source/flake.nix:10:60",
        "from call site at source/flake.nix:16:20",
        "while evaluating the attribute 'outputs.nixosConfigurations.deep.config.system.build.toplevel' " +
        "at source/flake.nix:4:19",
      ].map((step) => `  … ${step}`);
      const { errors, shown } = read(recorded);
      assertEquals(errors, [{ lines: told, trace: rest }]);
      assertEquals(shown, [[...told, ...rest].join("\n")]);
      // Where the operator asks for traces, nothing is kept back, and the steps are in their order.
      const [whole] = read(recorded, true).errors;
      assertEquals(whole!.trace, []);
      assertEquals(whole!.lines.toSorted(), [...told, ...rest].toSorted());
      assertEquals(whole!.lines.at(-1), rest.at(-1));
    },
  );
}

for (const [version, recorded] of [["2.8.0", oldAbsent], ["2.26.3", newAbsent]] as const) {
  pureTest(`EvaluationLog shows where in the flake nix ${version} fails, and the code there`, () => {
    assertEquals(read(recorded).errors, [{
      lines: [
        "error: attribute 'absent' missing",
        "  at source/flake.nix:17:21",
        "           16|       deep = host (deep 3);",
        "           17|       absent = host { }.absent;",
        "             |                     ^",
        '           18|       imports = host (mk (builtins.readFile (mk "part" "echo reading; echo no such table >&2; ' +
        'exit 4")) "echo > $out");',
        "  … while evaluating the attribute 'outputs.nixosConfigurations.absent.config.system.build.toplevel' " +
        "at source/flake.nix:4:19",
      ],
      trace: [],
    }]);
  });
}

for (const [version, recorded] of [["2.8.0", oldImports], ["2.26.3", newImports]] as const) {
  pureTest(`EvaluationLog gives the log of a build that an evaluation of nix ${version} waited for`, () => {
    const { errors: [error, log], shown } = read(recorded);
    assertEquals(error!.lines[0], "error: builder for 'part.drv' failed with exit code 4");
    assertEquals(log, { lines: ["part.drv said:", "  > reading", "  > no such table"], trace: [] });
    assertEquals(shown.slice(0, 3), ["building part.drv", "reading", "no such table"]);
  });
}

const event = (fields: object) => `@nix ${JSON.stringify({ action: "msg", level: 0, ...fields })}`;
const trace = (text: string) => event({ msg: `trace: ${text}` });

pureTest("EvaluationLog takes what only looks like a mark for what a flake says", () => {
  const texts = ["MARK", "MARKER a", "mark a"];
  assertEquals(read(texts.map(trace).join("\n")).told, texts.map((text) => `warning ${text}`));
  assertEquals(read(trace("MARK two words\nand lines")).told, ["mark two words\nand lines"]);
  // It is one whatever nix puts before it.
  assertEquals(read(event({ msg: "another word: MARK a" })).told, ["mark a"]);
  // Without a listener nothing is a mark.
  const log = new EvaluationLog();
  assertEquals(log.add(trace("undefined a")), "trace: undefined a");
});

pureTest("EvaluationLog takes for no warning of a flake what nix says by itself", () => {
  const said = [
    { level: 1, msg: "warning: Git tree is dirty" },
    {
      level: 1,
      msg: "warning: error: SQLite database is busy",
      raw_msg: "SQLite database is busy",
      file: null,
    },
    { level: 0, msg: "Try 'nix --help'" },
    { level: 3, msg: "copying" },
    { level: 4, action: "start", id: 1, type: 101, text: "downloading" },
    { level: 3, action: "start", id: 2, type: 100, text: "copying it" },
    { level: 0, action: "start", id: 3, type: 102, text: "" },
  ];
  const { told, shown, errors } = read(said.map(event).join("\n"));
  assertEquals([told, errors], [[], []]);
  assertEquals(shown, [...said.slice(0, 4).map(({ msg }) => msg!), "copying it"]);
});

pureTest("EvaluationLog leaves out steps that are in no file of a flake, and repeats none", () => {
  const code = "(x: x)";
  const at = (file: string | null, line: number | null = 1) => ({ file, line, column: line });
  const step = (raw_msg: string, place: object) => ({ raw_msg, ...place });
  const recursion = Array.from({ length: 20 }, () => step("calling f", at("/s/f.nix:2:2", 2)));
  const { errors } = read(event({
    ...{ msg: "error: m", raw_msg: "m", ...at("«string»:1:1") },
    trace: [
      step("ours in a new nix", at("«string»:1:1")),
      step("ours in an old nix", at(code)),
      step("in no code", at("«none»:0", 0)),
      step("of nix", at("<nix/derivation-internal.nix>:1:1")),
      step("of nix, too", at("«nix-internal»/call-flake.nix:1:1")),
      step("the \x1b[35;1moption\x1b[0m\nof two lines", at(null, null)),
      ...recursion,
      step("lazy", at("«git+file:///fleet?rev=1»/f.nix:3:3", 3)),
    ],
  }));
  assertEquals(errors, [{
    lines: [
      "error: m",
      "  … the option of two lines",
      "  … calling f at /s/f.nix:2:2",
      "  … lazy at «git+file:///fleet?rev=1»/f.nix:3:3",
    ],
    trace: [],
  }]);
});

pureTest("EvaluationLog hides a private key that a flake says, line by line", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\n-----END PRIVATE KEY-----\nafter";
  assertEquals(read(event({ msg: "error: x", raw_msg: `bad key\n${key}` })).errors[0]!.lines, [
    "error: bad key",
    "-----BEGIN PRIVATE KEY-----",
    "***",
    "-----END PRIVATE KEY-----",
    "after",
  ]);
});
