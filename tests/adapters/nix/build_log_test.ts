import { assertEquals } from "@std/assert";
import { BuildLog } from "../../../src/adapters/nix/build_log.ts";
import { pureTest } from "../../support/pure.ts";
// What `nix-store --realise … --keep-going --log-format internal-json` wrote to stderr.
import oldFailed from "./recorded/nix-2.8.0-failed.txt" with { type: "text" };
import newFailed from "./recorded/nix-2.26.3-failed.txt" with { type: "text" };
import oldHook from "./recorded/nix-2.8.0-post-build-hook.txt" with { type: "text" };
import newHook from "./recorded/nix-2.26.3-post-build-hook.txt" with { type: "text" };

/** The log of one process that is read: what became of builds, by name, and what `-v` shows. */
function read(text: string) {
  const events: string[] = [];
  const log = new BuildLog();
  const process = log.open([], (drv, state) => events.push(`${nameOf(drv)} ${state}`));
  const shown = text.trimEnd().split("\n").flatMap((line) => process.add(line) ?? []);
  return { log, events, shown: shown.map(withoutHash) };
}

const nameOf = (drv: string) => drv.replace(/^\/nix\/store\/[0-9a-z]{32}-(.*)\.drv$/, "$1");
const withoutHash = (line: string) => line.replaceAll(/\/nix\/store\/[0-9a-z]{32}-/g, "");

/** The log of each derivation, by name. */
function tails(log: BuildLog): Record<string, readonly string[]> {
  return Object.fromEntries(log.started().map((drv) => [nameOf(drv), log.tail(drv).lines]));
}

/** Three builds at once, two of which fail; one prints colours and a line that begins as nix's own do. */
const FAILED: Record<string, string> = { "2.8.0": oldFailed, "2.26.3": newFailed };

for (const [version, recorded] of Object.entries(FAILED)) {
  pureTest(`BuildLog gives each build its own lines, as nix ${version} interleaves them`, () => {
    const { log } = read(recorded);
    assertEquals(tails(log), {
      bad: ["first", "red", "@nix {", "last"],
      good: ["one", "two"],
      silent: [],
    });
  });

  pureTest(
    `BuildLog tells when builds of nix ${version} begin, and calls none done that may have failed`,
    () => {
      const { events, log } = read(recorded);
      assertEquals(events.filter((event) => !event.endsWith("ended")), [
        "bad started",
        "good started",
        "silent started",
      ]);
      assertEquals(log.builds().derivations, { done: 1, failed: 2, expected: 3 });
    },
  );

  pureTest(`BuildLog keeps the errors of nix ${version}, without colours`, () => {
    const [garbled, ...errors] = read(recorded).log.errors();
    assertEquals(garbled!.startsWith("bad JSON log message from "), true, garbled);
    assertEquals(errors.map(withoutHash), [
      "error: builder for 'silent.drv' failed with exit code 1",
      "error: builder for 'bad.drv' failed with exit code 3",
      "error: build of 'silent.drv', 'bad.drv' failed",
    ]);
  });

  pureTest(`BuildLog shows of nix ${version} what a person wants to read, and no event`, () => {
    const { shown } = read(recorded);
    assertEquals(shown.filter((line) => !/error|JSON/.test(line)).sort(), [
      "@nix {",
      "building bad.drv",
      "building good.drv",
      "building silent.drv",
      "first",
      "last",
      "one",
      "red",
      "two",
    ]);
    assertEquals(shown.length, 13);
  });
}

/** A build that ends well, and a post-build hook that says why it fails. */
const HOOK: Record<string, string> = { "2.8.0": oldHook, "2.26.3": newHook };

for (const [version, recorded] of Object.entries(HOOK)) {
  pureTest(`BuildLog keeps what a post-build hook of nix ${version} says with the log of its build`, () => {
    const [built, runs, fails, ...others] = tails(read(recorded).log)["hooked"]!;
    assertEquals([built, fails, others], ["built", "cannot reach the cache", []]);
    assertEquals(runs!.startsWith("hook runs on"), true, runs);
  });

  pureTest(`BuildLog takes a post-build hook of nix ${version} for no build`, () => {
    const { events, log } = read(recorded);
    assertEquals(events, ["hooked started", "hooked ended"]);
    assertEquals(log.errors(), ["error: program '/etc/nix/upload' failed with exit code 1"]);
  });
}

const event = (fields: object) => `@nix ${JSON.stringify(fields)}`;
const start = (id: number, drv: string) => event({ action: "start", id, level: 3, type: 105, fields: [drv] });
const line = (id: number, text: string) => event({ action: "result", id, type: 101, fields: [text] });
const stop = (id: number) => event({ action: "stop", id });
/** How many builds are done, expected, running and failed. */
const counting = event({ action: "start", id: 0, level: 0, type: 104 });
const progress = (...counts: number[]) => event({ action: "result", id: 0, type: 105, fields: counts });
const error = (msg: string) => event({ action: "msg", level: 0, msg });

pureTest(
  "BuildLog keeps the last 20 lines of each build, tells how many came before, and keeps nix's own errors",
  () => {
    const lines = Array.from({ length: 25 }, (_, index) => `line ${index}`);
    const { log } = read([
      start(1, "a.drv"),
      start(2, "b.drv"),
      ...lines.flatMap((text) => [line(1, text), line(2, `b ${text}`), error(text)]),
      error("first\nsecond"),
    ].join("\n"));
    const { lines: tail, earlier } = log.tail("a.drv");
    assertEquals([tail, earlier], [lines.slice(5), 5]);
    assertEquals(log.tail("b.drv").lines, lines.slice(5).map((text) => `b ${text}`));
    assertEquals(log.errors(), [...lines, "first", "second"]);
  },
);

pureTest(
  "BuildLog keeps no more than a thousand lines of nix's own errors, and no line of a private key",
  () => {
    const key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----";
    const { log } = read([
      start(1, "a.drv"),
      ...key.split("\n").map((text) => line(1, text)),
      error(key),
      ...Array.from({ length: 1500 }, () => error("again")),
    ].join("\n"));
    const hidden = key.replace(/MC4.*/, "***").split("\n");
    assertEquals([log.tail("a.drv").lines, log.errors().slice(0, 3)], [hidden, hidden]);
    assertEquals(log.errors().length, 1000);
  },
);

pureTest("BuildLog knows the last build that began before one failed", () => {
  const begun = [counting, start(1, "a.drv"), stop(1), start(2, "b.drv")];
  assertEquals(read(begun.join("\n")).log.lastOfFailed(), undefined);
  assertEquals(read([...begun, progress(1, 2, 0, 1)].join("\n")).log.lastOfFailed(), "b.drv");
});

pureTest("BuildLog keeps the log of a build that has ended, and of a second attempt alone", () => {
  const once = [start(1, "a.drv"), line(1, "one"), stop(1)];
  assertEquals(read(once.join("\n")).log.tail("a.drv").lines, ["one"]);
  const { log, events } = read([...once, start(2, "a.drv"), line(2, "two"), stop(2)].join("\n"));
  assertEquals(log.tail("a.drv").lines, ["two"]);
  assertEquals(log.started(), ["a.drv"]);
  assertEquals(events, ["a.drv started", "a.drv ended", "a.drv started", "a.drv ended"]);
});

pureTest("BuildLog adds up processes that run at once, whose activities may have the same ids", () => {
  const seen: [done: number, expected: number, running: readonly string[]][] = [];
  const log = new BuildLog(({ derivations: { done, expected }, running }) =>
    seen.push([done, expected, running])
  );
  const ended: string[] = [];
  const [one, other] = ["one", "other"].map((name) =>
    log.open(["a.drv", "b.drv"], (drv, state) => ended.push(`${name} ${drv} ${state}`))
  );
  for (const process of [one!, other!]) process.add(counting);
  one!.add(start(1, "a.drv"));
  other!.add(start(1, "b.drv"));
  one!.add(progress(0, 2, 1, 0));
  other!.add(progress(0, 1, 1, 0));
  seen.length = 0;
  // A line of a builder changes nothing.
  other!.add(line(1, "of b"));
  one!.add(progress(1, 2, 0, 0));
  other!.add(progress(1, 1, 0, 0));
  assertEquals(seen, [[1, 3, ["b"]], [2, 3, []]]);
  assertEquals(ended, ["one a.drv started", "other b.drv started", "one a.drv done", "other b.drv done"]);
  assertEquals([log.tail("a.drv").lines, log.tail("b.drv").lines], [[], ["of b"]]);
});

pureTest("BuildLog has no log of a derivation that was not built", () => {
  const log = new BuildLog();
  assertEquals([log.started(), log.tail("a.drv").lines, log.errors()], [[], [], []]);
});

pureTest("BuildLog gives a line that is not nix's as it is", () => {
  const lines = [
    "warning: the remote is slow",
    "",
    "@nix",
    "@nix {",
    "@nixos",
    " @nix {}",
    '{"action":"start"}',
  ];
  const process = new BuildLog().open();
  assertEquals(lines.map((text) => process.add(text)), lines);
});

const GARBAGE = [
  "null",
  "5",
  '"start"',
  "[]",
  "{}",
  '{"action":"start"}',
  '{"action":"start","id":1,"type":105}',
  '{"action":"start","id":1,"type":105,"fields":[]}',
  '{"action":"start","id":1,"type":105,"fields":[5]}',
  '{"action":"start","id":1,"type":105,"fields":null}',
  '{"action":"start","id":1,"type":100,"fields":["/nix/store/x"]}',
  '{"action":"result","id":9,"type":101,"fields":["of no build"]}',
  '{"action":"result","id":9,"type":105,"fields":[0,1,0,0]}',
  '{"action":"stop","id":9}',
  '{"action":"stop"}',
  '{"action":"msg","level":0}',
  '{"action":"msg","level":0,"msg":null}',
  '{"action":"msg","level":1,"msg":"warning: no error"}',
  '{"action":"msg","level":3,"msg":"copying"}',
  '{"action":"unheard-of","id":1}',
];

for (const garbage of GARBAGE) {
  pureTest(`BuildLog goes on after @nix ${garbage}`, () => {
    const { log, events } = read([`@nix ${garbage}`, start(1, "a.drv"), line(1, "one")].join("\n"));
    assertEquals([log.started(), log.tail("a.drv").lines, log.errors(), events], [
      ["a.drv"],
      ["one"],
      [],
      ["a.drv started"],
    ]);
  });
}
