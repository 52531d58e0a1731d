import { assertEquals } from "@std/assert";
import { ReleaseError } from "../../src/errors.ts";
import type { Warning } from "../../src/model.ts";
import { release } from "../../src/pipeline.ts";
import type { Stage } from "../../src/ports.ts";
import { createLog, type ProgramLog } from "../../src/report/log.ts";
import { Status } from "../../src/report/status.ts";
import { fileReport, releaseReport, type Report, reportLines } from "../../src/report/verdict.ts";
import { startRun } from "../../src/stages/run.ts";
import { columnsOf, printable, printableJson } from "../../src/text.ts";
import { addHost, BUILDS, FakeWorld } from "../support/fake_ports.ts";
import { expectHarmless, hostileTexts } from "../support/hostile.ts";
import { pureTest } from "../support/pure.ts";

/** A log, what it wrote, and the lines that it was told to write: the beginning that each has to have. */
function counted(format: "pretty" | "json", isTerminal: boolean) {
  const written: string[] = [];
  const told: string[] = [];
  const stream = { write: (text: string) => void written.push(text), isTerminal, width: 40 };
  const clock = { now: () => Temporal.Instant.from("2026-06-01T12:00:00Z"), monotonic: () => 0 };
  const log = createLog({ format, verbose: true, stream, clock });
  const pretty = format === "pretty";
  const tell = (...starts: string[]) => void told.push(...starts);
  const counting: ProgramLog = {
    start(stage: Stage) {
      if (!pretty) tell("{");
      log.start(stage);
    },
    end(stage: Stage, result: string, seconds: number) {
      tell(pretty ? "" : "{");
      log.end(stage, result, seconds);
    },
    fail(stage, message, seconds) {
      tell(pretty ? "" : "{");
      log.fail(stage, message, seconds);
    },
    host(work, name, state, seconds) {
      if (!pretty) tell("{");
      log.host(work, name, state, seconds);
    },
    builds: (builds) => log.builds(builds),
    warn(warning: Warning) {
      tell(pretty ? "warning: " : "{");
      log.warn(warning);
    },
    note(message) {
      tell(pretty ? "" : "{");
      log.note(message);
    },
    error(error: ReleaseError, exitCode) {
      const { path, lines, hint } = error;
      if (pretty) {
        tell("error: ", ...path === undefined ? [] : ["  at: "], ...lines.map(() => "  "));
        if (hint !== undefined) tell("hint: ");
      } else tell("{");
      log.error(error, exitCode);
    },
    command(argv) {
      tell(pretty ? "$ " : "{");
      log.command(argv);
    },
    output(line) {
      if (pretty) tell(...line.split("\n").map(() => "| "));
      else tell("{");
      log.output(line);
    },
    // Without a CI system it writes nothing.
    annotate: (level, title, lines) => log.annotate(level, title, lines),
    close: () => log.close(),
  };
  return { log: counting, told, text: () => written.join("") };
}

/** What a terminal shows of the running stage in place, which is ours. */
// deno-lint-ignore no-control-regex
const STATUS = /\r\x1b\[K[^\n\r]*(?=\r\x1b\[K|$)|\r\x1b\[K/g;

/** Asserts that nothing but what the log was told to write is in its output, each on a line of its own. */
function expectLines({ told, text }: ReturnType<typeof counted>): void {
  const status = [...text().matchAll(STATUS)].map(([shown]) => shown.slice("\r\x1b[K".length));
  for (const shown of status) {
    expectHarmless(`${shown}\n`);
    assertEquals(shown.length < 80, true, shown);
  }
  const lines = text().replaceAll(STATUS, "");
  expectHarmless(lines);
  const starts = lines.split("\n").slice(0, -1);
  assertEquals(starts.length, told.length, lines);
  assertEquals(starts.map((line, index) => line.slice(0, told[index]!.length)), told);
}

const LOGS = (["pretty", "json"] as const).flatMap((format) =>
  [false, true].map((isTerminal) => ({ format, isTerminal }))
);

for (const { format, isTerminal } of LOGS) {
  const where = `the ${format} log ${isTerminal ? "on a terminal" : "where nobody watches"}`;
  pureTest(`${where} writes no line, and no sign, that another's text makes`, () => {
    for (const text of hostileTexts(1, 300)) {
      const kept = counted(format, isTerminal);
      const { log } = kept;
      const stage = { name: "build", title: `Building ${text}` };
      log.start(stage);
      log.builds({ ...BUILDS, running: [text] });
      log.host("build", text, "started", 0);
      log.command(["git", text, `--x=${text}`]);
      log.output(text);
      log.annotate("error", text, [text]);
      log.warn({ code: "x", message: `Host "${text}"`, path: text });
      log.note(`Reading ${text}`);
      log.host("build", text, "done", 1);
      log.end(stage, `Built ${text}`, 1);
      log.error(
        new ReleaseError("io", `Cannot read "${text}"`, { path: text, lines: [text, text], hint: text }),
        1,
      );
      log.close();
      expectLines(kept);
    }
  });

  pureTest(`${where} writes no line that a name of the fleet makes, whichever effect fails`, async () => {
    for (const [index, name] of hostileTexts(2, 60).entries()) {
      const world = new FakeWorld();
      world.names = { nixos: ["web1", "web2", "db", name], darwin: [] };
      addHost(world.fleet, name, { channel: index % 2 === 0 ? name : "stable" });
      const { stable } = world.fleet["channels"];
      world.fleet["channels"] = {
        ...world.fleet["channels"],
        ...(index % 3 === 0 ? { [name]: stable } : {}),
      };
      world.failAt = index % 12 === 11 ? Infinity : index % 12;
      const kept = counted(format, isTerminal);
      // No argument can have a null character in it, and no option: that is refused before anything is printed.
      const remote = `${name.replaceAll("\0", "")}x`;
      const { config } = world.run({ pushCmd: "push", gitPush: { remote, branch: "main" } });
      try {
        await release(startRun(config, { ...world.ports(), log: kept.log }));
      } catch (error) {
        if (!(error instanceof ReleaseError)) throw error;
        const { message } = error;
        kept.log.error(new ReleaseError(error.kind, message, { lines: [`host ${name}`], hint: name }), 1);
      }
      kept.log.close();
      expectLines(kept);
    }
  });
}

pureTest(
  "what a terminal shows of stages that run at once begins with the time, and fits whatever the width",
  () => {
    const texts = [...hostileTexts(5, 40), "ホスト一号機", "e\u0301".repeat(40), "🖥️ web"];
    for (let width = 20; width <= 300; width += 7) {
      const status = new Status(printable);
      for (const [index, name] of ["evaluate", "build", "push"].entries()) {
        status.start({ name, title: `Working on ${texts[(width + index) % texts.length]}`, hosts: width }, 0);
      }
      texts.slice(width % 5, width % 11 + 5).forEach((text) => status.host("evaluate", text, "started"));
      status.builds({
        ...{ derivations: { done: width, failed: 0, expected: 1e6 }, unnamed: 0 },
        ...{ fetched: { done: 0, failed: 0, expected: width }, running: texts.slice(width % 13) },
      });
      const line = status.line(1500, width);
      expectHarmless(`${line}\n`);
      assertEquals([line.startsWith("1.5 s · "), columnsOf(line) <= width], [true, true], line);
    }
  },
);

pureTest("the JSON log's lines read back to the exact texts", () => {
  for (const text of hostileTexts(3, 200)) {
    const kept = counted("json", false);
    kept.log.host("build", text, "started", 0);
    kept.log.warn({ code: "x", message: text, path: text });
    const [started, warned] = kept.text().split("\n").slice(0, 2).map((line) => JSON.parse(line));
    assertEquals([started.host, warned.message, warned.path], [text, text, text]);
  }
});

/** The reports of verdicts on documents whose every text is this one. */
function reports(text: string): Report[] {
  const meta = { schemaVersion: 1, signedAt: text, ciCommit: text };
  const document = { channel: text, meta };
  const failures = [{ path: text, code: "stale" as const, message: `channel "${text}"` }];
  const warnings = [{ code: "x", message: text }];
  const release = { meta, files: [], hosts: 1, earlierManifests: 0, failures, warnings: [] };
  const file = { kind: "rollout-manifest" as const, document, sha256: "0", key: null, failures };
  return [true, false].flatMap((verified) => [
    releaseReport({ ...release, verified }, { commit: null, warnings }),
    fileReport(text, { ...file, verified }, warnings),
  ]);
}

pureTest("what verify prints has a line for each reason, and none that a document makes", () => {
  for (const text of hostileTexts(4, 300)) {
    for (const report of reports(text)) {
      const lines = reportLines(report);
      lines.forEach((line) => expectHarmless(`${line}\n`));
      const starts = report.verified ? ["verified a "] : ['refused "', "refused: 1 reason"];
      assertEquals(lines.map((line, index) => line.slice(0, starts[index]!.length)), starts);
      const json = printableJson(report, 2);
      expectHarmless(`${json}\n`);
      assertEquals(JSON.parse(json), report);
    }
  }
});
