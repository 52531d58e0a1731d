/**
 * Which commit a name means. Who may push to a repository may push a tag of a branch's name, and git takes the tag.
 *
 * @module
 */
import { ReleaseError } from "../../errors.ts";
import { lastLines, text } from "../process.ts";
import { type GitContext, runGit } from "./context.ts";

/** A name, and where git is asked for it. */
export interface Revision {
  /** A directory of the repository, absolute. */
  readonly cwd: string;
  /** A commit, tag or branch. */
  readonly revision: string;
}

/**
 * The full commit that a revision names.
 *
 * @throws {ReleaseError} of kind `git` when there is no such commit, or the name may mean more than one thing
 */
export async function findCommit(git: GitContext, { cwd, revision }: Revision): Promise<string> {
  // What stands before the first of these is the name; none of them can be in one.
  const [name = ""] = revision.split(/[~^:]|@\{/);
  const meanings = await meaningsOf(git, cwd, name);
  // A full name comes before all others, so that it always is a way to say which one is meant.
  const isFull = meanings.some(({ full }) => full === name || full === name.toLowerCase());
  if (meanings.length > 1 && !isFull) throw ambiguous(name, meanings, revision.slice(name.length));
  // Git would look for the reference of a full name that is not there elsewhere, and find `refs/tags/refs/heads/main`.
  const isElsewhere = name.startsWith("refs/") && !isFull;
  const args = ["rev-parse", "--quiet", "--verify", "--end-of-options", `${revision}^{commit}`];
  const commit = await runGit(git, args, { cwd });
  if (commit.code === 0 && FULL_ID.test(text(commit)) && !isElsewhere) return text(commit);
  throw new ReleaseError("git", `Cannot find the commit "${revision}"`, {
    lines: lastLines(commit.stderr, 5),
    hint: "run it within the repository; a clone that is shallow, or of one branch, lacks others: " +
      "`git fetch origin BRANCH` brings one, as FETCH_HEAD",
  });
}

const FULL_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Something that a name can mean: how it is written in full, and the object that it names. */
interface Meaning {
  readonly full: string;
  readonly object: string;
}

/** All that a name can mean. Git decides by an order of its own, and warns only where it is not told to be silent. */
async function meaningsOf(git: GitContext, cwd: string, name: string): Promise<Meaning[]> {
  // Where HEAD is meant, it is so whatever else has its name.
  if (name === "" || name === "@" || name === "HEAD") return [];
  return [...await refsNamed(git, cwd, name), ...await commitsNamed(git, cwd, name)];
}

function ambiguous(name: string, meanings: readonly Meaning[], rest: string): ReleaseError {
  return new ReleaseError("git", `The name "${name}" may mean ${meanings.length} things`, {
    lines: meanings.slice(0, 10).map(({ full, object }) =>
      full === object ? `the commit ${full}` : `${full}, which is ${object}`
    ),
    hint: `write the one that you mean in full, as in ${meanings[0]!.full}${rest}`,
  });
}

/** The references that git would look for under a name (gitrevisions(7)). */
async function refsNamed(git: GitContext, cwd: string, name: string): Promise<Meaning[]> {
  const full = [
    ...(name.startsWith("refs/") ? [name] : []),
    ...["refs", "refs/heads", "refs/tags", "refs/remotes"].map((prefix) => `${prefix}/${name}`),
    `refs/remotes/${name}/HEAD`,
  ];
  const peeled = "%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)";
  const args = ["for-each-ref", `--format=${peeled} %(refname)`, "--", ...full];
  const listing = await runGit(git, args, { cwd });
  return text(listing).split("\n").flatMap((line) => {
    const [, object = "", ref = ""] = /^([0-9a-f]+) (.+)$/.exec(line) ?? [];
    // A pattern stands for what is below it, too.
    return full.includes(ref) ? [{ full: ref, object }] : [];
  });
}

/** The commits that a name is the beginning of the id of, alone or in the form that `git describe` gives. */
async function commitsNamed(git: GitContext, cwd: string, name: string): Promise<Meaning[]> {
  const prefix = /(?:^|-g)([0-9a-f]{4,64})$/i.exec(name)?.[1];
  if (prefix === undefined) return [];
  const objects = await runGit(git, ["rev-parse", `--disambiguate=${prefix}`], { cwd });
  const ids = text(objects).split("\n").filter((id) => FULL_ID.test(id));
  const args = ["cat-file", "--batch-check=%(objecttype) %(objectname)"];
  const types = await runGit(git, args, { cwd, stdin: ids.map((id) => `${id}\n`).join("") });
  return text(types).split("\n").flatMap((line) => {
    const [type, id = ""] = line.split(" ");
    // A tag of its own, too: what it is of is what is verified.
    return type === "commit" || type === "tag" ? [{ full: id, object: id }] : [];
  });
}
