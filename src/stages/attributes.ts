/**
 * Keeps git from changing the files of a release in the checkouts of others.
 *
 * @module
 */
import { join, relative } from "@std/path";
import { equalBytes } from "../bytes.ts";
import { ATTRIBUTES_FILE, signaturePath } from "../contract/layout.ts";
import type { CommitBase, ReleaseFile, Repository } from "../ports.ts";
import { namesOf } from "./committable.ts";
import { readOrNothing, type Run } from "./run.ts";

/** The last line of attributes by which git leaves every file as it is, whatever the repository and the user say. */
const LEAVE = "* -text -eol -filter -ident -working-tree-encoding";

const LEAVE_ALL = new TextEncoder().encode(
  `# Written by fleet-release: signatures are of these very bytes.\n${LEAVE}\n`,
);

/**
 * What is committed beside a release: attributes that keep others' checkouts from having other bytes than were signed
 * (`* text eol=crlf`, a filter, `core.autocrlf`). Those that somebody has put there are left as they are, with a warning
 * when they let git change the files. In the root of the repository they would be those of all other files, too: there
 * none are put.
 *
 * @returns the file, or none
 */
export async function attributesFor(
  run: Run,
  repository: Repository,
  base: CommitBase,
): Promise<readonly ReleaseFile[]> {
  const { config, ports: { git, releaseDir } } = run;
  const dir = relative(repository.root, (await releaseDir.realPath()).path);
  const path = join(dir, ATTRIBUTES_FILE);
  const tree = base.moves ? repository.head : base.parent;
  // Another branch than the one that is checked out may have its own.
  const inTree = async () =>
    base.moves || tree === null
      ? null
      : (await git.readCommitted(repository, tree, [path])).get(path) ?? null;
  const there = await readOrNothing(run, ATTRIBUTES_FILE) ?? await inTree();
  if (dir !== "" && (there === null || equalBytes(there, LEAVE_ALL))) {
    return [{ path: ATTRIBUTES_FILE, bytes: LEAVE_ALL }];
  }
  const paths = namesOf(config).flatMap((path) => [join(dir, path), join(dir, signaturePath(path))]);
  const changed = tree === null ? null : await git.firstChanged(repository, tree, paths);
  if (changed !== null) {
    run.warn({
      code: "changed-by-git",
      message:
        `"${path}" lets git change "${changed}" and its like: in another clone they may have other bytes than were ` +
        `signed. Let its last line be \`${LEAVE}\``,
      path,
    });
  }
  return [];
}
