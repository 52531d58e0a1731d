/**
 * The machine that a release is made on, as `doctor` looks at it.
 *
 * @module
 */
import { resolve } from "@std/path";
import type { ReleaseConfig } from "../config.ts";
import type { Machine } from "../ports.ts";
import { whoHolds } from "./lock.ts";
import { gitPlacesOf } from "./lookup.ts";
import type { NixContext } from "./nix/context.ts";
import { factsOf, isStoreClosed, lacksBuildUsers, openStore, versionOf } from "./nix/facts.ts";
import { lookAtMemory } from "./nix/memory.ts";
import { type Shell, text } from "./process.ts";
import { readRelease } from "./release_dir.ts";
import { checkReportFile } from "./report_file.ts";

/** What is looked at, and how. */
export interface MachineOptions {
  readonly config: ReleaseConfig;
  readonly shell: Shell;
  /** What hooks and programs get. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * What nix is run with.
   *
   * @throws {ReleaseError} when there is none
   */
  readonly nix: () => NixContext;
}

const MISSING = `
for program do
  case $program in
    */*) [ -f "$program" ] && [ -x "$program" ] ;;
    *) command -v "$program" >/dev/null 2>&1 ;;
  esac || printf '%s\\n' "$program"
done`;

/** What every shell can by itself: there may be nothing else on PATH. */
const READ = `
while IFS= read -r line || [ -n "$line" ]; do
  printf '%s\\n' "$line"
done <"$1"`;

/** Looks at the machine. Nothing is looked at yet. */
export function createMachine({ config, shell, env, nix }: MachineOptions): Machine {
  const dir = resolve(shell.cwd, config.releaseDir);
  const sh = (script: string, ...args: string[]) =>
    shell.run([shell.find("sh"), "-c", script, "sh", ...args], { env });
  return {
    nixVersion: async () => ({ path: nix().nix, version: await versionOf(nix()) }),
    nixFacts: async () => await factsOf(nix()),
    openStore: async (url) => await openStore(nix(), url),
    isStoreClosed: async (storeDir) => await isStoreClosed(nix(), storeDir),
    lacksBuildUsers: async (group) => await lacksBuildUsers(nix(), group),
    async textOf(path) {
      const result = await sh(READ, path);
      return result.code === 0 ? text(result) : null;
    },
    checkReport: (file) => checkReportFile(file, { cwd: shell.cwd, releaseDir: config.releaseDir }),
    // As the system sees it, which knows of more than modes: a file system may be there to be read alone.
    canWrite: async (path) => (await sh('[ -w "$1" ] && [ -x "$1" ]', path)).code === 0,
    async freeIn(path) {
      const result = await sh('exec df -P -k -- "$1"', path);
      // Where there is no df, nothing tells.
      const [, kib] = /\s\d+\s+\d+\s+(\d+)\s+(?:\d+%|-)\s/.exec(text(result).split("\n").at(-1)!) ?? [];
      return kib === undefined ? null : Number(kib) * 1024;
    },
    async freeMemory() {
      const { available } = await lookAtMemory(shell, env);
      return available === undefined ? null : available * 1024;
    },
    async missing(programs) {
      return text(await sh(MISSING, ...programs)).split("\n").filter((name) => name !== "");
    },
    async canParse(command) {
      const shown = ["sh", "-n", "-c", "<hook>"];
      return (await shell.run([shell.find("sh"), "-n", "-c", command], { env, shown })).code === 0;
    },
    isSet: (variable) => env[variable] !== undefined,
    holder: () => whoHolds(dir, config.releaseDir, { commits: config.gitCommit }),
    async release() {
      const place = { dir: config.releaseDir, cwd: shell.cwd };
      const { files, interrupted } = await readRelease(place, config.artifactName);
      return { files, interrupted };
    },
    get gitDirs() {
      return gitPlacesOf(dir, config.releaseDir).dirs;
    },
  };
}
