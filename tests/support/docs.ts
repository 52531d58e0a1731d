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

/** What the program says, as its sources write it: their texts, with `…` in the place of each value that is put in. */
export async function sourceTexts(): Promise<string[]> {
  const texts: string[] = [];
  for (const [path, bytes] of await filesBelow(join(PROJECT, "src"))) {
    if (path.endsWith(".ts")) texts.push(...textsIn(new TextDecoder().decode(bytes)));
  }
  return texts;
}

/** The texts in a source: those that `+` joins are one. */
function textsIn(source: string): string[] {
  const code = withoutValues(source.replace(/^\s*(\/\/|\/?\*).*$/gm, ""));
  const texts: string[] = [];
  let end = -1;
  for (const { 0: literal, index } of code.matchAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`/g)) {
    const text = literal.slice(1, -1).replace(/\\(.)/g, "$1");
    if (/^\s*\+\s*$/.test(code.slice(end, index))) texts.push(texts.pop()! + text);
    else texts.push(text);
    end = index + literal.length;
  }
  return texts;
}

/** A source with `…` in the place of each `${value}`. */
function withoutValues(source: string): string {
  let [text, depth] = ["", 0];
  for (let at = 0; at < source.length; at++) {
    if (depth > 0) depth += source[at] === "{" ? 1 : source[at] === "}" ? -1 : 0;
    else if (source.startsWith("${", at)) [text, depth, at] = [`${text}…`, 1, at + 1];
    else text += source[at];
  }
  return text;
}
