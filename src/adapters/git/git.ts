/**
 * The git commands, one function each.
 *
 * The commit is made with plumbing on an index of its own: whatever is staged, whatever filters, attributes or hooks
 * there are, it contains exactly the bytes that were signed.
 *
 * @module
 */
import { crypto } from "@std/crypto";
import { join, relative } from "@std/path";
import { hideSecrets } from "../../secrets.ts";
import { ReleaseError } from "../../errors.ts";
import type { Git, Identity, ReleaseFile, Repository } from "../../ports.ts";
import { type CommandResult, lastLines, type Shell, text, withoutGitLocation } from "../process.ts";

/** What the git commands are given beside their arguments. */
export interface GitSettings {
  readonly env: Readonly<Record<string, string>>;
  /** A directory of this run alone, for the index that the commit is made with. */
  readonly tempDir: string;
}

/** Objects and the reference reach the disk before the program says that it has committed. */
const DURABLE = ["-c", "core.fsync=committed,reference", "-c", "core.fsyncMethod=fsync"];

const encoder = new TextEncoder();

/** The git commands of the operator's own git. */
export function createGit(shell: Shell, settings: GitSettings): Git {
  const git = shell.find("git");
  const env = { ...withoutGitLocation(settings.env), GIT_TERMINAL_PROMPT: "0" };

  function run(
    cwd: string,
    args: readonly string[],
    options: { env?: Record<string, string>; stdin?: string } = {},
  ): Promise<CommandResult> {
    return shell.run([git, ...args], {
      cwd,
      env: { ...env, ...options.env },
      stdin: options.stdin === undefined ? undefined : encoder.encode(options.stdin),
    });
  }

  /** Runs a command that has to succeed, and gives what it printed. */
  async function expect(what: string, ...call: Parameters<typeof run>): Promise<string> {
    const result = await run(...call);
    if (result.code !== 0) throw gitError(what, result);
    return text(result);
  }

  return {
    async repositoryOf(dir): Promise<Repository | null> {
      const both = await run(dir, ["rev-parse", "--show-toplevel", "HEAD^{commit}"]);
      if (both.code === 0) {
        const [root, head] = text(both).split(/\n(?=[0-9a-f]+$)/);
        return { root: await Deno.realPath(root!), head: head! };
      }
      const result = await run(dir, ["rev-parse", "--show-toplevel"]);
      // A branch without a commit yet.
      if (result.code === 0) return { root: await Deno.realPath(text(result)), head: null };
      // "Outside git" and "git refuses to look" (another user's repository) exit alike. Told to trust every directory,
      // git succeeds in the second case alone, and that must not pass for the first.
      const trusting = await run(dir, ["-c", "safe.directory=*", "rev-parse", "--git-dir"]);
      if (trusting.code === 0) throw gitError(`read the repository of "${dir}"`, result);
      return null;
    },

    async resolveCommit({ root }, name): Promise<string | null> {
      const result = await run(root, [
        "rev-parse",
        "--quiet",
        "--verify",
        "--end-of-options",
        `${name}^{commit}`,
      ]);
      return result.code === 0 ? text(result) : null;
    },

    async firstIgnored({ root }, paths): Promise<string | null> {
      const result = await run(root, ["check-ignore", "-z", "--stdin"], { stdin: paths.join("\0") + "\0" });
      if (result.code > 1) throw gitError("ask which files are ignored", result);
      return text(result).split("\0")[0] || null;
    },

    async checkIdentity({ root }, identity): Promise<void> {
      const result = await run(root, ["var", "GIT_COMMITTER_IDENT"], { env: identityEnv(identity) });
      if (result.code !== 0) {
        throw new ReleaseError("git", "Cannot commit: git has no name and address to commit with", {
          lines: lastLines(result.stderr, 5),
          hint: "give --git-user-name and --git-user-email, or configure user.name and user.email",
        });
      }
    },

    async commit(
      { root, head },
      { releaseDir, files, message, identity, onWarning },
    ): Promise<string | null> {
      const prefix = relative(root, await Deno.realPath(releaseDir));
      const blobs = await hashFiles(prefix, files);
      const entries = files.map(({ path }, index) => `100644 ${blobs[index]}\t${join(prefix, path)}\0`).join(
        "",
      );
      const index = { GIT_INDEX_FILE: join(settings.tempDir, "index") };
      await expect(
        "read the current commit",
        root,
        head === null ? ["read-tree", "--empty"] : ["read-tree", head],
        {
          env: index,
        },
      );
      await expect("add the release files", root, ["update-index", "--add", "-z", "--index-info"], {
        env: index,
        stdin: entries,
      });
      const tree = await expect("write the tree", root, [...DURABLE, "write-tree"], { env: index });
      if (
        head !== null && tree === await expect("read the current tree", root, ["rev-parse", `${head}^{tree}`])
      ) {
        return null;
      }
      const commit = await expect(
        "make the commit",
        root,
        [...DURABLE, "commit-tree", tree, ...(head === null ? [] : ["-p", head])],
        { stdin: message, env: identityEnv(identity) },
      );
      const moved = await run(root, [
        ...DURABLE,
        "update-ref",
        "-m",
        `fleet-release: ${message.split("\n")[0]}`,
        "HEAD",
        commit,
        head ?? "0".repeat(commit.length),
      ]);
      if (moved.code !== 0) {
        const now = await run(root, ["rev-parse", "--quiet", "--verify", "HEAD^{commit}"]);
        if ((now.code === 0 ? text(now) : null) === head) {
          throw gitError("move the branch to the release", moved);
        }
        throw new ReleaseError(
          "git",
          "Cannot commit the release: the branch moved while the release was made",
          {
            lines: lastLines(moved.stderr, 5),
            hint: "the release files are written; run again to release the commit that the branch is at now",
          },
        );
      }
      // The user's own index: only the release files, so that they do not show up as changes.
      const refreshed = await run(root, ["update-index", "--add", "-z", "--index-info"], { stdin: entries });
      if (refreshed.code !== 0) {
        onWarning({
          code: "stale-index",
          message: "The release is committed, but git's index could not be brought up to date: " +
            `git status shows the release files as changed (${lastLines(refreshed.stderr, 1).join("")})`,
        });
      }
      return commit;

      /** Stores the files as they are, and checks that they are the signed bytes still. */
      async function hashFiles(prefix: string, files: readonly ReleaseFile[]): Promise<string[]> {
        const printed = await expect(
          "store the release files",
          root,
          [...DURABLE, "hash-object", "-w", "--no-filters", "--stdin-paths"],
          // A name that begins with a quote would be read as quoted.
          { stdin: files.map(({ path }) => `./${join(prefix, path)}\n`).join("") },
        );
        const hashes = printed.split("\n");
        for (const [index, { path, bytes }] of files.entries()) {
          if (hashes[index] === blobHash(bytes, hashes[index]?.length ?? 0)) continue;
          throw new ReleaseError("git", `Cannot commit "${path}": the file is not what was signed`, {
            hint: "something else wrote to the release directory during the run; run again",
          });
        }
        return hashes;
      }
    },

    async push({ root }, commit, remote, branch): Promise<void> {
      // One branch, whatever else the configuration would push along.
      const only = ["--no-follow-tags", "--recurse-submodules=no"];
      const target = `${commit}:refs/heads/${branch}`;
      const result = await run(root, ["push", "--porcelain", ...only, "--", remote, target]);
      if (result.code !== 0) {
        throw new ReleaseError(
          "git",
          `Cannot push the release to "${branch}" of "${hideSecrets(remote)}"`,
          {
            lines: lastLines([...text(result).split("\n"), ...result.stderr], 10).map(hideSecrets),
            hint:
              "the release is written and committed here; push it, or run again on top of what the remote has",
          },
        );
      }
    },
  };
}

/** The object id that git gives to these bytes: SHA-1, or SHA-256 where the repository's ids are that long. */
function blobHash(bytes: Uint8Array<ArrayBuffer>, idLength: number): string {
  const header = encoder.encode(`blob ${bytes.length}\0`);
  const object = new Uint8Array(header.length + bytes.length);
  object.set(header);
  object.set(bytes, header.length);
  return new Uint8Array(crypto.subtle.digestSync(idLength === 64 ? "SHA-256" : "SHA-1", object)).toHex();
}

/** The identity for one command, which leaves the repository's configuration as it is. */
function identityEnv({ name, email }: Identity): Record<string, string> {
  return {
    ...(name === undefined ? {} : { GIT_AUTHOR_NAME: name, GIT_COMMITTER_NAME: name }),
    ...(email === undefined ? {} : { GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_EMAIL: email }),
  };
}

function gitError(what: string, result: CommandResult): ReleaseError {
  return new ReleaseError("git", `Cannot ${what}: git exited with ${result.code}`, {
    lines: lastLines(result.stderr, 10),
  });
}
