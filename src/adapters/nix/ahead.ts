/**
 * The inventory, by a process that goes on with the hosts: a flake whose own evaluation takes seconds is read once.
 *
 * @module
 */
import * as v from "valibot";
import { JsonRefusal, parseJson } from "../../contract/json.ts";
import type { HostDerivation, HostInFlake, HostRef, LockedFlake } from "../../model.ts";
import { hasMark, termsOf } from "../../plan/host_terms.ts";
import type { AskedOfFlake, Clock } from "../../ports.ts";
import { byteLength, LONGEST_ARGUMENT } from "../process.ts";
import type { NixContext } from "./context.ts";
import { evaluate, mayBeRoomy } from "./evaluate.ts";
import type { EvaluationWarnings } from "./evaluation_warnings.ts";
import { applyTo, INVENTORY_AND_HOSTS } from "./expressions.ts";
import { endOf, tellOf } from "./hosts.ts";
import { settingFlags } from "./nix_config.ts";
import type { BegunProcess, Breakdown, EvaluatingProcess, ProcessListener } from "./workers.ts";

/** A flake, as far as it is known before all of it is locked. */
export type LikelyFlake = Pick<LockedFlake, "opened" | "nixConfig" | "storePath">;

/** What the process is begun with. */
export interface AheadOptions {
  readonly clock: Clock;
  /** MiB that it may take; undefined: its share of what there is. */
  readonly maxMemory: number | undefined;
}

/** What {@linkcode INVENTORY_AND_HOSTS} tells first. */
const FIRST = v.union([
  v.strictTuple([v.null()]),
  v.strictTuple([
    v.unknown(),
    v.array(v.object({ kind: v.picklist(["nixos", "darwin"]), name: v.string() })),
  ]),
]);

/** What the process has told of hosts, and nobody has heard. */
type Heard = (listener: ProcessListener, warnings: EvaluationWarnings) => void;

/** Takes note of what a flake warns of. */
type Noting = Pick<EvaluationWarnings, "note">;

/** A process that evaluates the inventory, and goes on with the hosts. */
export class Ahead {
  readonly #asked: string;
  readonly #clock: Clock;
  readonly #inventory: Promise<unknown>;
  /** The flake that it turned out to be of. */
  #flake: LockedFlake | undefined;
  /** Who is told of warnings, and what nobody has been told of. */
  #warnings: Noting | undefined;
  #noted: string[] = [];
  /** The clock's milliseconds when it came to the hosts. */
  #since = 0;
  readonly #mark: string = crypto.randomUUID();
  readonly #stopping = new AbortController();
  readonly #told = Promise.withResolvers<unknown>();
  readonly #ended: Promise<Breakdown | null>;
  #hosts: readonly HostRef[] = [];
  #heard: Heard[] = [];
  #hear = (heard: Heard): void => void this.#heard.push(heard);

  constructor(nix: NixContext, flake: LikelyFlake, asked: AskedOfFlake, { clock, maxMemory }: AheadOptions) {
    this.#asked = identityOf(flake, asked);
    this.#clock = clock;
    this.#inventory = this.#told.promise;
    const data = { ...dataOf(flake, asked), mark: this.#mark };
    // A list of names may be longer than an argument can be.
    const fits = byteLength(applyTo(INVENTORY_AND_HOSTS, data)) <= LONGEST_ARGUMENT;
    this.#ended = fits ? this.#run(nix, flake, { data, maxMemory }) : Promise.resolve(null);
    // Whoever goes on with it is told how it has ended.
    this.#ended.catch(() => {}).finally(() => this.#told.resolve(undefined));
  }

  /** Whether it evaluates just what is asked of a flake. */
  isFor(flake: LockedFlake, asked: AskedOfFlake): boolean {
    return this.#asked === identityOf(flake, asked);
  }

  /**
   * Takes it for the process of a flake.
   *
   * @param warnings Take note of what the flake warns of before it comes to a host
   * @returns what `inventoryOf` reads; undefined: the process cannot tell it
   */
  async inventoryOf(flake: LockedFlake, warnings: Noting): Promise<unknown> {
    this.#flake = flake;
    this.#warnings = warnings;
    for (const text of this.#noted.splice(0)) warnings.note(text);
    return await this.#inventory;
  }

  /** Ends it. */
  stop(): void {
    this.#stopping.abort();
  }

  /** The process, as one that evaluates those of the hosts that it has begun with. */
  begunWith(hosts: readonly HostInFlake[], warnings: EvaluationWarnings): BegunProcess {
    const keyOf = ({ kind, name }: HostRef) => `${kind} ${name}`;
    const flake = this.#flake!;
    const asked = new Map(hosts.flatMap((host) => host.flake === flake ? [[keyOf(host), host]] : []));
    const own = this.#hosts.flatMap((host) => asked.get(keyOf(host)) ?? []);
    const positions = new Map(own.map((host, position) => [keyOf(host), position]));
    const positionOf = (index: number) => positions.get(keyOf(this.#hosts[index]!));
    return {
      job: { flake, hosts: own },
      since: this.#since,
      start: (listener) =>
        this.#attach({
          onStarted(index, since) {
            const position = positionOf(index);
            if (position !== undefined) listener.onStarted(position, since);
          },
          onEvaluated(index, derivation) {
            const position = positionOf(index);
            if (position !== undefined) listener.onEvaluated(position, derivation);
          },
        }, warnings),
    };
  }

  #attach(listener: ProcessListener, warnings: EvaluationWarnings): EvaluatingProcess {
    queueMicrotask(() => {
      this.#hear = (heard) => heard(listener, warnings);
      this.#heard.splice(0).forEach(this.#hear);
    });
    return { mark: this.#mark, ended: this.#ended, stop: () => this.stop() };
  }

  #run(
    nix: NixContext,
    { nixConfig, storePath }: LikelyFlake,
    { data, maxMemory }: Pick<AheadOptions, "maxMemory"> & { readonly data: unknown },
  ): Promise<Breakdown | null> {
    const { signal } = this.#stopping;
    let current: string | undefined;
    let tell: ((told: unknown) => void) | undefined;
    const running = evaluate(nix, INVENTORY_AND_HOSTS, data, {
      options: settingFlags(nixConfig.used),
      listener: {
        markedBy: this.#mark,
        onMark: (text) => {
          if (tell === undefined) tell = this.#begin(text, (index) => current = this.#hosts[index]?.name);
          else tell(JSON.parse(text));
        },
        onWarning: (text) => {
          const host = current;
          if (host === undefined) this.#note(text);
          else this.#hear((_, warnings) => warnings.note(text, host));
        },
      },
      source: storePath,
      signal,
      isRoomy: mayBeRoomy(maxMemory),
    });
    return endOf(running, signal);
  }

  #note(text: string): void {
    if (this.#warnings === undefined) this.#noted.push(text);
    else this.#warnings.note(text);
  }

  /** Takes the inventory, and gives who is told of the hosts. */
  #begin(text: string, onStarted: (index: number) => void): (told: unknown) => void {
    this.#since = this.#clock.monotonic();
    // The first mark may be lost.
    const first = v.safeParse(FIRST, inventoryIn(text));
    const [told, hosts = []] = first.success ? first.output : [null];
    this.#hosts = hosts;
    if (told === null) this.stop();
    this.#told.resolve(told ?? undefined);
    return tellOf(hosts, {
      onStarted: (index) => {
        onStarted(index);
        const since = this.#clock.monotonic();
        this.#hear((listener) => listener.onStarted(index, since));
      },
      onEvaluated: (index: number, derivation: HostDerivation | null) =>
        this.#hear((listener) => listener.onEvaluated(index, derivation)),
    });
  }
}

/** All that what it evaluates depends on. */
function identityOf(flake: LikelyFlake, asked: AskedOfFlake): string {
  return JSON.stringify([flake.nixConfig.used, flake.storePath, dataOf(flake, asked)]);
}

function dataOf({ opened: flake }: LikelyFlake, { attributes, hosts }: AskedOfFlake) {
  return { flake, attributes: Object.fromEntries(attributes), ...wantedOf(hosts) };
}

/** What nix is told of `--hosts`, to decide which hosts are wanted. */
export function wantedOf(hosts: AskedOfFlake["hosts"]) {
  const keysOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, null]));
  return {
    only: hosts.kind === "explicit" ? keysOf(hosts.hosts) : null,
    except: keysOf(hosts.kind === "auto" ? hosts.exclude : []),
    terms: termsOf(hosts).filter(hasMark),
  };
}

/** What is told first, or null in the place of what `nix eval --json` may tell in another way. */
function inventoryIn(text: string): unknown {
  // Bytes that are no text are replaced in a log, and refused where they are printed.
  if (text.includes("\ufffd")) return [null];
  try {
    return parseJson(text, { roundIntegers: true });
  } catch (error) {
    if (error instanceof JsonRefusal) return [null];
    throw error;
  }
}
