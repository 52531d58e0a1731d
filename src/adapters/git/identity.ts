/**
 * Who a commit is made by, and when.
 *
 * @module
 */
import { atOnce, ReleaseError } from "../../errors.ts";
import type { Identity } from "../../ports.ts";
import { lastLines } from "../process.ts";
import { type GitContext, runGit } from "./context.ts";

/**
 * Makes sure that git can tell who commits, and when.
 *
 * @param root The root of the work tree
 * @throws {ReleaseError} of kind `git` when it has no name and address, or cannot read a date of the environment
 */
export async function checkIdentity(git: GitContext, root: string, identity: Identity): Promise<void> {
  const env = identityEnv(identity);
  const check = async (who: "AUTHOR" | "COMMITTER") => {
    const ask = (context: GitContext) => runGit(context, ["var", `GIT_${who}_IDENT`], { cwd: root, env });
    const result = await ask(git);
    if (result.code === 0) return;
    const { [`GIT_${who}_DATE`]: date, ...dateless } = git.env;
    if (date !== undefined && (await ask({ ...git, env: dateless })).code === 0) {
      throw new ReleaseError("git", `Cannot commit: git cannot read GIT_${who}_DATE "${date}"`, {
        hint: "give a date as in 2026-06-01T12:00:00Z, or unset it",
      });
    }
    throw new ReleaseError("git", "Cannot commit: git has no name and address to commit with", {
      lines: lastLines(result.stderr, 5),
      hint: "give --git-user-name and --git-user-email, or configure user.name and user.email",
    });
  };
  await atOnce(check("AUTHOR"), check("COMMITTER"));
}

/** The identity for one command, which leaves the repository's configuration as it is. */
export function identityEnv({ name, email }: Identity): Record<string, string> {
  return {
    ...(name === undefined ? {} : { GIT_AUTHOR_NAME: name, GIT_COMMITTER_NAME: name }),
    ...(email === undefined ? {} : { GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_EMAIL: email }),
  };
}
