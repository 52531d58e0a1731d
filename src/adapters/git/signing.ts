/**
 * Signatures of commits, by git's own key, format and program.
 *
 * These come from git's configuration, and the repository's own part of it may be a stranger's, as in doors.ts. With
 * `--git-sign` the operator asks for what it says, programs included, as with `--git-hooks`. `commit.gpgSign` may come
 * from the repository itself: then it may say that commits are signed, in which format and with which of the operator's
 * keys, since git asks the same of everyone who commits there; but it names no program.
 *
 * @module
 */
import { ReleaseError } from "../../errors.ts";
import type { Identity } from "../../ports.ts";
import { quoteList } from "../../text.ts";
import { lastLines, text } from "../process.ts";
import { type GitContext, gitError, runGit } from "./context.ts";
import { identityEnv } from "./identity.ts";
import { emptyTree } from "./objects.ts";

/**
 * Whether a commit is signed.
 *
 * @param root The root of the work tree
 * @param told What the operator says; undefined: git's configuration decides
 * @throws {ReleaseError} of kind `git` when the configuration cannot be read, and of kind `usage` when it is the
 * repository that says which program would run
 */
export async function signsCommits(
  git: GitContext,
  root: string,
  told: boolean | undefined,
): Promise<boolean> {
  if (told !== undefined) return told;
  const args = ["config", "--type=bool", "--get", "commit.gpgSign"];
  const asked = await runGit(git, args, { cwd: root });
  // 1: it is not set.
  if (asked.code > 1) throw gitError("read commit.gpgSign", asked);
  if (asked.code === 1 || text(asked) === "false") return false;
  const programs = await programsOf(git, root);
  if (programs.length === 0) return true;
  throw new ReleaseError(
    "usage",
    `Cannot sign the commit as commit.gpgSign says: ${
      quoteList(programs)
    } in the repository's own configuration ` +
      "names the program for it",
    {
      hint:
        "let it run with --git-sign, name the program in your own configuration, or give --git-sign=false",
    },
  );
}

/** The settings of the repository's own configuration, with what that includes, which name programs for signing. */
async function programsOf(git: GitContext, root: string): Promise<string[]> {
  const names = "^gpg\\.((openpgp\\.|x509\\.|ssh\\.)?program|ssh\\.defaultkeycommand)$";
  const args = ["config", "--null", "--show-scope", "--name-only", "--get-regexp", names];
  const listing = await runGit(git, args, { cwd: root });
  if (listing.code > 1) throw gitError("read which program signs", listing);
  const parts = text(listing).split("\0");
  const own = parts.filter((_, index) => index % 2 === 1 && /^(local|worktree)$/.test(parts[index - 1]!));
  return [...new Set(own)];
}

/**
 * Makes sure that git can sign, by an empty commit that is not kept.
 *
 * @param root The root of the work tree
 * @param scratch An empty directory of this run alone, for the objects
 * @throws {ReleaseError} of kind `git` when git cannot sign
 */
export async function checkSigning(
  git: GitContext,
  root: string,
  { identity, scratch }: { readonly identity: Identity; readonly scratch: string },
): Promise<void> {
  const tree = await emptyTree(git, root);
  const env = { ...identityEnv(identity), GIT_OBJECT_DIRECTORY: scratch };
  const stdin = "Made to see whether git can sign\n";
  const result = await runGit(git, ["commit-tree", "-S", tree], { cwd: root, env, stdin, asks: true });
  if (result.code === 0) return;
  throw new ReleaseError("git", "Cannot sign the commit of the release", {
    lines: lastLines(result.stderr, 10),
    hint:
      "git signs by gpg.format, user.signingkey and gpg.program of its configuration; --git-sign=false leaves " +
      "the commit unsigned",
  });
}
