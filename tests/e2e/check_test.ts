// `fleet-release check`, on real flakes: it evaluates no host, needs no key and changes nothing.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { PROJECT, run } from "../support/command.ts";
import { type Draft, FLAKE, sampleFleet, TestFleet } from "../support/fleet.ts";
import { runInProcess } from "../support/in_process.ts";

/** The usual flake, whose hosts cannot be evaluated. */
const THROWING = FLAKE.replace(
  "toplevel = name: derivation",
  'toplevel = name: throw "evaluated" derivation',
);

/** What is printed of a fleet of which there is nothing to say. */
const SILENT = "checked a fleet of 3 hosts in 2 channels: nothing to say\n";

Deno.test("check finds nothing in a fleet that is in order, evaluates no host, and changes nothing", async () => {
  await using fleet = await TestFleet.create({ files: { "flake.nix": THROWING } });
  const env = { ...fleet.env(), HOME: join(fleet.root, "home") };
  const plan = await runInProcess(["--print-permissions", "check"], { cwd: fleet.dir, env });
  const flags = ["run", "--cached-only", "--frozen", ...plan.stdout.trimEnd().split("\n")];
  const before = await fleet.git("status", "--porcelain=v2", "--branch", "--ignored");
  const { code, stdout, stderr } = await run([
    Deno.execPath(),
    ...flags,
    join(PROJECT, "src/main.ts"),
    "check",
  ], {
    cwd: fleet.dir,
    env,
  });
  assertEquals([code, stdout], [0, SILENT], stderr);
  assertEquals(await fleet.git("status", "--porcelain=v2", "--branch", "--ignored"), before);
  assertEquals([...Deno.readDirSync(join(fleet.root, "tmp"))], []);
});

/** A typo in a channel, a budget without a limit, and a host that is a fleet's alone. */
function flawed(fleet: Draft): void {
  fleet["hosts"].db.channel = "egde";
  fleet["hosts"]["::set-env name=A::b"] = { ...fleet["hosts"].db, channel: "edge" };
  fleet["disruptionBudgets"] = [{ selector: { all: true } }];
}

const FLAWS =
  `error: Host "db" is on channel "egde", which the fleet does not have: no rollout reaches it [unknown-channel]
  at: hosts.db.channel
  hint: did you mean "edge"?
error: The fleet has the host "::set-env name=A::b", which the flake does not have: no release has a closure for it [host-not-in-flake]
  at: hosts."::set-env name=A::b"
warning: Disruption budget 0 has no limit: it protects nothing [budget-without-limit]
  at: disruptionBudgets.0
  hint: give maxInFlight, how many hosts may be down at once, or maxInFlightPct, how many percent
checked a fleet of 4 hosts in 2 channels: 2 errors and 1 warning
`;

Deno.test("check tells all findings at once, in each format, and of CI what is asked for", async () => {
  await using fleet = await TestFleet.create({ edit: flawed });
  const text = await fleet.run(["check"]);
  assertEquals([text.code, text.stdout, text.stderr.includes("::")], [1, FLAWS, false]);

  const json = await fleet.run(["check", "--json"], { env: { GITHUB_ACTIONS: "true" } });
  const { flake, findings, ...report } = JSON.parse(json.stdout);
  assertEquals([json.code, report], [1, {
    ...{ schema: "fleet-release/check/1", ok: false, hosts: 4, channels: 2, errors: 2, warnings: 1 },
  }]);
  assertEquals(flake, `git+file://${fleet.dir}?rev=${await fleet.head()}`);
  assertEquals(findings.map(({ severity, code, hosts }: Draft) => [severity, code, hosts]), [
    ["error", "unknown-channel", ["db"]],
    ["error", "host-not-in-flake", ["::set-env name=A::b"]],
    ["warning", "budget-without-limit", []],
  ]);
  const commands = json.stderr.split("\n").filter((line) => line.startsWith("::"));
  assertEquals(commands.map((line) => line.split("::")[1]), [
    "error title=fleet-release%3A unknown-channel",
    "error title=fleet-release%3A host-not-in-flake",
    "warning title=fleet-release%3A budget-without-limit",
  ]);

  const sarif = await fleet.run(["check", "--format=sarif", "--annotations=false"], {
    env: { GITHUB_ACTIONS: "true" },
  });
  const { results } = JSON.parse(sarif.stdout).runs[0];
  assertEquals([sarif.code, results.length, sarif.stderr.includes("::error")], [1, 3, false]);
});

Deno.test("check ends well with warnings, and with --deny-warnings not; a release is refused before it builds", async () => {
  await using fleet = await TestFleet.create({
    edit: (fleet) => fleet["rolloutPolicies"].spare = fleet["rolloutPolicies"].all,
    nixos: ["db", "installer", "web1", "web2"],
    files: { "flake.nix": THROWING },
  });
  assertEquals((await fleet.run(["check"])).code, 0);
  const denied = await fleet.run(["check", "--deny-warnings", "--json"]);
  const { ok, errors, warnings } = JSON.parse(denied.stdout);
  assertEquals([denied.code, ok, errors, warnings], [1, false, 0, 2]);
  const chosen = await fleet.run(["check", "--json", "--hosts=-"], {
    stdin: new TextEncoder().encode("!installer"),
  });
  assertEquals(JSON.parse(chosen.stdout).findings.map(({ code }: Draft) => code), ["unused-policy"]);
  // The hosts would fail to evaluate. One that is left out is in the flake for something else.
  const release = await fleet.release(["--deny-warnings", "--hosts", "auto:exclude=installer"]);
  const message =
    'The rollout policy "spare" is the one of no channel (take it out, or name it in a channel\'s ' +
    "rolloutPolicy)";
  assertEquals([release.code, release.stderr.split("\n").slice(-4)], [1, [
    "error: Cannot release with --deny-warnings: 1 warning",
    `  ${message}`,
    "hint: `fleet-release check` tells all that is found of a fleet, and how to mend it",
    "",
  ]]);
});

Deno.test("check fails when the flake cannot be evaluated or has no fleet, and tells CI", async () => {
  await using fleet = await TestFleet.create({
    files: { "flake.nix": '{ outputs = _: { nixosConfigurations = throw "at\\n::stop-commands::x"; }; }' },
  });
  const { code, stdout, stderr } = await fleet.run(["check", "--annotations"]);
  assertEquals([code, stdout], [1, ""]);
  const commands = stderr.split("\n").filter((line) => line.startsWith("::"));
  assertEquals(commands.map((line) => line.split("::")[1]), ["error title=fleet-release"]);
  await fleet.write({ "flake.nix": "{ outputs = _: { }; }" });
  const without = await fleet.run(["check", "--now=2026-06-01T12:00:00Z"]);
  assertEquals([without.code, without.stdout], [1, ""]);
});

Deno.test("check looks at what is not committed as well, and warns of what the flake warns of", async () => {
  await using fleet = await TestFleet.create();
  await fleet.write({
    "flake.nix": FLAKE.replace(
      "resolved = read ./fleet.json;",
      'resolved = builtins.trace "evaluation warning: old" (read ./fleet.json) // { owner = "ops"; };',
    ),
  });
  const { code, stdout } = await fleet.run(["check", "--revocations-attr=fleet.revocations"]);
  assertEquals([code, stdout.split("\n").filter((line) => line.startsWith("warning: "))], [0, [
    'warning: The contract does not know the field "owner": it does not reach the artifact [dropped-field]',
    "warning: Evaluation: old [evaluation]",
  ]]);
  const pinned = structuredClone(sampleFleet());
  pinned["hosts"].web1.pin = { commit: "main", reason: "a branch" };
  pinned["hosts"].web2.pin = { commit: "mian", reason: "none" };
  pinned["hosts"].db.pin = { commit: "c".repeat(40), reason: "what the pin source may have" };
  await fleet.write({ "flake.nix": FLAKE, "fleet.json": JSON.stringify(pinned) });
  const { findings } = JSON.parse((await fleet.run(["check", "--json"])).stdout);
  assertEquals(findings.map(({ code, path }: Draft) => [code, path]), [[
    "unknown-pin",
    "hosts.web2.pin.commit",
  ]]);
});

Deno.test("the fleets of the example and of the template are silent", async () => {
  const read = (path: string) => Deno.readTextFile(join(PROJECT, path));
  const demo = ["flake.nix", "fleet.nix", "hosts.nix", "pins.json", "build-system.json"];
  await using example = await TestFleet.create({
    files: Object.fromEntries(
      await Promise.all(demo.map(async (path) => [path, await read(`examples/demo-fleet/${path}`)] as const)),
    ),
  });
  const sidecars = ["--revocations-attr=fleet.revocations", "--bootstrap-nonces-attr=fleet.bootstrapNonces"];
  const first = await example.run(["check", "--deny-warnings", ...sidecars]);
  assertEquals(first.stdout, "checked a fleet of 10 hosts in 2 channels: nothing to say\n", first.stderr);

  // Its hosts need nixpkgs: here they are but their names.
  const names = [...(await read("templates/default/hosts.nix")).matchAll(/^ {2}(\S+) = host "/gm)];
  const hosts = names.map(([, name]) => `${name} = { };`).join(" ");
  await using template = await TestFleet.create({
    files: {
      "flake.nix": `{ outputs = _: { nixosConfigurations = { ${hosts} }; fleet = import ./fleet.nix; }; }`,
      "fleet.nix": await read("templates/default/fleet.nix"),
    },
  });
  const second = await template.run(["check", "--deny-warnings"]);
  assertEquals(second.stdout, "checked a fleet of 2 hosts in 1 channel: nothing to say\n", second.stderr);
});
