/**
 * Secrets in a command for the shell: what stands where secrets are put, and what looks like one.
 *
 * @module
 */
import { isMixed, isPath, isWorthHiding, looksRandom, secrecyOf, SHORTEST } from "./names.ts";
import { secretsInUrls } from "./urls.ts";

/** A word of a command, without the quotes around it. */
interface Word {
  readonly text: string;
  /** Whether a command begins with it. */
  readonly first: boolean;
}

/** Programs that take a password right behind `-p`. */
const JOINED_PASSWORD = /^(?:mysql|mariadb|sshpass|7z|mongo|psql)/;
/** A quoted word may be a command itself; nobody goes further. */
const DEEPEST = 4;

/** The texts in a command that are secret: nothing else of it is hidden where it is printed. */
export function secretsOfCommand(command: string, depth = 0): string[] {
  const words = wordsOf(command);
  let program = "";
  return words.flatMap((word, index) => {
    if (word.first) program = word.text.slice(word.text.lastIndexOf("/") + 1);
    const next = words[index + 1];
    const value = next === undefined || next.first ? undefined : next.text;
    const within = depth < DEEPEST && /\s/.test(word.text) ? secretsOfCommand(word.text, depth + 1) : [];
    const behind = value === undefined || value.startsWith("-") ? [] : secretsBehind(word.text, value);
    return [...secretsOfWord(word, program), ...behind, ...within];
  });
}

/** The same in a text that is no command: URLs, headers, names with values. */
export function secretsOfText(text: string): string[] {
  return secretsOfWord({ text, first: true }, "");
}

/** What a word has in it, wherever it stands. */
function secretsOfWord({ text, first }: Word, program: string): string[] {
  const urls = secretsInUrls(text).map(({ start, end }) => text.slice(start, end));
  const named = [...namedValues(text), ...headerValues(text)];
  const [, letter, joined = ""] = /^-([A-Za-z])([^-].*)$/s.exec(text) ?? [];
  const isPassword = letter === "p" && JOINED_PASSWORD.test(program);
  const looksJoined = (isPassword || isMixed(joined)) && !joined.includes("=") && !isPath(joined);
  const short = joined.length >= SHORTEST && looksJoined ? [text, joined, ...passwordOf(joined)] : [];
  const random = !first && !/[\s=]|:\/\//.test(text) && !isPath(text) && text.split("/").some(looksRandom);
  return [...urls, ...named, ...short, ...(random ? [text, ...text.split("/").filter(looksRandom)] : [])];
}

/** What is secret because of the option, or the plain name, before it: `--token VALUE`, `pin 4711`. */
function secretsBehind(word: string, value: string): string[] {
  const option = /^--?([A-Za-z][\w.-]*)$/.exec(word)?.[1];
  if (option === undefined) {
    const secrecy = /^\w+$/.test(word) && secrecyOf(word) !== "nothing" ? "maybe" : "nothing";
    return isWorthHiding(value, secrecy) || secrecy === "maybe" && /^\d{4,}$/.test(value) ? [value] : [];
  }
  if (/^(?:u|user|proxy-user|U)$/.test(option)) return passwordOf(value);
  const secrecy = secrecyOf(option);
  const bare = value.replace(/^pass:/, "");
  return isWorthHiding(bare, secrecy) || secrecy !== "nothing" && /^\d{4,}$/.test(bare) ? [bare] : [];
}

/** The password of `user:password`. */
function passwordOf(login: string): string[] {
  const [, password = ""] = /^[^:\s]*:(.{4,})$/s.exec(login) ?? [];
  return password === "" || password.startsWith("//") ? [] : [password];
}

/** The values of `NAME=VALUE`, also as an option, and of `"name": "value"` in JSON. */
function namedValues(text: string): string[] {
  const [, name = "", value = ""] = /^(?:-[A-Za-z]|--)?([\w.-]{1,64})=(.*)$/s.exec(text) ?? [];
  const whole =
    isWorthHiding(value, secrecyOf(name)) || looksRandom(value) && !isPath(value) && !/\s|:\/\//.test(value)
      ? [value]
      : [];
  const inner = [...text.matchAll(/([\w.-]{1,64})["']?\s{0,8}[:=]\s{0,8}["']?([^\s"',;&|{}]{4,})/g)];
  const parts = inner.filter(([, name, value]) => isWorthHiding(value!, secrecyOf(name!)));
  return [...whole, ...parts.map(([, , value]) => value!)];
}

/** The value of a header, and what stands behind `Bearer` or another scheme in it. */
function headerValues(text: string): string[] {
  const [, name = "", value = ""] = /^([A-Za-z][\w-]{0,63}):\s*(\S.*)$/s.exec(text) ?? [];
  if (secrecyOf(name) === "nothing" && !/^(?:x-)?auth/i.test(name)) return [];
  const last = value.split(/\s+/).at(-1)!;
  return [value, last].filter((part) => isWorthHiding(part, "secret"));
}

/** The words of a command, roughly as a shell sees them; substitutions are not followed. */
function wordsOf(command: string): Word[] {
  const words: Word[] = [];
  let [first, word]: [boolean, string | undefined] = [true, undefined];
  const end = () => {
    if (word === undefined) return;
    // An assignment before it leaves a command where it begins.
    const isAssignment = /^\w+=/.test(word) || word === "exec";
    words.push({ text: word, first: first && !isAssignment });
    first &&= isAssignment;
    word = undefined;
  };
  for (
    const [part] of command.matchAll(
      /'[^']*'?|"(?:\\[^]|[^"\\])*"?|\\[^]|\s+|[;|&()<>`]+|[^\s'"\\;|&()<>`]+/g,
    )
  ) {
    if (/^\s/.test(part) || /^[;|&()<>`]/.test(part)) {
      end();
      // Behind a redirection stands a file, and no command.
      if (/[\n;|&(`]/.test(part)) first = true;
    } else if (part.startsWith("'")) word = (word ?? "") + part.replace(/^'|'$/g, "");
    else if (part.startsWith('"')) {
      word = (word ?? "") + part.replace(/^"|"$/g, "").replace(/\\([$`"\\])/g, "$1");
    } else word = (word ?? "") + (part.startsWith("\\") ? part.slice(1) : part);
  }
  end();
  return words;
}
