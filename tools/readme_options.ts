/**
 * Writes the table of options into README.md: `deno task readme-options`. A test compares the two.
 *
 * @module
 */
import { optionsTable } from "../src/cli/help.ts";

const path = new URL("../README.md", import.meta.url);
const text = await Deno.readTextFile(path);
const [before, after] = [text.split("<!-- options -->")[0], text.split("<!-- /options -->")[1]];
await Deno.writeTextFile(path, `${before}<!-- options -->\n\n${optionsTable()}\n\n<!-- /options -->${after}`);
