/**
 * Keeps git from changing the files of a release in the checkouts of others.
 *
 * @module
 */
import { join, relative } from "@std/path";
import { equalBytes } from "../bytes.ts";
import { ATTRIBUTES_FILE, ROLLOUTS_DIR, SIDECAR_FILES, signaturePath } from "../contract/layout.ts";
import type { CommitBase, ReleaseFile, Repository } from "../ports.ts";
import { namesOf } from "./committable.ts";
import { readOrNothing, type Run } from "./run.ts";

/** The attributes by which git leaves files as they are, whatever the repository and the user say. */
const LEAVE = "-text -eol -filter -ident -working-tree-encoding";

/** The last lines of attributes for a release directory, which at the root of a repository others share. */
function lastLines(dir: string, artifactName: string): string[] {
  if (dir !== "") return [`* ${LEAVE}`];
  const names = [artifactName, ...SIDECAR_FILES].flatMap((path) => [path, signaturePath(path)]);
  const patterns = names.map((name) => JSON.stringify(`/${name.replace(/[\\*?[]/g, "\\$&")}`));
  return [...patterns, `/${ROLLOUTS_DIR}/*`].map((pattern) => `${pattern} ${LEAVE}`);
}

/**
 * What is committed beside a release: attributes that keep others' checkouts from having other bytes than were signed
 * (`* text eol=crlf`, a filter, `core.autocrlf`). Those that somebody has put there are left as they are, with a warning
 * when they let git change the files.
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
  const lines = lastLines(dir, config.artifactName);
  const leave = new TextEncoder().encode(
    ["# Written by fleet-release: signatures are of these very bytes.", ...lines, ""].join("\n"),
  );
  const tree = base.moves ? repository.head : base.parent;
  // Another branch than the one that is checked out may have its own.
  const inTree = async () =>
    base.moves || tree === null
      ? null
      : (await git.readCommitted(repository, tree, [path])).get(path) ?? null;
  const there = await readOrNothing(run, ATTRIBUTES_FILE) ?? await inTree();
  if (there === null || equalBytes(there, leave)) return [{ path: ATTRIBUTES_FILE, bytes: leave }];
  const paths = namesOf(run).flatMap((path) => [join(dir, path), join(dir, signaturePath(path))]);
  const changed = tree === null ? null : await git.firstChanged(repository, tree, paths);
  if (changed !== null) {
    run.warn({
      code: "changed-by-git",
      message:
        `"${path}" lets git change "${changed}" and its like: in another clone they may have other bytes than were ` +
        `signed. Let its last ${lines.length === 1 ? "line" : "lines"} be \`${lines.join("\\n")}\``,
      path,
    });
  }
  return [];
}
