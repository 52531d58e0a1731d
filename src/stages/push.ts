/**
 * Pushes every closure, by the operator's command.
 *
 * @module
 */
import type { BuiltHost } from "../model.ts";
import { plural } from "../text.ts";
import type { Run } from "./run.ts";

/** Pushes the closures of the hosts, one after the other, when there is a command for it. */
export async function pushClosures(run: Run, hosts: readonly BuiltHost[]): Promise<void> {
  const { config: { pushCmd }, ports: { hooks } } = run;
  if (pushCmd === undefined) return;
  const count = plural(hosts.length, "closure");
  await run.stage(
    { name: "push", title: `Pushing ${count}`, done: () => `Pushed ${count}` },
    async () => {
      for (const { name, storePath, closureHash } of hosts) {
        run.host("push", name, "started");
        await hooks.push(pushCmd, { host: name, storePath, closureHash });
        run.host("push", name, "done");
      }
    },
  );
}
