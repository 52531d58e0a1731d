import { lockedAt } from "../../support/fake_ports.ts";
import { assertEquals, assertRejects } from "@std/assert";
import type { NixError } from "../../../src/adapters/nix/nix_error.ts";
import { evaluateAll, type EvaluationJob } from "../../../src/adapters/nix/workers.ts";
import type { HostRef } from "../../../src/model.ts";
import type { HostDerivation } from "../../../src/model.ts";
import type { Clock } from "../../../src/ports.ts";
import { pureTest } from "../../support/pure.ts";

/** How hosts evaluate, by name: in how many seconds, and how it ends when it does not end well. */
interface Machine {
  seconds: (name: string) => number;
  /** Throws, which nix catches: the others go on, and alone it says why. */
  throws?: readonly string[];
  /** Ends the whole process, which nix cannot catch. */
  breaks?: readonly string[];
}

interface Run {
  /** The derivations in the order of the jobs' hosts. */
  result: Omit<Awaited<ReturnType<typeof evaluateAll>>, "derivations"> & { derivations: HostDerivation[] };
  /** The hosts of each process, in the order in which the processes began. */
  batches: string[][];
  /** How many processes ran at once, at most. */
  mostAtOnce: number;
  progress: string[];
}

const FLAKE = lockedAt("git+file:///fleet?rev=a", "a");

function job(names: readonly string[], more: Partial<EvaluationJob> = {}): EvaluationJob {
  return { flake: FLAKE, hosts: names.map((name) => ({ name, kind: "nixos" as const })), ...more };
}

function derivation({ name, kind }: HostRef): HostDerivation {
  return { name, kind, drvPath: `${name}.drv`, outPath: `${name}-out`, outputName: "out" };
}

const numbered = (count: number, prefix = "h") => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const sizes = ({ batches }: Run) => batches.map((batch) => batch.length);

/** An error without a trace. */
const said = (line: string): NixError => ({ lines: [line], trace: [] });

/** Lets everything that can go on without a process ending go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

/** Evaluates jobs on a machine whose time goes on only when a process ends. */
async function evaluate(jobs: EvaluationJob[], workers: number, machine: Machine): Promise<Run> {
  let time = 0;
  const running: { end: number; finish: () => void }[] = [];
  const run: Run = { result: { derivations: [], failures: [] }, batches: [], mostAtOnce: 0, progress: [] };
  const clock: Clock = {
    now: () => Temporal.Instant.from("2026-06-01T12:00:00Z"),
    monotonic: () => time,
  };
  const isOneOf = (names: readonly string[] | undefined, { name }: HostRef) => names?.includes(name) ?? false;

  function outcome(hosts: readonly HostRef[]): (HostDerivation | null)[] | { error: NixError } {
    const broken = hosts.find((host) => isOneOf(machine.breaks, host));
    if (broken !== undefined) return { error: said(`${broken.name} breaks`) };
    const [alone] = hosts;
    if (hosts.length === 1 && isOneOf(machine.throws, alone!)) {
      return { error: said(`${alone!.name} throws`) };
    }
    return hosts.map((host) => isOneOf(machine.throws, host) ? null : derivation(host));
  }

  let ended = false;
  const whole = evaluateAll(jobs, {
    workers,
    clock,
    progress: (host, state) => run.progress.push(`${host} ${state}`),
    evaluateBatch: (_flake, hosts) => {
      run.batches.push(hosts.map(({ name }) => name));
      const end = time + 1000 * hosts.reduce((sum, { name }) => sum + machine.seconds(name), 0);
      return new Promise((resolve) => {
        running.push({ end, finish: () => resolve(outcome(hosts)) });
        run.mostAtOnce = Math.max(run.mostAtOnce, running.length);
      });
    },
  }).finally(() => ended = true);
  await settle();
  while (!ended) {
    running.sort((a, b) => a.end - b.end);
    const next = running.shift();
    if (next === undefined) throw new Error("no process runs, and the evaluation has not ended");
    time = next.end;
    next.finish();
    await settle();
  }
  const { derivations, failures } = await whole;
  const order = jobs.flatMap(({ hosts }) => hosts);
  run.result = { derivations: order.flatMap((host) => derivations.get(host) ?? []), failures };
  return run;
}

const light = { seconds: () => 0.002 };

pureTest("evaluateAll() starts no process when there is no host", async () => {
  const nothing = {
    result: { derivations: [], failures: [] },
    batches: [],
    mostAtOnce: 0,
    progress: [],
  };
  assertEquals(await evaluate([], 4, light), nothing);
  assertEquals(await evaluate([job([]), job([])], 4, light), nothing);
});

pureTest("evaluateAll() gives the first processes two hosts each", async () => {
  assertEquals(sizes(await evaluate([job(numbered(1))], 4, light)), [1]);
  assertEquals(sizes(await evaluate([job(numbered(2))], 4, light)), [2]);
  assertEquals(sizes(await evaluate([job(numbered(3))], 4, light)), [2, 1]);
  assertEquals((await evaluate([job(numbered(100))], 4, light)).batches.slice(0, 4), [
    ["h0", "h1"],
    ["h2", "h3"],
    ["h4", "h5"],
    ["h6", "h7"],
  ]);
});

pureTest("evaluateAll() gives all that is left of a light fleet to one process", async () => {
  assertEquals(sizes(await evaluate([job(numbered(50))], 1, light)), [2, 48]);
  assertEquals(sizes(await evaluate([job(numbered(50))], 4, light)), [2, 2, 2, 2, 42]);
});

pureTest("evaluateAll() spreads what is left of a large light fleet over its workers", async () => {
  const run = await evaluate([job(numbered(1000))], 4, light);
  assertEquals(sizes(run), [2, 2, 2, 2, 248, 186, 140, 105, 79, 234]);
  assertEquals(run.mostAtOnce, 4);
});

pureTest("evaluateAll() gives heavy hosts as many to a process as take about two seconds", async () => {
  assertEquals(sizes(await evaluate([job(numbered(12))], 4, { seconds: () => 4 })), [2, 2, 2, 2, 1, 1, 1, 1]);
  assertEquals(sizes(await evaluate([job(numbered(6))], 2, { seconds: () => 60 })), [2, 2, 1, 1]);
  assertEquals(sizes(await evaluate([job(numbered(24))], 2, { seconds: () => 0.5 })), [
    2,
    2,
    4,
    4,
    4,
    4,
    2,
    1,
    1,
  ]);
});

pureTest("evaluateAll() goes by the heaviest hosts that it has seen", async () => {
  const seconds = (name: string) => name === "h0" || name === "h1" ? 5 : 0.1;
  assertEquals(sizes(await evaluate([job(numbered(8))], 1, { seconds })), [2, 1, 1, 1, 1, 1, 1]);
});

pureTest("evaluateAll() runs never more than its workers at once", async () => {
  for (const workers of [1, 2, 3, 8]) {
    for (const seconds of [0.001, 1, 30]) {
      const machine = { seconds: () => seconds, throws: ["h1", "h5"], breaks: ["h7", "h20"] };
      const run = await evaluate([job(numbered(30)), job(numbered(10, "p"))], workers, machine);
      assertEquals(run.mostAtOnce, Math.min(workers, run.batches.length));
      assertEquals(run.result.derivations.length, 36);
    }
  }
});

pureTest("evaluateAll() evaluates the hosts of a job that belong together in one process", async () => {
  const run = await evaluate([job(["a", "b", "c", "d", "e"], { together: true })], 4, { seconds: () => 60 });
  assertEquals(run.batches, [["a", "b", "c", "d", "e"]]);
});

pureTest("evaluateAll() mixes the hosts of two flakes in no process", async () => {
  const pinned = { flake: { ...FLAKE, url: "git+file:///fleet?rev=b" } };
  const flakes: [url: string, names: string[]][] = [];
  await evaluateAll([job(numbered(3)), job(numbered(3, "p"), pinned)], {
    workers: 1,
    clock: { now: () => Temporal.Instant.from("2026-06-01T12:00:00Z"), monotonic: () => 0 },
    progress: () => {},
    evaluateBatch: ({ url }, hosts) => {
      flakes.push([url, hosts.map(({ name }) => name)]);
      return Promise.resolve(hosts.map(derivation));
    },
  });
  assertEquals(flakes, [
    [FLAKE.url, ["h0", "h1"]],
    [FLAKE.url, ["h2"]],
    [pinned.flake.url, ["p0", "p1", "p2"]],
  ]);
});

pureTest("evaluateAll() gives the derivations in the order of the jobs, whatever ended first", async () => {
  const seconds = (name: string) => name === "a" ? 100 : name === "b" ? 50 : 1;
  const { result, progress } = await evaluate([job(["a"]), job(["c", "b", "d"])], 3, { seconds });
  assertEquals(result, {
    derivations: job(["a", "c", "b", "d"]).hosts.map(derivation),
    failures: [],
  });
  assertEquals(progress.filter((line) => line.endsWith("done")), ["d done", "c done", "b done", "a done"]);
});

pureTest("evaluateAll() evaluates a host that throws again, alone, to be told why", async () => {
  const machine = { seconds: () => 1, throws: ["b", "e"] };
  const run = await evaluate([job(["a", "b", "c", "d", "e"], { together: true })], 1, machine);
  assertEquals(run.batches, [["a", "b", "c", "d", "e"], ["b"], ["e"]]);
  assertEquals(run.result.derivations, job(["a", "c", "d"]).hosts.map(derivation));
  assertEquals(run.result.failures, [
    { host: { name: "b", kind: "nixos" }, error: said("b throws") },
    { host: { name: "e", kind: "nixos" }, error: said("e throws") },
  ]);
});

pureTest("evaluateAll() takes a host that throws among others, and not alone, for evaluated", async () => {
  const hosts = job(["a", "b"]).hosts;
  const result = await evaluateAll([{ flake: FLAKE, hosts }], {
    workers: 1,
    clock: { now: () => Temporal.Instant.from("2026-06-01T12:00:00Z"), monotonic: () => 0 },
    progress: () => {},
    evaluateBatch: (_flake, some) =>
      Promise.resolve(some.map((host) => some.length > 1 && host.name === "a" ? null : derivation(host))),
  });
  assertEquals(result.failures, []);
  assertEquals([...result.derivations.keys()].sort((a, b) => a.name < b.name ? -1 : 1), hosts);
  assertEquals(hosts.map((host) => result.derivations.get(host)), hosts.map(derivation));
});

pureTest("evaluateAll() halves a process that breaks until its host stands alone", async () => {
  const names = numbered(7);
  const machine = { seconds: () => 1, breaks: ["h5"] };
  const run = await evaluate([job(names, { together: true })], 1, machine);
  assertEquals(run.batches, [
    names,
    ["h0", "h1", "h2", "h3"],
    ["h4", "h5", "h6"],
    ["h4", "h5"],
    ["h6"],
    ["h4"],
    ["h5"],
  ]);
  assertEquals(run.result, {
    derivations: job(names.filter((name) => name !== "h5")).hosts.map(derivation),
    failures: [{ host: { name: "h5", kind: "nixos" }, error: said("h5 breaks") }],
  });
});

pureTest("evaluateAll() names every host when each breaks its process", async () => {
  const names = numbered(9);
  const { result } = await evaluate([job(names)], 3, { seconds: () => 1, breaks: names });
  assertEquals(result, {
    derivations: [],
    failures: job(names).hosts.map((host) => ({ host, error: said(`${host.name} breaks`) })),
  });
});

pureTest("evaluateAll() gives failures in the order of the jobs, whatever failed first", async () => {
  const machine = {
    seconds: (name: string) => name === "a" ? 50 : 1,
    throws: ["a", "c", "x"],
    breaks: ["d"],
  };
  const { result } = await evaluate([job(["a", "b", "c"]), job(["x", "d"])], 4, machine);
  assertEquals(result.failures.map(({ host }) => host.name), ["a", "c", "x", "d"]);
  assertEquals(result.derivations.map(({ name }) => name), ["b"]);
});

pureTest("evaluateAll() evaluates what comes back after the other workers have ended", async () => {
  const machine = { seconds: (name: string) => name === "a" ? 100 : 1, throws: ["b"], breaks: ["a"] };
  const run = await evaluate([job(["a", "b", "c"])], 8, machine);
  assertEquals(run.batches, [["a", "b"], ["c"], ["a"], ["b"]]);
  assertEquals(run.result, {
    derivations: job(["c"]).hosts.map(derivation),
    failures: [
      { host: { name: "a", kind: "nixos" }, error: said("a breaks") },
      { host: { name: "b", kind: "nixos" }, error: said("b throws") },
    ],
  });
});

pureTest("evaluateAll() tells when each attempt begins, and when one has ended well", async () => {
  const machine = { seconds: () => 1, throws: ["b"] };
  assertEquals((await evaluate([job(["a", "b", "c"])], 1, machine)).progress, [
    "a started",
    "b started",
    "a done",
    "b started",
    "c started",
    "c done",
  ]);
});

pureTest("evaluateAll() gives a process no more names than an argument of Linux holds", async () => {
  // Twice quoted, 19 names of 1,000 characters make 38,836 bytes and 20 make 40,880; the limit is 40,000.
  const long = numbered(50).map((name) => name.padEnd(1000, "x"));
  const run = await evaluate([job(long, { together: true })], 1, light);
  assertEquals(sizes(run), [19, 19, 12]);
  assertEquals(run.batches.flat(), long);
});

pureTest("evaluateAll() gives a name that is longer than that a process of its own", async () => {
  const names = ["a", "x".repeat(50_000), "b", "c"];
  const run = await evaluate([job(names, { together: true })], 1, light);
  assertEquals(run.batches, [["a"], [names[1]!], ["b", "c"]]);
});

pureTest("evaluateAll() fails when a process cannot be run at all", async () => {
  const error = await assertRejects(() =>
    evaluateAll([job(["a", "b"])], {
      workers: 2,
      clock: { now: () => Temporal.Instant.from("2026-06-01T12:00:00Z"), monotonic: () => 0 },
      progress: () => {},
      evaluateBatch: () => Promise.reject(new Error("no nix")),
    }), Error);
  assertEquals(error.message, "no nix");
});
