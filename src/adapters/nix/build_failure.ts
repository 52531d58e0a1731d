/**
 * Says why hosts were not built.
 *
 * @module
 */
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import type { HostDerivation } from "../../model.ts";
import { plural, quoted, quoteList } from "../../text.ts";
import { type CommandResult, lastSaid } from "../process.ts";
import type { BuildLog } from "./build_log.ts";
import type { NixContext } from "./context.ts";
import { parseOutput } from "./output.ts";
import { isBuilders, targetOf } from "./realise.ts";
import { neededBy, systemsOf, unbuilt } from "./store.ts";

/** What is shown of nix's own errors; the log file has the rest. */
const NIX_ERRORS = { first: 30, last: 10 };
/** So many lines are shown of the logs of many derivations together. */
const LOG_LINES = 200;

/** A build that failed. */
export interface FailedBuild {
  /** All that was to be built, without what is known to be. */
  readonly derivations: readonly HostDerivation[];
  readonly log: BuildLog;
  readonly result: CommandResult;
}

/** A derivation that failed, and the hosts that were not built for it. */
interface Cause {
  readonly drv: string;
  readonly hosts: readonly HostDerivation[];
}

/** Which hosts were not built, and each derivation that failed them with the end of its log. */
export async function buildFailure(nix: NixContext, build: FailedBuild): Promise<ReleaseError> {
  const { derivations, log, result } = build;
  const missing = await unbuilt(nix, [...log.started(), ...new Set(derivations.map(targetOf))]);
  const failed = derivations.filter(({ drvPath }) => missing.has(drvPath));
  const needed = await neededBy(nix, log.started().filter((drv) => missing.has(drv)));
  const causes = causesOf(needed, failed);
  const caused = new Set(causes.flatMap(({ hosts }) => hosts));
  const rest = failed.filter((host) => !caused.has(host));
  const foreign = await withoutMachine(nix, rest);
  const unexplained = rest.filter((host) => !foreign.some(({ hosts }) => hosts.includes(host)));
  // Where builders failed, and nothing else, their logs and how each ended say why. nix itself says the rest: a wrong
  // hash, an output that was not made. A daemon's nix says of no failure of what kind it is.
  const explained = isBuilders(result) && causes.length > 0 && rest.length === 0 &&
    causes.every(({ drv }) => log.tail(drv).lines.length > 0);
  const lines = explained ? [] : nixErrors(build, needed);
  const most = Math.ceil(LOG_LINES / causes.length);
  const hosts = failed.length > 0 ? failed.map(({ name }) => name) : undefined;
  const names = hosts ?? derivations.map(({ name }) => name);
  return new ReleaseError(
    "build",
    `Cannot build ${names.length === 1 ? "host" : "hosts"} ${
      quoteList(names)
    }: nix-store exited with ${result.code}`,
    {
      lines: [
        ...causes.flatMap((cause) => [
          ...causeLines(cause, log, most),
          ...(explained ? endOf(cause, log) : []),
        ]),
        ...foreign.map(({ system, hosts }) => `nothing here builds for ${system}, which ${need(hosts)}`),
        ...unexplained.map(({ name, drvPath }) => `host ${JSON.stringify(name)}: ${drvPath} was not built`),
        ...nix.shell.excerpts.of({ title: "nix-store", lines }, NIX_ERRORS),
      ],
      hosts,
      hint: foreign.length === 0 ? undefined : hintFor(foreign.map(({ system }) => system)),
    },
  );
}

function hintFor(systems: readonly string[]): string {
  return `builds for ${
    quoteList(systems)
  } want a machine of that kind, given with --builders or in nix's own ` +
    "configuration, or a nix that runs its programs here (binfmt, and extra-platforms in nix.conf)";
}

/** In the order of their hosts, since nix begins builds in any order. */
function causesOf(
  needed: ReadonlyMap<string, readonly string[]>,
  failed: readonly HostDerivation[],
): Cause[] {
  const order = new Map(failed.map((host, index) => [host, index]));
  return [...needed].map(([drv, needing]) => {
    const by = new Set(needing);
    return { drv, hosts: failed.filter(({ drvPath }) => by.has(drvPath)) };
  }).filter(({ hosts }) => hosts.length > 0)
    .sort((a, b) => order.get(a.hosts[0]!)! - order.get(b.hosts[0]!)!);
}

/** As in `host "a" needs` and `2 hosts need: "a", "b"`. */
function need(hosts: readonly HostDerivation[]): string {
  const names = quoteList(hosts.map(({ name }) => name));
  return hosts.length === 1 ? `host ${names} needs` : `${plural(hosts.length, "host")} need: ${names}`;
}

function causeLines({ drv, hosts }: Cause, log: BuildLog, most: number): string[] {
  const { lines, earlier } = log.tail(drv);
  const shown = lines.slice(-most);
  const left = earlier + lines.length - shown.length;
  return [
    `derivation ${drv} failed, which ${need(hosts)}`,
    ...(left === 0 ? [] : [`  … ${plural(left, "line")} before these: nix log ${drv}`]),
    ...shown.map((line) => `  ${quoted(line)}`),
  ];
}

/** How a builder ended, which its log cannot say: by which signal, where the system was out of memory. */
function endOf({ drv }: Cause, log: BuildLog): string[] {
  const end = log.errors().find((line) => {
    const named = derivationsIn(line);
    return named.length === 1 && named[0] === drv;
  });
  return end === undefined ? [] : [`  ${quoted(end)}`];
}

function derivationsIn(line: string): readonly string[] {
  return line.match(/\/[^\s'"]+\.drv/g) ?? [];
}

/** Hosts that are built on a system for which this nix knows no machine, by the system. */
async function withoutMachine(
  nix: NixContext,
  hosts: readonly HostDerivation[],
): Promise<{ system: string; hosts: HostDerivation[] }[]> {
  if (hosts.length === 0) return [];
  const systems = await systemsOf(nix, hosts.map(({ drvPath }) => drvPath));
  const here = await systemsHere(nix);
  const of = ({ drvPath }: HostDerivation) => systems.get(drvPath);
  return [...Map.groupBy(hosts, of)].flatMap(([system, hosts]) =>
    system === undefined || here === undefined || here.includes(system) ? [] : [{ system, hosts }]
  );
}

/** The part of `nix show-config --json` that says what this machine builds for. */
const CONFIGURATION = v.object({
  "system": v.object({ value: v.string() }),
  "extra-platforms": v.object({ value: v.array(v.string()) }),
});

/** The systems that this machine builds for itself; undefined where nix does not say it. */
async function systemsHere({ shell, nix, flags, env }: NixContext): Promise<string[] | undefined> {
  const result = await shell.run([nix, ...flags, "show-config", "--json"], { env });
  const found = result.code === 0
    ? v.safeParse(CONFIGURATION, parseOutput(result, "nix show-config"))
    : undefined;
  if (!found?.success) return undefined;
  return [found.output.system.value, ...found.output["extra-platforms"].value];
}

/**
 * What nix itself said, without what is told otherwise: the ends of the builders' logs, and which derivations could not
 * be built for others that failed.
 */
function nixErrors(
  { log, result }: FailedBuild,
  needed: ReadonlyMap<string, readonly string[]>,
): string[] {
  const waiting = new Set([...needed.values()].flat().filter((drv) => !needed.has(drv)));
  const said = log.errors().length > 0 ? log.errors() : lastSaid(result.stderr, Infinity);
  return said.filter((line) => {
    if (/^\s*(>|last \d+ log lines:|For full logs, run|nix log \/)/.test(line)) return false;
    const named = derivationsIn(line);
    return named.length === 0 || named.some((drv) => !waiting.has(drv));
  });
}
