/**
 * Changes to a fleet such as operators make, by chance, and the same in each run with one seed.
 *
 * @module
 */
import { SYSTEM } from "../support/command.ts";
import { Chance } from "../fuzz/mutations.ts";
import type { Draft } from "../support/fleet.ts";

/** What a flake says of its fleet, to be changed in place. */
export interface Files {
  /** The fleet's JSON. */
  readonly fleet: Draft;
  /** The names of the hosts, and what their closures hold. */
  readonly hosts: { nixos: string[]; readonly darwin: string[]; content: Record<string, string> };
  readonly revocations: Draft[];
  readonly nonces: Draft[];
}

/** What edits are made with. */
export interface Tools {
  readonly chance: Chance;
  /** Commits that the repository has. */
  readonly commits: readonly string[];
  /** A time in the future, or in the past. */
  readonly time: () => string;
}

/** A kind of edit. */
type Edit = (files: Files, tools: Tools) => void;

let made = 0;
/** A name that nothing else has. */
const name = (what: string) => `${what}${++made}`;

/** Changes something that there is one of at least, or nothing. */
function onOne<T>(from: readonly T[], { chance }: Tools, edit: (one: T) => void): void {
  if (from.length > 0) edit(chance.pick(from));
}

function remove(list: unknown[], { chance }: Tools): void {
  if (list.length > 0) list.splice(chance.below(list.length), 1);
}

const hostsOf = ({ fleet }: Files): Draft[] => Object.values(fleet["hosts"]);
const channelsOf = ({ fleet }: Files): string[] => Object.keys(fleet["channels"]);
const wavesOf = ({ fleet }: Files): Draft[] => Object.values(fleet["waves"]).flat() as Draft[];

/** The kinds of edits, by name. */
export const EDITS: Readonly<Record<string, Edit>> = {
  "nothing": () => {},
  "a new host": (files, { chance }) => {
    const host = name("host");
    files.hosts.nixos.push(host);
    files.fleet["hosts"][host] = {
      ...{ system: SYSTEM, tags: [chance.pick(["web", "db"])], channel: chance.pick(channelsOf(files)) },
    };
    const waves = wavesOf(files);
    if (waves.length > 0 && chance.below(2) === 0) chance.pick(waves)["hosts"].push(host);
  },
  "a host less": (files, tools) => {
    if (files.hosts.nixos.length < 3) return;
    const host = tools.chance.pick(files.hosts.nixos);
    files.hosts.nixos = files.hosts.nixos.filter((name) => name !== host);
    delete files.fleet["hosts"][host];
    for (const wave of wavesOf(files)) {
      wave["hosts"] = wave["hosts"].filter((name: string) => name !== host);
    }
  },
  "another closure": ({ hosts }, { chance }) => {
    hosts.content[chance.pick(hosts.nixos)] = chance.pick(["one", "two", "three"]);
  },
  "other tags": (files, tools) => onOne(hostsOf(files), tools, (host) => host["tags"] = [name("tag")]),
  "another key": (files, tools) =>
    onOne(hostsOf(files), tools, (host) => host["pubkey"] = `ssh-ed25519 ${name("key")}`),
  "another channel of a host": (files, tools) =>
    onOne(hostsOf(files), tools, (host) => host["channel"] = tools.chance.pick(channelsOf(files))),
  "a new channel": (files, { chance }) => {
    const { fleet } = files;
    const channel = name("channel");
    fleet["channels"][channel] = structuredClone(fleet["channels"][chance.pick(channelsOf(files))]);
    if (chance.below(2) === 0) fleet["waves"][channel] = [{ hosts: [], soakMinutes: 5 }];
  },
  "a channel less": (files, { chance }) => {
    if (channelsOf(files).length < 2) return;
    const channel = chance.pick(channelsOf(files));
    delete files.fleet["channels"][channel];
    delete files.fleet["waves"][channel];
    const [left] = channelsOf(files);
    for (const host of hostsOf(files)) if (host["channel"] === channel) host["channel"] = left;
  },
  "other times of a channel": ({ fleet }, tools) =>
    onOne(Object.values<Draft>(fleet["channels"]), tools, (channel) => {
      channel["freshnessWindow"] = 10_000 + tools.chance.below(3);
      channel["compliance"].frameworks = [name("framework")];
    }),
  "another policy of a channel": ({ fleet }, tools) =>
    onOne(Object.values<Draft>(fleet["channels"]), tools, (channel) => {
      channel["rolloutPolicy"] = tools.chance.pick(Object.keys(fleet["rolloutPolicies"]));
    }),
  "a new policy": ({ fleet }) => {
    fleet["rolloutPolicies"][name("policy")] = structuredClone(fleet["rolloutPolicies"].all);
  },
  "another gate": ({ fleet }, tools) =>
    onOne(Object.values<Draft>(fleet["rolloutPolicies"]), tools, (policy) => {
      policy["healthGate"] = { systemdFailedUnits: { max: tools.chance.below(3) } };
    }),
  "a wave more": ({ fleet, hosts }, tools) =>
    onOne(Object.values<Draft[]>(fleet["waves"]), tools, (waves) => {
      waves.splice(tools.chance.below(waves.length + 1), 0, {
        ...{ hosts: [tools.chance.pick(hosts.nixos)], soakMinutes: tools.chance.below(60) },
      });
    }),
  "a wave less": ({ fleet }, tools) =>
    onOne(Object.values<Draft[]>(fleet["waves"]), tools, (waves) => remove(waves, tools)),
  "waves in another order": ({ fleet }, tools) =>
    onOne(Object.values<Draft[]>(fleet["waves"]), tools, (waves) => void waves.reverse()),
  "hosts of a wave in another order": (files, tools) =>
    onOne(wavesOf(files), tools, (wave) => void wave["hosts"].reverse()),
  "another soak time": (files, tools) =>
    onOne(wavesOf(files), tools, (wave) => wave["soakMinutes"] = tools.chance.below(60)),
  "a budget more": ({ fleet }, { chance }) => {
    (fleet["disruptionBudgets"] ??= []).push({
      ...{ selector: { tags: [chance.pick(["web", "db"])] }, maxInFlight: 1 + chance.below(3) },
    });
  },
  "a budget less": ({ fleet }, tools) => remove(fleet["disruptionBudgets"] ?? [], tools),
  "budgets in another order": ({ fleet }) => void fleet["disruptionBudgets"]?.reverse(),
  "an edge more": ({ fleet, hosts }, { chance }) => {
    const [gates, gated] = [chance.pick(hosts.nixos), chance.pick(hosts.nixos)];
    (fleet["edges"] ??= []).push({ gates, gated, reason: name("reason") });
  },
  "an edge less": ({ fleet }, tools) => remove(fleet["edges"] ?? [], tools),
  "a channel edge": (files, { chance }) => {
    const [before, after] = [chance.pick(channelsOf(files)), chance.pick(channelsOf(files))];
    files.fleet["channelEdges"] = chance.below(3) === 0 ? [] : [{ gates: before, gated: after }];
  },
  "a revocation more": ({ revocations, hosts }, { chance, time }) => {
    revocations.push({ hostname: chance.pick(hosts.nixos), notBefore: time() });
  },
  "a revocation less": ({ revocations }, tools) => remove(revocations, tools),
  "a nonce more": ({ nonces, hosts }, { chance, time }) => {
    nonces.push({ nonce: name("nonce"), hostname: chance.pick(hosts.nixos), expiresAt: time() });
  },
  "a pin": (files, tools) =>
    onOne(hostsOf(files), tools, (host) => {
      // What another host is called was not there at every commit.
      const isOld = ["web1", "web2", "db"].some((name) => files.fleet["hosts"][name] === host);
      if (!isOld) return;
      const ends = tools.chance.below(2) === 0 ? {} : { expiresAt: tools.time() };
      host["pin"] = { commit: tools.chance.pick(tools.commits), reason: name("reason"), ...ends };
    }),
  "a pin less": (files, tools) =>
    onOne(hostsOf(files).filter(({ pin }) => pin), tools, (host) => delete host["pin"]),
};
