import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { readHistory, type ReleaseHistory, releaseHistory } from "../../../src/adapters/git/history.ts";
import { expectRun, which } from "../../support/command.ts";
import { bytesOf } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";
import { HistoryRepository, type HistoryStep } from "../../support/release_history.ts";
import { TemporaryDirectory, type Traced, tracedShell } from "../../support/traced.ts";

/** A commit that gives files of the directory these texts. */
function step(texts: Record<string, string>, dir = "releases"): HistoryStep {
  return { files: new Map(Object.entries(texts).map(([path, text]) => [join(dir, path), bytesOf(text)])) };
}

const FLEET = "fleet.resolved.json";
const OTHERS: HistoryStep = { files: new Map([["src/main.nix", bytesOf("x")]]) };

/** What is asked of a repository's history. */
interface Question {
  readonly cwd?: string;
  readonly dir?: string;
  readonly revision?: string;
  readonly limit?: number;
  readonly artifactName?: string;
  readonly traced?: Traced;
}

async function historyOf(repository: HistoryRepository, question: Question = {}): Promise<ReleaseHistory> {
  const { cwd = repository.path, dir = "releases", revision = "HEAD", limit, artifactName = FLEET } =
    question;
  const { shell } = question.traced ?? tracedShell(cwd);
  return await releaseHistory({ shell, env: repository.env() }, { cwd, dir, revision }, {
    artifactName,
    limit,
  });
}

/** The texts of the files that each commit has, the newest first. */
async function textsOf(repository: HistoryRepository, question: Question = {}): Promise<unknown[]> {
  const { commits } = await historyOf(repository, question);
  const { cwd = repository.path, dir = "releases", traced } = question;
  const { shell } = traced ?? tracedShell(cwd);
  const location = { cwd, dir, revision: "HEAD" };
  const found: unknown[] = [];
  for await (const files of readHistory({ shell, env: repository.env() }, location, commits)) {
    const texts = [...files].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]);
    found.push(Object.fromEntries(texts.sort()));
  }
  return found;
}

Deno.test("releaseHistory() finds the commits that change a release, each with all that it has", async () => {
  await using repository = await HistoryRepository.create([
    OTHERS,
    step({ [FLEET]: "1", [`${FLEET}.sig`]: "s1", "revocations.json": "r1", "note.txt": "n" }),
    step({ "note.txt": "no release", "rollouts/x.json": "{}" }),
    step({ [FLEET]: "2", [`${FLEET}.sig`]: "s2" }),
    { removed: ["releases/revocations.json", "src/main.nix"] },
    step({ [FLEET]: "elsewhere" }, "old/releases"),
    { removed: ["releases"] },
  ]);
  const { commits, ...rest } = await historyOf(repository);
  const made = repository.commits;
  assertEquals(rest, { isCut: false, renamedFrom: null });
  assertEquals(commits.map(({ commit, committedAt }) => [commit, committedAt]), [
    [made[6], "2026-06-01T18:00:00Z"],
    [made[4], "2026-06-01T16:00:00Z"],
    [made[3], "2026-06-01T15:00:00Z"],
    [made[1], "2026-06-01T13:00:00Z"],
  ]);
  const second = { [FLEET]: "2", [`${FLEET}.sig`]: "s2" };
  const texts = [{}, second, { ...second, "revocations.json": "r1" }, {
    ...{ [FLEET]: "1", [`${FLEET}.sig`]: "s1" },
    "revocations.json": "r1",
  }];
  assertEquals(await textsOf(repository), texts);
  // The oldest of a part of them has all of its files, too, whatever the commit has changed.
  assertEquals(await textsOf(repository, { limit: 2 }), texts.slice(0, 2));
  assertEquals(await textsOf(repository, { revision: "HEAD~3" }), texts.slice(2));
  assertEquals(await textsOf(repository, { dir: "old/releases" }), [{ [FLEET]: "elsewhere" }]);
  assertEquals(await textsOf(repository, { artifactName: "note.txt", revision: "HEAD~5" }), [
    { "note.txt": "n", "revocations.json": "r1" },
  ]);
  assertEquals(await textsOf(repository, { dir: "rel*" }), []);
  const inDir = { cwd: join(repository.path, "sub"), dir: "../releases" };
  await Deno.mkdir(inDir.cwd);
  assertEquals(await textsOf(repository, inDir), texts);
});

Deno.test("releaseHistory() goes along first parents, and no configuration changes what it finds", async () => {
  await using repository = await HistoryRepository.create([step({ [FLEET]: "1" })]);
  const [one] = repository.commits;
  const [side] = await repository.add("side", [step({ [FLEET]: "of the side" })], one);
  const [two] = await repository.add("main", [step({ [FLEET]: "2" })], one);
  const merged = { ...step({ [FLEET]: "merged" }), merges: side! };
  const [merge] = await repository.add("main", [merged], two);
  for (
    const [name, value] of [
      ...[["log.showSignature", "true"], ["log.showRoot", "false"], ["log.follow", "true"]],
      ...[["diff.renames", "copies"], ["color.ui", "always"], ["diff.noprefix", "true"]],
    ]
  ) await repository.git("config", name!, value!);
  const found = await historyOf(repository);
  assertEquals(found.commits.map(({ commit }) => commit), [merge, two, one]);
  assertEquals(await textsOf(repository), [{ [FLEET]: "merged" }, { [FLEET]: "2" }, { [FLEET]: "1" }]);
});

Deno.test("releaseHistory() and readHistory() run as many processes for thousands of commits as for one", async () => {
  const steps = Array.from({ length: 2000 }, (_, index) => step({ [FLEET]: `${index}` }));
  await using repository = await HistoryRepository.create(steps);
  const count = async (limit: number) => {
    const traced = tracedShell(repository.path);
    const texts = await textsOf(repository, { limit, traced });
    assertEquals(texts, steps.map((_, index) => ({ [FLEET]: `${index}` })).reverse().slice(0, limit));
    return traced.commands.map(([, command]) => command);
  };
  const [few, many] = [await count(2), await count(2000)];
  assertEquals(many, few);
});

Deno.test("releaseHistory() says where the history of a shallow clone ends, and what a directory was called", async () => {
  await using repository = await HistoryRepository.create([
    step({ [FLEET]: "1" }, "old name/of it"),
    { renamed: [["old name/of it", "releases"]] },
    step({ [FLEET]: "2" }),
    OTHERS,
  ]);
  const { commits, ...rest } = await historyOf(repository);
  assertEquals([commits.length, rest], [2, { isCut: false, renamedFrom: "old name/of it" }]);
  const below = { cwd: join(repository.path, "sub"), dir: "../releases" };
  await Deno.mkdir(below.cwd);
  assertEquals((await historyOf(repository, below)).renamedFrom, "../old name/of it");
  await using elsewhere = await TemporaryDirectory.create();
  const clone = async (...args: string[]) => {
    const cwd = join(elsewhere.path, args.join(""));
    await expectRun([which("git"), "clone", "-q", ...args, `file://${repository.path}`, cwd], {
      env: repository.env(),
    });
    return cwd;
  };
  const shallow = { cwd: await clone("--depth=1") };
  const cut = await historyOf(repository, shallow);
  // The commit that the clone begins with has not brought the release, for all that anybody knows.
  assertEquals(cut.commits.map(({ commit }) => commit), [repository.commits[3]]);
  assertEquals([cut.isCut, cut.renamedFrom], [true, null]);
  assertEquals(await textsOf(repository, shallow), [{ [FLEET]: "2" }]);
  assertEquals((await historyOf(repository, { ...shallow, limit: 1 })).isCut, false);
  // What is missing of another branch is no part of this one, whose first commit has no parent.
  await expectRun([which("git"), "checkout", "-q", "--orphan", "own"], { ...shallow, env: repository.env() });
  const own = ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "parent of nothing"];
  await expectRun([which("git"), ...own], { ...shallow, env: repository.env() });
  assertEquals((await historyOf(repository, shallow)).isCut, false);

  await repository.git("config", "uploadpack.allowFilter", "true");
  const partial = { cwd: await clone("--filter=blob:none", "--bare") };
  const id = await repository.git("rev-parse", `HEAD:releases/${FLEET}`);
  assertEquals(await rejection(textsOf(repository, partial)), {
    kind: "git",
    message: `Cannot read "${
      repository.commits[2]!.slice(0, 12)
    }:${FLEET}" from git: object ${id} is missing`,
    hint: "the clone may be partial: `git fetch --refetch --no-filter` brings what it lacks",
  });
  const { kind, hint } = await rejection(
    historyOf(repository, { cwd: await clone("--filter=tree:0", "--bare") }),
  );
  assertEquals([kind, hint], [
    "git",
    "the clone may be partial: `git fetch --refetch --no-filter` brings what it lacks",
  ]);
});

Deno.test("releaseHistory() takes nothing for a file of a release that is none", async () => {
  await using repository = await HistoryRepository.create([step({ [FLEET]: "1", "revocations.json": "r" })]);
  const releases = join(repository.path, "releases");
  await repository.git("checkout", "-q", "main");
  await Deno.remove(join(releases, "revocations.json"));
  await Deno.symlink(FLEET, join(releases, "revocations.json"));
  await repository.git("add", "-A");
  await repository.git("-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "-m", "link");
  const first = { [FLEET]: "1", "revocations.json": "r" };
  assertEquals(await textsOf(repository), [{ [FLEET]: "1" }, first]);
  assertEquals(await textsOf(repository, { limit: 1 }), [{ [FLEET]: "1" }]);
});
