import { assertEquals, assertRejects } from "@std/assert";
import { dirname, join } from "@std/path";
import { ensureDir } from "@std/fs";
import { generate } from "../../tools/generate.ts";
import { PROJECT } from "../support/command.ts";

const PATHS = ["README.md", "docs/checking.md", "docs/permissions.md", "nix/options.json"];

/** Runs a test on a copy of the generated files. */
async function withCopy(fn: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "fleet-release-test-" });
  try {
    for (const path of PATHS) {
      await ensureDir(dirname(join(root, path)));
      await Deno.copyFile(join(PROJECT, path), join(root, path));
    }
    await generate(root, { write: true });
    await fn(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function replaceIn(path: string, from: string, to: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replaceAll(from, to));
}

Deno.test("generate() finds nothing to do where it has just been", async () => {
  await withCopy(async (root) => assertEquals(await generate(root, { write: true }), []));
});

Deno.test("generate() finds each file that is out of date, and mends it when it may write", async () => {
  await withCopy(async (root) => {
    const read = () => Promise.all(PATHS.map((path) => Deno.readTextFile(join(root, path))));
    const good = await read();
    await replaceIn(join(root, "README.md"), "`--release-dir DIR`", "`--dir DIR`");
    await replaceIn(join(root, "docs/checking.md"), "`dangling-edge`", "`edge`");
    await replaceIn(join(root, "docs/permissions.md"), "<!-- permissions -->", "<!-- permissions -->\nold");
    await replaceIn(join(root, "nix/options.json"), '"releaseDir"', '"dir"');
    const bad = await read();
    assertEquals(await generate(root, { write: false }), PATHS);
    assertEquals(await read(), bad);
    assertEquals(await generate(root, { write: true }), PATHS);
    assertEquals(await read(), good);
  });
});

Deno.test("generate() keeps what stands around the tables", async () => {
  await withCopy(async (root) => {
    await replaceIn(join(root, "README.md"), "# fleet-release", "# Another title");
    assertEquals(await generate(root, { write: false }), []);
  });
});

Deno.test("generate() refuses a file that has lost a mark, rather than writing the table anywhere", async () => {
  await withCopy(async (root) => {
    await replaceIn(join(root, "README.md"), "<!-- /options -->", "");
    await assertRejects(
      () => generate(root, { write: true }),
      Error,
      "Expected <!-- options --> and <!-- /options -->, once each",
    );
  });
});
