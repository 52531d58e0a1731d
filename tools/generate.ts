/**
 * Writes what is made from the commands and the lints: the tables in README.md, docs/permissions.md and docs/checking.md,
 * and nix/options.json.
 *
 *     deno task generate           writes them
 *     deno task generate --check   fails when one is out of date
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { commandsTable, optionsTable } from "../src/cli/help.ts";
import { permissionsTable } from "../src/cli/permissions.ts";
import { COMMANDS } from "../src/commands/list.ts";
import { RELEASE } from "../src/commands/release.ts";
import { lintsTable } from "../src/plan/lints/finding.ts";
import { nixOptions } from "./nix_options.ts";

const ALL = await Promise.all(Object.values(COMMANDS).map((load) => load()));

/** What is made, by file: from the text that the file has, the one that it has to have. */
const GENERATED: Record<string, (text: string) => string> = {
  "README.md": (text) =>
    withTable(withTable(text, "commands", commandsTable(ALL)), "options", optionsTable(RELEASE)),
  "docs/checking.md": (text) => withTable(text, "lints", lintsTable()),
  "docs/permissions.md": (text) => withTable(text, "permissions", permissionsTable(ALL)),
  "nix/options.json": () => `${JSON.stringify(nixOptions(RELEASE), null, 2)}\n`,
};

/** A text with another table between its two marks. */
function withTable(text: string, mark: string, table: string): string {
  const [before, , after, ...more] = text.split(new RegExp(`<!-- /?${mark} -->`));
  if (after === undefined || more.length > 0) {
    throw new Error(`Expected <!-- ${mark} --> and <!-- /${mark} -->, once each`);
  }
  return `${before}<!-- ${mark} -->\n\n${table}\n\n<!-- /${mark} -->${after}`;
}

/**
 * Makes the generated files of a project.
 *
 * @param write Whether those that are out of date are written
 * @returns those that were out of date
 */
export async function generate(root: string, { write }: { write: boolean }): Promise<string[]> {
  const changed: string[] = [];
  for (const [path, make] of Object.entries(GENERATED)) {
    const text = await Deno.readTextFile(join(root, path));
    const wanted = make(text);
    if (wanted === text) continue;
    changed.push(path);
    if (write) await Deno.writeTextFile(join(root, path), wanted);
  }
  return changed;
}

if (import.meta.main) {
  const check = Deno.args.includes("--check");
  const changed = await generate(fromFileUrl(new URL("..", import.meta.url)), { write: !check });
  if (check && changed.length > 0) {
    await Deno.stderr.write(
      new TextEncoder().encode(`${changed.join(", ")} out of date: run \`deno task generate\`\n`),
    );
    Deno.exitCode = 1;
  }
}
