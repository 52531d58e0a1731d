/**
 * The nix commands, one function each.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import * as v from "valibot";
import { plural, quoteList } from "../../text.ts";
import { decodeUtf8, parseJson } from "../../contract/json.ts";
import { parseStorePath, type StorePath } from "../../contract/store_path.ts";
import { ReleaseError } from "../../errors.ts";
import type { HostRef } from "../../model.ts";
import type { Clock, HostDerivation, HostProgress, Inventory, LockedFlake, Nix } from "../../ports.ts";
import { evaluateAll, type EvaluationJob } from "./workers.ts";
import { BuildLog } from "./build_log.ts";
import { applyTo, HOSTS, INVENTORY, ONE_HOST } from "./expressions.ts";
import { type CommandResult, lastLines, type Shell, text, withoutGitLocation } from "../process.ts";

/** What the nix commands are given beside their arguments. */
export interface NixSettings {
  readonly env: Readonly<Record<string, string>>;
  /** A directory of this run alone, for garbage collector roots. */
  readonly tempDir: string;
  readonly options: readonly (readonly [name: string, value: string])[];
  readonly builders: string | undefined;
  readonly maxJobs: string | undefined;
  /** How many evaluating processes run at once. */
  readonly evalWorkers: number;
  readonly clock: Clock;
}

/**
 * What evaluating processes are told of their garbage collector: a heap that a few hosts fit into, so that it is
 * not collected again and again while it grows, and no marker threads, since there is a process for each core.
 */
const EVALUATION_ENV = { GC_INITIAL_HEAP_SIZE: "1G", GC_MARKERS: "1" };

/** What {@linkcode HOSTS} gives for a host. */
const DERIVATION = v.tuple([v.string(), v.string(), v.string()]);
const INVENTORY_SHAPE = v.object({
  storeDir: v.string(),
  hosts: v.object({ nixos: v.array(v.string()), darwin: v.array(v.string()) }),
  attributes: v.record(v.string(), v.object({ ok: v.boolean(), value: v.unknown() })),
});
/** The part of `nix flake metadata --json` that both old and new versions print. */
const METADATA = v.object({
  url: v.string(),
  resolvedUrl: v.string(),
  path: v.string(),
  locked: v.object({
    type: v.string(),
    rev: v.optional(v.string()),
    narHash: v.optional(v.string()),
    lastModified: v.optional(v.number()),
    dir: v.optional(v.string()),
  }),
});
type FlakeMetadata = v.InferOutput<typeof METADATA>;

/** nix-store's exit code when builders failed and nothing worse happened (nix-store(1), "Special exit codes"). */
const ONLY_BUILDERS_FAILED = 100;
const QUERIES_AT_ONCE = 16;

/** The nix commands of the operator's own nix. */
export function createNix(shell: Shell, settings: NixSettings): Nix {
  const nix = shell.find("nix");
  // The one beside it, and by this name: nix-store is a link to nix, which acts by the name it is called by.
  const nixStore = shell.find("nix-store", nix);
  const env = withoutGitLocation(settings.env);
  const flags = [
    "--extra-experimental-features",
    "nix-command flakes",
    ...settings.options.flatMap(([name, value]) => ["--option", name, value]),
    ...(settings.maxJobs === undefined ? [] : ["--max-jobs", settings.maxJobs]),
    ...(settings.builders === undefined ? [] : ["--builders", settings.builders]),
  ];

  async function evaluate(expression: string, data: unknown): Promise<CommandResult & { value: unknown }> {
    const result = await shell.run([nix, ...flags, "eval", "--json", "--expr", applyTo(expression, data)], {
      env: { ...EVALUATION_ENV, ...env },
    });
    return { ...result, value: result.code === 0 ? parseOutput(result, "nix eval") : undefined };
  }

  /** Evaluates hosts in one process: each one's derivation, null for those that failed, or why all of it failed. */
  async function evaluateBatch(
    flake: LockedFlake,
    hosts: readonly HostRef[],
  ): Promise<(HostDerivation | null)[] | { error: readonly string[] }> {
    const alone = hosts.length === 1;
    const result = alone
      ? await evaluate(ONE_HOST, { flake: flake.url, host: hosts[0] })
      : await evaluate(HOSTS, { flake: flake.url, hosts });
    if (result.code !== 0) return { error: lastLines(result.stderr, 20) };
    const values = parseShape(
      v.array(v.nullable(DERIVATION)),
      alone ? [result.value] : result.value,
      "nix eval",
    );
    return hosts.map((host, index) => {
      const [drvPath, outPath, outputName] = values[index] ?? [];
      return drvPath === undefined ? null : { ...host, drvPath, outPath: outPath!, outputName: outputName! };
    });
  }

  /** Of these store paths, those that are not in the store. */
  async function invalidPaths(paths: readonly string[]): Promise<Set<string>> {
    if (paths.length === 0) return new Set();
    const result = await shell.run([nixStore, "--check-validity", "--print-invalid", ...paths], { env });
    return new Set(text(result).split("\n").filter((line) => line !== ""));
  }

  async function queryLines(query: readonly string[], paths: readonly string[]): Promise<string[]> {
    if (paths.length === 0) return [];
    const result = await shell.run([nixStore, "--query", ...query, ...paths], { env });
    return result.code === 0 ? text(result).split("\n").filter((line) => line !== "") : [];
  }

  /** Which hosts were not built, and for each the derivations that failed it with the ends of their logs. */
  async function buildFailure(
    derivations: readonly HostDerivation[],
    storeDir: string,
    log: BuildLog,
    result: CommandResult,
  ): Promise<ReleaseError> {
    const outPaths = derivations.map(({ outPath }) => outPath);
    const invalid = await invalidPaths(
      outPaths.filter((path) => parseStorePath(path, storeDir) !== undefined),
    );
    // An output path that is not known before the build (a content-addressed derivation) tells nothing.
    const failed = derivations.filter(({ outPath }) =>
      invalid.has(outPath) || parseStorePath(outPath, storeDir) === undefined
    );
    const started = new Set(log.started());
    const causesOf = new Map<string, string[]>();
    for (const { drvPath } of failed) {
      const requisites = await queryLines(["--requisites"], [drvPath]);
      causesOf.set(drvPath, await withoutOutput(requisites.filter((drv) => started.has(drv))));
    }
    const lines: string[] = [];
    const told = new Set<string>();
    for (const { name, drvPath } of failed) {
      const causes = causesOf.get(drvPath)!;
      lines.push(`host ${JSON.stringify(name)}: ${causes.join(", ") || `${drvPath} was not built`}`);
      for (const drv of causes.filter((drv) => !told.has(drv))) {
        told.add(drv);
        lines.push(...log.tail(drv).map((line) => `  | ${line}`));
      }
    }
    const names = (failed.length > 0 ? failed : derivations).map(({ name }) => name);
    // Where builders failed, and nothing else, their logs say why. nix itself says the rest: a wrong hash, an output
    // that was not made, a system that nothing here can build for. It repeats the ends of the logs there.
    const explained = result.code === ONLY_BUILDERS_FAILED && told.size > 0 &&
      [...told].every((drv) => log.tail(drv).length > 0);
    const nixErrors = (log.errors().length > 0 ? log.errors() : lastLines(result.stderr, 10))
      .filter((line) => !/^\s*(>|last \d+ log lines:|For full logs, run)/.test(line));
    return new ReleaseError(
      "build",
      `Cannot build host ${quoteList(names)}: nix-store exited with ${result.code}`,
      { lines: explained ? lines : [...lines, ...nixErrors] },
    );
  }

  /** Of these derivations, those that have an output which is not in the store. */
  async function withoutOutput(derivations: readonly string[]): Promise<string[]> {
    const missing: string[] = [];
    // A few at a time: a build from scratch has thousands.
    for (let index = 0; index < derivations.length; index += QUERIES_AT_ONCE) {
      const some = derivations.slice(index, index + QUERIES_AT_ONCE);
      const invalid = await Promise.all(
        some.map(async (drv) => invalidPaths(await queryLines(["--outputs"], [drv]))),
      );
      missing.push(...some.filter((_, position) => invalid[position]!.size > 0));
    }
    return missing;
  }

  return {
    async lock(reference): Promise<LockedFlake> {
      const result = await shell.run([
        nix,
        ...flags,
        "flake",
        "metadata",
        "--json",
        "--no-write-lock-file",
        reference,
      ], {
        env,
      });
      if (result.code !== 0) {
        throw new ReleaseError(
          "evaluation",
          `Cannot read the flake "${reference}": nix exited with ${result.code}`,
          {
            lines: lastLines(result.stderr, 20),
          },
        );
      }
      return lockedFlake(
        parseShape(METADATA, parseOutput(result, "nix flake metadata"), "nix flake metadata"),
      );
    },

    async inventory(flake, attributes): Promise<Inventory> {
      const result = await evaluate(INVENTORY, {
        flake: flake.url,
        attributes: Object.fromEntries(attributes),
      });
      if (result.code !== 0) {
        throw new ReleaseError(
          "evaluation",
          `Cannot evaluate the fleet of "${flake.url}": nix exited with ${result.code}`,
          {
            lines: lastLines(result.stderr, 20),
            hint: flake.revision === null && flake.url.includes("dir=")
              ? "older versions of nix cannot fix a changed tree in a sub-directory: commit the changes"
              : undefined,
          },
        );
      }
      const { storeDir, hosts, attributes: values } = parseShape(INVENTORY_SHAPE, result.value, "nix eval");
      const found = Object.entries(values).filter(([, { ok }]) => ok);
      return { storeDir, hosts, attributes: new Map(found.map(([key, { value }]) => [key, value])) };
    },

    async evaluateHosts(jobs: readonly EvaluationJob[], progress: HostProgress): Promise<HostDerivation[]> {
      const { derivations, failures } = await evaluateAll(jobs, {
        workers: settings.evalWorkers,
        clock: settings.clock,
        progress,
        evaluateBatch,
      });
      if (failures.length > 0) {
        throw new ReleaseError(
          "evaluation",
          `Cannot evaluate ${plural(failures.length, "host")}: ${
            quoteList(failures.map(({ host }) => host.name))
          }`,
          {
            lines: failures.flatMap(({ host, lines }) => [
              `host ${JSON.stringify(host.name)}:`,
              ...lines.map((line) => `  | ${line}`),
            ]),
          },
        );
      }
      return derivations;
    },

    async build(derivations, storeDir, progress): Promise<ReadonlyMap<string, StorePath>> {
      const targetOf = ({ drvPath, outputName }: HostDerivation) => `${drvPath}!${outputName}`;
      const targets = [...new Set(derivations.map(targetOf))];
      const hostsOf = Map.groupBy(derivations, ({ drvPath }) => drvPath);
      const done = new Set<string>();
      const log = new BuildLog((drv, state) => {
        for (const { name } of hostsOf.get(drv) ?? []) {
          if (state === "done") done.add(name);
          progress(name, state);
        }
      });
      const roots = join(settings.tempDir, "roots");
      await Deno.mkdir(roots);
      const result = await shell.run(
        [
          nixStore,
          "--realise",
          ...targets,
          ...flags,
          "--keep-going",
          "--add-root",
          join(roots, "host"),
          "--indirect",
        ]
          .concat("--log-format", "internal-json"),
        { env, onStderr: (line) => log.add(line) },
      );
      if (result.code !== 0) throw await buildFailure(derivations, storeDir, log, result);
      // One line for each target, in their order: the root that leads to the built output.
      const links = text(result).split("\n");
      if (links.length !== targets.length) {
        throw new ReleaseError(
          "build",
          `Cannot tell what was built: nix-store gave ${
            plural(links.length, "path")
          } for ${targets.length} derivations`,
        );
      }
      const built = new Map(targets.map((target, index) => [target, Deno.readLinkSync(links[index]!)]));
      return new Map(derivations.map((derivation) => {
        const path = built.get(targetOf(derivation))!;
        const storePath = parseStorePath(path, storeDir);
        if (storePath === undefined) {
          throw new ReleaseError(
            "build",
            `Cannot use what was built for host "${derivation.name}": "${path}"`,
            {
              hint: `expected one path in ${storeDir}`,
            },
          );
        }
        if (!done.has(derivation.name)) progress(derivation.name, "done");
        return [derivation.name, storePath];
      }));
    },
  };
}

/**
 * Sources that nix checks a revision of. A `rev` in any other reference (`path:`, a tarball) is only repeated in the
 * locked metadata, whatever the source contains.
 */
const REVISIONED = ["git", "github", "gitlab", "sourcehut", "hg"];

function lockedFlake({ url, resolvedUrl, path, locked }: FlakeMetadata): LockedFlake {
  const revision = REVISIONED.includes(locked.type) ? locked.rev ?? null : null;
  return {
    url: revision === null ? snapshotUrl(path, locked) : url,
    revision,
    dirty: locked.type === "git" && revision === null,
    localDir: localDirOf(resolvedUrl),
  };
}

/**
 * What nix copied into the store when it looked at a source without a commit. That copy is what all later calls
 * evaluate, so that an edit made during the run cannot mix two states.
 */
function snapshotUrl(path: string, { narHash, lastModified, dir }: FlakeMetadata["locked"]): string {
  const query = new URLSearchParams();
  if (lastModified !== undefined) query.set("lastModified", String(lastModified));
  if (narHash !== undefined) query.set("narHash", narHash);
  if (dir !== undefined) query.set("dir", dir);
  return `path:${path}?${query}`;
}

/** The directory of a flake on this machine; null for any other. */
function localDirOf(resolvedUrl: string): string | null {
  const local = /^(?:git\+file:\/\/|path:)([^?]*)(?:\?(.*))?$/.exec(resolvedUrl);
  if (local === null) return null;
  return resolve(decodeURIComponent(local[1]!), new URLSearchParams(local[2] ?? "").get("dir") ?? "");
}

/** Checks that a nix command printed what every version that we know prints. */
function parseShape<T>(schema: v.GenericSchema<unknown, T>, value: unknown, command: string): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new ReleaseError(
    "evaluation",
    `Cannot read what "${command}" printed: ${
      v.getDotPath(issue) ?? "it"
    } is ${issue.received}, expected ${issue.expected}`,
    { hint: "this nix may be newer than this program; please report it with the output of nix --version" },
  );
}

/** The JSON that a nix command printed. */
function parseOutput(result: CommandResult, command: string): unknown {
  try {
    // Not by JSON.parse: the one of Deno 2.9 takes one key for another in some documents with escapes in keys.
    return parseJson(decodeUtf8(result.stdout), { roundIntegers: true });
  } catch (error) {
    throw new ReleaseError("evaluation", `Cannot read what "${command}" printed: it is not JSON in UTF-8`, {
      cause: error,
      lines: lastLines(result.stderr, 5),
    });
  }
}
