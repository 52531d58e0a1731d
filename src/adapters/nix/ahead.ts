/**
 * The inventory, by a process that goes on with the hosts: a flake whose own evaluation takes seconds is read once.
 *
 * @module
 */
import * as v from "valibot";
import type { HostsSpec } from "../../config.ts";
import { JsonRefusal, parseJson } from "../../contract/json.ts";
import type { HostDerivation, HostInFlake, HostRef, LockedFlake } from "../../model.ts";
import type { Clock } from "../../ports.ts";
import { byteLength, LONGEST_ARGUMENT } from "../process.ts";
import type { NixContext } from "./context.ts";
import { evaluate, mayBeRoomy } from "./evaluate.ts";
import type { EvaluationWarnings } from "./evaluation_warnings.ts";
import { applyTo, INVENTORY_AND_HOSTS } from "./expressions.ts";
import { endOf, tellOf } from "./hosts.ts";
import { settingFlags } from "./nix_config.ts";
import type { BegunProcess, Breakdown, EvaluatingProcess, ProcessListener } from "./workers.ts";

/** What is asked of a flake. */
export interface AskedAhead {
  /** Paths of attributes by keys of the caller's own, of which `fleet` says which hosts have pins. */
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  /** Which hosts are going to be evaluated. */
  readonly hosts: HostsSpec;
  /** Take note of what the flake warns of before it comes to a host. */
  readonly warnings: Pick<EvaluationWarnings, "note">;
  readonly clock: Clock;
  /** MiB that the process may take; undefined: its share of what there is. */
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

/** A process that evaluates the inventory, and goes on with the hosts. */
export class Ahead {
  readonly flake: LockedFlake;
  /** What `inventoryOf` reads; undefined: the process cannot tell it. */
  readonly inventory: Promise<unknown>;
  readonly #clock: Clock;
  /** The clock's milliseconds when it came to the hosts. */
  #since = 0;
  readonly #mark: string = crypto.randomUUID();
  readonly #stopping = new AbortController();
  readonly #told = Promise.withResolvers<unknown>();
  readonly #ended: Promise<Breakdown | null>;
  #hosts: readonly HostRef[] = [];
  #heard: Heard[] = [];
  #hear = (heard: Heard): void => void this.#heard.push(heard);

  constructor(
    nix: NixContext,
    flake: LockedFlake,
    { attributes, hosts, warnings, clock, maxMemory }: AskedAhead,
  ) {
    this.flake = flake;
    this.#clock = clock;
    this.inventory = this.#told.promise;
    const asked = dataOf(flake, attributes, hosts);
    // A list of names may be longer than an argument can be.
    const data = { ...asked, mark: this.#mark };
    const fits = byteLength(applyTo(INVENTORY_AND_HOSTS, data)) <= LONGEST_ARGUMENT;
    this.#ended = fits ? this.#run(nix, data, { warnings, maxMemory }) : Promise.resolve(null);
    // Whoever goes on with it is told how it has ended.
    this.#ended.catch(() => {}).finally(() => this.#told.resolve(undefined));
  }

  /** Ends it. */
  stop(): void {
    this.#stopping.abort();
  }

  /** The process, as one that evaluates those of the hosts that it has begun with. */
  begunWith(hosts: readonly HostInFlake[], warnings: EvaluationWarnings): BegunProcess {
    const keyOf = ({ kind, name }: HostRef) => `${kind} ${name}`;
    const asked = new Map(hosts.flatMap((host) => host.flake === this.flake ? [[keyOf(host), host]] : []));
    const own = this.#hosts.flatMap((host) => asked.get(keyOf(host)) ?? []);
    const positions = new Map(own.map((host, position) => [keyOf(host), position]));
    const positionOf = (index: number) => positions.get(keyOf(this.#hosts[index]!));
    return {
      job: { flake: this.flake, hosts: own },
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
    data: unknown,
    { warnings, maxMemory }: Pick<AskedAhead, "warnings" | "maxMemory">,
  ): Promise<Breakdown | null> {
    const { signal } = this.#stopping;
    let current: string | undefined;
    let tell: ((told: unknown) => void) | undefined;
    const running = evaluate(nix, INVENTORY_AND_HOSTS, data, {
      options: settingFlags(this.flake.nixConfig.used),
      listener: {
        markedBy: this.#mark,
        onMark: (text) => {
          if (tell === undefined) tell = this.#begin(text, (index) => current = this.#hosts[index]?.name);
          else tell(JSON.parse(text));
        },
        onWarning: (text) => {
          const host = current;
          if (host === undefined) warnings.note(text);
          else this.#hear((_, warnings) => warnings.note(text, host));
        },
      },
      source: this.flake.storePath,
      signal,
      isRoomy: mayBeRoomy(maxMemory),
    });
    return endOf(running, signal);
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

function dataOf(
  { opened: flake }: LockedFlake,
  attributes: AskedAhead["attributes"],
  hosts: HostsSpec,
) {
  const keysOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, null]));
  return {
    flake,
    attributes: Object.fromEntries(attributes),
    only: hosts.kind === "explicit" ? keysOf(hosts.hosts) : null,
    except: keysOf(hosts.kind === "auto" ? hosts.exclude : []),
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
