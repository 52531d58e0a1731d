import { assertEquals, assertRejects } from "@std/assert";
import type { Clock, Log } from "../../src/ports.ts";
import { stages } from "../../src/stages/run.ts";
import { pureTest } from "../support/pure.ts";

/** A log that keeps what it is told, and a clock that the test moves. */
function recorder() {
  const events: string[] = [];
  const time = { milliseconds: 1000 };
  const log: Log = {
    start: ({ name, title }) => events.push(`start ${name}: ${title}`),
    end: ({ name, title }, result, seconds) => events.push(`end ${name} (${title}): ${result} in ${seconds}`),
    host: (name, state) => events.push(`${name} ${state}`),
    warn: ({ code }) => events.push(`warning ${code}`),
  };
  const clock: Clock = {
    now: () => Temporal.Instant.from("2026-06-01T12:00:00Z"),
    monotonic: () => time.milliseconds,
  };
  return { events, time, ...stages(log, clock) };
}

const build = { name: "build", title: "Building", done: (result: number) => `Built ${result}` };

pureTest("stages() announces a stage, gives its result, and keeps its time to the millisecond", async () => {
  const { events, time, run, times } = recorder();
  const result = await run(build, () => {
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
  assertEquals(times, [{ stage: "build", seconds: 1.235 }]);
});

pureTest("stages() keeps the stages in the order in which they end, each with its own time", async () => {
  const { time, run, times } = recorder();
  for (const [name, milliseconds] of [["a", 10], ["b", 0], ["a", 2000]] as const) {
    await run({ name, title: name, done: () => name }, async () => {
      await Promise.resolve();
      time.milliseconds += milliseconds;
    });
  }
  assertEquals(times, [
    { stage: "a", seconds: 0.01 },
    { stage: "b", seconds: 0 },
    { stage: "a", seconds: 2 },
  ]);
});

pureTest("stages() passes an error on, and neither ends the stage nor keeps its time", async () => {
  const error = new Error("broken");
  for (
    const body of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ]
  ) {
    const { events, run, times } = recorder();
    assertEquals(await assertRejects(() => run(build, body)), error);
    assertEquals(events, ["start build: Building"]);
    assertEquals(times, []);
  }
});
