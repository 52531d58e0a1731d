// What a run opens of the world, before any work begins.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { openPorts } from "../../src/adapters/ports.ts";
import { validateConfig } from "../../src/commands/release.ts";
import { Secrets } from "../../src/secrets.ts";
import { SILENT_LOG } from "../../src/report/log.ts";
import { SYSTEM_CLOCK } from "../../src/world.ts";
import { rejection } from "../support/pure.ts";
import { TemporaryDirectory } from "../support/traced.ts";

/** Opens the ports of a run with this TMPDIR. */
function open(cwd: string, TMPDIR: string) {
  const env = { PATH: Deno.env.get("PATH")!, TMPDIR };
  const surface = {
    ...{ cwd, env, hidden: [], secrets: new Secrets(), stdin: () => Promise.resolve(new Uint8Array()) },
    ...{ log: SILENT_LOG, clock: SYSTEM_CLOCK, cores: 1 },
  };
  return openPorts(validateConfig({ signCmd: "sign", releaseDir: join(cwd, "releases") }), surface);
}

Deno.test("openPorts() says of a temporary directory that it cannot use what is wrong with it", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.writeTextFile(join(dir.path, "file"), "");
  await Deno.symlink("loop", join(dir.path, "loop"));
  const refused: [path: string, problem: string][] = [
    ["tmp", "it is relative, expected an absolute path"],
    [join(dir.path, "gone"), "it is not there"],
    [join(dir.path, "file"), "it is no directory"],
    [join(dir.path, "loop"), "it is a link that leads in a circle"],
  ];
  const readOnly = join(dir.path, "read-only");
  await Deno.mkdir(readOnly, { mode: 0o500 });
  // Root can write everywhere.
  const isRoot = await Deno.mkdir(join(readOnly, "probe")).then(() => true, () => false);
  if (!isRoot) refused.push([readOnly, "it cannot be written"]);
  for (const [path, problem] of refused) {
    assertEquals(await rejection(open(dir.path, path)), {
      kind: "io",
      message: `Cannot make a temporary directory in "${path}": ${problem}`,
      hint: "set TMPDIR to a directory that can be written, or unset it",
    });
  }
});

Deno.test("openPorts() takes an empty TMPDIR for none, and leaves nothing in the current directory", async () => {
  await using dir = await TemporaryDirectory.create();
  const before = Deno.cwd();
  Deno.chdir(dir.path);
  try {
    await using ports = await open(dir.path, "");
    assertEquals([...Deno.readDirSync(dir.path)], []);
    assertEquals(ports.releaseDir.path, join(dir.path, "releases"));
  } finally {
    Deno.chdir(before);
  }
});
