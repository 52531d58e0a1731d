import { assertEquals } from "@std/assert";
import { HostBuilds } from "../../../src/adapters/nix/host_builds.ts";
import type { Builds, HostProgress } from "../../../src/ports.ts";
import { derivationOf, drvOf, pathOf } from "../../support/fake_ports.ts";
import { pureTest } from "../../support/pure.ts";

/** Hosts in builds, with what was told of them, and a clock that the test moves. */
function recorder() {
  const told: string[] = [];
  const counts: Builds[] = [];
  const time = { milliseconds: 0 };
  const onHost: HostProgress = (host, state, since) =>
    told.push(`${host} ${state}${since === undefined ? "" : ` since ${since}`}`);
  const clock = { now: () => Temporal.Now.instant(), monotonic: () => time.milliseconds };
  const builds = new HostBuilds({ onHost, onBuilds: (builds) => counts.push(builds) }, clock);
  const begin = (...names: string[]) => {
    const process = builds.begin(names.map((name) => derivationOf({ name, kind: "nixos" })));
    const say = (...events: object[]) => {
      for (const event of events) process.add(`@nix ${JSON.stringify(event)}`);
      return told.splice(0);
    };
    return { say, end: process.end };
  };
  return { told, counts, time, builds, begin };
}

const begins = (id: number, type: number, ...fields: string[]) => ({
  action: "start",
  id,
  level: 0,
  type,
  fields,
});
const counts = (id: number, ...fields: number[]) => ({ action: "result", id, type: 105, fields });

pureTest("HostBuilds counts a host as begun with its process, once there is something to do for it", () => {
  const { time, begin, told } = recorder();
  time.milliseconds = 1000;
  const { say, end } = begin("web1", "web2", "db");
  time.milliseconds = 5000;
  assertEquals(say(begins(1, 104), begins(2, 105, "/nix/store/dep.drv")), []);
  assertEquals(say(begins(3, 105, drvOf("web1"))), ["web1 started since 1000"]);
  assertEquals(say(begins(4, 103), begins(5, 108, pathOf("db")), counts(4, 1, 1, 0, 0)), [
    "db started since 1000",
  ]);
  assertEquals(say({ action: "stop", id: 5 }, { action: "stop", id: 2 }), ["db done"]);
  end(true);
  // The second was there already.
  assertEquals(told, ["web1 done", "web2 done"]);
});

pureTest("HostBuilds tells of all hosts of a derivation, each once, as soon as it is built", () => {
  const { builds, told } = recorder();
  const [web1] = ["web1"].map((name) => derivationOf({ name, kind: "nixos" }));
  const process = builds.begin([web1!, { ...web1!, name: "web2" }]);
  for (const event of [begins(1, 104), begins(2, 105, drvOf("web1")), counts(1, 1, 1, 0, 0)]) {
    process.add(`@nix ${JSON.stringify(event)}`);
  }
  process.end(true);
  assertEquals(told, ["web1 started since 0", "web2 started since 0", "web1 done", "web2 done"]);
});

pureTest("HostBuilds calls no host done whose process has failed before it was built", () => {
  const { begin, told } = recorder();
  const [failing, good] = [begin("web1", "web2", "db"), begin("web3")];
  failing.say(begins(1, 104), begins(2, 105, drvOf("web1")), begins(3, 105, drvOf("web2")));
  assertEquals(failing.say(counts(1, 1, 2, 1, 0), counts(1, 1, 1, 0, 1)), []);
  failing.end(false);
  assertEquals(told.splice(0), ["web1 stopped", "web2 stopped"]);
  good.end(true);
  assertEquals(told, ["web3 done"]);
});

pureTest("HostBuilds tells how far all processes have come together", () => {
  const { begin, counts: seen } = recorder();
  const [one, other] = [begin("web1"), begin("web2")];
  one.say(begins(1, 104), begins(2, 105, drvOf("web1")), counts(1, 0, 3, 1, 0));
  other.say(begins(1, 104), counts(1, 1, 2, 0, 1));
  assertEquals(seen.at(-1), {
    derivations: { done: 1, failed: 1, expected: 6 },
    unnamed: 0,
    fetched: { done: 0, failed: 0, expected: 0 },
    running: ["nixos-system-web1"],
  });
});
