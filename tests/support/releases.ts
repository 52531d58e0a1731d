/**
 * Releases of real fleets: hosts that hold a text, what a release gives them, and the program below other programs.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Finished, PROJECT, run, SYSTEM, which } from "./command.ts";
import { type Draft, SIGN, TestFleet } from "./fleet.ts";

/** How a program is started. */
export interface Start {
  cwd?: string;
  env?: Record<string, string>;
}

/** The signing time of tests in which time stands still. */
export const NOW = "2026-06-01T12:00:00Z";

/** The arguments that release the sidecars too. */
export const SIDECARS: readonly string[] = [
  "--revocations-attr",
  "fleet.revocations",
  "--bootstrap-nonces-attr",
  "fleet.bootstrapNonces",
];

/** Releases, which has to succeed, and gives the result that `--json` prints. */
export async function expectRelease(
  fleet: TestFleet,
  args: readonly string[] = [],
  start: Start = {},
): Promise<Draft> {
  const { code, stdout, stderr } = await fleet.release(["--json", ...args], start);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

/** What the closure of each host in a release holds; null for a host without one. In the order of the release. */
export async function contents(fleet: TestFleet, releaseDir?: string): Promise<[string, string | null][]> {
  const path = join(releaseDir ?? join(fleet.dir, "releases"), "fleet.resolved.json");
  const { hosts } = JSON.parse(await Deno.readTextFile(path));
  return await Promise.all(
    Object.keys(hosts).map(async (name): Promise<[string, string | null]> => {
      const { closureHash } = hosts[name];
      if (closureHash === null) return [name, null];
      return [name, (await Deno.readTextFile(join("/nix/store", closureHash))).trimEnd()];
    }),
  );
}

/** Makes the hosts of the sample fleet hold other texts than "one". Nothing is committed. */
export async function hold(fleet: TestFleet, content: Record<string, string>): Promise<void> {
  const hosts = { nixos: ["web1", "web2", "db"], darwin: [], content };
  await fleet.write({ "hosts.json": JSON.stringify(hosts) });
}

/** Changes the fleet's JSON in place. Nothing is committed. */
export async function editFleet(fleet: TestFleet, edit: (draft: Draft) => void): Promise<void> {
  const path = join(fleet.dir, "fleet.json");
  const draft = JSON.parse(await Deno.readTextFile(path));
  edit(draft);
  await Deno.writeTextFile(path, JSON.stringify(draft));
}

/**
 * A flake with the sample fleet's resolved attribute and hosts given as nix code. In the code `host DRV` is a
 * configuration, and `build NAME SCRIPT` a derivation that no store has seen.
 */
export function flakeOf(hosts: string): string {
  return `{
  outputs = _: let
    build = name: script: derivation {
      inherit name;
      system = "${SYSTEM}";
      builder = "/bin/sh";
      args = ["-c" script];
      unseen = "${crypto.randomUUID()}";
    };
    host = toplevel: { config.system.build.toplevel = toplevel; };
  in {
    nixosConfigurations = ${hosts};
    fleet.resolved = builtins.fromJSON (builtins.readFile ./fleet.json);
  };
}
`;
}

/** Leaves only these hosts in a fleet's JSON: one channel, no waves. */
export function onlyHosts(...names: string[]): (draft: Draft) => void {
  return (draft) => {
    const { db } = draft["hosts"];
    draft["hosts"] = Object.fromEntries(names.map((name) => [name, db]));
    draft["channels"] = { edge: draft["channels"].edge };
    draft["rolloutPolicies"] = { all: draft["rolloutPolicies"].all };
    draft["waves"] = {};
  };
}

/**
 * Runs the program with the sign command that makes real signatures, with all permissions, below another program:
 * what that one does, such as to set a umask, holds for the whole run.
 *
 * @param above The other program and its arguments, which ends with what it starts; none when empty
 */
export function releaseBelow(
  fleet: TestFleet,
  above: readonly string[],
  args: readonly string[] = [],
  { cwd = fleet.dir, env = {} }: Start = {},
): Promise<Finished> {
  const program = ["run", "-A", "--cached-only", "--frozen", join(PROJECT, "src/main.ts")];
  return run([...above, Deno.execPath(), ...program, "--sign-cmd", SIGN, ...args], {
    cwd,
    env: { ...fleet.env(), ...env },
  });
}

/** Runs a script of the shell in the flake's directory, and gives what it printed. */
export async function shell(fleet: Pick<TestFleet, "dir" | "env">, script: string): Promise<string> {
  const result = await run([which("sh"), "-ec", script], { cwd: fleet.dir, env: fleet.env() });
  assertEquals(result.code, 0, result.stderr);
  return result.stdout.trimEnd();
}

/**
 * Puts a nix on the PATH that runs a script after each of its evaluations, as a person would who works in the same
 * checkout. In the script, `$call` counts them.
 *
 * @returns the environment to run the program with, by {@linkcode releaseBelow}
 */
export async function nixFollowedBy(fleet: TestFleet, script: string): Promise<Record<string, string>> {
  const bin = join(fleet.root, "bin");
  const calls = join(fleet.root, "home/calls");
  await Deno.mkdir(bin);
  const wrapper = `#!/bin/sh
'${which("nix")}' "$@"
code=$?
case " $* " in *" eval "*) ;; *) exit $code ;; esac
echo called >> '${calls}'
call=$(($(wc -l < '${calls}')))
cd '${fleet.dir}' || exit
{ ${script}
} > /dev/null || exit
exit $code
`;
  await Deno.writeTextFile(join(bin, "nix"), wrapper, { mode: 0o755 });
  await Deno.symlink(which("nix-store"), join(bin, "nix-store"));
  return { PATH: `${bin}:${Deno.env.get("PATH")}` };
}
