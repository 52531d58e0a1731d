import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ensureDir } from "@std/fs";
import { expectRun, run, which } from "../support/command.ts";
import { KEY, TestFleet } from "../support/fleet.ts";
import { PACKAGED, TestFlake } from "../support/nix_package.ts";
import { onlyHosts } from "../support/releases.ts";

Deno.test({
  name:
    "a release of the package without a permission of each kind fails, writes nothing, and names what is missing",
  ignore: !PACKAGED,
  async fn() {
    await using fleet = await TestFleet.create({ edit: onlyHosts("db"), nixos: ["db"] });
    const flake = await TestFlake.create(fleet);
    const store = await flake.package();
    const program = join(store, "bin/fleet-release");
    const app = await Deno.realPath(join(store, "share/fleet-release"));

    // What is used lies in different directories, so that each of them is permitted by itself.
    const [cwd, out, bin] = ["cwd", "out", "bin"].map((name) => join(fleet.root, name)) as [
      string,
      string,
      string,
    ];
    for (const dir of [cwd, out, bin]) await ensureDir(dir);
    for (const name of ["nix", "nix-store", "git", "sh"]) await Deno.symlink(which(name), join(bin, name));
    // Without leave to look at NO_COLOR, a run has colours, which is no failure.
    const { NO_COLOR: _, ...inherited } = fleet.env();
    const env: Record<string, string> = { ...inherited, PATH: bin };
    await expectRun([which("git"), "init", "-q", out], { env });
    const trust = join(cwd, "trust.json");
    await Deno.writeTextFile(
      trust,
      await expectRun([program, "pubkey", KEY, "--format", "trust-file"], { cwd, env }),
    );

    const releases = join(out, "releases");
    const args = [
      "--build-flake",
      fleet.dir,
      "--release-dir",
      releases,
      "--sign-key",
      KEY,
      "--trust-file",
      trust,
    ];
    const flags = (await expectRun([program, "--print-permissions", ...args], { cwd, env })).trimEnd().split(
      "\n",
    );
    const release = (permitted: readonly string[]) => {
      const deno = [Deno.execPath(), "run", "--config", `${app}/deno.json`, "--node-modules-dir=manual"];
      const offline = ["--cached-only", "--no-remote", "--frozen", ...permitted];
      return run([...deno, ...offline, `${app}/src/main.ts`, ...args], { cwd, env });
    };

    for (const flag of flags.slice(1)) {
      const [name, list] = flag.split("=") as [string, string];
      const values = list.split(",");
      // Of the variables those that are set, all at once: each of them is named. Of the others the last of each list:
      // tests/e2e/permissions_test.ts takes away each of them.
      const set = values.filter((value) => value in env);
      for (const missing of name === "--allow-env" ? [set] : [values.slice(-1)]) {
        const others = values.filter((value) => !missing.includes(value)).join(",");
        const { code, stderr } = await release(
          flags.map((other) => other === flag ? `${name}=${others}` : other),
        );
        const unnamed = missing.filter((value) => !stderr.includes(value));
        assert(code !== 0 && unnamed.length === 0, `${name}=${missing}: exited with ${code}\n${stderr}`);
        assertEquals(await fleet.files(releases), new Map());
      }
    }
    const { code, stderr } = await release(flags);
    assertEquals([code, (await fleet.files(releases)).size], [0, 4], stderr);
  },
});
