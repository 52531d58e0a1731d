/**
 * What is shown to users as text, for tests that hold it to what is true.
 *
 * @module
 */
import { join } from "@std/path";
import { PROJECT } from "./command.ts";
import { filesBelow } from "./fleet.ts";

/** The text of a file of the project. */
export function projectText(path: string): Promise<string> {
  return Deno.readTextFile(join(PROJECT, path));
}

/** The blocks of code in a text that are marked with these words, as in ```` ```sh step ````: without the marks. */
export function codeBlocks(text: string, marked: string): string[] {
  return [...text.matchAll(/^```(\w[^\n]*)\n(.*?)^```$/gms)].flatMap(([, words, code]) =>
    words === marked || words!.startsWith(`${marked} `) ? [code!] : []
  );
}

/** What there is for users to read or to copy, by its path in the project: prose, and nix code. */
export async function shownTexts(): Promise<Map<string, string>> {
  const texts = new Map([["README.md", await projectText("README.md")]]);
  for (const dir of ["docs", "examples", "nix", "templates"]) {
    for (const [path, bytes] of await filesBelow(join(PROJECT, dir))) {
      if (/\.(md|nix)$/.test(path)) texts.set(join(dir, path), new TextDecoder().decode(bytes));
    }
  }
  return texts;
}
