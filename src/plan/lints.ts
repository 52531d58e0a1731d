/**
 * What a fleet says that is probably not what its author meant, found without evaluating a host. Each rule has a code
 * word, which programs may go by: src/plan/lints/finding.ts lists them.
 *
 * @module
 */
import { type DocumentName, type DocumentOf, tryDecode } from "../contract/schema.ts";
import type { FleetResolved, Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Finding, HostNames, Warning } from "../model.ts";
import { type ComposeInput, expiredPinWarnings, refuseTooLarge } from "./compose.ts";
import { finding } from "./lints/finding.ts";
import {
  channelFindings,
  flakeFindings,
  nameFindings,
  pinFindings,
  systemFindings,
  unknownPinFindings,
} from "./lints/hosts.ts";
import { orderFindings } from "./lints/orders.ts";
import {
  budgetFindings,
  edgeFindings,
  intervalFindings,
  missingPolicyFindings,
  policyFindings,
  windowFindings,
} from "./lints/rules.ts";
import { selectorFindings } from "./lints/selectors.ts";
import { waveFindings } from "./lints/waves.ts";
import { filterExpiredPins } from "./pins.ts";
import { droppedFieldWarnings, unclearPolicies } from "./warnings.ts";

/** What a fleet is held to beside itself. */
export interface LintOptions {
  /** The hosts that the flake has. */
  readonly names: HostNames;
  /** Chooses those of them that are released, by what the fleet says of them; undefined: all are. */
  readonly choose?: ((hosts: FleetResolved["hosts"]) => ReadonlySet<string>) | undefined;
  /** What pins name that is no commit; undefined: somebody else finds out. */
  readonly noCommits?: ReadonlySet<string>;
  /** The signing time of the release that would be made. */
  readonly now: Timestamp;
}

/**
 * All that is found of a fleet without evaluating a host.
 *
 * @param fleet The fleet, without expired pins
 * @param document What it was decoded from
 */
export function lintFleet(
  fleet: FleetResolved,
  document: unknown,
  { names, choose, noCommits = new Set(), now }: LintOptions,
): Finding[] {
  const unclear = unclearPolicies(document);
  const chosen = choose?.(fleet.hosts);
  const isChosen = (name: string) => chosen?.has(name) ?? true;
  return [
    ...flakeFindings(names, isChosen),
    ...missingPolicyFindings(fleet),
    ...channelFindings(fleet),
    ...nameFindings(fleet, names, isChosen),
    ...systemFindings(fleet, names),
    ...unknownPinFindings(fleet, noCommits),
    ...pinFindings(fleet, now),
    ...windowFindings(fleet),
    ...intervalFindings(fleet),
    ...policyFindings(fleet),
    ...waveFindings(fleet, { unclear }),
    ...edgeFindings(fleet),
    ...orderFindings(fleet),
    ...budgetFindings(fleet),
    ...selectorFindings(fleet, { unclear }),
  ];
}

/** What `check` says of documents. */
export interface Linted {
  /** Errors first. */
  readonly findings: readonly Finding[];
  /** The fleet as it decodes; null when it does not. */
  readonly fleet: FleetResolved | null;
}

/** All that is found of what a flake says about its fleet, be it of the contract's form or not. */
export function lintDocuments(
  documents: Pick<ComposeInput, "fleet" | "revocations" | "bootstrapNonces">,
  options: LintOptions,
): Linted {
  const sidecars = (["revocations", "bootstrapNonces"] as const).flatMap((name) => {
    const document = documents[name];
    return document === undefined || document === null ? [] : readDocument(name, document).findings;
  });
  const read = readDocument("fleet", documents.fleet);
  const own = read.document === null ? [] : findingsOf(read.document, documents.fleet, options);
  const isError = ({ severity }: Finding) => severity === "error";
  const all = [...read.findings, ...own, ...sidecars];
  return { findings: [...all.filter(isError), ...all.filter((one) => !isError(one))], fleet: read.document };
}

function readDocument<Name extends DocumentName>(
  name: Name,
  value: unknown,
): { readonly document: DocumentOf<Name> | null; readonly findings: readonly Finding[] } {
  const read = tryDecode(name, value);
  if ("document" in read) {
    return { document: read.document, findings: droppedFieldWarnings(name, value, false).map(asFinding) };
  }
  const { title, problems } = read;
  return {
    document: null,
    findings: problems.map(({ path, text, hint }) =>
      finding("unreadable", { message: `Cannot read ${title}: ${text}`, path, hint })
    ),
  };
}

function findingsOf(declared: FleetResolved, document: unknown, options: LintOptions): Finding[] {
  const { fleet, expired } = filterExpiredPins(declared, options.now);
  return [
    ...lintFleet(fleet, document, options),
    ...expiredPinWarnings(expired).map((warning) => asFinding({ ...warning, hosts: expired })),
    ...sizeFindings(fleet),
  ];
}

function sizeFindings(fleet: FleetResolved): Finding[] {
  try {
    refuseTooLarge(fleet);
    return [];
  } catch (error) {
    if (!(error instanceof ReleaseError && error.kind === "contract")) throw error;
    const { message, path = "", hint } = error;
    return [finding("unreadable", { message, path, hint })];
  }
}

/** A warning that others give, too, as a finding. What is not in the table is told by nix and the flake. */
export function asFinding(warning: Warning): Finding {
  return { severity: "warning", ...warning };
}
