/**
 * Pushes every closure, by the operator's command.
 *
 * @module
 */
import { lookup } from "../contract/records.ts";
import { ReleaseError } from "../errors.ts";
import type { BuiltHost } from "../model.ts";
import { readFleet } from "../plan/reuse.ts";
import type { PushFailure } from "../ports.ts";
import { plural, quoteList } from "../text.ts";
import { backoff } from "./backoff.ts";
import type { Earlier } from "./order.ts";
import type { Run } from "./run.ts";

/**
 * Pushes the closures of the hosts, when there is a command for it.
 *
 * @throws {ReleaseError} of kind `push-hook` when one cannot be pushed, with how many were
 */
export async function pushClosures(run: Run, hosts: readonly BuiltHost[], earlier: Earlier): Promise<void> {
  const { config: { pushCmd, pushAllCmd, pushChanged } } = run;
  if (pushCmd === undefined && pushAllCmd === undefined) return;
  const changed = pushChanged ? changedSince(earlier, hosts) : hosts;
  const count = plural(changed.length, "closure");
  const kept = hosts.length - changed.length;
  await run.stage(
    {
      name: "push",
      title: `Pushing ${count}`,
      done: () => `Pushed ${count}` + (kept === 0 ? "" : `: ${kept} more are those of the last release`),
    },
    () => pushCmd === undefined ? pushAll(run, pushAllCmd!, changed) : pushEach(run, pushCmd, changed),
  );
}

/** The hosts whose closures are others than in the last release on disk, as far as that counts. */
function changedSince({ onDisk }: Earlier, hosts: readonly BuiltHost[]): readonly BuiltHost[] {
  const before = onDisk === null ? undefined : readFleet(onDisk.bytes)?.hosts;
  if (before === undefined) return hosts;
  return hosts.filter(({ name, closureHash }) => lookup(before, name)?.closureHash !== closureHash);
}

/** Several at once. When one fails, those that have begun are waited for, and no other begins. */
async function pushEach(run: Run, command: string, hosts: readonly BuiltHost[]): Promise<void> {
  const { config: { pushJobs }, ports: { hooks } } = run;
  const waiting = [...hosts];
  const failed: { readonly host: string; readonly error: ReleaseError }[] = [];
  let pushed = 0;
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { name, storePath, closureHash } = next;
      run.host("push", name, "started");
      const push = () => hooks.push(command, { host: name, storePath, closureHash });
      const error = await tried(run, push, [name]).catch((thrown: unknown) => {
        waiting.length = 0;
        throw thrown;
      });
      if (error === null) {
        run.host("push", name, "done");
        pushed++;
      } else {
        failed.push({ host: name, error });
        waiting.length = 0;
      }
    }
  };
  await Promise.all(Array.from({ length: pushJobs }, work));
  if (failed.length > 0) {
    throw notPushed(failed, `${pushed} of ${plural(hosts.length, "closure")} pushed`);
  }
}

async function pushAll(run: Run, command: string, hosts: readonly BuiltHost[]): Promise<void> {
  if (hosts.length === 0) return;
  const paths = [...new Set(hosts.map(({ storePath }) => storePath))];
  for (const { name } of hosts) run.host("push", name, "started");
  const error = await tried(run, () => run.ports.hooks.pushAll(command, paths));
  if (error !== null) throw error;
  for (const { name } of hosts) run.host("push", name, "done");
}

/** Milliseconds before the first time that a push is tried again. */
const FIRST_WAIT = 1000;

/** Pushes, again and again as far as that may help; gives how it failed, or null. */
async function tried(
  { config: { pushRetries }, ports: { pause }, warn }: Run,
  push: () => Promise<PushFailure | null>,
  hosts?: readonly string[],
): Promise<ReleaseError | null> {
  for (let retry = 0;; retry++) {
    const failure = await push();
    if (failure === null) return null;
    const { error, mayPass } = failure;
    if (!mayPass || retry === pushRetries) {
      return retry === 0 ? error : error.with({ lines: [...error.lines, `it was tried ${retry + 1} times`] });
    }
    const wait = backoff(retry, FIRST_WAIT);
    warn({
      code: "push-retry",
      message: `${error.message}; trying again in ${(wait / 1000).toFixed(1)} s (${
        retry + 1
      } of ${pushRetries})`,
      ...hosts === undefined ? {} : { hosts },
    });
    await pause(wait);
  }
}

function notPushed(
  failed: readonly { readonly host: string; readonly error: ReleaseError }[],
  pushed: string,
): ReleaseError {
  const [first] = failed;
  const hosts = failed.map(({ host }) => host);
  if (failed.length === 1) return first!.error.with({ lines: [...first!.error.lines, pushed], hosts });
  return new ReleaseError(
    "push-hook",
    `Push hook failed for ${plural(hosts.length, "host")}: ${quoteList(hosts)}`,
    {
      lines: [
        ...failed.flatMap(({ error: { message, lines } }) => [message, ...lines.map((line) => `  ${line}`)]),
        pushed,
      ],
      hosts,
    },
  );
}
