import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ensureDir } from "@std/fs";
import { expectRun, PROJECT, SYSTEM, which } from "../support/command.ts";
import { TestFleet } from "../support/fleet.ts";
import { FLAKE_URL, PACKAGED, TestFlake } from "../support/nix_package.ts";

const TEMPLATE = join(PROJECT, "templates/default");

/** The commands that the template's README gives for the first release. */
async function readmeCommands(): Promise<string[]> {
  const readme = await Deno.readTextFile(join(TEMPLATE, "README.md"));
  return /```sh\n(.*?)\n```/s.exec(readme)![1]!.split("\n");
}

Deno.test("the README of the template gets to a release in five commands", async () => {
  const commands = await readmeCommands();
  assertEquals(commands.length, 5);
  assertEquals(commands.slice(0, 2), [`nix flake init --template ${FLAKE_URL}`, "nix develop"]);
});

Deno.test({
  name: "the commands of the template's README make a signed release of a fleet of one's own",
  ignore: !PACKAGED,
  async fn() {
    await using fleet = await TestFleet.create({ git: false });
    const flake = await TestFlake.create(fleet);
    await flake.useStandIn();
    const cwd = join(fleet.root, "mine");
    await ensureDir(cwd);
    const succeed = async (args: readonly string[]) => {
      const { code, stderr } = await flake.nix(args, { cwd });
      assertEquals(code, 0, stderr);
    };
    const [init, _develop, ...rest] = await readmeCommands();
    await succeed(init!.replace(FLAKE_URL, `path:${flake.project}`).split(" ").slice(1));
    await replaceIn(join(cwd, "flake.nix"), FLAKE_URL, `path:${flake.project}`);
    await replaceIn(join(cwd, "hosts.nix"), "x86_64-linux", SYSTEM);
    await succeed(["develop", "--command", "sh", "-euc", rest.join("\n")]);

    const files = await fleet.files(join(cwd, "releases"));
    assertEquals([...files.keys()].map((path) => path.replace(/[0-9a-f]{64}/, "…")), [
      "fleet.resolved.json",
      "fleet.resolved.json.sig",
      "rollouts/….json",
      "rollouts/….json.sig",
    ]);
    const log = [which("git"), "log", "--format=%an", "--", "releases"];
    assertEquals(await expectRun(log, { cwd, env: fleet.env() }), "Fleet CI\n");
  },
});

Deno.test("both workflows of the template release, and push what they released", async () => {
  for (const path of [".github/workflows/release.yml", ".forgejo/workflows/release.yml"]) {
    const text = await Deno.readTextFile(join(TEMPLATE, path));
    const line = text.split("\n").find((line) => line.includes("nix run"));
    assertEquals(line?.trim(), "- run: nix run .#release -- --git-push origin:main");
    assert(text.includes("RELEASE_KEY: ${{ secrets.RELEASE_KEY }}"), path);
  }
});

async function replaceIn(path: string, from: string, to: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replaceAll(from, to));
}
