/**
 * Releases that the program signs itself: they start no process for a signature, for tests of anything else than hooks.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Finished } from "./command.ts";
import { type Draft, KEY, PUBLIC_KEY, type TestFleet } from "./fleet.ts";
import type { Start } from "./releases.ts";

/** The private key, which a file that git can check out would show to others. */
const ENV: Readonly<Record<string, string>> = { RELEASE_KEY: await Deno.readTextFile(KEY) };

/** Releases, signed by the key, and verified with its public part. */
export function releaseByKey(
  fleet: TestFleet,
  args: readonly string[] = [],
  start: Start = {},
): Promise<Finished> {
  const keys = ["--sign-key", "env:RELEASE_KEY", "--public-key", PUBLIC_KEY];
  return fleet.run([...keys, ...args], { ...start, env: { ...ENV, ...start.env } });
}

/** Releases, which has to succeed, and gives the result that `--json` prints. */
export async function expectReleaseByKey(
  fleet: TestFleet,
  args: readonly string[] = [],
  start: Start = {},
): Promise<Draft> {
  const { code, stdout, stderr } = await releaseByKey(fleet, ["--json", ...args], start);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

/** Fleets that the tests of a file share, made when they are first asked for. */
export class SharedFleets<Name extends string> implements AsyncDisposable {
  readonly #make: Readonly<Record<Name, () => Promise<TestFleet>>>;
  readonly #made = new Map<Name, Promise<TestFleet>>();

  /** @param make How each of them is made */
  constructor(make: Readonly<Record<Name, () => Promise<TestFleet>>>) {
    this.#make = make;
  }

  /** Gives one of them, which has to be left as it is. */
  get(name: Name): Promise<TestFleet> {
    const made = this.#made.get(name) ?? this.#make[name]();
    this.#made.set(name, made);
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fleet of this.#made.values()) await (await fleet)[Symbol.asyncDispose]();
    this.#made.clear();
  }
}
