/**
 * Shares the memory of the machine out among evaluating processes.
 *
 * @module
 */
import type { Clock } from "../../ports.ts";
import type { Memory } from "./memory.ts";

/** Milliseconds until the first look at the memory: shortly before another process would begin. */
const FIRST_LOOK = 60;
/** Milliseconds between two looks at the memory. */
const LOOK_EVERY = 2000;
/** Milliseconds for which what was seen is taken for true. */
const TRUE_FOR = 1000;
/** KiB that are left to the rest of the machine. */
const RESERVE = 512 << 10;
/** KiB that a process takes at least. */
const LEAST = 256 << 10;

/** What memory is shared out by. */
export interface RoomOptions {
  /** How many processes run at once, at most. */
  readonly workers: number;
  /** MiB that each may take; undefined: its share of what there is. */
  readonly maxMemory: number | undefined;
  /** Looks at the memory that there is. */
  readonly look: () => Promise<Memory>;
  readonly clock: Clock;
}

/** What the processes are, and who is told. */
export interface RoomUser {
  /** A text for each process, which is among its arguments and those of no other. */
  readonly marks: () => readonly string[];
  /** Told that there may be room now. */
  readonly onNews: () => void;
  /** Told that the memory cannot be looked at. */
  readonly onError: (error: unknown) => void;
}

/** The memory that there is, as it was seen last, and looked at again from time to time until it is closed. */
export class Room {
  readonly #options: RoomOptions;
  readonly #user: RoomUser;
  /** KiB that each may take; undefined: its share. */
  readonly #most: number | undefined;
  #seen: Memory | undefined;
  /** What the processes that have begun since are going to take. */
  #taken = 0;
  #at = -Infinity;
  #isLooking = false;
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RoomOptions, user: RoomUser) {
    this.#options = options;
    this.#user = user;
    this.#most = options.maxMemory === undefined ? undefined : options.maxMemory * 1024;
    this.#timer = setTimeout(() => void this.#look(), FIRST_LOOK);
  }

  /** Ends the looking. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Takes the room for one process more, as large as the largest of those that run, if it is known to be there. */
  take(): boolean {
    if (this.#seen === undefined || this.#options.clock.monotonic() - this.#at > TRUE_FOR) {
      void this.#look();
      return false;
    }
    const size = this.#most ?? Math.max(LEAST, ...this.#sizes(this.#seen));
    const { available } = this.#seen;
    if (available !== undefined && available - this.#taken < RESERVE + size) return false;
    this.#taken += size;
    return true;
  }

  /** Whether a process has had its share. */
  isFull(mark: string): boolean {
    const seen = this.#seen;
    const size = seen?.of(mark);
    if (seen === undefined || size === undefined) return false;
    if (this.#most !== undefined || seen.available === undefined) return size > (this.#most ?? Infinity);
    const all = this.#sizes(seen).reduce((sum, one) => sum + one, 0);
    return size > Math.max(LEAST, (seen.available + all - RESERVE) / this.#options.workers);
  }

  #sizes({ of }: Memory): number[] {
    return this.#user.marks().map((mark) => of(mark) ?? 0);
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#isClosed) return;
    this.#isLooking = true;
    clearTimeout(this.#timer);
    try {
      this.#seen = await this.#options.look();
      this.#at = this.#options.clock.monotonic();
      this.#taken = 0;
    } catch (error) {
      this.#user.onError(error);
    } finally {
      this.#isLooking = false;
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#look(), LOOK_EVERY);
    this.#user.onNews();
  }
}
