import { assertEquals } from "@std/assert";
import { ReleaseError } from "../../src/errors.ts";
import { createLog, type LogOptions, type ProgramLog } from "../../src/report/log.ts";
import EVENT from "../../docs/schemas/event.schema.json" with { type: "json" };
import { shapeOf } from "../support/json_schema.ts";
import { pureTest } from "../support/pure.ts";

const EVALUATE = { name: "evaluate", title: "Evaluating 2 hosts", hosts: 2 };
const BUILD = { name: "build", title: "Building 2 hosts", hosts: 2 };

/** Returns to the beginning of the line and clears it. */
const CLEAR = "\r\x1b[K";

/** A log whose text is kept, and whose clock the test moves. */
function opened(options: Partial<LogOptions> & { isTerminal?: boolean; width?: number } = {}) {
  const { isTerminal = false, width = 80, ...others } = options;
  const time = { milliseconds: 0 };
  const written: string[] = [];
  const log = createLog({
    format: "pretty",
    verbose: false,
    stream: { write: (text) => written.push(text), isTerminal, width },
    clock: {
      now: () => Temporal.Instant.from("2026-06-01T12:00:00Z").add({ milliseconds: time.milliseconds }),
      monotonic: () => time.milliseconds,
    },
    ...others,
  });
  return { log, time, written, text: () => written.join("") };
}

/** A run that warns, works on hosts, and ends in an error with all that an error can have. */
function failingRun(log: ProgramLog, time: { milliseconds: number }): void {
  log.start(EVALUATE);
  log.command(["/bin/nix", "eval", "--expr", "a b"]);
  log.output("\x1b[35;1mwarning:\x1b[0m dirty");
  log.host("evaluate", "web1", "started", 0);
  log.host("evaluate", "web2", "started", 0);
  time.milliseconds += 1500;
  log.host("evaluate", "web1", "done", 1.5);
  log.warn({ code: "dropped-field", message: 'The contract does not know the field "note"', path: "note" });
  log.host("evaluate", "web2", "done", 1.5);
  log.end(EVALUATE, "Evaluated 2 hosts", 1.5);
  log.warn({ code: "no-smoke-verify", message: "The signed artifacts were not read back" });
  log.start(BUILD);
  log.host("build", "web1", "started", 0);
  time.milliseconds += 250;
  log.error(
    new ReleaseError("build", 'Cannot build host "web1": nix-store exited with 100', {
      path: "hosts.web1",
      lines: ['host "web1": /nix/store/x.drv', "  | no such file"],
      hint: "free some space",
      hosts: ["web1"],
    }),
    1,
  );
  log.close();
}

pureTest("the pretty log writes plain lines where nobody watches: results, warnings and the error", () => {
  const { log, time, text } = opened();
  failingRun(log, time);
  assertEquals(
    text(),
    `warning: The contract does not know the field "note"
Evaluated 2 hosts in 1.5 s
warning: The signed artifacts were not read back
error: Cannot build host "web1": nix-store exited with 100
  at: hosts.web1
  host "web1": /nix/store/x.drv
    | no such file
hint: free some space
`,
  );
});

pureTest("the pretty log shows each command, and what it prints without colours, under -v", () => {
  const { log, time, text } = opened({ verbose: true });
  failingRun(log, time);
  assertEquals(text().split("\n").slice(0, 3), [
    "$ /bin/nix eval --expr 'a b'",
    "| warning: dirty",
    'warning: The contract does not know the field "note"',
  ]);
});

pureTest("the pretty log writes an error without a path, lines or a hint on one line", () => {
  const { log, text } = opened();
  log.error(new ReleaseError("usage", "No hosts to release"), 1);
  assertEquals(text(), "error: No hosts to release\n");
});

pureTest("in a CI system the pretty log folds what each command prints, and what is long of an error", () => {
  const { log, time, text } = opened({ verbose: true, inCi: true });
  log.output("of no command");
  failingRun(log, time);
  const lines = Array.from({ length: 21 }, (_, index) => `line ${index}`);
  log.command(["/bin/100%"]);
  log.error(new ReleaseError("build", "Cannot build", { lines, hint: "mend it" }), 1);
  log.error(new ReleaseError("build", "Cannot build", { lines }), 1);
  log.close();
  const folded = ["::group::21 lines", ...lines.map((line) => `  ${line}`), "::endgroup::"];
  assertEquals(text().split("\n"), [
    "| of no command",
    "::group::$ /bin/nix eval --expr 'a b'",
    "| warning: dirty",
    "::endgroup::",
    'warning: The contract does not know the field "note"',
    "Evaluated 2 hosts in 1.5 s",
    "warning: The signed artifacts were not read back",
    'error: Cannot build host "web1": nix-store exited with 100',
    "  at: hosts.web1",
    '  host "web1": /nix/store/x.drv',
    "    | no such file",
    "hint: free some space",
    "::group::$ /bin/100%25",
    "::endgroup::",
    ...["error: Cannot build", ...folded, "hint: mend it"],
    ...["error: Cannot build", ...folded, ""],
  ]);
});

pureTest(
  "in a CI system the pretty log annotates, behind what is folded; elsewhere, and as JSON, no log does",
  () => {
    const annotated = (options: Partial<LogOptions>) => {
      const { log, text } = opened({ verbose: true, ...options });
      log.command(["x"]);
      log.annotate("error", "a: b", ["https://bob:Canary7aQ2xZ@host/x", "::group::c"]);
      return text();
    };
    assertEquals(
      annotated({ inCi: true }),
      "::group::$ x\n::endgroup::\n::error title=a%3A b::https://***@host/x%0A\\x3a:group::c\n",
    );
    assertEquals(annotated({}), "$ x\n");
    const { log, time, text } = opened({ inCi: true, isTerminal: true });
    log.start(EVALUATE);
    log.annotate("warning", "a", ["b"]);
    time.milliseconds += 1;
    log.close();
    assertEquals(text(), `${CLEAR}0 ms · Evaluating 2 hosts${CLEAR}::warning title=a::b\n`);
    assertEquals(annotated({ inCi: true, format: "json" }).includes("::"), false);
  },
);

/** Runs with timers that go off when the test says so. */
function withTimers<T>(body: (goOff: () => void, intervals: () => number[]) => T): T {
  const { setInterval, clearInterval } = globalThis;
  const timers = new Map<number, { callback: () => void; milliseconds: number }>();
  let last = 0;
  Object.assign(globalThis, {
    setInterval: (callback: () => void, milliseconds: number) => {
      timers.set(++last, { callback, milliseconds });
      return last;
    },
    clearInterval: (timer: number) => timers.delete(timer),
  });
  try {
    return body(
      () => timers.forEach(({ callback }) => callback()),
      () => [...timers.values()].map(({ milliseconds }) => milliseconds),
    );
  } finally {
    Object.assign(globalThis, { setInterval, clearInterval });
  }
}

pureTest("the pretty log shows on a terminal what a stage is doing, and writes its result over it", () => {
  const { log, time, written } = opened({ isTerminal: true });
  failingRun(log, time);
  assertEquals(written, [
    `${CLEAR}0 ms · Evaluating 2 hosts`,
    `${CLEAR}warning: The contract does not know the field "note"\n`,
    "Evaluated 2 hosts in 1.5 s\n",
    "warning: The signed artifacts were not read back\n",
    `${CLEAR}0 ms · Building 2 hosts`,
    CLEAR,
    'error: Cannot build host "web1": nix-store exited with 100\n',
    "  at: hosts.web1\n",
    '  host "web1": /nix/store/x.drv\n',
    "    | no such file\n",
    "hint: free some space\n",
  ]);
});

pureTest("the pretty log shows on a terminal how the hosts come on, five times a second", () => {
  withTimers((goOff, intervals) => {
    const { log, time, written } = opened({ isTerminal: true });
    const shows = (line: string, milliseconds: number) => {
      time.milliseconds += milliseconds;
      goOff();
      assertEquals(written.pop(), `${CLEAR}${line}`);
    };
    log.start(BUILD);
    assertEquals(intervals(), [200]);
    shows("0.2 s · Building 2 hosts", 200);
    log.host("build", "web1", "started", 0);
    log.host("build", "web1", "started", 0);
    shows("0.2 s · Building 2 hosts: web1", 0);
    log.host("build", "web2", "started", 0);
    shows("1.2 s · Building 2 hosts: web1, web2", 1000);
    log.host("build", "web2", "stopped", 1);
    shows("1.2 s · Building 2 hosts: web1", 0);
    log.host("build", "web1", "done", 1);
    // It was built already.
    log.host("build", "web2", "done", 0);
    shows("1.2 s · Building 2 hosts, 2 done", 0);
    log.close();
    log.close();
    assertEquals(intervals(), []);
    assertEquals(written, [`${CLEAR}0 ms · Building 2 hosts`, CLEAR]);
  });
});

pureTest("the pretty log's status line stays within the terminal, and has the time at any width", () => {
  const names = Array.from({ length: 40 }, (_, index) => `host-${index}.example.com`);
  const shown = [20, 40, 80, 300].map((width) =>
    withTimers((goOff) => {
      const { log, written } = opened({ isTerminal: true, width });
      log.start(BUILD);
      for (const name of names) log.host("build", name, "started", 0);
      goOff();
      log.close();
      return written[1];
    })
  );
  const whole = `0 ms · Building 2 hosts: ${names.join(", ")}`;
  assertEquals(shown, [
    `${CLEAR}0 ms · 0/2 built`,
    ...[40, 80, 300].map((width) => `${CLEAR}${whole.slice(0, width - 2)}…`),
  ]);
});

pureTest("the pretty log leaves a status line that just fits as it is", () => {
  const line = "0 ms · Reading flake .";
  for (const [width, shown] of [[line.length + 1, line], [line.length, `${line.slice(0, -2)}…`]] as const) {
    const { log, written } = opened({ isTerminal: true, width });
    log.start({ name: "source", title: "Reading flake ." });
    log.close();
    assertEquals(written, [`${CLEAR}${shown}`, CLEAR]);
  }
});

/** How far builds have come. */
const BUILDS = {
  derivations: { done: 30, failed: 0, expected: 40 },
  unnamed: 1,
  fetched: { done: 3, failed: 0, expected: 8 },
  running: ["linux", "glibc"],
};

pureTest("the pretty log shows what nix builds, and counts hosts that it has not named", () => {
  withTimers((goOff) => {
    const { log, written } = opened({ isTerminal: true });
    log.builds(BUILDS);
    assertEquals(written, []);
    log.start(BUILD);
    log.builds(BUILDS);
    log.host("build", "web1", "started", 0);
    goOff();
    log.builds({ ...BUILDS, derivations: { done: 30, failed: 2, expected: 40 }, running: [] });
    goOff();
    log.close();
    assertEquals(written.slice(1, -1), [
      `${CLEAR}0 ms · Building 2 hosts, 1 done, 30/40 derivations, 3/8 fetched: linux, glibc`,
      `${CLEAR}0 ms · Building 2 hosts, 1 done, 30/40 derivations, 2 failed, 3/8 fetched`,
    ]);
  });
});

pureTest("the pretty log shares the room of a terminal between stages that run at once", () => {
  const shown = [140, 100, 80, 60, 40, 20].map((width) =>
    withTimers((goOff) => {
      const { log, time, written } = opened({ isTerminal: true, width });
      for (const stage of [EVALUATE, BUILD, { name: "push", title: "Pushing 2 closures", hosts: 2 }]) {
        log.start(stage);
      }
      log.host("evaluate", "ホスト一号機", "started", 0);
      log.builds(BUILDS);
      log.host("push", "web1", "started", 0);
      time.milliseconds += 72_000;
      goOff();
      log.close();
      return written.at(-2)!.slice(CLEAR.length);
    })
  );
  assertEquals(shown, [
    "72.0 s · Evaluating 2 hosts: ホスト一号機 · Building 2 hosts, 1 done, 30/40 derivations, 3/8 fetched: linux, gl… · Pushing 2 closures: web1",
    "72.0 s · 0/2 evaluated: ホスト一号機 · 1/2 built: linux, glibc · 0/2 pushed: web1",
    "72.0 s · 0/2 evaluated: ホスト一… · 1/2 built: linux, glibc · 0/2 pushed: web1",
    "72.0 s · 0/2 evaluated · 1/2 built · 0/2 pushed",
    "72.0 s · 0/2 evaluated · 1/2 built · 0…",
    "72.0 s · 0/2 evalu…",
  ]);
});

pureTest("the pretty log tells where nobody watches of hosts that took long, of a few at a time", () => {
  withTimers((goOff) => {
    const { log, text } = opened();
    log.start({ ...BUILD, hosts: 1000 });
    const done = (count: number, seconds: number) => {
      for (let host = 0; host < count; host++) {
        log.host("build", `web${host}`, "started", 0);
        log.host("build", `web${host}`, "done", seconds);
      }
    };
    done(1, 29.999);
    done(1, 30);
    log.host("build", "db", "stopped", 99);
    done(99, 100);
    goOff();
    done(1, 45);
    log.end(BUILD, "Built", 200);
    assertEquals(
      text(),
      `  built web0 in 30.0 s
${
        [0, 1, 2, 3].map((host) =>
          `  built web${host} in 1 min 40 s\n`
        ).join("")
      }  and 95 more hosts that took 30 s or longer
  after 0 ms still building 2 hosts, 101 done
  built web0 in 45.0 s
Built in 3 min 20 s
`,
    );
  });
});

pureTest("the pretty log counts each host for the stage that works on it, and none outside of it", () => {
  withTimers((goOff, intervals) => {
    const { log, time, written } = opened({ isTerminal: true });
    log.host("build", "web1", "started", 0);
    assertEquals(written, []);
    log.start(EVALUATE);
    log.host("evaluate", "web1", "started", 0);
    time.milliseconds += 1000;
    log.start(BUILD);
    log.host("evaluate", "web1", "done", 1);
    log.host("evaluate", "web2", "started", 0);
    log.host("build", "web1", "started", 0);
    written.length = 0;
    goOff();
    log.end(EVALUATE, "Evaluated 2 hosts", 1);
    log.host("evaluate", "web2", "done", 1);
    assertEquals(intervals(), [200]);
    goOff();
    log.end(BUILD, "Built 2 hosts", 1);
    assertEquals(intervals(), []);
    assertEquals(written, [
      `${CLEAR}1.0 s · Evaluating 2 hosts, 1 done: web2 · Building 2 hosts: web1`,
      `${CLEAR}Evaluated 2 hosts in 1.0 s\n`,
      `${CLEAR}0 ms · Building 2 hosts: web1`,
      CLEAR,
      "Built 2 hosts in 1.0 s\n",
    ]);
  });
});

pureTest("the pretty log says each half minute where nobody watches what still goes on", () => {
  withTimers((goOff, intervals) => {
    const { log, time, text } = opened();
    const beat = () => {
      time.milliseconds += 30_000;
      goOff();
    };
    log.start({ name: "fleet", title: "Evaluating the fleet" });
    assertEquals(intervals(), [30_000]);
    beat();
    log.end({ name: "fleet", title: "" }, "Evaluated the fleet", 30);
    log.start(EVALUATE);
    log.start(BUILD);
    assertEquals(intervals(), [30_000]);
    for (const name of ["web1", "web2", "web3"]) log.host("build", name, "started", 0);
    beat();
    log.end(EVALUATE, "Evaluated 2 hosts", 30);
    for (const name of ["web4", "web5"]) log.host("build", name, "started", 0);
    log.host("build", "web1", "done", 30);
    beat();
    log.end(BUILD, "Built 2 hosts", 180);
    assertEquals(intervals(), []);
    assertEquals(
      text(),
      `  after 30.0 s still evaluating the fleet
Evaluated the fleet in 30.0 s
  after 30.0 s still evaluating 2 hosts; building 2 hosts: web1, web2, web3
Evaluated 2 hosts in 30.0 s
  built web1 in 30.0 s
  after 60.0 s still building 2 hosts, 1 done: web2, web3, web4 and 1 more
Built 2 hosts in 3 min 0 s
`,
    );
  });
});

const DURATIONS: [seconds: number, text: string][] = [
  [0, "0 ms"],
  [0.0004, "0 ms"],
  [0.012, "12 ms"],
  [0.0994, "99 ms"],
  [0.1, "0.1 s"],
  [1.25, "1.3 s"],
  [59.94, "59.9 s"],
  [99.9, "99.9 s"],
  [100, "1 min 40 s"],
  [119.4, "1 min 59 s"],
  [3600, "60 min 0 s"],
];

pureTest("the pretty log writes durations in milliseconds, seconds, or minutes and seconds", () => {
  assertEquals(
    DURATIONS.map(([duration]) => {
      const { log, text } = opened();
      log.end(BUILD, "Built", duration);
      return [duration, text().replace(/^Built in (.*)\n$/, "$1")];
    }),
    DURATIONS,
  );
});

pureTest("the pretty log writes no 60 seconds beside minutes", () => {
  const { log, text } = opened();
  log.end(BUILD, "Built", 119.6);
  assertEquals(text(), "Built in 2 min 0 s\n");
});

const expectEvent = shapeOf(EVENT);

/** The records of a JSON log, one a line, without the schema that each has. */
function records(text: string): unknown[] {
  assertEquals(text.endsWith("\n"), true);
  return text.slice(0, -1).split("\n").map((line) => {
    const { schema, ...record } = JSON.parse(line);
    expectEvent({ schema, ...record });
    return record;
  });
}

pureTest("the JSON log writes one object a line, with the time, the level, the event and its stage", () => {
  const { log, time, text } = opened({ format: "json" });
  failingRun(log, time);
  const at0 = "2026-06-01T12:00:00.000Z";
  const at1 = "2026-06-01T12:00:01.500Z";
  const at2 = "2026-06-01T12:00:01.750Z";
  const evaluate = { stage: "evaluate" };
  const build = { stage: "build" };
  assertEquals(records(text()), [
    { time: at0, level: "info", event: "stage-started", ...evaluate, message: "Evaluating 2 hosts" },
    { time: at0, level: "info", event: "host-started", ...evaluate, host: "web1" },
    { time: at0, level: "info", event: "host-started", ...evaluate, host: "web2" },
    { time: at1, level: "info", event: "host-done", ...evaluate, host: "web1", seconds: 1.5 },
    {
      time: at1,
      level: "warning",
      event: "warning",
      code: "dropped-field",
      message: 'The contract does not know the field "note"',
      path: "note",
      ...evaluate,
    },
    { time: at1, level: "info", event: "host-done", ...evaluate, host: "web2", seconds: 1.5 },
    {
      time: at1,
      level: "info",
      event: "stage-done",
      ...evaluate,
      seconds: 1.5,
      message: "Evaluated 2 hosts",
    },
    {
      time: at1,
      level: "warning",
      event: "warning",
      code: "no-smoke-verify",
      message: "The signed artifacts were not read back",
    },
    { time: at1, level: "info", event: "stage-started", ...build, message: "Building 2 hosts" },
    { time: at1, level: "info", event: "host-started", ...build, host: "web1" },
    {
      time: at2,
      level: "error",
      event: "error",
      ...build,
      kind: "build",
      message: 'Cannot build host "web1": nix-store exited with 100',
      path: "hosts.web1",
      hosts: ["web1"],
      lines: ['host "web1": /nix/store/x.drv', "  | no such file"],
      hint: "free some space",
      exitCode: 1,
    },
  ]);
});

pureTest("the JSON log writes commands and their output under -v, and on one line each", () => {
  const { log, text } = opened({ format: "json", verbose: true });
  log.start(BUILD);
  log.command(["sh", "-c", "a\nb"]);
  log.output("\x1b[31mred\x1b[0m\tü");
  log.close();
  const common = { time: "2026-06-01T12:00:00.000Z", level: "debug", stage: "build" };
  assertEquals(records(text()).slice(1), [
    { ...common, event: "command", command: "sh -c $'a\\nb'" },
    { ...common, event: "output", message: "red\tü" },
  ]);
});

pureTest("a stage that has failed while another goes on is told of, and is shown as running no more", () => {
  const pretty = opened({ isTerminal: false });
  pretty.log.start(EVALUATE);
  pretty.log.start(BUILD);
  pretty.log.fail(EVALUATE, "Cannot evaluate", 1.5);
  pretty.log.close();
  assertEquals(pretty.text(), "Cannot evaluate, after 1.5 s; the rest goes on\n");
  const json = opened({ format: "json" });
  json.log.start(EVALUATE);
  json.log.start(BUILD);
  json.log.fail(EVALUATE, "Cannot evaluate", 1.5);
  json.log.warn({ code: "x", message: "y" });
  json.log.close();
  const shown = records(json.text()).slice(2) as Record<string, unknown>[];
  assertEquals(shown.map(({ level, event, stage, seconds }) => [level, event, stage, seconds]), [
    ["error", "stage-failed", "evaluate", 1.5],
    ["warning", "warning", "build", undefined],
  ]);
});

pureTest("the JSON log gives what is of a stage its name, and the rest those of all that are running", () => {
  const { log, text } = opened({ format: "json", verbose: true });
  log.start(EVALUATE);
  log.start(BUILD);
  log.host("evaluate", "web1", "stopped", 1.5);
  log.host("build", "web1", "done", 0);
  log.command(["nix"]);
  log.end(EVALUATE, "Evaluated", 1);
  log.warn({ code: "x", message: "y" });
  log.end(BUILD, "Built", 1);
  log.warn({ code: "x", message: "y" });
  const shown = records(text()).slice(2) as Record<string, unknown>[];
  assertEquals(shown.map(({ event, stage, stages, seconds }) => [event, stage ?? stages, seconds]), [
    ["host-stopped", "evaluate", 1.5],
    ["host-done", "build", 0],
    ["command", ["evaluate", "build"], undefined],
    ["stage-done", "evaluate", 1],
    ["warning", "build", undefined],
    ["stage-done", "build", 1],
    ["warning", undefined, undefined],
  ]);
});

pureTest("the JSON log says each half minute how far the stages have come that are running", () => {
  withTimers((goOff, intervals) => {
    const { log, time, text } = opened({ format: "json" });
    log.start(EVALUATE);
    log.host("evaluate", "web1", "started", 0);
    time.milliseconds += 1000;
    log.start(BUILD);
    log.builds(BUILDS);
    time.milliseconds += 29_000;
    assertEquals(intervals(), [30_000]);
    goOff();
    assertEquals(records(text()).at(-1), {
      time: "2026-06-01T12:00:30.000Z",
      level: "info",
      event: "progress",
      stages: [
        { stage: "evaluate", seconds: 30, hosts: 2, done: 0, at: ["web1"] },
        {
          ...{ stage: "build", seconds: 29, hosts: 2, done: 1, at: [] },
          derivations: BUILDS.derivations,
          fetched: BUILDS.fetched,
          running: BUILDS.running,
        },
      ],
    });
    log.end(EVALUATE, "Evaluated", 30);
    assertEquals(intervals(), [30_000]);
    log.end(BUILD, "Built", 30);
    assertEquals(intervals(), []);
  });
});

for (const format of ["pretty", "json"] as const) {
  pureTest(`the ${format} log hides passwords and tokens of URLs, wherever they stand`, () => {
    const { log, text } = opened({ format, verbose: true });
    const url = "https://user:s3cret@host.example/fleet";
    log.start({ name: "git-push", title: `Pushing to ${url}` });
    log.command(["git", "push", url]);
    log.output(`remote: ${url}`);
    log.warn({ code: "x", message: `at ${url}` });
    log.end({ name: "git-push", title: "" }, `Pushed to ${url}`, 0);
    log.error(new ReleaseError("git", `Cannot push to ${url}`, { path: url, lines: [url], hint: url }), 1);
    log.close();
    const shown = text().split("\n").slice(0, -1);
    assertEquals(shown.length, format === "json" ? 6 : 8);
    for (const line of shown) {
      assertEquals([/s3cret|user/.test(line), /\/\/\*\*\*@host/.test(line)], [false, true], line);
    }
  });
}

pureTest("the pretty log hides passwords of URLs in a terminal's status line too", () => {
  const { log, written } = opened({ isTerminal: true });
  log.start({ name: "source", title: "Reading flake git+https://user:s3cret@host.example/fleet" });
  log.close();
  assertEquals(written, [
    `${CLEAR}0 ms · Reading flake git+https://***@host.example/fleet`,
    CLEAR,
  ]);
});

pureTest("the JSON log writes no sign that a terminal acts on, and the same there as in CI", () => {
  const texts = [true, false].map((isTerminal) => {
    const { log, time, text } = opened({ format: "json", isTerminal });
    failingRun(log, time);
    return text();
  });
  assertEquals(texts[0], texts[1]);
  // deno-lint-ignore no-control-regex
  assertEquals(/[\x00-\x09\x0b-\x1f\x7f]/.test(texts[0]!), false);
});
