import { assertEquals, assertRejects } from "@std/assert";
import { validateConfig } from "../../src/commands/release.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import { ReleaseError } from "../../src/errors.ts";
import type { Warning } from "../../src/model.ts";
import type { Clock, Log } from "../../src/ports.ts";
import { Interruption } from "../../src/stages/interruption.ts";
import { type StageSpec, startRun } from "../../src/stages/run.ts";
import { FakeWorld } from "../support/fake_ports.ts";
import { pureTest, refusal, rejection } from "../support/pure.ts";

/** A run with a log that keeps what it is told, and a clock that the test moves. */
function recorder(
  { settings = {}, signal, warnings = [] }: {
    settings?: Partial<ReleaseConfig>;
    signal?: AbortSignal;
    /** Those of the signer. */
    warnings?: Warning[];
  } = {},
) {
  const events: string[] = [];
  const time = { milliseconds: 1000 };
  const log: Log = {
    start: ({ name, title }) => events.push(`start ${name}: ${title}`),
    end: ({ name, title }, result, seconds) => events.push(`end ${name} (${title}): ${result} in ${seconds}`),
    fail: ({ name }, message, seconds) => events.push(`fail ${name}: ${message} after ${seconds}`),
    host: (work, name, state, seconds) => events.push(`${work} ${name} ${state} ${seconds}`),
    builds() {},
    warn: ({ code }) => events.push(`warning ${code}`),
  };
  const clock: Clock = {
    now: () => Temporal.Instant.from("2026-06-01T12:00:00.987654321Z"),
    monotonic: () => time.milliseconds,
  };
  const ports = new FakeWorld().ports();
  const signer = { ...ports.signer, warnings };
  const config = validateConfig({ signCmd: "sign", ...settings });
  const run = startRun(config, { ...ports, signer, log, clock }, { interruption: new Interruption(signal) });
  return { events, time, run };
}

const build = { name: "build", title: "Building", done: (result: number) => `Built ${result}` };

pureTest(
  "startRun() announces a stage, gives its result, and keeps its time to the millisecond",
  async () => {
    const { events, time, run } = recorder();
    const result = await run.stage(build, () => {
      events.push("body");
      time.milliseconds += 1234.5678;
      return 9;
    });
    assertEquals(result, 9);
    assertEquals(events, [
      "start build: Building",
      "body",
      `end build (Building): Built 9 in ${(1000 + 1234.5678 - 1000) / 1000}`,
    ]);
    assertEquals(run.notes.stages, [{ stage: "build", seconds: 1.235 }]);
  },
);

pureTest("startRun() keeps the stages in the order in which they end, each with its own time", async () => {
  const { time, run } = recorder();
  for (const [name, milliseconds] of [["a", 10], ["b", 0], ["a", 2000]] as const) {
    await run.stage({ name, title: name, done: () => name }, async () => {
      await Promise.resolve();
      time.milliseconds += milliseconds;
    });
  }
  assertEquals(run.notes.stages, [
    { stage: "a", seconds: 0.01 },
    { stage: "b", seconds: 0 },
    { stage: "a", seconds: 2 },
  ]);
});

pureTest("startRun() passes an error on, and neither ends the stage nor keeps its time", async () => {
  const error = new Error("broken");
  for (
    const body of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ]
  ) {
    const { events, run } = recorder();
    assertEquals(await assertRejects(() => run.stage(build, body)), error);
    assertEquals(events, ["start build: Building"]);
    assertEquals(run.notes.stages, []);
  }
});

pureTest("startRun() tells at once that a stage has failed while another goes on", async () => {
  const { events, time, run } = recorder();
  const { promise, reject } = Promise.withResolvers<number>();
  const building = run.stage(build, () => promise);
  const failing = run.stage({ ...build, name: "evaluate" }, () => {
    time.milliseconds += 500;
    throw new ReleaseError("evaluation", "Cannot evaluate");
  });
  await assertRejects(() => failing);
  assertEquals(events.slice(2), ["fail evaluate: Cannot evaluate after 0.5"]);
  reject(new ReleaseError("build", "Cannot build"));
  await assertRejects(() => building);
  assertEquals(events.length, 3);
});

pureTest(
  "startRun() ends a run with the reason of the signal, and before that a stage that is done whole",
  async () => {
    const reason = new Error("no more");
    const abortedIn = async (spec: StageSpec<number>) => {
      const stop = new AbortController();
      const { events, run } = recorder({ signal: stop.signal });
      const stage = run.stage(spec, async () => {
        stop.abort(reason);
        await Promise.resolve();
        return 9;
      });
      const ended = await stage.catch((error) => error);
      const next = run.stage({ ...build, name: "push" }, () => events.push("body"));
      assertEquals(await assertRejects(() => next), reason);
      return { ended, events, stages: run.notes.stages };
    };
    assertEquals(await abortedIn(build), { ended: reason, events: ["start build: Building"], stages: [] });
    assertEquals(await abortedIn({ ...build, whole: true }), {
      ended: 9,
      events: ["start build: Building", "end build (Building): Built 9 in 0"],
      stages: [{ stage: "build", seconds: 0 }],
    });
  },
);

pureTest("startRun() ends a run whose stage takes too long, and names the hosts that it was at", async () => {
  const { run } = recorder({});
  const limit = { seconds: 0.001, option: "build-timeout", kind: "build" } as const;
  const stage = run.stage({ ...build, limit }, () => {
    for (const host of ["web1", "web2", "web3"]) run.host("build", host, "started");
    run.host("build", "web1", "done");
    run.host("build", "web3", "stopped");
    run.host("evaluate", "web4", "started");
    return new Promise<number>(() => {});
  });
  const { kind, code, message, hosts, hint } = await assertRejects(() => stage, ReleaseError);
  assertEquals([kind, code, message, hosts, hint], [
    "build",
    "timeout",
    'Building took longer than 0.001 s, and was at "web2" still',
    ["web2"],
    "give it more time with --build-timeout",
  ]);
});

pureTest("a release that is aborted has no effect of a later stage", async () => {
  for (
    const [effect, last] of [
      ["lock .", "repository of /fleet"],
      ["build db web1 web2", "build db web1 web2"],
      ["sign fleet.resolved.json", "sign rollouts/ID.json"],
    ] as const
  ) {
    const stop = new AbortController();
    const reason = new Error("no more");
    const world = new FakeWorld();
    world.onEffect = (happened) => {
      if (happened === effect) stop.abort(reason);
    };
    assertEquals(await assertRejects(() => world.release({}, stop.signal)), reason);
    assertEquals(world.effects.at(-1), last);
    assertEquals(world.published, []);
  }
});

pureTest("a release whose signal is aborted already has no effect at all", async () => {
  const world = new FakeWorld();
  const reason = new Error("no more");
  assertEquals(await assertRejects(() => world.release({}, AbortSignal.abort(reason))), reason);
  assertEquals([world.effects, world.logged], [[], []]);
});

const ATTRIBUTES = {
  fleetResolvedAttr: "--fleet-resolved-attr",
  revocationsAttr: "--revocations-attr",
  bootstrapNoncesAttr: "--bootstrap-nonces-attr",
  trustAttr: "--trust-attr",
};

for (const [field, option] of Object.entries(ATTRIBUTES)) {
  pureTest(
    `startRun() refuses what ${option} gives before any effect, and tells the log nothing`,
    async () => {
      const said = {
        kind: "usage" as const,
        message: `Cannot read ${option} "other#": expected an attribute path of the flake`,
        hint:
          'as in "fleet.resolved", or in "../other#fleet.resolved" for another flake than that of --build-flake',
      };
      const world = new FakeWorld();
      world.signer = { ...world.signer, warnings: [{ code: "exposed-key", message: "" }] };
      assertEquals(refusal(() => world.run({ [field]: "other#" })), said);
      assertEquals(await rejection(world.release({ [field]: "other#" })), said);
      assertEquals([world.effects, world.logged, world.warnings], [[], [], []]);
    },
  );
}

pureTest("startRun() reads the attributes that the options give, and of no other", () => {
  const paths = (settings: Partial<ReleaseConfig>) => [...recorder({ settings }).run.attributes];
  const own = (...path: string[]) => ({ flake: undefined, path });
  assertEquals(paths({}), [["fleet", own("fleet", "resolved")]]);
  const all = {
    fleetResolvedAttr: ".#f",
    revocationsAttr: 'r."a.b"',
    bootstrapNoncesAttr: "n",
    trustAttr: "t.u",
  };
  assertEquals(paths(all), [
    ["fleet", own("f")],
    ["revocations", own("r", "a.b")],
    ["bootstrapNonces", own("n")],
    ["trusted", own("t", "u")],
  ]);
});

pureTest("startRun() signs at --now to the nanosecond, or at the clock's whole second", () => {
  assertEquals(recorder().run.now, "2026-06-01T12:00:00Z");
  const now = "2026-06-01T12:00:00.123456789Z";
  assertEquals(recorder({ settings: { now } }).run.now, now);
});

pureTest("startRun() tells of warnings at once, and keeps them, those of the signer first", () => {
  const [exposed, a, b] = ["exposed-key", "a", "b"].map((code) => ({ code, message: code }));
  const { events, run } = recorder({ warnings: [exposed!] });
  run.warn();
  run.warn(a!, b!);
  assertEquals(events, ["warning exposed-key", "warning a", "warning b"]);
  assertEquals(run.notes.warnings, [exposed!, a!, b!]);
});

pureTest("startRun() keeps the seconds of each host's work, to the millisecond, and tells the log", () => {
  const { events, time, run } = recorder();
  run.host("evaluate", "web1", "started");
  time.milliseconds += 1000;
  run.host("evaluate", "web2", "started");
  time.milliseconds += 500.6789;
  run.host("evaluate", "web2", "done");
  run.host("evaluate", "web1", "done");
  run.host("build", "web1", "started");
  time.milliseconds += 250;
  run.host("build", "web1", "done");
  assertEquals([...run.notes.seconds], [
    ["web2", { evaluate: 0.501 }],
    ["web1", { evaluate: 1.501, build: 0.25 }],
  ]);
  assertEquals(events, [
    "evaluate web1 started 0",
    "evaluate web2 started 0",
    "evaluate web2 done 0.501",
    "evaluate web1 done 1.501",
    "build web1 started 0",
    "build web1 done 0.25",
  ]);
});

pureTest(
  "startRun() keeps 0 seconds for a host that is done without a start: there was nothing to do",
  () => {
    const { time, run } = recorder();
    run.host("evaluate", "web1", "started");
    time.milliseconds += 1000;
    run.host("build", "web1", "done");
    assertEquals([...run.notes.seconds], [["web1", { build: 0 }]]);
  },
);

pureTest("startRun() counts all that a host has taken: from when it began, and what was begun again", () => {
  const { events, time, run } = recorder();
  time.milliseconds += 5000;
  run.host("evaluate", "web1", "started", time.milliseconds - 2000);
  run.host("evaluate", "web1", "started");
  run.host("evaluate", "web1", "stopped");
  time.milliseconds += 1000;
  run.host("evaluate", "web1", "started");
  time.milliseconds += 500;
  run.host("evaluate", "web1", "done");
  assertEquals([...run.notes.seconds], [["web1", { evaluate: 2.5 }]]);
  assertEquals(events.slice(1), [
    "evaluate web1 started 0",
    "evaluate web1 stopped 2",
    "evaluate web1 started 2",
    "evaluate web1 done 2.5",
  ]);
});

pureTest("startRun() keeps apart what runs at once: each stage's end, and what was going on", async () => {
  const { events, run } = recorder();
  const at = () => run.notes.at.map(({ name }) => name);
  assertEquals(at(), []);
  const [first, second] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  const evaluating = run.stage({ ...build, name: "evaluate" }, () => first.promise);
  const building = run.stage(build, () => second.promise);
  assertEquals(at(), ["evaluate", "build"]);
  first.resolve(1);
  await evaluating;
  assertEquals(at(), ["build"]);
  second.resolve(2);
  await building;
  // Nothing runs: what was last is what a signal comes behind.
  assertEquals(at(), ["build"]);
  await assertRejects(() => run.stage({ ...build, name: "push" }, () => Promise.reject(new Error("no"))));
  assertEquals(at(), ["push"]);
  assertEquals(events, [
    "start evaluate: Building",
    "start build: Building",
    "end evaluate (Building): Built 1 in 0",
    "end build (Building): Built 2 in 0",
    "start push: Building",
  ]);
});

pureTest("startRun() keeps the seconds of hosts apart, whatever their names", () => {
  const { time, run } = recorder();
  const names = ["__proto__", "constructor", "build web1", "web1"];
  for (const [index, name] of names.entries()) {
    run.host("build", name, "started");
    time.milliseconds += 1000 * (index + 1);
    run.host("build", name, "done");
  }
  assertEquals(run.notes.seconds, new Map(names.map((name, index) => [name, { build: index + 1 }])));
});

pureTest("a release gives the seconds of each host's work, and 0 where it was built already", async () => {
  const world = new FakeWorld();
  world.builtBefore = ["web1"];
  for (
    const [work, milliseconds] of Object.entries({ "evaluate db": 1500, "build db": 20, "build web2": 3000 })
  ) {
    world.takes.set(work, milliseconds);
  }
  world.takes.set("upload web1", 250);
  const { hosts, stages } = await world.release({ pushCmd: "upload", pushJobs: 1 });
  assertEquals(hosts.map(({ name, seconds }) => [name, seconds]), [
    ["db", { evaluate: 1.5, build: 0.02, push: 0 }],
    ["web1", { evaluate: 0, build: 0, push: 0.25 }],
    ["web2", { evaluate: 0, build: 3, push: 0 }],
  ]);
  assertEquals(stages.filter(({ seconds }) => seconds > 0), [
    { stage: "evaluate", seconds: 1.5 },
    { stage: "build", seconds: 3.02 },
    { stage: "push", seconds: 0.25 },
  ]);
});
