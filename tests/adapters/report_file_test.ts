// The file of `--report`, apart from the run that the page is about, which tests/e2e/report_test.ts has.

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { TemporaryDirectory } from "../support/traced.ts";

const MODULE = fromFileUrl(new URL("../../src/adapters/report_file.ts", import.meta.url));

Deno.test("runs that write the same page at once all write it, and one of theirs is there", async () => {
  await using dir = await TemporaryDirectory.create();
  const program = (name: string) => `
    import { openReportFile } from ${JSON.stringify(MODULE)};
    const page = openReportFile("run.html", { cwd: ${JSON.stringify(dir.path)}, releaseDir: "releases" });
    const text = "<!doctype html>${name}" + "${name}".repeat(2 ** 20);
    for (let count = 0; count < 3; count++) page.write(text);
  `;
  const ended = await Promise.all(["a", "b"].map((name) =>
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", program(name)],
      stderr: "piped",
    }).output()
  ));
  const said = ended.map(({ code, stderr }) => `${code} ${new TextDecoder().decode(stderr)}`);
  assertEquals(said, ["0 ", "0 "]);
  const page = await Deno.readTextFile(join(dir.path, "run.html"));
  assertEquals(page.length, "<!doctype html>".length + 1 + 2 ** 20);
  assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["run.html"]);
});
