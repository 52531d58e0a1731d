/**
 * What a flake sets for nix in its `nixConfig`. Commands that are given a flake apply it by themselves; those that are
 * given an expression or a derivation do not, and are told by options.
 *
 * @module
 */
import { join } from "@std/path";
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import type { NixConfig } from "../../model.ts";
import { MOST_SHOWN } from "../excerpts.ts";
import type { CommandResult } from "../process.ts";
import { FEATURES, type NixContext } from "./context.ts";
import { parseOutput, parseShape } from "./output.ts";

/** A setting as nix takes it in a flake: a number, a word, or words. */
const VALUE = v.union([v.string(), v.number(), v.boolean(), v.array(v.string())]);
const SETTINGS = v.record(v.string(), v.unknown());

/** What has no part in a release: how a shell looks, where aliases are looked up, what a commit says. */
const NO_PART: readonly string[] = [
  ...["bash-prompt", "bash-prompt-prefix", "bash-prompt-suffix", "flake-registry"],
  ...["commit-lock-file-summary", "commit-lockfile-summary"],
];

/**
 * What nix has read before it looks at a flake, so that the flake's word comes too late. As an option it would not: code
 * of the flake could run what it likes, and read all that the operator can.
 */
const TOO_LATE: readonly string[] = [
  ...["allow-unsafe-native-code-during-evaluation", "eval-system", "nix-path", "plugin-files"],
  ...["pure-eval", "restrict-eval", "use-registries"],
];

const WITHOUT_EFFECT = new Set([...NO_PART, ...TOO_LATE]);

const EFFECTIVE = v.object({ "accept-flake-config": v.object({ value: v.boolean() }) });
/** By the name of a setting and by its value, whether the operator has answered nix that it may be set so, for ever. */
const TRUSTED = v.record(v.string(), v.record(v.string(), v.boolean()));

/**
 * Tells what nix goes by of a flake's `nixConfig`, as `nix build` without a terminal would: all of it with
 * `accept-flake-config`, else what the operator has trusted before.
 *
 * @param declared What the flake declares
 * @throws {ReleaseError} of kind `evaluation` when nix does not tell its settings
 */
export async function nixConfigOf(nix: NixContext, declared: unknown): Promise<NixConfig> {
  const settings = Object.entries(parseShape(SETTINGS, declared, "nix eval")).flatMap(([name, value]) => {
    const parsed = v.safeParse(VALUE, value);
    if (!parsed.success || WITHOUT_EFFECT.has(name.replace(/^extra-/, ""))) return [];
    return [[name, [parsed.output].flat().join(" ")] as const];
  });
  if (settings.length === 0) return { used: [], passedOver: [] };
  if (await acceptsAll(nix)) return { used: settings, passedOver: [] };
  const trusted = await trustedSettings(nix);
  const isTrusted = ([name, value]: readonly [string, string]) => trusted[name]?.[value] === true;
  return {
    used: settings.filter(isTrusted),
    passedOver: settings.filter((setting) => !isTrusted(setting)).map(([name]) => name),
  };
}

/** Settings as options of a nix command. One that says which features there are takes none from the command. */
export function settingFlags(settings: NixConfig["used"]): string[] {
  if (settings.length === 0) return [];
  return [...settings.flatMap(([name, value]) => ["--option", name, value]), ...FEATURES];
}

async function acceptsAll(nix: NixContext): Promise<boolean> {
  const result = await nix.shell.run([nix.nix, ...nix.flags, "show-config", "--json"], { env: nix.env });
  if (result.code !== 0) throw unanswered(nix, "its settings", result);
  return parseShape(
    EFFECTIVE,
    parseOutput(result, "nix show-config"),
    "nix show-config",
  )["accept-flake-config"]
    .value;
}

/** What nix has been told to trust. Where it keeps that, this process may have no permission to read. */
async function trustedSettings(nix: NixContext): Promise<v.InferOutput<typeof TRUSTED>> {
  const { HOME = "", NIX_DATA_HOME, XDG_DATA_HOME } = nix.env;
  const dir = NIX_DATA_HOME || join(XDG_DATA_HOME || join(HOME, ".local/share"), "nix");
  // Without a home there is no place where nix would have kept it.
  if (!dir.startsWith("/")) return {};
  const argv = [
    nix.shell.find("sh"),
    "-c",
    '! [ -e "$1" ] || exec cat -- "$1"',
    "sh",
    join(dir, "trusted-settings.json"),
  ];
  const result = await nix.shell.run(argv, { env: nix.env });
  if (result.code !== 0) throw unanswered(nix, "which settings of flakes are trusted", result);
  return result.stdout.length === 0 ? {} : parseShape(TRUSTED, parseOutput(result, "cat"), "cat");
}

function unanswered({ shell }: NixContext, what: string, { code, stderr }: CommandResult): ReleaseError {
  return new ReleaseError("evaluation", `Cannot ask nix for ${what}: it exited with ${code}`, {
    lines: shell.excerpts.of({ title: what, lines: stderr }, MOST_SHOWN),
  });
}
