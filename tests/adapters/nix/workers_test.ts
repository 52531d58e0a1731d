import { lockedAt } from "../../support/fake_ports.ts";
import { assertEquals, assertRejects } from "@std/assert";
import type { NixError } from "../../../src/adapters/nix/nix_error.ts";
import {
  type Breakdown,
  evaluateAll,
  type EvaluatingProcess,
  type EvaluationJob,
  type Evaluations,
  MOST_EXPLAINED,
  type ProcessListener,
} from "../../../src/adapters/nix/workers.ts";
import type { HostDerivation, HostRef } from "../../../src/model.ts";
import type { Clock } from "../../../src/ports.ts";
import { pureTest } from "../../support/pure.ts";

/** How a flake and its hosts evaluate. */
interface Machine {
  /** Milliseconds of a host, by its name. */
  host: (name: string) => number;
  /** Milliseconds before the first host. */
  flake?: number;
  /** Throws, which nix catches: the others go on, and alone it says why. */
  throws?: readonly string[];
  /** Ends the whole process, which nix cannot catch. */
  breaks?: readonly string[];
  /** Has the system kill a process that is at it, as long as another one runs. */
  tooLarge?: readonly string[];
  /** Milliseconds that a process goes on for when it has been stopped. */
  dying?: number;
  /** Has the system kill each process that is at it. */
  killed?: readonly string[];
  /** How often a process ends before it comes to a host. */
  unreadable?: number;
  /** Nix goes through all hosts, and says nothing of these. */
  silent?: readonly string[];
  /** Of what a process says of several hosts, this is lost, as in `started h1`. */
  lost?: readonly string[];
  /** Milliseconds that a process goes on for when it is through. */
  ending?: number;
  /** MiB that the machine has, what a process takes, with each host more, and what it may take. */
  memory?: { has: number; process?: number; host?: number; each?: number };
}

interface Run {
  result: Omit<Evaluations, "derivations"> & { derivations: HostDerivation[] };
  /** The hosts of each process, in the order in which the processes began, and those that it told of. */
  processes: { hosts: string[]; told: string[]; from: number; to?: number }[];
  mostAtOnce: number;
  progress: string[];
  /** Milliseconds. */
  time: number;
}

const FLAKE = lockedAt("git+file:///fleet?rev=a", "a");

function job(names: readonly string[], more: Partial<EvaluationJob> = {}): EvaluationJob {
  return { flake: FLAKE, hosts: names.map((name) => ({ name, kind: "nixos" as const })), ...more };
}

function derivation({ name, kind }: HostRef): HostDerivation {
  return { name, kind, drvPath: `${name}.drv`, outPath: `${name}-out`, outputName: "out" };
}

const numbered = (count: number, prefix = "h") => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** An error without a trace. */
const said = (line: string): NixError => ({ lines: [line], trace: [] });

/** Lets everything that can go on without time going on go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

/** Time that goes on from one event to the next. */
class Time implements Disposable {
  now = 0;
  readonly #events = new Map<number, { at: number; action: () => void }>();
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  #next = 1;

  constructor() {
    Object.assign(globalThis, {
      setTimeout: (action: () => void, after: number) => this.after(after, action),
      clearTimeout: (id: number | undefined) => this.#events.delete(id!),
    });
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
  }

  after(milliseconds: number, action: () => void): number {
    const id = this.#next++;
    this.#events.set(id, { at: this.now + milliseconds, action });
    return id;
  }

  cancel(id: number): void {
    this.#events.delete(id);
  }

  /** Goes on until something is over. */
  async until(isOver: () => boolean): Promise<void> {
    await settle();
    while (!isOver()) {
      const [first] = [...this.#events].sort(([, a], [, b]) => a.at - b.at);
      if (first === undefined) throw new Error("nothing is going on, and the evaluation has not ended");
      const [id, { at, action }] = first;
      this.#events.delete(id);
      this.now = at;
      action();
      await settle();
    }
  }
}

/** Evaluates jobs on a machine. */
async function evaluate(jobs: EvaluationJob[], workers: number, machine: Machine): Promise<Run> {
  using time = new Time();
  const run: Run = {
    result: { derivations: [], failures: [] },
    processes: [],
    mostAtOnce: 0,
    progress: [],
    time: 0,
  };
  const clock: Clock = {
    now: () => Temporal.Instant.from("2026-06-01T12:00:00Z"),
    monotonic: () => time.now,
  };
  let atOnce = 0;
  let unreadable = machine.unreadable ?? 0;
  const isOneOf = (names: readonly string[] | undefined, { name }: HostRef) => names?.includes(name) ?? false;

  function start({ hosts }: EvaluationJob, listener: ProcessListener): EvaluatingProcess {
    const process: Run["processes"][number] = {
      hosts: hosts.map(({ name }) => name),
      told: [],
      from: time.now,
    };
    run.processes.push(process);
    run.mostAtOnce = Math.max(run.mostAtOnce, ++atOnce);
    const mark = `mark ${run.processes.length}`;
    const { promise: ended, resolve } = Promise.withResolvers<Breakdown | null>();
    let event = 0;
    let isStopped = false;
    const end = (error: NixError | null, isKilled = false) => {
      if (process.to !== undefined) return;
      atOnce--;
      process.to = time.now;
      resolve(error && { error, isKilled });
    };
    const begin = (index: number) => {
      const host = hosts[index];
      if (process.to !== undefined) return;
      if (host === undefined) {
        if (machine.ending === undefined) end(null);
        else time.after(machine.ending, () => end(null));
        return;
      }
      const isSilent = isOneOf(machine.silent, host);
      const isLost = (said: string) => hosts.length > 1 && machine.lost?.includes(`${said} ${host.name}`);
      const isHeard = (said: string) => !isSilent && !isLost(said);
      if (isHeard("started")) listener.onStarted(index);
      if (isStopped) return;
      event = time.after(machine.host(host.name), () => {
        const isTooLarge = isOneOf(machine.tooLarge, host) && atOnce > 1;
        if (isTooLarge || isOneOf(machine.killed, host)) return end(said("killed"), true);
        if (isOneOf(machine.breaks, host)) return end(said(`${host.name} breaks`));
        const throws = isOneOf(machine.throws, host);
        if (throws && hosts.length === 1) return end(said(`${host.name} throws`));
        if (isHeard("evaluated")) {
          process.told.push(host.name);
          listener.onEvaluated(index, throws ? null : derivation(host));
        }
        begin(index + 1);
      });
    };
    event = time.after(machine.flake ?? 0, () => {
      if (unreadable-- > 0) return end(said("no flake"));
      begin(0);
    });
    const stop = () => {
      isStopped = true;
      time.cancel(event);
      if (machine.dying === undefined) end(null);
      else time.after(machine.dying, () => end(null));
    };
    return { mark, ended, stop };
  }

  const { has = Infinity, process: first = 0, host: more = 0 } = machine.memory ?? {};
  const sizeOf = ({ told, to }: Run["processes"][number]) =>
    to === undefined ? first + told.length * more << 10 : 0;
  const look = () =>
    Promise.resolve({
      available: has === Infinity
        ? undefined
        : Math.max(0, (has << 10) - run.processes.map(sizeOf).reduce((sum, size) => sum + size, 0)),
      of: (mark: string) => sizeOf(run.processes[Number(mark.slice(5)) - 1]!),
    });
  let ended = false;
  const whole = evaluateAll(jobs, {
    ...{ workers, clock, start, maxMemory: machine.memory?.each, look },
    progress: (host, state) => run.progress.push(`${host} ${state}`),
  }).finally(() => ended = true);
  await time.until(() => ended);
  const { derivations, failures } = await whole;
  const order = jobs.flatMap(({ hosts }) => hosts);
  run.result = { derivations: order.flatMap((host) => derivations.get(host) ?? []), failures: [...failures] };
  run.time = time.now;
  return run;
}

const hostsOf = ({ processes }: Run) => processes.map(({ hosts }) => hosts);
const light = { host: () => 1 };
const heavy = { host: () => 1000, flake: 100 };

pureTest("evaluateAll() starts no process when there is no host", async () => {
  const nothing = {
    result: { derivations: [], failures: [] },
    processes: [],
    mostAtOnce: 0,
    progress: [],
    time: 0,
  };
  assertEquals(await evaluate([], 4, light), nothing);
  assertEquals(await evaluate([job([]), job([])], 4, light), nothing);
});

pureTest("evaluateAll() evaluates a light fleet in one process, however many there may be", async () => {
  for (const count of [1, 2, 50, 190]) {
    const run = await evaluate([job(numbered(count))], 16, light);
    assertEquals(hostsOf(run), [numbered(count)]);
    assertEquals(run.result, { derivations: job(numbered(count)).hosts.map(derivation), failures: [] });
  }
});

pureTest(
  "evaluateAll() hands the later half of what is left to another process when the first takes its time",
  async () => {
    const run = await evaluate([job(numbered(12))], 2, heavy);
    const names = numbered(12);
    // After 100 ms the first one is at h0. When it is through with h5, the other one is at h11.
    assertEquals(hostsOf(run), [names, names.slice(6)]);
    assertEquals(run.processes.map(({ told }) => told), [names.slice(0, 6), names.slice(6)]);
    assertEquals(run.time, 6200);
    assertEquals(run.mostAtOnce, 2);
  },
);

pureTest("evaluateAll() keeps every worker busy to the end, whichever hosts are heavy", async () => {
  const fleets = [
    [8000, 10, 10, 10, 10, 10, 10, 4000],
    [10, 10, 10, 10, 3000, 3000, 3000, 3000],
    // How fast it has been with the light ones says nothing of those at the end.
    [...Array<number>(190).fill(1), 3000, 3000],
  ];
  for (const weights of fleets) {
    const host = (name: string) => weights[Number(name.slice(1))]!;
    const run = await evaluate([job(numbered(weights.length))], 2, { host, flake: 50 });
    const whole = weights.reduce((sum, weight) => sum + weight, 0);
    const most = Math.max(whole / 2, ...weights) + 700;
    assertEquals(run.time <= most, true, `${run.time} of ${whole}`);
    assertEquals(run.result.derivations.length, weights.length);
  }
});

pureTest("evaluateAll() uses all its workers, and never more", async () => {
  for (const workers of [1, 2, 3, 8]) {
    const machine = { ...heavy, throws: ["h1", "h5"], breaks: ["h7", "h20"] };
    const run = await evaluate([job(numbered(30)), job(numbered(10, "p"))], workers, machine);
    assertEquals(run.mostAtOnce, workers);
    assertEquals(run.result.derivations.length, 36);
    assertEquals(run.result.failures.map(({ host }) => host.name), ["h1", "h5", "h7", "h20"]);
  }
});

pureTest(
  "evaluateAll() stops a process that comes to hosts of another one, and takes their derivations once",
  async () => {
    const run = await evaluate([job(numbered(5))], 3, heavy);
    assertEquals(
      run.progress.filter((line) => line.endsWith("done")).sort(),
      numbered(5).map((name) => `${name} done`),
    );
    assertEquals(run.processes.flatMap(({ told }) => told).sort(), numbered(5));
  },
);

pureTest("evaluateAll() mixes the hosts of two flakes in no process", async () => {
  const pinned = { flake: { ...FLAKE, url: "git+file:///fleet?rev=b" } };
  const run = await evaluate([job(numbered(3)), job(numbered(3, "p"), pinned)], 4, heavy);
  for (const hosts of hostsOf(run)) assertEquals(new Set(hosts.map((name) => name[0])).size, 1);
  assertEquals(hostsOf(run).slice(0, 2), [numbered(3), numbered(3, "p")]);
  assertEquals(run.result.derivations.length, 6);
});

pureTest("evaluateAll() gives the derivations in the order of the jobs, whatever ended first", async () => {
  const host = (name: string) => name === "a" ? 100 : name === "b" ? 50 : 1;
  const { result, progress } = await evaluate([job(["a"]), job(["c", "b", "d"])], 3, { host });
  assertEquals(result, { derivations: job(["a", "c", "b", "d"]).hosts.map(derivation), failures: [] });
  assertEquals(progress.filter((line) => line.endsWith("done")), ["c done", "b done", "d done", "a done"]);
});

pureTest("evaluateAll() evaluates a host that throws again, alone, to be told why", async () => {
  const run = await evaluate([job(["a", "b", "c", "d", "e"])], 1, { ...light, throws: ["b", "e"] });
  assertEquals(hostsOf(run), [["a", "b", "c", "d", "e"], ["b"], ["e"]]);
  assertEquals(run.result.derivations, job(["a", "c", "d"]).hosts.map(derivation));
  assertEquals(run.result.failures, [
    { host: { name: "b", kind: "nixos" }, error: said("b throws") },
    { host: { name: "e", kind: "nixos" }, error: said("e throws") },
  ]);
});

pureTest("evaluateAll() asks why for so many hosts that throw, and names all of them", async () => {
  const names = numbered(MOST_EXPLAINED + 3);
  const run = await evaluate([job([...names, "good"])], 1, { ...light, throws: names });
  assertEquals(run.processes.length, 1 + MOST_EXPLAINED);
  assertEquals(run.result.derivations, job(["good"]).hosts.map(derivation));
  const [explained, others] = [run.result.failures.slice(0, MOST_EXPLAINED), run.result.failures.slice(-3)];
  assertEquals(run.result.failures.map(({ host: { name } }) => name), names);
  assertEquals(explained.map(({ error }) => error), names.slice(0, -3).map((name) => said(`${name} throws`)));
  const line = "it throws, too; nix was asked why for 50 hosts, and not for this one";
  assertEquals(others.map(({ error }) => error), [said(line), said(line), said(line)]);
  assertEquals(run.progress.filter((line) => line.endsWith("done")), ["good done"]);
});

pureTest(
  "evaluateAll() charges the host that was being evaluated when a process ends, and goes on with the others",
  async () => {
    const names = numbered(50);
    const run = await evaluate([job(names)], 1, { ...light, breaks: ["h20", "h21", "h49"] });
    assertEquals(hostsOf(run), [
      names,
      ["h20"],
      names.slice(21),
      ["h21"],
      names.slice(22),
      ["h49"],
    ]);
    assertEquals(run.result.derivations.length, 47);
    assertEquals(
      run.result.failures,
      ["h20", "h21", "h49"].map((name) => (
        { host: { name, kind: "nixos" as const }, error: said(`${name} breaks`) }
      )),
    );
  },
);

pureTest("evaluateAll() takes a host that fails among others, and not alone, for evaluated", async () => {
  const breaks = ["b"];
  const machine = { ...light, breaks, host: (name: string) => (name === "c" && breaks.pop(), 1) };
  // Alone it comes after the others.
  const run = await evaluate([job(["a", "b"]), job(["c"])], 1, machine);
  assertEquals(run.result.failures, []);
  assertEquals(run.result.derivations.map(({ name }) => name), ["a", "b", "c"]);
});

pureTest(
  "evaluateAll() lets nothing run beside a host at which the system has killed a process",
  async () => {
    const eight = numbered(8);
    // Of two, the second process is killed while the first one, which has been stopped, has not ended.
    const cases = [[numbered(2), ["h1"]], [eight, ["h1"]], [eight, ["h0", "h6", "h7"]], [
      eight,
      eight,
    ]] as const;
    for (const [names, tooLarge] of cases) {
      const run = await evaluate([job(names)], 3, { ...heavy, tooLarge, dying: 1500 });
      assertEquals(run.result, { derivations: job(names).hosts.map(derivation), failures: [] });
      const killed = await evaluate([job(names)], 3, { ...heavy, killed: tooLarge });
      assertEquals(killed.result.failures.map(({ host }) => host.name), tooLarge);
    }
  },
);

pureTest("evaluateAll() names every host when each breaks its process", async () => {
  const names = numbered(9);
  const { result } = await evaluate([job(names)], 3, { ...heavy, breaks: names });
  assertEquals(result, {
    derivations: [],
    failures: job(names).hosts.map((host) => ({ host, error: said(`${host.name} breaks`) })),
  });
});

pureTest(
  "evaluateAll() reads a flake again of which no host has begun, and charges all hosts the second time",
  async () => {
    const names = numbered(4);
    const once = await evaluate([job(names)], 1, { ...light, unreadable: 1 });
    assertEquals(hostsOf(once), [names, names]);
    assertEquals(once.result.derivations.length, 4);
    const twice = await evaluate([job(names)], 1, { ...light, unreadable: 9 });
    assertEquals(hostsOf(twice), [names, names]);
    assertEquals(
      twice.result.failures,
      job(names).hosts.map((host) => ({ host, error: said("no flake") })),
    );
  },
);

pureTest("evaluateAll() loses no host of which nix says nothing", async () => {
  const run = await evaluate([job(["a", "b", "c"])], 1, { ...light, silent: ["b"] });
  assertEquals(hostsOf(run), [["a", "b", "c"], ["b"]]);
  assertEquals(run.result.derivations.map(({ name }) => name), ["a", "c"]);
  assertEquals(run.result.failures, [{
    host: { name: "b", kind: "nixos" },
    error: said("nix did not say what it had evaluated"),
  }]);
});

pureTest(
  "evaluateAll() evaluates each host alone when nix goes through all, and says nothing of them",
  async () => {
    const run = await evaluate([job(["a", "b", "c"])], 1, { ...light, silent: ["a", "b", "c"] });
    assertEquals(hostsOf(run), [["a", "b", "c"], ["a"], ["b"], ["c"]]);
  },
);

pureTest("evaluateAll() loses no host of a process that others have taken hosts over from", async () => {
  const names = numbered(6);
  const run = await evaluate([job(names)], 2, { ...heavy, silent: ["h1"] });
  assertEquals(hostsOf(run), [names, names.slice(3), ["h1"]]);
  assertEquals([...run.result.derivations, ...run.result.failures.map(({ host }) => host)].length, 6);
});

pureTest("evaluateAll() knows what a process is through with by what it tells later", async () => {
  const lost = ["evaluated b", "started c"];
  const run = await evaluate([job(["a", "b", "c"]), job(["x"])], 2, { ...heavy, lost, ending: 3000 });
  assertEquals(run.result.derivations.map(({ name }) => name), ["a", "b", "c", "x"]);
  // What it has told is not begun anew while it ends.
  assertEquals(hostsOf(run), [["a", "b", "c"], ["x"], ["b"]]);
});

pureTest("evaluateAll() gives failures in the order of the jobs, whatever failed first", async () => {
  const host = (name: string) => name === "a" ? 50 : 1;
  const machine = { host, throws: ["a", "c", "x"], breaks: ["d"] };
  const { result } = await evaluate([job(["a", "b", "c"]), job(["x", "d"])], 4, machine);
  assertEquals(result.failures.map(({ host }) => host.name), ["a", "c", "x", "d"]);
  assertEquals(result.derivations.map(({ name }) => name), ["b"]);
});

pureTest("evaluateAll() tells when a host begins, breaks off, begins again, and has ended well", async () => {
  assertEquals((await evaluate([job(["a", "b", "c"])], 1, { ...light, throws: ["b"] })).progress, [
    "a started",
    "a done",
    "b started",
    "b stopped",
    "c started",
    "c done",
    "b started",
  ]);
  assertEquals((await evaluate([job(["a", "b"])], 1, { ...light, breaks: ["a"] })).progress, [
    "a started",
    "a stopped",
    "a started",
    "b started",
    "b done",
  ]);
});

pureTest("evaluateAll() gives a process no more names than an argument of Linux holds", async () => {
  // Twice quoted, 19 names of 1,000 characters make 38,836 bytes and 20 make 40,880; the limit is 40,000.
  const long = numbered(50).map((name) => name.padEnd(1000, "x"));
  const run = await evaluate([job(long)], 1, light);
  assertEquals(hostsOf(run).map(({ length }) => length), [19, 19, 12]);
  assertEquals(hostsOf(run).flat(), long);
  // A name that is longer than that has a process of its own.
  const names = ["a", "x".repeat(50_000), "b", "c"];
  assertEquals(hostsOf(await evaluate([job(names)], 1, light)), [["a"], [names[1]!], ["b", "c"]]);
});

pureTest("evaluateAll() starts no more processes than there is memory for", async () => {
  const most = async (has: number) => {
    const run = await evaluate([job(numbered(12))], 4, { ...heavy, memory: { has, process: 300 } });
    assertEquals(run.result.derivations.length, 12);
    return run.mostAtOnce;
  };
  // 512 MiB stay free.
  assertEquals([await most(600), await most(1200), await most(1500), await most(9000)], [1, 2, 3, 4]);
});

pureTest(
  "evaluateAll() has a fresh process go on for one that has had its share of memory, between two hosts",
  async () => {
    const names = numbered(20);
    const run = await evaluate([job(names)], 1, {
      host: () => 500,
      memory: { has: 9000, host: 400, each: 1000 },
    });
    assertEquals(run.result, { derivations: job(names).hosts.map(derivation), failures: [] });
    assertEquals(run.processes.flatMap(({ told }) => told), names);
    assertEquals([run.processes.length > 3, run.processes.every(({ told }) => told.length <= 6)], [
      true,
      true,
    ]);
    // One that is larger than that with its first host has no better way.
    const large = await evaluate([job(["a", "b"])], 1, {
      host: () => 5000,
      memory: { has: 9000, process: 2000, host: 1, each: 1000 },
    });
    assertEquals(hostsOf(large), [["a", "b"], ["b"]]);
    // Who wants no limit may name more than any machine has, in any unit.
    const unlimited = await evaluate([job(["a", "b"])], 1, {
      host: () => 5000,
      memory: { has: 9000, process: 2000, host: 1, each: 2 ** 22 },
    });
    assertEquals(hostsOf(unlimited), [["a", "b"]]);
  },
);

pureTest("evaluateAll() fails when a process cannot be run at all, and stops the others", async () => {
  const stopped: string[] = [];
  const error = await assertRejects(() =>
    evaluateAll([job(["a", "b"]), job(["c"])], {
      workers: 2,
      clock: { now: () => Temporal.Instant.from("2026-06-01T12:00:00Z"), monotonic: () => 0 },
      progress: () => {},
      ...{ maxMemory: undefined, look: () => Promise.resolve({ available: undefined, of: () => undefined }) },
      start: ({ hosts: [first] }) => ({
        mark: "",
        ended: first!.name === "c" ? Promise.reject(new Error("no nix")) : new Promise(() => {}),
        stop: () => void stopped.push(first!.name),
      }),
    }), Error);
  assertEquals(error.message, "no nix");
  assertEquals(stopped, ["a", "c"]);
});
