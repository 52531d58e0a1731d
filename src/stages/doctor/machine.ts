/**
 * Whether the machine has what a release takes.
 *
 * @module
 */
import type { ReleaseConfig } from "../../config.ts";
import { programsOf } from "../../plan/hook_programs.ts";
import { readFleet } from "../../plan/reuse.ts";
import { warnOfClosures } from "../oversights.ts";
import { mebibytes, plural, quoteList } from "../../text.ts";
import {
  bad,
  factsOfNix,
  type Found,
  good,
  ofWarning,
  there,
  tried,
  unknown,
  type Visit,
  warning,
} from "./visit.ts";

/** What the variables say that a release passes over. */
export function lookAtEnvironment({ run: { notes } }: Visit): Found[] {
  return notes.warnings.map(ofWarning);
}

/** The options that are commands. */
const HOOKS = [
  ["--push-cmd", ({ pushCmd }: ReleaseConfig) => pushCmd],
  ["--push-all-cmd", ({ pushAllCmd }: ReleaseConfig) => pushAllCmd],
  ["--sign-cmd", ({ signCmd }: ReleaseConfig) => signCmd],
] as const;

/** That a shell can read the hooks, that the programs are there which they run, and the variables. */
export async function lookAtHooks({ config, run, machine }: Visit): Promise<Found[] | null> {
  warnOfClosures(run);
  const hooks = HOOKS.flatMap(([option, of]) => {
    const command = of(config);
    return command === undefined ? [] : [{ option, command }];
  });
  if (hooks.length === 0) return null;
  const found: Found[] = [];
  for (const { option, command } of hooks) {
    if (!await machine.canParse(command)) {
      found.push(
        bad(`A shell cannot read the command of ${option}`, "`sh -n -c` with it says where it ends"),
      );
      continue;
    }
    const missing = await machine.missing(programsOf(command));
    if (missing.length > 0) {
      const problem = `The command of ${option} runs ${quoteList(missing)}, which cannot be found`;
      found.push(bad(problem, "install it, or add the directory that it is in to PATH"));
    }
  }
  const unset = config.hookEnv.filter((name) => !machine.isSet(name));
  if (unset.length > 0) {
    found.push(
      warning(
        `Hooks are to get ${quoteList(unset)} (--hook-env), which is not set`,
        "set it, or leave it out",
      ),
    );
  }
  return found.length > 0
    ? found
    : [good(`${hooks.map(({ option }) => option).join(" and ")}: what they run is there`)];
}

/** That temporary files can be written. */
export function lookAtTemporary({ parts, tempDir }: Visit): Found {
  there(parts.temporary);
  return good(`"${tempDir}" can be written`);
}

const MIB = 2 ** 20;

/** Something that is written to, and how much of it there has to be. In bytes. */
interface Place {
  readonly what: string;
  readonly dir: string;
  /** With less a release is bound to fail. */
  readonly least: number;
  /** With less it may. */
  readonly wanted: number;
  readonly mend: string;
}

/** That there is room on the disks, for a fleet as large as that of the last release. */
export async function lookAtDisk(visit: Visit): Promise<readonly Found[]> {
  const { machine, tempDir } = visit;
  const files = (await visit.release().catch(() => null))?.files;
  const found = (await Promise.all([
    tried(async () => await roomFor(machine, await storePlace(visit, files))),
    tried(() =>
      roomFor(machine, {
        ...{ what: "temporary files", dir: tempDir, least: 16 * MIB, wanted: 256 * MIB },
        mend: "set TMPDIR to a directory with more room",
      })
    ),
    tried(async () => {
      const { existing } = await visit.run.ports.releaseDir.realPath();
      // What is there stays until all that is new is written beside it.
      const bytes = [...files?.values() ?? []].reduce((sum, { length }) => sum + length, 0);
      const place = { what: "releases", dir: existing, mend: "remove what is not needed any more" };
      return await roomFor(machine, { ...place, least: 2 * bytes + MIB, wanted: 2 * bytes + 64 * MIB });
    }),
  ])).flat();
  const problems = found.filter(({ state }) => state !== "good");
  return problems.length > 0 ? problems : [good(found.map(({ message }) => message).join(", "))];
}

/** The store, with room for a system and what each further host has of its own. */
async function storePlace(
  visit: Visit,
  files: ReadonlyMap<string, Uint8Array> | undefined,
): Promise<Place> {
  const bytes = files?.get(visit.config.artifactName);
  const fleet = bytes && readFleet(bytes);
  const hosts = fleet === undefined ? 1 : Object.keys(fleet.hosts).length;
  return {
    what: fleet === undefined ? "the store" : `the store, for ${plural(hosts, "host")}`,
    dir: (await factsOfNix(visit)).storeDir,
    ...{ least: 512 * MIB, wanted: (3072 + 100 * hosts) * MIB },
    mend: "`nix-collect-garbage -d` removes what nothing needs",
  };
}

async function roomFor(machine: Visit["machine"], { what, dir, least, wanted, mend }: Place): Promise<Found> {
  const free = await machine.freeIn(dir);
  if (free === null) return unknown(`how much is free in "${dir}" cannot be told`);
  const room = `${amount(free)} free for ${what} ("${dir}")`;
  if (free >= wanted) return good(room);
  return free < least
    ? bad(`${room}, expected ${amount(least)} at least`, mend)
    : warning(`${room}, of which ${amount(wanted)} are better`, mend);
}

/** That there is memory for a process that evaluates hosts. */
export async function lookAtMemory({ config: { evalMaxMemory }, machine }: Visit): Promise<Found> {
  const free = await machine.freeMemory();
  if (free === null) return unknown("the system does not tell how much memory may be taken");
  // What a NixOS host takes to be evaluated, and what the rest of the machine needs.
  const wanted = ((evalMaxMemory ?? 2048) + 512) * MIB;
  const room = `${amount(free)} may be taken`;
  const mend = "end what else runs, give the machine more, or let hosts be evaluated one after the other " +
    "(--eval-workers 1)";
  if (free < 512 * MIB) return bad(`${room}, expected ${amount(512 * MIB)} at least`, mend);
  return free < wanted ? warning(`${room}, of which ${amount(wanted)} are better`, mend) : good(room);
}

function amount(bytes: number): string {
  return bytes < 10 * 1024 * MIB ? mebibytes(bytes) : `${Math.floor(bytes / (1024 * MIB))} GiB`;
}
