// What a CI system shows of a run: its summary, its outputs, annotations and folded lines; and nothing of it elsewhere.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Session } from "../../src/cli/command.ts";
import { inCi } from "../../src/commands/in_ci.ts";
import { RESIGN } from "../../src/commands/resign.ts";
import { main } from "../../src/main.ts";
import { type Finished, PROJECT, run } from "../support/command.ts";
import { type Draft, PUBLIC_KEY, TestFleet } from "../support/fleet.ts";
import { runInProcess } from "../support/in_process.ts";
import { memoryWorld } from "../support/memory_world.ts";
import { inTempDir } from "../support/program.ts";
import { flakeOf, hold, NOW, onlyHosts } from "../support/releases.ts";

/** A name by which a host would like to be a command, an output, or markdown. */
const HOSTILE = "::error::a`|</details>\n::set-output name=outcome::b";

function assertMatch(text: string, pattern: RegExp): void {
  assert(pattern.test(text), `${pattern} is not in ${text}`);
}

/** An hour after {@linkcode NOW}. */
const LATER = "2026-06-01T13:00:00Z";

/** What a runner gives a step, and what it finds there when the step has ended. */
async function step(fleet: TestFleet) {
  const env = {
    GITHUB_ACTIONS: "true",
    GITHUB_STEP_SUMMARY: join(fleet.root, "home/summary"),
    GITHUB_OUTPUT: join(fleet.root, "home/output"),
  };
  // Those of Gitea and Forgejo may have in them what steps before have written.
  await Deno.writeTextFile(env.GITHUB_STEP_SUMMARY, "before</p>");
  await Deno.writeTextFile(env.GITHUB_OUTPUT, "a=b\n");
  return {
    env,
    summary: () => Deno.readTextFile(env.GITHUB_STEP_SUMMARY),
    outputs: async () => readOutputs(await Deno.readTextFile(env.GITHUB_OUTPUT)),
  };
}

/** The outputs as a runner reads them. */
function readOutputs(text: string): Record<string, string> {
  const lines = text.trimEnd().split("\n");
  const read: Record<string, string> = {};
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    const [name, delimiter] = line.split("<<") as [string, string?];
    if (delimiter === undefined) {
      const [name, value] = line.split("=") as [string, string];
      read[name] = value;
    } else read[name] = lines.splice(0, lines.indexOf(delimiter) + 1).slice(0, -1).join("\n");
  }
  return read;
}

/** The workflow commands that a runner finds in what was printed, without their texts. */
function commandsIn({ stderr }: Finished): string[] {
  return stderr.split("\n").flatMap((line) => /^\s*::([^:]*)::/.exec(line)?.[1] ?? []);
}

Deno.test("a release in a CI job has a summary, outputs and annotations, with no permission but for these files", async () => {
  await using fleet = await TestFleet.create({
    edit: (draft) => draft["hosts"][HOSTILE] = { ...draft["hosts"].db },
  });
  assertEquals((await fleet.release(["--git-commit", "--now", NOW])).code, 0);
  await hold(fleet, { web1: "two" });
  const commit = await fleet.commit("web1 changes");
  const { env: variables, summary, outputs } = await step(fleet);
  const env = { ...fleet.env(), ...variables };
  const args = ["--sign-key", fleet.key, "--public-key", PUBLIC_KEY, "--git-commit", "--json"];
  const plan = await runInProcess(["--print-permissions", ...args], { cwd: fleet.dir, env });
  const flags = ["run", "--cached-only", "--frozen", ...plan.stdout.trimEnd().split("\n")];
  const finished = await run([Deno.execPath(), ...flags, join(PROJECT, "src/main.ts"), ...args], {
    cwd: fleet.dir,
    env,
  });
  assertEquals(finished.code, 0, finished.stderr);
  const result = JSON.parse(finished.stdout);
  const { sha256 } = result.artifacts.find(({ path }: Draft) => path === "fleet.resolved.json");
  assertEquals(await outputs(), {
    ...{ "a": "b", "outcome": "released", "commit": commit, "release-commit": await fleet.head() },
    ...{ "changed-hosts": '["web1"]', "fleet-sha256": sha256 },
  });
  const text = await summary();
  assertEquals(text.startsWith("before</p>\n\n## Released\n"), true, text);
  assertEquals(
    text.includes("\n1 of 4 hosts changed, 0 new, 0 removed, and 0 changes beside the hosts.\n"),
    true,
    text,
  );
  assertEquals(text.includes("\n| `stable` | 1 | 1 | 0 | 0 | `web1` |\n"), true, text);
  assertMatch(text, /^- host-without-closure: ``.*`\\x7c<\/details>.*``$/m);
  assertEquals(text.match(/<\/details>$/gm)?.length, text.match(/^<details>$/gm)?.length);
  assertEquals(
    commandsIn(finished),
    result.warnings.map(({ code }: Draft) => `warning title=fleet-release%3A ${code}`),
  );
  const [subject, , body] = (await fleet.git("log", "-1", "--format=%B")).split("\n");
  assertEquals([subject, body], [
    `chore(ci): release ${commit.slice(0, 8)} [skip ci]`,
    '1 of 4 hosts changes: "web1"',
  ]);
});

Deno.test("a release that fails in a CI job tells of which host and the end of its log, and elsewhere nothing of it", async () => {
  const script = "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; done; echo ::error::x; exit 6";
  await using fleet = await TestFleet.create({
    edit: onlyHosts("web1"),
    files: { "flake.nix": flakeOf(`{ web1 = host (build "kernel" ''${script}''); }`) },
  });
  const { env, summary, outputs } = await step(fleet);
  const finished = await fleet.release([], { env });
  assertEquals([finished.code, await outputs()], [1, { a: "b", outcome: "failed" }]);
  const text = await summary();
  const message = 'Cannot build host "web1": nix-store exited with 100';
  assertMatch(
    text,
    /^## Failed\n\n`Cannot build host "web1": nix-store exited with 100`\n\n- host: `web1`\n- exit code: 1, build\n/m,
  );
  assertMatch(
    text,
    /^```text\nderivation .*-kernel\.drv failed, which host "web1" needs\n[^]* {2}\| line 30\n {2}\| ::error::x\n.*\n```$/m,
  );
  assertMatch(text, /^\| evaluate \| .* \|$/m);
  assertEquals(commandsIn(finished), ["group", "endgroup", "error title=fleet-release"]);
  assertEquals(finished.stderr.includes(`::error title=fleet-release::${message}%0A`), true, finished.stderr);

  const elsewhere = await fleet.release([], { env: { ...env, GITHUB_ACTIONS: "false" } });
  assertEquals([elsewhere.code, commandsIn(elsewhere)], [1, []]);
  assertEquals([await summary(), await outputs()], [text, { a: "b", outcome: "failed" }]);
});

Deno.test("what a CI job cannot be told is a warning, and the release is made", async () => {
  await using fleet = await TestFleet.create({ edit: onlyHosts("web1"), nixos: ["web1"] });
  const { env, summary } = await step(fleet);
  await Deno.writeTextFile(env.GITHUB_STEP_SUMMARY, "x".repeat(2 ** 20));
  const nowhere = join(fleet.root, "nowhere/output");
  const released = await fleet.release(["--json", "--now", NOW], { env: { ...env, GITHUB_OUTPUT: nowhere } });
  assertEquals(released.code, 0, released.stderr);
  const { outcome, warnings } = JSON.parse(released.stdout);
  assertEquals([outcome, warnings.map(({ code }: Draft) => code)], ["released", ["step-file", "step-file"]]);
  assertEquals(
    released.stderr.includes(`warning: Cannot write to "${env.GITHUB_STEP_SUMMARY}": it is full\n`),
    true,
  );
  assertEquals((await summary()).length, 2 ** 20);

  await Deno.writeTextFile(env.GITHUB_STEP_SUMMARY, "");
  const args = [
    "resign",
    "--sign-key",
    fleet.key,
    "--public-key",
    PUBLIC_KEY,
    "--now",
    LATER,
    "--log-format",
    "json",
  ];
  const resigned = await fleet.run(args, { env });
  assertEquals([resigned.code, commandsIn(resigned)], [0, []], resigned.stderr);
  assertMatch(
    await summary(),
    /^## Signed anew\n[^]*- signed before at: `2026-06-01T12:00:00Z`\n[^]*\nNothing changes for 1 host\.\n/,
  );
});

Deno.test("a mistake of the program is told in a CI job as every error is", async () => {
  await inTempDir(async (dir) => {
    const [summary, output] = [join(dir, "summary"), join(dir, "output")];
    const env = { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: summary, GITHUB_OUTPUT: output };
    const work = () => Promise.reject(new TypeError("x is undefined"));
    const command = {
      ...RESIGN,
      ask: () => ({ settings: {}, permitted: () => [], run: (session: Session) => inCi(session, "f", work) }),
    };
    const { world, printed } = memoryWorld({ env });
    assertEquals(await main([], world, { commands: { resign: () => Promise.resolve(command) } }), 1);
    const told = printed().stderr;
    assert(told.startsWith("error: Unforeseen: x is undefined\n  | "), told);
    assertMatch(told, /^::error title=fleet-release::Unforeseen: x is undefined%0A\| /m);
    const text = await Deno.readTextFile(summary);
    assert(text.startsWith("## Failed\n\n`Unforeseen: x is undefined`\n\n- exit code: 1, io\n"), text);
    assertEquals(readOutputs(await Deno.readTextFile(output)), { outcome: "failed" });
  });
});
