import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { firstChanged } from "../../../src/adapters/git/attributes.ts";
import { checkPush, pushCommit } from "../../../src/adapters/git/branch.ts";
import { type GitContext, gitContext } from "../../../src/adapters/git/context.ts";
import { fetchTip, orderOf, tipOf } from "../../../src/adapters/git/upstream.ts";
import { type GitFleet, gitFleet } from "../../support/git_fleet.ts";
import { alive } from "../../support/alive.ts";
import { rejection } from "../../support/pure.ts";
import { shell } from "../../support/releases.ts";

/** The git that talks to remotes. */
function remoteGit({ shell, fleet }: GitFleet): GitContext {
  return gitContext(shell, fleet.env(), { remote: true });
}

Deno.test("tipOf() and fetchTip() give where a branch is, fetch what is missing, and move and note nothing", async () => {
  await using world = await gitFleet();
  const { fleet, head } = world;
  await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
  await shell(
    fleet,
    `git remote add origin ../remote.git && git fetch -q
     git clone -q -b main ../remote.git ../other && cd ../other && git commit -q --allow-empty -m theirs
     git tag theirs && git push -q origin main theirs
     git --git-dir ../remote.git update-ref refs/heads/refs/heads/main main~`,
  );
  const [git, refs] = [remoteGit(world), await fleet.git("for-each-ref")];
  const noted = await shell(fleet, "cat .git/FETCH_HEAD");
  const main = { remote: "origin", branch: "main" };
  const tip = await tipOf(git, fleet.dir, main);
  assertEquals(tip, await shell(fleet, "git -C ../other rev-parse HEAD").then((text) => text.trim()));
  assertEquals(await fetchTip(git, { root: fleet.dir, head }, main, "releases"), tip);
  assertEquals(await fleet.git("rev-parse", `${tip}^`), head);
  assertEquals(await fleet.git("for-each-ref"), refs);
  assertEquals(await shell(fleet, "cat .git/FETCH_HEAD"), noted);
  assertEquals(await fetchTip(git, { root: fleet.dir, head }, { ...main, branch: "gone" }, "releases"), null);
  const { message } = await rejection(
    tipOf(git, fleet.dir, { ...main, remote: "https://me:s@127.0.0.1:1/x" }),
  );
  assertEquals(message, 'Cannot read the remote "https://***@127.0.0.1:1/x"');
});

Deno.test("a remote that shows no progress is given up, with all that was started for it, and one that does is not", async () => {
  await using world = await gitFleet();
  const { fleet, head } = world;
  const pid = join(fleet.root, "home/pid");
  const through = (command: string, patience: number): GitContext => {
    const env = { ...fleet.env(), GIT_SSH_COMMAND: command, GIT_SSH_VARIANT: "simple" };
    return gitContext(world.shell, env, { remote: true }, patience);
  };
  const target = { remote: "ssh://host/repo", branch: "main" };
  const hangs = through(`sh -c 'echo $$ > "${pid}"; exec sleep 1000' x`, 0.3);
  const { hint: _, lines: _lines, ...refused } = await rejection(
    checkPush(hangs, fleet.dir, { ...target, commit: head }),
  );
  const late = "it has shown no progress for 0.3 s";
  assertEquals(refused, {
    kind: "git",
    message: `Cannot push to the remote "ssh://host/repo": ${late}`,
  });
  assertEquals(await alive([Number(await Deno.readTextFile(pid))]), []);
  assertEquals(
    (await rejection(tipOf(hangs, fleet.dir, target))).message,
    `Cannot read the remote "ssh://host/repo": ${late}`,
  );
  const pushed = await rejection(pushCommit(hangs, fleet.dir, { ...target, commit: head }));
  assertEquals(pushed.message, `Cannot push the release to "main" of "ssh://host/repo": ${late}`);
  // Slow is not silent. What are bars of progress is left out of the report.
  const slow = through(
    `sh -c 'for n in 1 2 3 4 5 6; do sleep 0.4; echo "Counting: $n% ($n/9)" >&2; done; echo gone >&2; exit 1' x`,
    2,
  );
  const { message, lines } = await rejection(tipOf(slow, fleet.dir, target));
  assertEquals([message, lines?.[0]], ['Cannot read the remote "ssh://host/repo"', "| gone"]);
});

Deno.test("orderOf() tells which of two commits came first, also where the clone lacks one, and runs nothing else", async () => {
  await using world = await gitFleet();
  const { fleet, head: first } = world;
  const second = await fleet.commit("second");
  const third = await fleet.commit("third");
  await fleet.git("checkout", "-q", "-b", "side", first);
  const side = await fleet.commit("side");
  await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
  const url = `file://${join(fleet.root, "remote.git")}`;
  const order = async (name: string, clone: string[], commit: string, other: string) => {
    await fleet.git("clone", "-q", ...clone, url, `../${name}`);
    return await orderOf(remoteGit(world), join(fleet.root, name), "origin", { commit, other });
  };
  const shallow = ["--depth=1", "-b", "main"];
  assertEquals(await order("a", shallow, third, first), "before");
  assertEquals(await order("b", ["-b", "main"], third, side), null);
  assertEquals(await order("c", shallow, third, side), null);
  assertEquals(await order("d", shallow, third, "0".repeat(40)), null);
  assertEquals(await order("e", shallow, third, `--upload-pack=touch ${fleet.root}/evil`), null);
  // Nobody else has what a clone replaces.
  await fleet.git("clone", "-q", url, "../replaced");
  const replaced = join(fleet.root, "replaced");
  await fleet.git("-C", replaced, "replace", "--graft", third);
  const pair = { commit: third, other: first };
  assertEquals(await orderOf(remoteGit(world), replaced, "origin", pair), "before");
  // What came later is only upstream.
  await fleet.git("clone", "-q", "-b", "main", "--single-branch", url, "../old");
  await shell(
    fleet,
    `cd ../old && git reset -q --hard ${second} && git reflog expire --expire=all --all
    git update-ref -d refs/remotes/origin/main && git prune`,
  );
  const old = { commit: second, other: third };
  assertEquals(await orderOf(remoteGit(world), join(fleet.root, "old"), "origin", old), "after");
  assertEquals(await shell(fleet, "ls ..").then((text) => text.includes("evil")), false);
});

/** Attributes of a repository, and whether git would change `releases/a.json` by them. */
const ATTRIBUTES: [attributes: string, isChanged: boolean][] = [
  ["", false],
  ["* text=auto", true],
  ["* eol=lf", true],
  ["* ident", true],
  ["*.json filter=lfs", true],
  ["releases/** working-tree-encoding=UTF-16", true],
  ["* text eol=crlf\nreleases/** binary -filter", false],
  ["* text filter=x ident\nreleases/** -text -filter -ident", false],
  ["*.md text", false],
];

Deno.test("firstChanged() goes by the attributes that a commit has, whatever the work tree's are", async () => {
  await using world = await gitFleet();
  const { fleet, git } = world;
  const index = { root: fleet.dir, file: join(fleet.root, "tmp/attributes") };
  for (const [attributes, isChanged] of ATTRIBUTES) {
    await fleet.write({ ".gitattributes": `${attributes}\n` });
    const commit = await fleet.commit("attributes");
    await fleet.write({ ".gitattributes": isChanged ? "" : "* text\n" });
    const found = await firstChanged(git, index, commit, ["releases/a.json", "releases/b.json"]);
    assertEquals(found, isChanged ? "releases/a.json" : null, attributes);
  }
});
