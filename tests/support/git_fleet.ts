/**
 * Real git commands on a real repository.
 *
 * @module
 */
import { type GitContext, gitContext } from "../../src/adapters/git/context.ts";
import { which } from "./command.ts";
import { TestFleet } from "./fleet.ts";
import { type Traced, tracedShell } from "./traced.ts";

/** The absolute path of git. */
export const GIT: string = which("git");

/** What stands before the commands of git whose work has to be on the disk. */
export const DURABLE: readonly string[] = [
  ...["-c", "core.fsync=committed,reference,index"],
  ...["-c", "core.fsyncMethod=fsync"],
];

/** The command that moves the branch that HEAD names. */
export function moveOf(reason: string, to: string, from: string): string[] {
  const patient = ["-c", "core.filesRefLockTimeout=2000"];
  return [GIT, ...DURABLE, ...patient, "update-ref", "-m", reason, "HEAD", to, from];
}

/** What asks for the filters that a repository's configuration names. */
export const FILTERS: readonly string[] = [
  ...[GIT, "config", "--null", "--name-only", "--get-regexp", "^filter\\..+\\.(clean|process)$"],
];

/** A fleet in its repository, the git that looks at it, and what that was run with. */
export interface GitFleet extends Traced, AsyncDisposable {
  readonly fleet: TestFleet;
  readonly git: GitContext;
  /** The commit that it begins with. */
  readonly head: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The sample fleet, committed. */
export async function gitFleet(): Promise<GitFleet> {
  const fleet = await TestFleet.create();
  const traced = tracedShell(fleet.root);
  return {
    ...traced,
    fleet,
    git: gitContext(traced.shell, fleet.env()),
    head: await fleet.head(),
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

/** The bytes of a text. */
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
