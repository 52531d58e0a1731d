// `fleet-release prune`, on a directory that releases have left.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Interrupt } from "../../src/errors.ts";
import { runInProcess } from "../support/in_process.ts";
import { filesIn, interrupt } from "../support/interrupted.ts";
import { trustBytes } from "../support/trust.ts";
import { WorldOnDisk } from "../support/world_on_disk.ts";

/** Three releases, of which the first two have a sidecar, in a directory with a trust file beside it. */
async function releasedThrice(): Promise<WorldOnDisk> {
  const disk = await WorldOnDisk.create();
  disk.world.outputs.set("r", []);
  for (const minute of [10, 20]) {
    await disk.release({ now: `2026-06-01T12:${minute}:00Z`, revocationsAttr: "r" });
  }
  await disk.release({ now: "2026-06-01T12:30:00Z" });
  await Deno.writeFile(
    join(disk.dir, "trust.json"),
    trustBytes({ current: disk.world.signer.publicKey! }),
  );
  return disk;
}

function prune(disk: WorldOnDisk, ...args: string[]) {
  return runInProcess(["prune", ...args], { cwd: disk.dir, env: {} });
}

Deno.test("prune removes the manifests of old releases, and says which", async () => {
  await using disk = await releasedThrice();
  const before = await disk.files();
  assertEquals(before.size, 4 + 3 * 4);
  const nothing = await prune(disk);
  const sidecars = "Not of the release of fleet.resolved.json, and kept without --prune-sidecars:\n" +
    "  revocations.json\n  revocations.json.sig\n";
  assertEquals([nothing.code, nothing.stdout], [0, `Removed 0 files\n${sidecars}`], nothing.stderr);
  const tried = await prune(disk, "releases", "--dry-run", "--keep-releases", "2");
  assertEquals(await disk.files(), before);
  const json = await prune(disk, "--dry-run", "--keep-releases=2", "--json");
  const done = await prune(disk, "--keep-releases=2", "--trust-file=trust.json");
  const after = await disk.files();
  const removed = [...before.keys()].filter((path) => !after.has(path));
  assertEquals(done.stdout, `Removed 4 files\n${removed.map((path) => `  ${path}\n`).join("")}${sidecars}`);
  const kept = ["revocations.json", "revocations.json.sig"];
  assertEquals(JSON.parse(json.stdout), {
    schema: "fleet-release/prune/1",
    ...{ dryRun: true, removed, kept },
  });
  assertEquals(tried.stdout, done.stdout.replace("Removed", "Would remove"));
  const signedAt = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)).meta.signedAt;
  assertEquals(removed.flatMap((path) => path.endsWith(".sig") ? [] : [signedAt(before.get(path)!)]), [
    "2026-06-01T12:10:00Z",
    "2026-06-01T12:10:00Z",
  ]);
  const all = await prune(disk, "--keep-releases=1", "--prune-sidecars");
  assertEquals(all.stdout.split("\n")[0], "Removed 6 files");
  assertEquals((await disk.files()).size, 2 + 4);
  assertEquals((await prune(disk, "--prune-sidecars")).stdout, "Removed 0 files\n");
});

Deno.test("prune removes nothing that another fleet in the directory leads to", async () => {
  await using disk = await releasedThrice();
  await disk.release({ now: "2026-06-01T12:40:00Z", artifactName: "other.json" });
  const { stdout } = await prune(disk, "--keep-releases=1", "--trust-file=trust.json");
  assertEquals(stdout.split("\n")[0], "Removed 8 files");
  const { stdout: others } = await prune(disk, "--keep-releases=1", "--artifact-name=other.json");
  assertEquals(others.split("\n")[0], "Removed 0 files");
});

Deno.test("prune removes nothing that the fleet names, and nothing without a fleet that says so", async () => {
  await using disk = await releasedThrice();
  await disk.shell("for file in releases/rollouts/*.json; do echo >> $file; done");
  const { stdout } = await prune(disk);
  assertEquals(stdout.split("\n")[0], "Removed 8 files");
  assertEquals([...(await disk.files()).keys()].filter((path) => path.startsWith("rollouts/")).length, 4);
  const files = await disk.files();
  const refusal = async (...args: string[]) => {
    const { code, stderr } = await prune(disk, "--keep-releases=1", ...args);
    assertEquals(await disk.files(), files);
    return [code, stderr.split("\n")[0]];
  };
  const cannot = (problem: string) => [1, `error: Cannot prune "releases": "fleet.resolved.json" ${problem}`];
  await disk.shell("head -c 64 /dev/zero > releases/fleet.resolved.json.sig");
  files.set("fleet.resolved.json.sig", new Uint8Array(64));
  assertEquals(await refusal("--trust-file", "trust.json"), cannot("is not signed by a trusted key"));
  await disk.shell("echo '{}' > releases/fleet.resolved.json");
  files.set("fleet.resolved.json", new TextEncoder().encode("{}\n"));
  assertEquals(await refusal(), cannot("is damaged"));
  await disk.shell("rm releases/fleet.resolved.json");
  files.delete("fleet.resolved.json");
  assertEquals(await refusal(), cannot("is not there"));
});

Deno.test("prune ends with a signal before it removes anything, and makes a whole release of an interrupted one first", async () => {
  await using disk = await releasedThrice();
  const root = join(disk.dir, "releases");
  const files = await filesIn(root);
  await interrupt(root, new Map([...files].filter(([path]) => path.startsWith("fleet."))), 1);
  const args = ["prune", "--keep-releases=1"];
  const signal = AbortSignal.abort(new Interrupt("SIGTERM"));
  const ended = await runInProcess(args, { cwd: disk.dir, signal });
  assertEquals([ended.code, ended.stderr], [143, "error: Interrupted by SIGTERM: nothing was removed\n"]);
  const done = await runInProcess(args, { cwd: disk.dir });
  assertEquals([done.code, done.stdout.split("\n")[0]], [0, "Removed 8 files"]);
  assertEquals(
    done.stderr.trimEnd(),
    'warning: A run ended while it was putting a release into "releases": every file that it had signed and checked ' +
      "has its place now",
  );
  const left = [...files.keys()].filter((path) => !path.startsWith("rollouts/"));
  const after = [...(await filesIn(root)).keys()];
  assertEquals(after.filter((path) => !path.startsWith("rollouts/")).sort(), left.sort());
  assertEquals(after.length, left.length + 4);
});
