/**
 * Whether the flake and its repository are what a release needs.
 *
 * @module
 */
import { join, relative } from "@std/path";
import { isForReview } from "../../config.ts";
import type { Repository } from "../../ports.ts";
import { hideSecrets } from "../../secrets.ts";
import { checkReleaseDir, identityOf } from "../committable.ts";
import type { FlakePlace } from "../oversights.ts";
import type { Run } from "../run.ts";
import { changesOf, refuseAttribute, releaseFilesIn } from "../source.ts";
import { bad, type Found, good, needed, NotKnown, there, tried, type Visit, warning } from "./visit.ts";

/** That there is a flake, and that nix sees it. */
export async function lookAtFlake({ config, run }: Visit): Promise<Found> {
  const { buildFlake: flake, requireClean } = config;
  const { nix, git, inputs } = run.ports;
  const { text, directory } = await nix.referTo(flake);
  if (directory === null) refuseAttribute(text);
  const source = await nix.locate(text);
  if (source === null) return good(`"${flake}" is not on this machine: nix fetches it`);
  if (!source.inGit) {
    const found = `"${flake}" is read as a plain directory, of which no commit is known`;
    const mend = "have it in a git repository, and leave `path:` out";
    return requireClean ? bad(`${found}, and --require-clean wants one`, mend) : warning(found, mend);
  }
  const repository = await git.repositoryOf(source.root);
  if (repository === null || repository.head === null) {
    return warning(`"${flake}" is in a repository without a commit`, "commit it");
  }
  const file = directory === null ? null : join(source.root, source.dir, "flake.nix");
  const isThere = file !== null && await inputs.realPath(file) === file;
  if (isThere && !await git.tracks(repository, relative(repository.root, file), source.revision)) {
    return bad(`git does not track "${file}", and nix sees nothing else`, "`git add` it, and commit it");
  }
  const { revision } = source;
  const commit = revision === null ? repository.head : await git.resolveCommit(repository, revision);
  if (commit === null) {
    return bad(
      `"${flake}" names "${revision}", which is not in "${repository.root}"`,
      "`git fetch` brings what the remote has, `git fetch --unshallow` what a shallow clone lacks",
    );
  }
  const changes = revision === null ? await lookForChanges(run, repository, commit) : null;
  return changes ?? good(`"${flake}", at commit ${commit.slice(0, 8)} of "${repository.root}"`);
}

/** That what is checked out is committed; null: it is. */
async function lookForChanges(run: Run, repository: Repository, commit: string): Promise<Found | null> {
  const differing = await run.ports.git.changedFiles(repository, commit);
  if (differing.length === 0) return null;
  const left = await releaseFilesIn(run, { dirty: true, differing }, repository);
  const found = `There are changes that are not committed${changesOf(differing, left)}`;
  if (left.length === differing.length) {
    return warning(
      `${found}: what is released is commit ${commit.slice(0, 8)}`,
      "nothing has to be done: the next release replaces them",
    );
  }
  const mend = "commit or stash them";
  if (run.config.requireClean) return bad(`${found}, and --require-clean wants none`, mend);
  return warning(`${found}: a release names commit ${commit.slice(0, 8)}, which need not contain them`, mend);
}

/** That the release can be committed where it is. */
export async function lookAtRepository(
  { config, run, parts, machine }: Visit,
): Promise<Found | Found[] | null> {
  there(parts.git);
  const repository = await ownRepository(run);
  if (repository === null && !config.gitCommit) return null;
  if (repository === null) {
    return bad(
      `"${config.releaseDir}" is in no git repository, in which its release would be committed`,
      ON_CHECKOUT,
    );
  }
  const { root, head } = repository;
  const where = `"${root}", ${head === null ? "without a commit" : `at ${head.slice(0, 8)}`}`;
  if (!config.gitCommit) return good(where);
  const closed: Found[] = [];
  for (const dir of machine.gitDirs) {
    if (!await machine.canWrite(dir)) closed.push(bad(`"${dir}" cannot be written`, RIGHTS));
  }
  return closed.length > 0 ? closed : good(where);
}

const ON_CHECKOUT = "run it on a checkout of the fleet, or leave out --git-commit and --git-push";

/** How what belongs to others is mended. */
export const RIGHTS =
  "give it to the user who releases (`chown -R`), and see that its file system is not read-only";

/** That git knows whom the commit is by. */
export async function lookAtIdentity({ config, run }: Visit): Promise<Found | null> {
  if (!config.gitCommit) return null;
  const repository = await needRepository(run);
  await run.ports.git.checkIdentity(repository, identityOf(config));
  return good("git has a name and an address to commit with");
}

/** That git can sign the commit, where it is to. */
export async function lookAtSigning({ config, run, parts }: Visit): Promise<Found | null> {
  if (!config.gitCommit) return null;
  needed(parts.temporary, "a temporary directory");
  await run.ports.git.checkSigning(await needRepository(run), identityOf(config));
  return good("git signs commits as it is configured to, or signs none");
}

/** That the release could be pushed, as far as that is known without a push. */
export async function lookAtRemote({ config: { gitPush }, run }: Visit): Promise<Found | null> {
  if (gitPush === undefined) return null;
  const { git } = run.ports;
  const repository = await needRepository(run);
  const { head } = repository;
  const standing = await git.checkPush(repository, head, gitPush);
  const to = `"${gitPush.branch}" of "${hideSecrets(gitPush.remote)}"`;
  if (isForReview(gitPush)) return good(`${to} takes what is pushed there`);
  const tip = await git.tipOf(repository, gitPush);
  if (tip === null) {
    return warning(
      `${to} is not there: the first push makes it`,
      "if it should be there, give --git-push its name",
    );
  }
  const at = `${to}, at ${tip.slice(0, 8)},`;
  if (standing !== "apart" || head === null) return good(`${at} takes what is pushed on top of it`);
  const more = `${at} has commits that HEAD lacks: a release is put on top of them`;
  // Another branch than the one that is checked out need not have what is released.
  if (await git.headOn(repository, gitPush.branch) !== "branch") return good(more);
  if (await git.resolveCommit(repository, tip) === null) {
    return warning(
      `${at} has commits that are not here`,
      "`git pull` brings them; else the next release goes on top",
    );
  }
  if (await git.hasInHistory(repository, tip, head)) return good(more);
  return bad(
    `${at} has gone another way than ${head.slice(0, 8)}, which is checked out`,
    "`git pull --rebase` mends it",
  );
}

/** That the release directory can be committed from, as far as it is in a repository. */
export async function lookIntoRepository({ config, run, parts }: Visit): Promise<readonly Found[]> {
  if (!config.gitCommit) return [];
  return await tried(async () => {
    needed(parts.temporary, "a temporary directory");
    // Whether there is a flake is a matter of its own.
    const ofFlake = await flakeRepository(run).catch(() => undefined);
    if (ofFlake === null) {
      return bad(`"${config.buildFlake}" is in no git repository on this machine`, ON_CHECKOUT);
    }
    await checkReleaseDir(run, ofFlake ?? await needRepository(run));
    return [];
  });
}

/** The repository that the flake is in; null: it is in none on this machine. */
async function flakeRepository(
  { config: { buildFlake }, ports: { nix, git } }: Run,
): Promise<Repository | null> {
  const source = await nix.locate((await nix.referTo(buildFlake)).text);
  return source && await git.repositoryOf(source.root);
}

/** Where the flake lies, which may be above the directory that is given. */
export async function placeOfFlake(
  { config: { buildFlake }, ports: { nix, git } }: Run,
): Promise<FlakePlace> {
  const source = await nix.locate((await nix.referTo(buildFlake)).text);
  if (source === null) return { flake: { localDir: null }, repository: null };
  return {
    flake: { localDir: join(source.root, source.dir) },
    repository: await git.repositoryOf(source.root),
  };
}

/** The repository that the release directory is in: one that is committed to is that of the flake, too. */
export async function ownRepository({ ports: { git, releaseDir } }: Run): Promise<Repository | null> {
  return await git.repositoryOf((await releaseDir.realPath()).existing);
}

/** What is wrong with it is told where it is the matter. */
async function needRepository(run: Run): Promise<Repository> {
  const repository = await ownRepository(run).catch(() => null);
  if (repository === null) throw new NotKnown("it is not known without a repository");
  return repository;
}
