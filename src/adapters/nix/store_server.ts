/**
 * Asks the store, and keeps paths of it from garbage collection as long as a run goes on.
 *
 * A link can be a root, but no command of nix makes one that leads to a derivation without building it. A process can hold
 * temporary roots: `nix-store --serve`, which another nix asks over ssh, takes them for any path, whether it is there yet
 * or not. It answers within a millisecond, where another command would have to start first.
 *
 * @module
 */
import { ReleaseError } from "../../errors.ts";
import type { DerivedHost } from "../../model.ts";
import { type Conversation, lastLines } from "../process.ts";
import type { NixContext } from "./context.ts";
import { outputsIn } from "./derivation.ts";

/** The first words of nix's serve protocol, of the one who asks and of the one who answers. */
const ASKER = 0x390c9debn;
const ANSWERER = 0x5452eecbn;
/** A version of the protocol that every nix of the last ten years has: 2.2. */
const VERSION = 0x202n;
/** Asks which of some paths are there, and has the process hold those that are asked for. */
const QUERY_VALID_PATHS = 1n;
/** Asks for a path as an archive, which has to be there. */
const DUMP_STORE_PATH = 3n;
/** No path is as long as this, and no derivation as that: it is another protocol. */
const LONGEST = { path: 1n << 16n, derivation: 1n << 28n };
/** So many derivations are read at once, so that not all of them are in memory. */
const READ_AT_ONCE = 100;
/** Milliseconds from the start of a process until another one takes its place by itself: one that is lost each time is no load. */
const LEAST_LIFE = 500;

/** A process that answers questions to the store. */
export class StoreServer implements AsyncDisposable {
  readonly #nix: NixContext;
  /** All that is held, for another process when this one is lost. */
  readonly #held = new Set<string>();
  /** All that was started. */
  readonly #conversations = new AsyncDisposableStack();
  #process: Promise<Process> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The end of the last question: they are asked one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** What is asked for next. */
  #next: Question | undefined;

  constructor(nix: NixContext) {
    this.#nix = nix;
  }

  /** Starts the process, so that nobody waits for that. What fails is told to who asks. */
  begin(): void {
    if (!this.#conversations.disposed) this.#connect().catch(() => {});
  }

  /**
   * Keeps paths from garbage collection until this is disposed of.
   *
   * @returns those of them, and maybe of others, that are in the store
   * @throws {ReleaseError} of kind `build` when nix does not answer
   */
  async hold(paths: readonly string[]): Promise<ReadonlySet<string>> {
    const question = this.#next ??= this.#begin();
    question.paths.push(...paths);
    return await question.answer;
  }

  /**
   * Reads derivations.
   *
   * @param derivations Are held, and in the store
   * @returns for each the paths of its outputs by their names, but for those that only a build tells
   * @throws {ReleaseError} of kind `build` when nix does not answer
   */
  async outputsOf(derivations: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    const found = new Map<string, ReadonlyMap<string, string>>();
    for (let index = 0; index < derivations.length; index += READ_AT_ONCE) {
      const some = derivations.slice(index, index + READ_AT_ONCE);
      await this.#inTurn(() =>
        this.#ask(async ({ conversation, answers }) => {
          const read = async () => {
            for (const path of some) found.set(path, outputsIn(await answers.file()));
          };
          const asked = conversation.write(encode(some.flatMap((path) => [DUMP_STORE_PATH, path])));
          await Promise.all([asked, read()]);
        })
      );
    }
    return found;
  }

  /** A question that takes paths in as long as it waits for the one before it. */
  #begin(): Question {
    const paths: string[] = [];
    const answer = this.#inTurn(() => {
      this.#next = undefined;
      return this.#ask((process) => {
        for (const path of paths) this.#held.add(path);
        return validPaths(process, paths);
      });
    });
    return { paths, answer };
  }

  #inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const answer = this.#last.then(ask);
    this.#last = answer.catch(() => {});
    return answer;
  }

  /** Asks the process; and another one, once, where it is lost before it has answered. */
  async #ask<T>(ask: (process: Process) => Promise<T>): Promise<T> {
    const process = this.#connect();
    try {
      return await ask(await process);
    } catch (error) {
      if (this.#process === process) this.#process = undefined;
      if (this.#conversations.disposed) throw error;
    }
    return await ask(await this.#connect());
  }

  #connect(): Promise<Process> {
    return this.#process ??= this.#start();
  }

  /** When it is lost, another process holds what it has held. */
  #start(): Promise<Process> {
    clearTimeout(this.#timer);
    const hasLived = new Promise<void>((resolve) => {
      this.#timer = setTimeout(resolve, LEAST_LIFE);
    });
    const process = this.#open();
    process.then(({ conversation }) => conversation.ended).catch(() => {}).then(() => hasLived).then(() => {
      if (this.#process !== process) return;
      this.#process = undefined;
      if (this.#held.size > 0) this.begin();
    });
    return process;
  }

  async #open(): Promise<Process> {
    const { shell, nixStore, flags, env } = this.#nix;
    const conversation = await shell.open([nixStore, "--serve", "--write", ...flags], { env });
    const answers = new Answers(conversation);
    if (this.#conversations.disposed) return await answers.refuse();
    this.#conversations.use(conversation);
    await conversation.write(encode([ASKER, VERSION]));
    if (await answers.number() !== ANSWERER) await answers.refuse();
    await answers.number();
    const process = { conversation, answers };
    if (this.#held.size > 0) await validPaths(process, [...this.#held]);
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#conversations.disposeAsync();
    await this.#process?.catch(() => {});
  }
}

/** What hosts are built as, by their names, as {@linkcode StoreServer.outputsOf} tells it. */
export async function outputsOfHosts(
  store: StoreServer,
  hosts: readonly DerivedHost[],
): Promise<ReadonlyMap<string, string>> {
  const derivations = [...new Set(hosts.map(({ drvPath }) => drvPath))];
  const there = await store.hold(derivations);
  const outputs = await store.outputsOf(derivations.filter((path) => there.has(path)));
  return new Map(hosts.flatMap(({ name, drvPath, outputName }) => {
    const path = outputs.get(drvPath)?.get(outputName);
    return path === undefined ? [] : [[name, path]];
  }));
}

interface Question {
  readonly paths: string[];
  readonly answer: Promise<ReadonlySet<string>>;
}

interface Process {
  readonly conversation: Conversation;
  readonly answers: Answers;
}

/** Holds paths, and gives those that are there. */
async function validPaths(
  { conversation, answers }: Process,
  paths: readonly string[],
): Promise<ReadonlySet<string>> {
  await conversation.write(encode([QUERY_VALID_PATHS, 1n, 0n, BigInt(paths.length), ...paths]));
  const count = await answers.number();
  const found = new Set<string>();
  for (let index = 0n; index < count; index++) found.add(await answers.text());
  return found;
}

/** What is asked: numbers of 64 bits, the lowest byte first, and texts, with their length before and zeros behind. */
function encode(parts: readonly (bigint | string)[]): Uint8Array<ArrayBuffer> {
  const texts = parts.map((part) => typeof part === "string" ? new TextEncoder().encode(part) : part);
  const sizeOf = (part: bigint | Uint8Array) => typeof part === "bigint" ? 8 : 8 + padded(part.length);
  const bytes = new Uint8Array(texts.reduce((sum, part) => sum + sizeOf(part), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of texts) {
    view.setBigUint64(at, typeof part === "bigint" ? part : BigInt(part.length), true);
    if (typeof part !== "bigint") bytes.set(part, at + 8);
    at += sizeOf(part);
  }
  return bytes;
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** Reads the same from what comes in any pieces. */
class Answers {
  readonly #conversation: Conversation;
  #rest = new Uint8Array();

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  async number(): Promise<bigint> {
    return new DataView((await this.#take(8)).buffer).getBigUint64(0, true);
  }

  /** A file in an archive of nix's form. */
  async file(): Promise<Uint8Array> {
    for (const word of ["nix-archive-1", "(", "type", "regular", "contents"]) {
      if (await this.text() !== word) await this.refuse();
    }
    const contents = await this.#bytes(LONGEST.derivation);
    if (await this.text() !== ")") await this.refuse();
    return contents;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.#bytes(LONGEST.path));
  }

  /** Ends it, since what it says is no answer. */
  async refuse(): Promise<never> {
    await this.#conversation[Symbol.asyncDispose]();
    throw new ReleaseError("build", "Cannot ask the store what is there: nix-store gives no answer", {
      lines: lastLines(this.#conversation.said, 5),
      hint: "it is `nix-store --serve --write` that is asked, which nix offers to other machines over ssh",
    });
  }

  async #bytes(longest: bigint): Promise<Uint8Array> {
    const length = await this.number();
    if (length > longest) await this.refuse();
    return (await this.#take(padded(Number(length)))).subarray(0, Number(length));
  }

  async #take(length: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#rest.length < length) {
      const more = await this.#conversation.read();
      if (more === undefined) return await this.refuse();
      const all = new Uint8Array(this.#rest.length + more.length);
      all.set(this.#rest);
      all.set(more, this.#rest.length);
      this.#rest = all;
    }
    const taken = this.#rest.slice(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }
}
