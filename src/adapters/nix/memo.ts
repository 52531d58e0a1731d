/**
 * What has been evaluated before, on this user's disk, so that a second run on the same commit evaluates nothing.
 *
 * It is what pure code gives for locked input, by one version of nix in one configuration, and each file is named by a
 * hash of all of that. Who else can write there could have anything signed: then nothing is read.
 *
 * @module
 */
import { join } from "@std/path";
import * as v from "valibot";
import { writeAll } from "../../bytes.ts";
import { sha256Hex } from "../../contract/canonical.ts";
import { decodeUtf8, JsonRefusal, parseJson } from "../../contract/json.ts";
import type { LockedFlake, OpenedFlake } from "../../model.ts";
import { lstatOf } from "../disk.ts";
import type { NixContext } from "./context.ts";

/** As much as is kept: what was used last. */
const MOST_FILES = 300;
const MOST_BYTES = 256 << 20;

/** Another number when what is kept is read in another way, or is the result of other code. */
const FORM = 1;

/**
 * The settings of nix that are looked at; all are part of what it is that is kept. With native code, and with what a
 * plugin adds to the language, a flake can run and read anything, however pure its evaluation is called.
 */
const CONFIGURATION = v.looseObject({
  "pure-eval": v.looseObject({ value: v.literal(true) }),
  "allow-unsafe-native-code-during-evaluation": v.optional(v.looseObject({ value: v.literal(false) })),
  "plugin-files": v.optional(v.looseObject({ value: v.strictTuple([]) })),
});

/** What a run is given of the disk. */
export interface MemoOptions {
  /** An absolute path. The directory need not be there. */
  readonly dir: string;
  /** A directory of the same user. */
  readonly own: string;
}

/** Keeps what has been evaluated. What cannot be read or written is as if it were not there. */
export class Memo implements AsyncDisposable {
  readonly #nix: NixContext;
  readonly #dir: string;
  readonly #own: string;
  #identity: Promise<string | undefined> | undefined;
  #isPruned = false;
  /** How flakes are opened of which something may be kept, and whether something may be known. */
  readonly #flakes = new Map<OpenedFlake, boolean>();
  /** What is to be kept, and what is being kept. */
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #keeping: Promise<void>[] = [];

  constructor(nix: NixContext, { dir, own }: MemoOptions) {
    this.#nix = nix;
    this.#dir = dir;
    this.#own = own;
  }

  /** The version and the configuration of nix, as a hash; undefined: with that, evaluation need not be pure. */
  identity(): Promise<string | undefined> {
    return this.#identity ??= this.#ask();
  }

  /** What is evaluated of a flake is pure. @param isKnown Whether it may have been locked before */
  admit({ opened }: LockedFlake, isKnown: boolean): void {
    this.#flakes.set(opened, isKnown);
  }

  /**
   * What is kept of an evaluation of a flake by this nix; undefined: nothing.
   *
   * @param what A word for the kind of evaluation
   * @param key What it depends on beside the flake, as JSON
   */
  async recall<T>(
    flake: LockedFlake,
    { what, key, shape }: { what: string; key: unknown; shape: v.GenericSchema<unknown, T> },
  ): Promise<T | undefined> {
    if (!this.#flakes.get(flake.opened)) return undefined;
    const identity = await this.identity();
    return identity === undefined ? undefined : this.read(nameOf(what, [identity, flake, key]), shape);
  }

  /** Keeps the value of an evaluation of a flake by this nix, when there is time. */
  keep(flake: LockedFlake, { what, key, value }: { what: string; key: unknown; value: () => unknown }): void {
    if (!this.#flakes.has(flake.opened)) return;
    this.later(async () => {
      const identity = await this.identity();
      if (identity !== undefined) this.write(nameOf(what, [identity, flake, key]), value());
    });
  }

  /** Does something when there is time. */
  later(work: () => Promise<void>): void {
    this.#waiting.push(work);
  }

  /** There is time: while something is built, or at the end. */
  begin(): void {
    this.#keeping.push(
      ...this.#waiting.splice(0).map((work) => work().catch((error) => this.#passOver(error))),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.begin();
    await Promise.all(this.#keeping);
  }

  /** What is kept under a name; undefined: nothing, or it is no such thing. */
  read<T>(name: string, shape: v.GenericSchema<unknown, T>): T | undefined {
    const path = join(this.#dir, `${name}.json`);
    try {
      if (!this.#isSafe()) return undefined;
      const [sum, text] = split(Deno.readFileSync(path));
      if (sum !== sha256Hex(text)) return undefined;
      // What is of the flake is read as it was when nix had printed it.
      const result = v.safeParse(shape, parseJson(decodeUtf8(text), { roundIntegers: true }));
      if (!result.success) return undefined;
      const now = new Date();
      Deno.utimeSync(path, now, now);
      return result.output;
    } catch (error) {
      return passOver(error);
    }
  }

  /** Keeps a value under a name. */
  write(name: string, value: unknown): void {
    const text = encoder.encode(JSON.stringify(value));
    const path = join(this.#dir, `${name}.json`);
    try {
      Deno.mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
      if (!this.#isSafe()) return;
      this.#prune();
      replace(path, [encoder.encode(`${sha256Hex(text)}\n`), text]);
    } catch (error) {
      passOver(error);
    }
  }

  /** Whether nobody else can write there. */
  #isSafe(): boolean {
    const [dir, own] = [lstatOf(this.#dir), lstatOf(this.#own)];
    return dir?.isDirectory === true && dir.uid === own?.uid && ((dir.mode ?? 0) & 0o022) === 0;
  }

  /** Removes what is too much, once in a run. */
  #prune(): void {
    if (this.#isPruned) return;
    this.#isPruned = true;
    const files = [...Deno.readDirSync(this.#dir)].flatMap(({ name }) => {
      const path = join(this.#dir, name);
      const stat = lstatOf(path);
      return stat === undefined ? [] : [{ path, size: stat.size, used: Number(stat.mtime) }];
    }).sort((a, b) => b.used - a.used);
    let bytes = 0;
    for (const [index, { path, size }] of files.entries()) {
      bytes += size;
      if (index >= MOST_FILES || bytes > MOST_BYTES) removeIfThere(path);
    }
  }

  /** Where the run is to end, there is no time to ask nix anything. */
  #passOver(error: unknown): void {
    if (!this.#nix.shell.isEnded) passOver(error);
  }

  async #ask(): Promise<string | undefined> {
    const { shell, nix, env } = this.#nix;
    const asks = '"$0" --version && exec "$0" "$@" show-config --json';
    const result = await shell.run([shell.find("sh"), "-c", asks, nix, ...this.#flags()], { env });
    if (result.code !== 0) return undefined;
    const said = decodeUtf8(result.stdout);
    const configuration = said.slice(said.indexOf("\n") + 1);
    try {
      const { success } = v.safeParse(CONFIGURATION, parseJson(configuration, { roundIntegers: true }));
      return success ? hashOf([FORM, said]) : undefined;
    } catch (error) {
      if (error instanceof JsonRefusal) return undefined;
      throw error;
    }
  }

  /** Without what says how is built, which no evaluation depends on. */
  #flags(): string[] {
    const { flags } = this.#nix;
    const isOfBuilds = (word: string | undefined) => word === "--max-jobs" || word === "--builders";
    return flags.filter((word, index) => !isOfBuilds(word) && !isOfBuilds(flags[index - 1]));
  }
}

const encoder = new TextEncoder();

/**
 * What a flake comes to depends on how it is opened, on what nix has read there (of one commit that may be another thing
 * than before, where attributes and filters that are not in it have changed), and on what nix is told by it.
 */
function nameOf(
  what: string,
  [identity, { opened, storePath, nixConfig }, key]: [string, LockedFlake, unknown],
): string {
  return `${what}-${hashOf([identity, opened, storePath, nixConfig.used, key])}`;
}

/** A hash of JSON. */
export function hashOf(value: unknown): string {
  return sha256Hex(encoder.encode(JSON.stringify(value)));
}

/** The line before a text, and the text. */
function split(bytes: Uint8Array<ArrayBuffer>): [sum: string, text: Uint8Array<ArrayBuffer>] {
  const end = bytes.indexOf(0x0a);
  return [new TextDecoder().decode(bytes.subarray(0, end)), bytes.subarray(end + 1)];
}

/** Puts a file in the place of another, or leaves nothing. */
function replace(path: string, parts: readonly Uint8Array<ArrayBuffer>[]): void {
  const temporary = `${path}.${crypto.randomUUID()}`;
  using file = Deno.openSync(temporary, { write: true, createNew: true, mode: 0o600 });
  try {
    for (const part of parts) writeAll(file, part);
    Deno.renameSync(temporary, path);
  } catch (error) {
    // A disk that is full would stay so.
    removeIfThere(temporary);
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    // Another run has removed it, too.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** A disk that does not take part is one on which nothing is kept; what is wrong with this program is not passed over. */
function passOver(error: unknown): undefined {
  const isOfDisk = error instanceof JsonRefusal ||
    Object.values(Deno.errors).some((kind) => error instanceof kind) ||
    (error instanceof Error && "code" in error);
  if (!isOfDisk) throw error;
  return undefined;
}
