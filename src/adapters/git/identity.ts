/**
 * The name and address that a commit is made with.
 *
 * @module
 */
import { ReleaseError } from "../../errors.ts";
import type { Identity } from "../../ports.ts";
import { lastLines } from "../process.ts";
import { type GitContext, runGit } from "./context.ts";

/**
 * Makes sure that git can tell who commits.
 *
 * @param root The root of the work tree
 * @throws {ReleaseError} of kind `git` when it has no name and address
 */
export async function checkIdentity(git: GitContext, root: string, identity: Identity): Promise<void> {
  const env = identityEnv(identity);
  const result = await runGit(git, ["var", "GIT_COMMITTER_IDENT"], { cwd: root, env });
  if (result.code !== 0) {
    throw new ReleaseError("git", "Cannot commit: git has no name and address to commit with", {
      lines: lastLines(result.stderr, 5),
      hint: "give --git-user-name and --git-user-email, or configure user.name and user.email",
    });
  }
}

/** The identity for one command, which leaves the repository's configuration as it is. */
export function identityEnv({ name, email }: Identity): Record<string, string> {
  return {
    ...(name === undefined ? {} : { GIT_AUTHOR_NAME: name, GIT_COMMITTER_NAME: name }),
    ...(email === undefined ? {} : { GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_EMAIL: email }),
  };
}
