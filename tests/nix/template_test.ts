import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ensureDir } from "@std/fs";
import { expectRun, PROJECT, run, SYSTEM, which } from "../support/command.ts";
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
    const cwd = join(fleet.root, "mine");
    await ensureDir(cwd);
    const succeed = async (args: readonly string[]) => {
      const { code, stderr } = await flake.nix(args, { cwd });
      assertEquals(code, 0, stderr);
    };
    const [init, _develop, ...rest] = await readmeCommands();
    await succeed(init!.replace(FLAKE_URL, `path:${flake.project}`).split(" ").slice(1));
    await edit(join(cwd, "flake.nix"), (text) => flake.pointToHere(text));
    await edit(join(cwd, "hosts.nix"), (text) => text.replaceAll("x86_64-linux", SYSTEM));
    await succeed(["develop", "--command", "sh", "-euc", rest.join("\n")]);

    const files = await fleet.files(join(cwd, "releases"));
    assertEquals([...files.keys()].map((path) => path.replace(/[0-9a-f]{64}/, "…")), [
      ".gitattributes",
      "fleet.resolved.json",
      "fleet.resolved.json.sig",
      "rollouts/….json",
      "rollouts/….json.sig",
    ]);
    const { nodes } = JSON.parse(await Deno.readTextFile(join(cwd, "flake.lock")));
    assertEquals(
      [nodes.root.inputs.nixpkgs, nodes["fleet-release"].inputs.nixpkgs],
      ["nixpkgs", ["nixpkgs"]],
      "fleet-release follows the nixpkgs of the hosts",
    );
    const log = [which("git"), "log", "--format=%an", "--", "releases"];
    assertEquals(await expectRun(log, { cwd, env: fleet.env() }), "Fleet CI\n");

    // What CI does then, with the shells that it has for a step.
    const git = (...args: string[]) => expectRun([which("git"), ...args], { cwd, env: fleet.env() });
    const remote = join(fleet.root, "remote.git");
    await git("init", "-q", "--bare", remote);
    await git("remote", "add", "origin", remote);
    const RELEASE_KEY = await Deno.readTextFile(join(fleet.root, "release.pem"));
    for (const shell of ["sh", "bash"]) {
      const checked = await run([which(shell), "-e", "-c", CHECK_STEP], { cwd, env: flake.env() });
      assertEquals(checked.code, 0, checked.stderr);
      const summary = join(fleet.root, "summary.md");
      const env = { ...flake.env(), GITHUB_STEP_SUMMARY: summary };
      const planned = await run([which(shell), "-e", "-c", PLAN_STEP], { cwd, env });
      assertEquals(planned.code, 0, planned.stderr);
      assertEquals((await Deno.readTextFile(summary)).split("\n")[0], "### Nothing would change");
    }
    const steps = [["sh", RELEASE_STEP], ["bash", RELEASE_STEP], ["sh", RESIGN_STEP], [
      "bash",
      STATUS_STEP,
    ]] as const;
    for (const [shell, script] of steps) {
      const step = [which(shell), "-e", "-c", script];
      const { code, stderr } = await run(step, { cwd, env: { ...flake.env(), RELEASE_KEY } });
      assertEquals(code, 0, stderr);
      assertEquals(
        await git("ls-remote", remote, "main"),
        `${(await git("rev-parse", "HEAD")).trim()}\trefs/heads/main\n`,
      );
    }
  },
});

/** The last steps of both workflows of pull requests: GitHub shows a summary, and Forgejo the log alone. */
const CHECK_STEP = "nix run .#release -- check --deny-warnings";
const PLAN_STEP = 'nix run .#release -- plan --markdown >>"$GITHUB_STEP_SUMMARY"';
const PLAN_STEPS = {
  ".github/workflows/check.yml": PLAN_STEP,
  ".forgejo/workflows/check.yml": "nix run .#release -- plan",
};

/** What both workflows do with what is pushed. */
const RELEASE_STEP = `env -u RELEASE_KEY nix run .#release -- --git-push origin:main --sign-key - <<END
$RELEASE_KEY
END
`;

/** What they do every hour. */
const RESIGN_STEP = RELEASE_STEP.replace("-- ", "-- resign --if-due ");
const STATUS_STEP = "nix run .#release -- status --trust-file trust.json";

Deno.test("both workflows of the template release and push what is pushed, and sign it anew by the clock", async () => {
  for (const path of [".github/workflows/release.yml", ".forgejo/workflows/release.yml"]) {
    const text = await Deno.readTextFile(join(TEMPLATE, path));
    const keyed = /- run: \|\n((?: {10}.*\n)+) {8}env:\n {10}RELEASE_KEY: \$\{\{ secrets.RELEASE_KEY \}\}\n/g;
    const steps = [...text.matchAll(keyed)].map(([, step]) => step!.replace(/^ {10}/gm, ""));
    assertEquals(steps, [RELEASE_STEP, RESIGN_STEP], path);
    assertEquals(text.trimEnd().split("\n").at(-1), `      - run: ${STATUS_STEP}`, path);
    const conditions = [...text.matchAll(/^ {2}(\w+):\n(?: {4}#.*\n)? {4}if: (.*)$/gm)].map((
      [, job, condition],
    ) => [job, condition]);
    assertEquals(conditions, [
      ["release", "github.event_name != 'schedule' && github.ref == 'refs/heads/main'"],
      ["resign", "github.event_name == 'schedule'"],
    ], path);
    // A scheduled run is of the commit that was there when its time came: behind a release that is not the last one.
    const [, refs] = text.split("\n  resign:\n");
    assertEquals(refs!.match(/ref: .*/g), ["ref: main"], path);
  }
});

Deno.test("an hourly run of the template takes no release's place in the queue of GitHub", async () => {
  const text = await Deno.readTextFile(join(TEMPLATE, ".github/workflows/release.yml"));
  assertEquals(/\nconcurrency:\n {2}group: release\n {2}queue: max\b/.test(text), true);
});

Deno.test("hosts with a pin are built from the whole clone that the template's workflows make", async () => {
  const flake = await Deno.readTextFile(join(TEMPLATE, "flake.nix"));
  assertEquals(/^ {12}pinSourceUrl = "\.";/m.test(flake), true);
  for (const path of [".github/workflows/release.yml", ".forgejo/workflows/release.yml"]) {
    const [release] = (await Deno.readTextFile(join(TEMPLATE, path))).split("\n  resign:\n");
    assertEquals(release!.includes("fetch-depth: 0"), true, path);
  }
});

Deno.test("both workflows of the template check pull requests, and give them nothing to take", async () => {
  for (const [path, plan] of Object.entries(PLAN_STEPS)) {
    const text = await Deno.readTextFile(join(TEMPLATE, path));
    assertEquals(text.includes("\non: pull_request\n") && !/secrets|contents: write/.test(text), true, path);
    assertEquals(text.includes("persist-credentials: false"), true, path);
    // Else the plan finds no commit that a host is pinned to.
    assertEquals(text.includes("fetch-depth: 0"), true, path);
    const steps = text.trimEnd().split("\n").slice(-3).filter((line) => line.startsWith("      - "));
    assertEquals(steps, [CHECK_STEP, plan].map((step) => `      - run: ${step}`), path);
  }
});

async function edit(path: string, change: (text: string) => string): Promise<void> {
  await Deno.writeTextFile(path, change(await Deno.readTextFile(path)));
}
