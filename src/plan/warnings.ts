/**
 * What a fleet says that is probably not what its author meant. None of it stops a release.
 *
 * @module
 */
import type { Finding, Warning } from "../model.ts";
import { lookup } from "../contract/records.ts";
import { plural, quoteList } from "../text.ts";
import type { FleetResolved } from "../contract/types.ts";
import { type DocumentName, unknownFields } from "../contract/schema.ts";
import { ReleaseError } from "../errors.ts";
import type { LintCode } from "./lints/finding.ts";
import { channelFindings } from "./lints/hosts.ts";
import { budgetFindings, edgeFindings, windowFindings } from "./lints/rules.ts";
import { waveFindings } from "./lints/waves.ts";

/** What is told of a fleet whose closure hashes are in, beside them. */
const WITH_CLOSURES: ReadonlySet<string> = new Set<LintCode>([
  "unknown-channel",
  "short-window",
  "unknown-wave-channel",
  "unknown-wave-host",
  "stray-wave-host",
  "host-in-no-wave",
  "dangling-edge",
  "empty-budget",
]);

/** Warnings about a fleet whose closure hashes are in. */
export function fleetWarnings(fleet: FleetResolved): Warning[] {
  const told = (findings: readonly Finding[]) => findings.filter(({ code }) => WITH_CLOSURES.has(code));
  const warnings = (findings: readonly Finding[]): Warning[] =>
    told(findings).map(({ code, message, path }) => ({ code, message, path: path! }));
  return [
    ...warnings([
      ...channelFindings(fleet),
      ...windowFindings(fleet),
      ...waveFindings(fleet, { unclear: new Set() }),
    ]),
    ...closureWarnings(fleet),
    ...warnings([...edgeFindings(fleet), ...budgetFindings(fleet)]),
  ];
}

/**
 * Parts the findings of a fleet into those that a release warns of before anything is built, and those that
 * {@linkcode fleetWarnings}, or what comes of building, tells later.
 */
export function partFindings(findings: readonly Finding[]): { early: Warning[]; later: readonly Finding[] } {
  const isLater = ({ code }: Finding) => WITH_CLOSURES.has(code) || WITH_BUILDS.has(code);
  const early = findings.filter((one) => !isLater(one)).map(({ code, message, path, hint, hosts }) => ({
    ...{ code, message: hint === undefined ? message : `${message} (${hint})` },
    ...path === undefined ? {} : { path },
    ...hosts === undefined ? {} : { hosts },
  }));
  return { early, later: findings.filter(isLater) };
}

/** What is told as `host-without-closure` and `unknown-host`, of the hosts that were to be built. */
const WITH_BUILDS: ReadonlySet<string> = new Set<LintCode>(["host-not-in-flake", "host-not-in-fleet"]);

function closureWarnings(fleet: FleetResolved): Warning[] {
  const without = Object.keys(fleet.hosts).filter((name) => lookup(fleet.hosts, name)!.closureHash === null);
  if (without.length === 0) return [];
  return [{
    code: "host-without-closure",
    message: `${quoteList(without)} ${without.length === 1 ? "has" : "have"} no closure in this release: ` +
      `no rollout reaches ${without.length === 1 ? "it" : "them"}`,
    path: "hosts",
  }];
}

/**
 * Warnings about what the flake said and no artifact can say.
 *
 * @param document The evaluated JSON, which decodes as `name`
 * @throws {ReleaseError} of kind `contract` when `strict` and a disruption budget uses a selector that consumers
 * cannot understand
 */
export function droppedFieldWarnings(name: DocumentName, document: unknown, strict: boolean): Warning[] {
  const selectors = name === "fleet" ? budgetSelectorWarnings(document as FleetDocument) : [];
  if (strict && selectors.length > 0) {
    throw new ReleaseError("contract", selectors[0]!.message, {
      path: selectors[0]!.path,
      lines: selectors.slice(1).map(({ message }) => `also: ${message}`),
      hint: "choose the hosts by tags, tagsAny, hosts, channel or all, or leave out --strict",
    });
  }
  const dropped = unknownFields(name, document).filter(({ path }) => !BUDGET_SELECTOR.test(path));
  return [
    ...selectors,
    ...dropped.map(({ path, count }) => ({
      code: "dropped-field",
      message: `The contract does not know the field "${path}"` +
        `${
          count > 1 ? ` (and ${plural(count - 1, "more field")} like it)` : ""
        }: it does not reach the artifact`,
      path,
    })),
  ];
}

const BUDGET_SELECTOR = /^disruptionBudgets\.\d+\.selector\.(and|not)$/;

/** A fleet as far as it has decoded: its budgets have selectors. */
interface FleetDocument {
  readonly disruptionBudgets?: readonly {
    readonly selector: WrittenSelector;
  }[];
}

/** `and` and `not` change which hosts a budget protects, and consumers cannot know it: each is told by itself. */
function budgetSelectorWarnings({ disruptionBudgets = [] }: FleetDocument): Warning[] {
  return disruptionBudgets.flatMap(({ selector }, index) =>
    beyondContract(selector).map((key) => ({
      code: "inexpressible-selector",
      message: `Disruption budget ${index} chooses hosts by "${key}", which consumers cannot understand: ` +
        "it protects other hosts than its author meant",
      path: `disruptionBudgets.${index}.selector.${key}`,
    }))
  );
}

/** A selector as an author may write it. */
type WrittenSelector = { readonly and?: unknown; readonly not?: unknown };

/** The parts of a selector that say something, and that the contract does not know. */
function beyondContract(selector: WrittenSelector): ("and" | "not")[] {
  return (["and", "not"] as const).filter((key) => {
    const value = selector[key];
    return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
  });
}

/**
 * The policies with a wave whose selector says more than the contract knows.
 *
 * @param document The evaluated JSON, which decodes as a fleet
 */
export function unclearPolicies(document: unknown): Set<string> {
  const { rolloutPolicies = {} } = document as {
    readonly rolloutPolicies?: Record<string, { readonly waves: readonly { selector: WrittenSelector }[] }>;
  };
  const unclear = Object.entries(rolloutPolicies).filter(([, { waves }]) =>
    waves.some(({ selector }) => beyondContract(selector).length > 0)
  );
  return new Set(unclear.map(([name]) => name));
}
