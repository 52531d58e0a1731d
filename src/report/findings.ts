/**
 * What `check` says of a fleet: for people, as JSON, as SARIF, and as annotations of a CI system.
 *
 * @module
 */
import { sha256Hex } from "../contract/canonical.ts";
import { LINTS } from "../plan/lints/finding.ts";
import type { Finding } from "../model.ts";
import { plural, printable } from "../text.ts";

/** What `--json` prints. docs/checking.md describes it. */
export interface CheckReport {
  readonly schema: "fleet-release/check/1";
  /** Whether nothing keeps the fleet from being released: no error, and with `--deny-warnings` no warning. */
  readonly ok: boolean;
  /** What nix read, as a flake reference that always means it, without a password in the URL. */
  readonly flake: string;
  /** Hosts and channels of the fleet; null when it cannot be read. */
  readonly hosts: number | null;
  readonly channels: number | null;
  readonly errors: number;
  readonly warnings: number;
  readonly findings: readonly ReportedFinding[];
}

/** A finding with all of its fields. */
export interface ReportedFinding {
  readonly severity: Finding["severity"];
  readonly code: string;
  readonly message: string;
  /** Path into the evaluated document; null: it is about none. */
  readonly path: string | null;
  readonly hint: string | null;
  /** The hosts that it is about; empty when it is not about some of them. */
  readonly hosts: readonly string[];
}

/** What a report is made of. */
export interface Checked {
  readonly flake: string;
  readonly fleet: { readonly hosts: object; readonly channels: object } | null;
  readonly findings: readonly Finding[];
  readonly denyWarnings: boolean;
  /** Takes from a text what must not be printed. */
  readonly hide: (text: string) => string;
}

/** The report of a fleet. */
export function checkReport({ flake, fleet, findings, denyWarnings, hide }: Checked): CheckReport {
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const warnings = findings.length - errors;
  return {
    schema: "fleet-release/check/1",
    ok: errors === 0 && !(denyWarnings && warnings > 0),
    flake: hide(flake),
    hosts: fleet && Object.keys(fleet.hosts).length,
    channels: fleet && Object.keys(fleet.channels).length,
    errors,
    warnings,
    findings: findings.map(({ severity, code, message, path, hint, hosts = [] }) => ({
      ...{ severity, code, message: hide(message) },
      path: path === undefined ? null : hide(path),
      hint: hint === undefined ? null : hide(hint),
      hosts,
    })),
  };
}

/** The report for people: each finding, and a last line that says how many there are. */
export function findingLines({ hosts, channels, errors, warnings, findings }: CheckReport): string[] {
  const lines = findings.flatMap(({ severity, code, message, path, hint }) => [
    `${severity}: ${message} [${code}]`,
    ...path === null ? [] : [`  at: ${path}`],
    ...hint === null ? [] : [`  hint: ${hint}`],
  ]);
  const fleet = hosts === null || channels === null
    ? "a fleet that cannot be read"
    : `a fleet of ${plural(hosts, "host")} in ${plural(channels, "channel")}`;
  const counts = [[errors, "error"], [warnings, "warning"]] as const;
  const found = counts.filter(([count]) => count > 0).map(([count, noun]) => plural(count, noun));
  return [...lines, `checked ${fleet}: ${found.join(" and ") || "nothing to say"}`].map(printable);
}

/**
 * The report in the Static Analysis Results Interchange Format, which code hosts show beside the code. What is found is in
 * an evaluated document, of which nobody knows the lines: it is told of the flake.
 *
 * @param version This program's
 * @param file The path of flake.nix in its repository
 * @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/
 */
export function sarifOf({ findings }: CheckReport, version: string, file: string) {
  const codes = [...new Set(findings.map(({ code }) => code))];
  const fingerprint = fingerprints();
  const known: Readonly<Record<string, { about: string }>> = LINTS;
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{
      tool: {
        driver: {
          name: "fleet-release",
          version,
          rules: codes.map((id) => ({
            id,
            ...Object.hasOwn(known, id) ? { shortDescription: { text: known[id]!.about } } : {},
          })),
        },
      },
      results: findings.map(({ severity, code, message, path, hint, hosts }) => ({
        ruleId: code,
        ruleIndex: codes.indexOf(code),
        level: severity,
        message: { text: hint === null ? message : `${message} (${hint})` },
        locations: [{
          physicalLocation: { artifactLocation: { uri: uriOf(file) }, region: { startLine: 1 } },
          ...path === null ? {} : { logicalLocations: [{ fullyQualifiedName: path }] },
        }],
        partialFingerprints: { [FINGERPRINT]: fingerprint({ code, message, path, hosts }) },
      })),
    }],
  };
}

/**
 * The one fingerprint that GitHub goes by. Without it GitHub takes the line, and all findings of one code word, which are
 * on the same, for one.
 *
 * @see https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
 */
const FINGERPRINT = "primaryLocationLineHash";

/**
 * Gives what tells two runs that a finding is the same, whatever its place in the list, and two findings of a run apart.
 * What a message counts and when something is due may differ from run to run: it counts where there is nothing else.
 */
function fingerprints() {
  const given = new Map<string, number>();
  return ({ code, message, path, hosts }: Omit<ReportedFinding, "severity" | "hint">): string => {
    const identity = sha256Hex(new TextEncoder().encode(JSON.stringify([code, path ?? message, hosts])));
    const count = (given.get(identity) ?? 0) + 1;
    given.set(identity, count);
    return `${identity}:${count}`;
  };
}

/** A path as a relative reference: of what separates the parts of a URI it has the slashes alone. */
function uriOf(file: string): string {
  return file.split("/").map(encodeURIComponent).join("/");
}

/** A finding as it is shown with the job of a CI system. */
export function annotationOf(
  { severity, code, message, path, hint }: ReportedFinding,
): [level: "error" | "warning", title: string, lines: string[]] {
  return [severity, `fleet-release: ${code}`, [
    message,
    ...path === null ? [] : [`at: ${path}`],
    ...hint === null ? [] : [`hint: ${hint}`],
  ]];
}
