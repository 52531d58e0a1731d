// The temporary directory of a run that was killed goes with the next run, and nobody else's does.

import { assertEquals, assertRejects } from "@std/assert";
import { basename, join, toFileUrl } from "@std/path";
import { makeTemporaryDirectory, removeDeadDirectories } from "../../src/adapters/temporary.ts";
import type { Warning } from "../../src/model.ts";
import { PROJECT } from "../support/command.ts";
import { DENO_ENV } from "../support/program.ts";
import { replaced } from "../support/replaced.ts";
import { TemporaryDirectory } from "../support/traced.ts";

const fail = (...warnings: readonly Warning[]) => {
  throw new Error(warnings[0]!.message);
};

const namesIn = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

/** A process that makes a temporary directory and waits, and the directory. */
async function ownerProcess(dir: string) {
  const module = toFileUrl(join(PROJECT, "src/adapters/temporary.ts")).href;
  const script = `import { makeTemporaryDirectory } from "${module}";
const { path } = await makeTemporaryDirectory("${dir}", () => {});
Deno.mkdirSync(path + "/roots");
Deno.writeTextFileSync(path + "/roots/host", "");
console.log(path);
await Deno.stdin.read(new Uint8Array(1));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--cached-only", script],
    env: { ...DENO_ENV, HOME: Deno.env.get("HOME") ?? "/" },
    cwd: PROJECT,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  const end = async () => {
    child.kill("SIGKILL");
    await Promise.all([child.status, child.stdout.cancel(), child.stdin.abort().catch(() => {})]);
  };
  return { name: basename(new TextDecoder().decode(value).trim()), end };
}

Deno.test("a temporary directory goes when its owner ends, or with the next run when that was killed", async () => {
  await using dir = await TemporaryDirectory.create();
  const other = await ownerProcess(dir.path);
  {
    await using own = await makeTemporaryDirectory(dir.path, fail);
    await removeDeadDirectories(own.path, fail);
    assertEquals(namesIn(dir.path), [other.name, basename(own.path)].sort());
    await other.end();
    await removeDeadDirectories(own.path, fail);
    assertEquals(namesIn(dir.path), [basename(own.path)]);
  }
  assertEquals(namesIn(dir.path), []);
});

Deno.test("what a run was killed in making or removing goes, and what is no directory of a dead run stays", async () => {
  await using dir = await TemporaryDirectory.create();
  const at = (name: string) => join(dir.path, name);
  await using own = await makeTemporaryDirectory(dir.path, fail);
  await Deno.mkdir(at("fleet-release-run-just-made"));
  await Deno.mkdir(at("fleet-release-run-half-removed/roots"), { recursive: true });
  const stays = ["fleet-release-log-1.txt", "fleet-release-run-file", "fleet-release-run-link", "mine"];
  await Deno.writeTextFile(at("fleet-release-log-1.txt"), "");
  await Deno.writeTextFile(at("fleet-release-run-file"), "");
  await Deno.mkdir(at("mine"));
  await Deno.symlink("mine", at("fleet-release-run-link"));
  // Only root can make another user's.
  if ((await Deno.lstat(dir.path)).uid === 0) {
    await Deno.mkdir(at("fleet-release-run-nobody"));
    await Deno.chown(at("fleet-release-run-nobody"), 65534, 65534);
    stays.push("fleet-release-run-nobody");
  }
  await removeDeadDirectories(own.path, fail);
  assertEquals(namesIn(dir.path), [...stays, basename(own.path)].sort());
});

Deno.test("a directory that cannot be removed is not locked any more, whatever becomes of the warning", async () => {
  await using dir = await TemporaryDirectory.create();
  await using own = await makeTemporaryDirectory(dir.path, fail);
  const stuck = await makeTemporaryDirectory(dir.path, fail);
  const { remove } = Deno;
  {
    using _ = replaced("remove", () => Promise.reject(new Error("stuck")));
    await assertRejects(async () => await stuck[Symbol.asyncDispose](), Error, "stuck");
  }
  assertEquals(Deno.remove, remove);
  await removeDeadDirectories(own.path, fail);
  assertEquals(namesIn(dir.path), [basename(own.path)]);
});

Deno.test("a dead directory that cannot be removed is warned of, and the run goes on", async () => {
  await using dir = await TemporaryDirectory.create();
  await using own = await makeTemporaryDirectory(dir.path, fail);
  const stuck = join(dir.path, "fleet-release-run-stuck");
  await Deno.mkdir(join(stuck, "owner"), { recursive: true });
  const warnings: Warning[] = [];
  await removeDeadDirectories(own.path, (...found) => void warnings.push(...found));
  assertEquals(warnings.map(({ code, message }) => [code, message.includes(stuck)]), [
    ["temporary-files", true],
  ]);
});
