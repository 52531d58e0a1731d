import { assertEquals } from "@std/assert";
import { Activities } from "../../../src/adapters/nix/activities.ts";
import { parseEvent } from "../../../src/adapters/nix/events.ts";
import { pureTest } from "../../support/pure.ts";
// What `nix-store --realise first.drv second.drv third.drv --log-format internal-json` wrote, two jobs at once: two of them
// need dep, and second prints a line after first and third have ended.
import older from "./recorded/nix-2.8.0-builds.txt" with { type: "text" };
import newer from "./recorded/nix-2.26.3-builds.txt" with { type: "text" };

const nameOf = (path: string) => path.replace(/^\/nix\/store\/[0-9a-z]{32}-(.*)\.drv$/, "$1");

/** The activities of a process that was asked for these, and what they have told. */
function reader(...asked: string[]) {
  const told: string[] = [];
  const activities = new Activities(
    { has: (path) => asked.includes(nameOf(path)) },
    (path, state) => told.push(`${nameOf(path)} ${state}`),
  );
  const read = (...lines: readonly string[]) => {
    for (const line of lines) activities.take(parseEvent(line)!);
    return told.splice(0);
  };
  return { read, activities };
}

for (const [version, recorded] of Object.entries({ "2.8.0": older, "2.26.3": newer })) {
  pureTest(
    `Activities tells of nix ${version} which builds run and have ended, as soon as it is known`,
    () => {
      const { read, activities } = reader("first", "second", "third");
      const steps: [told: string[], done: number, unnamed: number, running: string[]][] = [];
      for (const line of recorded.trimEnd().split("\n")) {
        const told = read(line);
        const { derivations, unnamed, running, fetched } = activities.builds();
        assertEquals(fetched.done, 0);
        const step: typeof steps[number] = [told, derivations.done, unnamed, running.map(nameOf)];
        if (told.length > 0 || unnamed !== (steps.at(-1)?.[2] ?? 0)) steps.push(step);
      }
      assertEquals(steps, [
        [["first started"], 0, 0, ["first"]],
        [["dep started"], 0, 0, ["first", "dep"]],
        // It is counted just before it is named.
        [[], 1, 1, ["dep"]],
        [["dep done"], 1, 0, ["first"]],
        [["second started"], 1, 0, ["first", "second"]],
        [[], 2, 1, []],
        [["third started"], 2, 1, ["third"]],
        [[], 3, 2, []],
        [["first done", "third done"], 3, 0, ["second"]],
        [["second done"], 4, 0, []],
      ]);
      assertEquals(activities.builds().derivations, { done: 4, failed: 0, expected: 4 });
    },
  );
}

const event = (fields: object) => `@nix ${JSON.stringify(fields)}`;
const begin = (id: number, type: number) => event({ action: "start", id, level: 0, type });
const start = (id: number, path: string, type = 105) => event({ action: "start", id, type, fields: [path] });
const stop = (id: number) => event({ action: "stop", id });
const line = (id: number) => event({ action: "result", id, type: 101, fields: ["text"] });
/** How many are done, expected beside those, and failed. */
const count = (id: number, done: number, expected: number, failed = 0) =>
  event({ action: "result", id, type: 105, fields: [done, expected, 0, failed] });
const BUILDS = begin(1, 104);

pureTest("Activities calls no build done that may be the one that failed", () => {
  const alone = reader("a");
  assertEquals(alone.read(BUILDS, start(2, "a"), count(1, 0, 0, 1)), ["a started", "a ended"]);
  const both = reader("a", "b");
  both.read(BUILDS, start(2, "a"), start(3, "b"));
  assertEquals(both.read(count(1, 1, 1), count(1, 1, 0, 1)), ["a ended", "b ended"]);
  assertEquals(both.activities.builds(), {
    derivations: { done: 1, failed: 1, expected: 1 },
    unnamed: 0,
    fetched: { done: 0, failed: 0, expected: 0 },
    running: [],
  });
  // Two end together and are named behind that, while a third goes on.
  const named = reader();
  named.read(BUILDS, start(2, "a"), start(3, "b"), start(4, "c"), count(1, 1, 3), count(1, 1, 2, 1));
  assertEquals(named.read(stop(2), stop(3), count(1, 2, 2, 1), stop(4)), ["a ended", "b ended", "c done"]);
});

pureTest("Activities calls a build ended that nix has not counted: it was stopped", () => {
  const { read } = reader("a");
  assertEquals(read(BUILDS, start(2, "a"), stop(2)), ["a started", "a ended"]);
});

pureTest(
  "Activities takes what prints, and what was not asked for, for none that has ended without a name",
  () => {
    const { read, activities } = reader("a", "b");
    read(BUILDS, start(2, "a"), start(3, "b"), start(4, "dep"), count(1, 1, 3));
    // That could be any of them, were it not for the line that comes behind the name of what is not asked for.
    assertEquals(activities.builds().running, ["dep"]);
    assertEquals(read(line(4)), []);
    assertEquals(read(line(3)), ["a done"]);
    assertEquals(activities.builds().running, ["b", "dep"]);
  },
);

pureTest("Activities tells apart what is fetched and what is built, each counted by its own", () => {
  const { read, activities } = reader("a");
  assertEquals(
    read(
      BUILDS,
      begin(2, 103),
      start(3, "/nix/store/x-out", 108),
      start(4, "a"),
      count(2, 0, 7),
      count(1, 0, 2),
    ),
    ["/nix/store/x-out started", "a started"],
  );
  assertEquals(read(count(2, 1, 7), stop(3)), ["/nix/store/x-out done"]);
  // One that cannot be fetched is built: no build has failed.
  assertEquals(read(count(2, 1, 6, 1), count(1, 1, 1)), ["a done"]);
  assertEquals(activities.builds(), {
    derivations: { done: 1, failed: 0, expected: 1 },
    unnamed: 0,
    fetched: { done: 1, failed: 1, expected: 7 },
    running: [],
  });
});

pureTest(
  "Activities adds up what a daemon counts more than once, and counts nothing that has no kind",
  () => {
    const { read, activities } = reader();
    read(
      BUILDS,
      begin(2, 104),
      begin(3, 101),
      count(1, 1, 2),
      count(2, 3, 4),
      count(3, 50, 60),
      count(4, 5, 6),
    );
    assertEquals(activities.builds().derivations, { done: 4, failed: 0, expected: 6 });
  },
);

pureTest("Activities knows activities apart whose ids differ in the last bit of more than 53", () => {
  const { read } = reader("a", "b");
  const begun = ["18014398509481985", "18014398509481984"].map((id, index) =>
    start(index, ["a", "b"][index]!).replace(`"id":${index}`, `"id":${id}`)
  );
  assertEquals(read(BUILDS, ...begun, stop(0).replace('"id":0', '"id":18014398509481985')), [
    "a started",
    "b started",
    "a ended",
  ]);
});
