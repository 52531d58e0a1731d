import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  changedFiles,
  compareWithCommit,
  oddLayout,
  uncommitted,
} from "../../../src/adapters/git/checkout.ts";
import {
  findRepository,
  isBareRepository,
  isShallow,
  untracked,
} from "../../../src/adapters/git/repository.ts";
import { GIT, type GitFleet, gitFleet } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";
import { shell } from "../../support/releases.ts";

let world: GitFleet;
Deno.test.beforeAll(async () => {
  world = await gitFleet();
});
Deno.test.afterAll(() => world[Symbol.asyncDispose]());

Deno.test("compareWithCommit() tells which files of a copy are others, and runs no filter", async () => {
  const { fleet, git, commands } = world;
  const names = { same: "same", changed: "one", gone: "gone", empty: "", "dir/ü name": "ü", 'quo"te': "q" };
  await fleet.write({ ...names, ".gitattributes": "changed filter=marking" });
  await Deno.symlink("same", join(fleet.dir, "link"));
  await Deno.writeTextFile(join(fleet.dir, "two\nlines"), "x");
  const commit = await fleet.commit("files");
  const ran = join(fleet.root, "ran");
  await fleet.git("config", "filter.marking.clean", `touch ${ran}; cat`);
  const copy = join(fleet.root, "copy");
  await shell(fleet, `mkdir ${copy}; git archive ${commit} | tar xf - -C ${copy}`);
  assertEquals(await compareWithCommit(git, { root: fleet.dir, commit, copy }), {
    changed: [],
    added: [],
    missing: [],
  });
  await shell(fleet, `cd ${copy}; echo > changed; echo > 'quo"te'; rm gone; mkdir new; echo > new/file`);
  commands.length = 0;
  assertEquals(await compareWithCommit(git, { root: fleet.dir, commit, copy }), {
    changed: ["changed", 'quo"te'],
    added: ["new/file"],
    missing: ["gone"],
  });
  assertEquals(commands.map((argv) => argv.find((word) => /^[a-z]+-[a-z]+$/.test(word))), [
    "ls-tree",
    "ls-files",
    "hash-object",
  ]);
  assertEquals(commands.every(([program]) => program === GIT), true);
  assertEquals(await exists(ran), false);
  const refused = await rejection(compareWithCommit(git, { root: fleet.dir, commit: "0".repeat(40), copy }));
  assertEquals(refused.kind, "git");
});

Deno.test("compareWithCommit() leaves submodules to themselves", async () => {
  const { fleet, git } = world;
  await shell(
    fleet,
    `git init -q ../lib; cd ../lib; echo > x; git add -A; git commit -qm lib; cd ../fleet
     git -c protocol.file.allow=always submodule --quiet add ../lib lib; git commit -qm lib`,
  );
  const commit = await fleet.git("rev-parse", "HEAD");
  const copy = join(fleet.root, "with modules");
  await shell(
    fleet,
    `mkdir "${copy}"; git archive ${commit} | tar xf - -C "${copy}"; cp lib/x "${copy}/lib"`,
  );
  assertEquals(await compareWithCommit(git, { root: fleet.dir, commit, copy }), {
    changed: [],
    added: [],
    missing: [],
  });
});

Deno.test("uncommitted() tells of contents, modes, links, submodules and odd names, and of nothing that was only touched", async () => {
  await using own = await gitFleet();
  const { fleet, git } = own;
  await shell(
    fleet,
    `git init -q ../lib; cd ../lib; git commit -q --allow-empty -m lib; cd ../fleet
     git -c protocol.file.allow=always submodule --quiet add ../lib lib
     echo > content; echo > mode; ln -s content link; echo > touched; echo > gone; echo > 'two
lines'; echo > kind`,
  );
  const commit = await fleet.commit("all kinds");
  const copy = join(fleet.root, "a copy");
  const copied = async () => {
    await shell(
      fleet,
      `rm -rf "${copy}"; mkdir "${copy}"; git ls-files -z | tar c --null -T - --no-recursion | tar x -C "${copy}"`,
    );
    return await uncommitted(git, { root: fleet.dir, commit, copy });
  };
  const changed = () => changedFiles(git, { root: fleet.dir, commit });
  assertEquals([await copied(), await changed()], [[], []]);
  await shell(fleet, "touch -h -d yesterday link; touch -d yesterday content");
  const index = await Deno.readFile(join(fleet.dir, ".git/index"));
  assertEquals([await changed(), await Deno.readFile(join(fleet.dir, ".git/index"))], [[], index]);
  await shell(
    fleet,
    `touch -d yesterday touched; echo more > content; chmod +x mode; ln -sf mode link; echo more > 'two
lines'; rm kind; ln -s content kind; git rm -q gone; echo > new; git add new; echo > untracked
     git -C lib commit -q --allow-empty -m more`,
  );
  assertEquals(await copied(), ["content", "gone", "kind", "lib", "link", "mode", "new", "two\nlines"]);
  assertEquals(await changed(), ["content", "gone", "kind", "lib", "mode", "new", "two\nlines"]);
});

Deno.test("oddLayout() names what may keep nix from reading a repository", async () => {
  const { fleet, git } = world;
  const layouts: [script: string, layout: string | null][] = [
    ["git clone -q . ../plain", null],
    ["git clone -q --bare . ../bare", "bare"],
    ["git clone -q --depth 1 file://$PWD ../shallow", "shallow"],
    ["git init -q --object-format=sha256 ../sha256", "sha256"],
    ["git clone -q . ../sparse; cd ../sparse; git sparse-checkout set --cone --sparse-index", "sparse-index"],
  ];
  for (const [script, layout] of layouts) {
    await shell(fleet, script);
    const dir = join(fleet.root, /\.\.\/([\w]+)/.exec(script)![1]!);
    assertEquals(await oddLayout(git, dir), layout, script);
    assertEquals([await isBareRepository(git, dir), await isShallow(git, dir)], [
      layout === "bare",
      layout === "shallow",
    ]);
    assertEquals((await findRepository(git, dir)) === null, layout === "bare");
  }
  assertEquals([await isBareRepository(git, fleet.root), await isShallow(git, fleet.root)], [false, false]);
});

Deno.test("untracked() lists what git neither tracks nor ignores, below a directory", async () => {
  const { fleet, git } = world;
  await fleet.write({ ".gitignore": "*.log\n", "a b/ü": "", "a b/x.log": "", "*": "", "sub/new": "" });
  assertEquals((await untracked(git, fleet.dir, ".")).toSorted(), ["*", ".gitignore", "a b/ü", "sub/new"]);
  assertEquals(await untracked(git, fleet.dir, "sub"), ["sub/new"]);
  assertEquals(await untracked(git, fleet.dir, "*"), ["*"]);
});

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
