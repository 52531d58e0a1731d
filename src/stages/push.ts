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
import { Stream } from "./stream.ts";

/**
 * Pushes the closures of the hosts, when there is a command for it.
 *
 * @throws {ReleaseError} of kind `push-hook` when one cannot be pushed, with how many were
 */
export async function pushClosures(run: Run, hosts: readonly BuiltHost[], earlier: Earlier): Promise<void> {
  const { config: { pushCmd, pushAllCmd } } = run;
  if (pushCmd === undefined && pushAllCmd === undefined) return;
  const changed = hosts.filter(changedSince(run, earlier));
  const kept = hosts.length - changed.length;
  await run.stage(
    {
      name: "push",
      title: `Pushing ${plural(changed.length, "closure")}`,
      hosts: changed.length,
      done: () => pushedText(changed.length, kept),
    },
    async () => {
      if (pushCmd === undefined) await pushAll(run, pushAllCmd!, changed);
      else await pushEach(run, pushCmd, { hosts: Stream.of(changed), most: changed.length });
    },
  );
}

/**
 * Pushes closures as they are built, whatever becomes of the others, when there is a command for it.
 *
 * @param most How many may come
 * @throws {ReleaseError} of kind `push-hook` when one cannot be pushed, with how many were
 */
export async function pushEarly(
  run: Run,
  built: Stream<BuiltHost>,
  { most, earlier }: { readonly most: number; readonly earlier: Earlier },
): Promise<void> {
  const { pushCmd } = run.config;
  if (pushCmd === undefined) return;
  const isChanged = changedSince(run, earlier);
  const first = await built.next();
  if (first === undefined) return;
  const hosts = new Stream<BuiltHost>();
  let kept = 0;
  const sort = async () => {
    for (let next: BuiltHost | undefined = first; next !== undefined; next = await built.next()) {
      if (isChanged(next)) hosts.push(next);
      else kept++;
    }
    hosts.end();
  };
  await run.stage(
    {
      name: "push",
      title: `Pushing ${plural(most, "closure")}`,
      hosts: most,
      done: (pushed) => pushedText(pushed, kept),
    },
    async () => (await Promise.all([pushEach(run, pushCmd, { hosts, most }), sort()]))[0],
  );
}

function pushedText(pushed: number, kept: number): string {
  return `Pushed ${plural(pushed, "closure")}` +
    (kept === 0 ? "" : `: ${kept} more are those of the last release`);
}

/** Whether a host's closure is another than in the last release on disk, as far as that counts. */
function changedSince({ config }: Run, { onDisk }: Earlier): (host: BuiltHost) => boolean {
  const before = !config.pushChanged || onDisk === null ? undefined : readFleet(onDisk.bytes)?.hosts;
  return ({ name, closureHash }) => before === undefined || lookup(before, name)?.closureHash !== closureHash;
}

/**
 * Several at once. When one fails, those that have begun are waited for, and no other begins.
 *
 * @returns how many were pushed
 */
async function pushEach(
  run: Run,
  command: string,
  { hosts, most }: { readonly hosts: Stream<BuiltHost>; readonly most: number },
): Promise<number> {
  const { config: { pushJobs }, ports: { hooks } } = run;
  const failed: { readonly host: string; readonly error: ReleaseError }[] = [];
  const begun: string[] = [];
  let pushed = 0;
  let isOver = false;
  const work = async () => {
    for (let next = await hosts.next(); next !== undefined && !isOver; next = await hosts.next()) {
      const { name, storePath, closureHash } = next;
      begun.push(name);
      run.host("push", name, "started");
      const push = () => hooks.push(command, { host: name, storePath, closureHash });
      const error = await tried(run, push, [name]).catch((thrown: unknown) => {
        isOver = true;
        throw thrown;
      });
      if (error === null) {
        run.host("push", name, "done");
        pushed++;
      } else {
        failed.push({ host: name, error });
        isOver = true;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(pushJobs, most) }, work));
  if (failed.length > 0) {
    failed.sort((a, b) => begun.indexOf(a.host) - begun.indexOf(b.host));
    throw notPushed(failed, `${pushed} of ${plural(most, "closure")} pushed`);
  }
  return pushed;
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
