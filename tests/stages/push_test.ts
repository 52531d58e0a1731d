import { assert, assertEquals } from "@std/assert";
import { parseStorePath } from "../../src/contract/store_path.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import { ReleaseError } from "../../src/errors.ts";
import type { BuiltHost } from "../../src/model.ts";
import type { Ports } from "../../src/ports.ts";
import type { Earlier } from "../../src/stages/order.ts";
import { pushClosures, pushEarly } from "../../src/stages/push.ts";
import { Stream } from "../../src/stages/stream.ts";
import { FakeWorld, hashOf, pathOf } from "../support/fake_ports.ts";
import { deepFreeze, pureTest, rejection } from "../support/pure.ts";

const NAMES = ["a", "b", "c", "d", "e", "f"];
const NOTHING: Earlier = { onDisk: null, committed: null, untrusted: false };

/** Hosts that are built, in the order of their names. */
function built(names: readonly string[]): readonly BuiltHost[] {
  const flake = new FakeWorld().flake;
  return deepFreeze(names.map((name) => ({
    ...{ name, kind: "nixos" as const, channel: null, pinnedTo: null, flake },
    ...{ drvPath: `${name}.drv`, outPath: pathOf(name), outputName: "out" },
    storePath: parseStorePath(pathOf(name), "/nix/store")!,
    closureHash: hashOf(name),
  })));
}

const failed = (host: string, code = 1) =>
  new ReleaseError("push-hook", `Push hook failed for host "${host}": it exited with ${code}`, {
    lines: [`| ${host} is out`],
  });

/** A push hook, told which host and the how many-th try of it that is. */
type Hook = (host: string, tried: number) => Promise<{ error: ReleaseError; mayPass: boolean } | null>;

/** Pushes hosts, and tells what was tried, in the order in which that began. */
function push(hook: Hook, settings: Partial<ReleaseConfig> = {}) {
  const world = new FakeWorld();
  const tried: string[] = [];
  const most = { atOnce: 0 };
  let atOnce = 0;
  const hooks: Ports["hooks"] = {
    async push(_command, { host }) {
      tried.push(host);
      most.atOnce = Math.max(most.atOnce, ++atOnce);
      const result = await hook(host, tried.filter((one) => one === host).length);
      atOnce--;
      return result;
    },
    pushAll: () => Promise.reject(new Error("not asked for")),
  };
  const run = world.run({ pushCmd: "upload", ...settings });
  const pushing = pushClosures({ ...run, ports: { ...run.ports, hooks } }, built(NAMES), NOTHING);
  return { world, tried, most, pushing };
}

pureTest(
  "pushClosures() pushes several at once, begun in the order of the hosts, and no more than it is to",
  async () => {
    for (const pushJobs of [1, 4, 9, 2 ** 32]) {
      const { tried, most, pushing } = push(() => Promise.resolve().then(() => null), { pushJobs });
      await pushing;
      assertEquals([tried, most.atOnce], [NAMES, Math.min(pushJobs, NAMES.length)]);
    }
  },
);

pureTest("pushClosures() tries again what fails, later each time, and tells of each try", async () => {
  const hook: Hook = (host, tried) =>
    Promise.resolve(host === "b" && tried < 4 ? { error: failed("b"), mayPass: true } : null);
  const { world, tried, pushing } = push(hook, { pushJobs: 1 });
  await pushing;
  assertEquals(tried, ["a", "b", "b", "b", "b", "c", "d", "e", "f"]);
  const bounds = [[500, 1500], [1000, 3000], [2000, 6000]];
  for (const [index, [least, most]] of bounds.entries()) {
    const wait = world.pauses[index]!;
    assert(least! <= wait && wait <= most!, `${world.pauses}`);
  }
  assertEquals(
    world.warnings.map(({ code, message, hosts }) => [code, message.replace(/[\d.]+ s/, "N s"), hosts]),
    [1, 2, 3].map((number) => [
      "push-retry",
      `Push hook failed for host "b": it exited with 1; trying again in N s (${number} of 3)`,
      ["b"],
    ]),
  );
});

pureTest(
  "pushClosures() fails with the host and how many were pushed, when it was tried often enough",
  async () => {
    const hook: Hook = (host) =>
      Promise.resolve(host === "c" ? { error: failed("c", 7), mayPass: true } : null);
    const { tried, pushing } = push(hook, { pushJobs: 1, pushRetries: 2 });
    assertEquals(await rejection(pushing), {
      kind: "push-hook",
      message: 'Push hook failed for host "c": it exited with 7',
      lines: ["| c is out", "it was tried 3 times", "2 of 6 closures pushed"],
    });
    assertEquals(tried, ["a", "b", "c", "c", "c"]);
  },
);

pureTest("pushClosures() does not try again what cannot be run", async () => {
  const { world, tried, pushing } = push(
    (host) => Promise.resolve({ error: failed(host, 127), mayPass: false }),
    { pushJobs: 1 },
  );
  assertEquals((await rejection(pushing)).lines, ["| a is out", "0 of 6 closures pushed"]);
  assertEquals([tried, world.pauses], [["a"], []]);
});

pureTest(
  "pushClosures() waits for those that have begun when one fails, and names all that have failed",
  async () => {
    const { promise, resolve } = Promise.withResolvers<null>();
    const hook: Hook = async (host) => {
      if (host === "a") return promise;
      if (host === "b") await null;
      return { error: failed(host), mayPass: false };
    };
    const { tried, pushing } = push(hook, { pushJobs: 3 });
    const refused = rejection(pushing);
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    resolve(null);
    assertEquals(await refused, {
      kind: "push-hook",
      message: 'Push hook failed for 2 hosts: "b", "c"',
      lines: [
        ...["b", "c"].flatMap((host) => [
          `Push hook failed for host "${host}": it exited with 1`,
          `  | ${host} is out`,
        ]),
        "1 of 6 closures pushed",
      ],
    });
    assertEquals(tried, ["a", "b", "c"]);
  },
);

pureTest("pushClosures() leaves out what the last release has for the same host, and says so", async () => {
  const before = new FakeWorld();
  await before.release();
  const bytes = before.files.get("fleet.resolved.json")!;
  const onDisk = { place: "on disk", bytes, signedAt: "2026-06-01T12:00:00Z", sidecars: new Map() };
  const hosts = built(["new", "web1", "web2", "db"]).map((host) =>
    host.name === "web2" ? { ...host, closureHash: hashOf("other") } : host
  );
  const pushed = async (pushChanged: boolean, earlier: Earlier) => {
    const world = new FakeWorld();
    const run = world.run({ pushCmd: "upload", pushChanged });
    const tried: string[] = [];
    const push: Ports["hooks"]["push"] = (_, { host }) => Promise.resolve((tried.push(host), null));
    await pushClosures(
      { ...run, ports: { ...run.ports, hooks: { ...run.ports.hooks, push } } },
      hosts,
      earlier,
    );
    return [tried, world.logged.at(-1)];
  };
  assertEquals(await pushed(true, { ...NOTHING, onDisk }), [
    ["new", "web2"],
    "end push: Pushed 2 closures: 2 more are those of the last release",
  ]);
  const all = [["new", "web1", "web2", "db"], "end push: Pushed 4 closures"];
  assertEquals(await pushed(false, { ...NOTHING, onDisk }), all);
  assertEquals(await pushed(true, NOTHING), all);
});

pureTest("pushClosures() pushes all at once by one command, each path once", async () => {
  const world = new FakeWorld();
  const run = world.run({ pushAllCmd: "upload", pushRetries: 1 });
  let tries = 0;
  world.pushHook = () => tries++ === 0 ? { error: failed("x"), mayPass: true } : null;
  await pushClosures(run, built(["a", "b"]), NOTHING);
  const effect = `upload ${pathOf("a")} ${pathOf("b")}`;
  assertEquals(world.effects, [effect, effect]);
  await pushClosures(run, [], NOTHING);
  assertEquals(world.effects.length, 2);
});

pureTest("pushEarly() pushes each closure as it comes, and ends with the last one", async () => {
  const world = new FakeWorld();
  const stream = new Stream<BuiltHost>();
  const pushing = pushEarly(world.run({ pushCmd: "upload", pushEarly: true, pushJobs: 2 }), stream, {
    most: NAMES.length,
    earlier: NOTHING,
  });
  const [a, b, c] = built(NAMES);
  const turns = async () => {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  };
  await turns();
  assertEquals([world.effects, world.logged], [[], []]);
  stream.push(b!);
  await turns();
  assertEquals(world.effects, ["upload b"]);
  stream.push(a!);
  stream.push(c!);
  stream.end();
  await pushing;
  assertEquals(world.effects, ["upload b", "upload a", "upload c"]);
  assertEquals(world.logged.filter((line) => /^(start|end)/.test(line)), [
    "start push",
    "end push: Pushed 3 closures",
  ]);
});

pureTest("pushEarly() begins nothing when nothing is built, or without a command", async () => {
  for (const [settings, hosts] of [[{ pushCmd: "upload" }, []], [{}, built(NAMES)]] as const) {
    const world = new FakeWorld();
    await pushEarly(world.run(settings), Stream.of(hosts), { most: NAMES.length, earlier: NOTHING });
    assertEquals([world.effects, world.logged], [[], []]);
  }
});

pureTest("pushEarly() begins no more when one fails, and says how many were pushed of all", async () => {
  const world = new FakeWorld();
  world.pushHook = ([path]) => path === pathOf("b") ? { error: failed("b"), mayPass: false } : null;
  const run = world.run({ pushCmd: "upload", pushJobs: 1 });
  const pushing = pushEarly(run, Stream.of(built(NAMES)), { most: 9, earlier: NOTHING });
  assertEquals((await rejection(pushing)).lines, ["| b is out", "1 of 9 closures pushed"]);
  assertEquals(world.effects, ["upload a", "upload b"]);
});
