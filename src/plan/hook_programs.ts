/**
 * The programs that a command for the shell runs, as far as its text tells them.
 *
 * @module
 */

/** Behind these a command begins, as if they were not there. */
const IN_FRONT = new Set([
  ...["!", "{", "if", "then", "elif", "else", "while", "until", "do", "time"],
  ...["exec", "command", "nohup"],
]);
/** What is behind these is no command, up to the end of theirs. */
const NAMES_FOLLOW = new Set(["for", "select"]);
/** From here on only a shell knows what is a command, or which functions and other names there are. */
const GIVEN_UP = new Set(["case", "function", ".", "source", "eval", "alias"]);
/** Behind these a relative path is one from somewhere else. */
const MOVES = new Set(["cd", "pushd"]);
/** What a command asks for it can do without. */
const ASKED_FOR = /\b(?:command\s+-[vV]|type|which|hash)\s+([\w@%+:,./~-]+)/g;

const TOKENS =
  /#[^\n]*|'[^']*'?|"(?:\\[^]|[^"\\])*"?|\\[^]|<<|(?:\d*[<>]&?|&>)>?\|?|[;&|()\n]+|[^\S\n]+|[^\s'"\\;|&()<>]+/g;

/**
 * The programs that a command runs by their own names or paths: not those that are a variable's value, or that it looks
 * for itself, and none behind what only a shell can read, such as a `case`, a sum, another PATH or a text of its own. What
 * it does not tell is left out. Pure.
 */
export function programsOf(command: string): string[] {
  const found = new Set<string>();
  const functions = new Set<string>();
  let word: string | undefined;
  let last = "";
  let [hasMoved, isLost] = [false, false];
  // Whether the word has no quotes; whether it stands where a command does; whether it is what something is redirected to.
  let [isPlain, isCommand, isFile] = [true, true, false];
  const end = () => {
    if (word === undefined) return;
    const text = word;
    [word, last] = [undefined, text];
    isLost ||= text.startsWith("PATH=");
    if (isFile) isFile = false;
    else if (isCommand && !(isPlain && IN_FRONT.has(text)) && !/^\w+=/.test(text)) {
      isCommand = false;
      // An option of a prefix, or what is known only when it runs.
      const isName = /^[\w@%+:,./~-]+$/.test(text) && !text.startsWith("-") && !text.startsWith("~");
      const isFromHere = !hasMoved || !text.includes("/") || text.startsWith("/");
      if (isName && isFromHere && !NAMES_FOLLOW.has(text)) found.add(text);
      hasMoved ||= MOVES.has(text);
    }
    isPlain = true;
  };
  for (const [part] of command.matchAll(TOKENS)) {
    if (/^\s+$/.test(part) && !part.includes("\n")) end();
    else if (part.startsWith("#") && word === undefined) continue;
    else if (/^\d*[<>]|^&>/.test(part)) {
      end();
      if (part === "<<") break;
      isFile = true;
    } else if (/^[;&|()\n]/.test(part)) {
      // A sum, or a list of values.
      if (part.includes("((") || part.startsWith("(") && /^\w+\+?=$/.test(word ?? "")) break;
      end();
      if (part.startsWith("()")) functions.add(last);
      // Behind a substitution its word goes on, and behind a list in parentheses there is a sign that ends it.
      isCommand = part !== ")";
    } else {
      if (word === undefined && isCommand && GIVEN_UP.has(part)) break;
      // A command within quotes that has quotes of its own.
      if (part.startsWith('"') && part.lastIndexOf("$(") > part.lastIndexOf(")")) {
        word = undefined;
        break;
      }
      isPlain &&= !/^['"\\]/.test(part);
      word = (word ?? "") + unquoted(part);
    }
    if (isLost) break;
  }
  end();
  const askedFor = new Set([...command.matchAll(ASKED_FOR)].map(([, name]) => name));
  return [...found].filter((name) => !functions.has(name) && !GIVEN_UP.has(name) && !askedFor.has(name));
}

/** A part of a word without its quotes. What the shell puts in is left in it, so that it is no name. */
function unquoted(part: string): string {
  if (part.startsWith("'")) return part.replace(/^'|'$/g, "");
  if (part.startsWith('"')) return part.replace(/^"|"$/g, "");
  return part.startsWith("\\") ? part.slice(1) : part;
}
