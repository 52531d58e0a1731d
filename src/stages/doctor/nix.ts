/**
 * Whether nix is what a release needs.
 *
 * @module
 */
import { type Builder, parseBuilders } from "../../plan/builders.ts";
import { isOlder } from "../../plan/nix_version.ts";
import type { Machine } from "../../ports.ts";
import { hideSecrets } from "../../secrets.ts";
import { plural, quoteList } from "../../text.ts";
import { bad, factsOfNix, type Found, good, OLDEST_NIX, there, type Visit } from "./visit.ts";

/** That nix is there, and new enough. */
export async function lookAtNix({ parts, machine }: Visit): Promise<Found> {
  there(parts.nix);
  const { path, version } = await machine.nixVersion();
  if (!isOlder(version, OLDEST_NIX)) return good(`${version}, at ${path}`);
  return bad(
    `"${path}" is ${version}, expected ${OLDEST_NIX} or later`,
    "install a newer one (https://nixos.org/download), or put its bin directory in front of the others on PATH",
  );
}

/** That it evaluates flakes. */
export async function lookAtFeatures({ nixFacts }: Visit): Promise<Found> {
  const { lacks } = await nixFacts();
  if (lacks.length === 0) return good("commands and flakes can be used, whatever nix.conf says of them");
  return bad(`nix has no ${quoteList(lacks)}`, "use a nix that is built with flakes");
}

/** That what is built can be put into the store. */
export async function lookAtStore(visit: Visit): Promise<Found> {
  const { machine } = visit;
  const { store, storeDir, buildUsers } = await factsOfNix(visit);
  const said = await machine.openStore();
  if (said !== null) {
    return bad(`The store "${hideSecrets(store)}" cannot be opened to be written`, STORE_MEND, said);
  }
  if (await machine.isStoreClosed(storeDir)) {
    return bad(`"${storeDir}" cannot be written, and nix is no daemon's client here`, STORE_MEND);
  }
  if (store === "auto" && buildUsers !== "" && await machine.lacksBuildUsers(buildUsers)) {
    return bad(
      `Builds run as users of the group "${buildUsers}", and there are none`,
      "make them, as the installer of nix does, or have `build-users-group =` in nix.conf, so that builds run as root",
    );
  }
  return good(`"${storeDir}" can be written (store "${hideSecrets(store)}")`);
}

const STORE_MEND =
  "start nix-daemon, or run as a user who may write the store; `nix store ping` shows which one it is";

/** A list that leads to itself leads no further. */
const DEEPEST = 3;

/** That the machines answer which nix builds on. */
export async function lookAtBuilders(visit: Visit): Promise<Found | Found[]> {
  const { machine } = visit;
  const { builders } = await factsOfNix(visit);
  const found = await buildersIn(machine, builders);
  if (found.length === 0) return good("none: everything is built on this machine");
  const answers = await Promise.all(found.map(async ({ store }) => await machine.openStore(store)));
  const silent = answers.flatMap((said, index) => {
    const name = hideSecrets(found[index]!.name);
    return said === null
      ? []
      : [bad(`The builder "${name}" cannot be reached`, mendOfBuilder(name), said.map(hideSecrets))];
  });
  return silent.length > 0 ? silent : good(`${plural(found.length, "builder")}, which can be reached`);
}

function mendOfBuilder(name: string): string {
  return `see that this user can connect to "${name}" without a question (\`nix store ping --store\` tries it), or ` +
    "take it from the builders";
}

async function buildersIn(machine: Machine, text: string, depth = 0): Promise<Builder[]> {
  const found = parseBuilders(text).map(async (entry) => {
    if ("builder" in entry) return [entry.builder];
    // One that is not there has none, as to nix.
    return depth === DEEPEST
      ? []
      : await buildersIn(machine, await machine.textOf(entry.file) ?? "", depth + 1);
  });
  return (await Promise.all(found)).flat();
}
