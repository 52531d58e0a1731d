import { assert, assertEquals } from "@std/assert";
import { lookAtMemory, parseMemory } from "../../../src/adapters/nix/memory.ts";
import { expectRun } from "../../support/command.ts";
import { pureTest } from "../../support/pure.ts";
import { TemporaryDirectory, tracedShell } from "../../support/traced.ts";

const MEMINFO = "MemTotal:       24684096 kB\nMemFree:         8317236 kB\nMemAvailable:   11941068 kB\n";

pureTest("parseMemory() takes what the system has, or less when a control group has less", () => {
  const cases: [text: string, available: number | undefined][] = [
    [MEMINFO, 11941068],
    [`${MEMINFO}cgroup max 1024 0\n`, 11941068],
    [`${MEMINFO}cgroup 9223372036854771712 1024 0\n`, 11941068],
    [`${MEMINFO}cgroup 2097152 1048576 524288\ncgroup 4194304 1048576 0\n`, 1536],
    [`${MEMINFO}cgroup 1024 4096 0\n`, 0],
    ["", undefined],
  ];
  for (const [text, available] of cases) assertEquals(parseMemory(text).available, available, text);
});

pureTest("parseMemory() tells of a process by its arguments, and of several the largest", () => {
  const { of } = parseMemory(
    `${MEMINFO}  1200 sh -c x mark-1\n204800 nix eval x mark-1\n 99 nix eval mark-2\n`,
  );
  assertEquals([of("mark-1"), of("mark-2"), of("mark-3")], [204800, 99, undefined]);
});

Deno.test("lookAtMemory() sees what this machine has, and processes by their arguments", async () => {
  await using dir = await TemporaryDirectory.create();
  const { shell } = tracedShell(dir.path);
  const mark = crypto.randomUUID();
  await using _child = new Deno.Command("sh", { args: ["-c", "read -r line", mark], stdin: "piped" }).spawn();
  const { available, of } = await lookAtMemory(shell, { PATH: "/usr/bin:/bin" });
  if (Deno.build.os === "linux") {
    const total = Number(
      /^MemTotal: +(\d+) kB/.exec(await expectRun(["/bin/cat", "/proc/meminfo"], { env: {} }))![1],
    );
    assert(available! > 0 && available! <= total, `${available} of ${total}`);
  }
  assert(of(mark)! > 0, `${of(mark)}`);
});
