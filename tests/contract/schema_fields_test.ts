// What every field of the contract takes, and what it comes out as when it is absent or null.

import { assertEquals } from "@std/assert";
import { decode, type DocumentName } from "../../src/contract/schema.ts";
import { fullFleet, fullNonces, fullRevocations, META, selector } from "../support/full_fleet.ts";
import { pureTest, refusal } from "../support/pure.ts";
import { fullTrust } from "../support/trust.ts";

const EXPECTED = {
  text: "a string",
  integer: "an integer from 0 to 4294967295",
  boolean: "true or false",
  time: 'an RFC 3339 time such as "2026-06-01T12:00:00Z"',
  list: "a list",
  object: "an object",
  reaction: '"halt" or "rollback-and-halt"',
  sha256: "a SHA-256 in lower-case hex",
};
type Kind = keyof typeof EXPECTED;

/** For each kind, what it is not. */
const WRONG: Record<Kind, unknown[]> = {
  text: [1, true, [], {}],
  integer: ["1", "", true, -1, 1.5, 0.1, 4294967296, 1e21, [], {}],
  boolean: [0, 1, "true", "", [], {}],
  time: [0, 1780000000, true, "", "now", "2026-06-01", "2026-02-30T00:00:00Z", [], {}],
  list: ["", "x", 1, true, {}, { 0: "x", length: 1 }],
  object: ["", "x", 1, true, [], [["a", 1]]],
  reaction: ["", "explode", "Halt", 1, true, [], {}],
  sha256: ["", "0".repeat(63), "0".repeat(65), "A".repeat(64), `${"0".repeat(64)}\n`, 1, true, [], {}],
};

/** What a field comes out as when it is absent, and when it is null; `refused` where that is an error. */
const RULES = {
  required: { absent: "refused", null: "refused" },
  null: { absent: "null", null: "null" },
  omitted: { absent: "absent", null: "absent" },
  default: { absent: "default", null: "refused" },
} as const;

interface Field {
  path: string;
  kind: Kind;
  rule: keyof typeof RULES;
  default?: unknown;
}

function field(path: string, kind: Kind, rule: keyof typeof RULES = "required", value?: unknown): Field {
  return { path, kind, rule, ...(rule === "default" ? { default: value } : {}) };
}

function selectorFields(path: string): Field[] {
  return [
    field(path, "object"),
    ...["tags", "tagsAny", "hosts"].flatMap((name) => [
      field(`${path}.${name}`, "list", "default", []),
      field(`${path}.${name}.0`, "text"),
    ]),
    field(`${path}.channel`, "text", "null"),
    field(`${path}.all`, "boolean", "default", false),
  ];
}

function healthGateFields(path: string): Field[] {
  return [
    field(`${path}.systemdFailedUnits`, "object", "omitted"),
    field(`${path}.systemdFailedUnits.max`, "integer"),
    field(`${path}.complianceProbes`, "object", "omitted"),
    field(`${path}.complianceProbes.required`, "boolean"),
  ];
}

const META_FIELDS: Field[] = [
  field("meta", "object"),
  field("meta.schemaVersion", "integer"),
  field("meta.signedAt", "time", "null"),
  field("meta.ciCommit", "text", "null"),
  field("meta.signatureAlgorithm", "text", "omitted"),
];

const REVOCATION_FIELDS: Field[] = [
  field("0", "object"),
  field("0.hostname", "text"),
  field("0.notBefore", "time"),
  field("0.reason", "text", "null"),
  field("0.revokedBy", "text", "null"),
];

const NONCE_FIELDS: Field[] = [
  field("0", "object"),
  field("0.nonce", "text"),
  field("0.hostname", "text"),
  field("0.expiresAt", "time"),
  field("0.mintedAt", "time", "null"),
  field("0.mintedBy", "text", "null"),
];

const under = (prefix: string, fields: Field[]): Field[] =>
  fields.map((each) => ({ ...each, path: `${prefix}.${each.path}` }));

interface DocumentCase {
  title: string;
  full: () => unknown;
  /** What the path of an error begins with, when the document is a list without a name of its own. */
  prefix?: string;
  fields: Field[];
}

const DOCUMENTS: Record<DocumentName, DocumentCase> = {
  fleet: {
    title: "the fleet",
    full: fullFleet,
    fields: [
      field("schemaVersion", "integer"),
      field("hosts", "object"),
      field("hosts.web", "object"),
      field("hosts.web.system", "text"),
      field("hosts.web.tags", "list"),
      field("hosts.web.tags.1", "text"),
      field("hosts.web.channel", "text"),
      field("hosts.web.closureHash", "text", "null"),
      field("hosts.web.pubkey", "text", "null"),
      field("hosts.web.pin", "object", "omitted"),
      field("hosts.web.pin.commit", "text"),
      field("hosts.web.pin.reason", "text"),
      field("hosts.web.pin.expiresAt", "time", "omitted"),
      field("channels", "object"),
      field("channels.stable", "object"),
      field("channels.stable.rolloutPolicy", "text"),
      field("channels.stable.reconcileIntervalMinutes", "integer"),
      field("channels.stable.freshnessWindow", "integer"),
      field("channels.stable.signingIntervalMinutes", "integer"),
      field("channels.stable.compliance", "object"),
      field("channels.stable.compliance.frameworks", "list"),
      field("channels.stable.compliance.frameworks.0", "text"),
      field("channels.stable.compliance.mode", "text"),
      field("rolloutPolicies", "object", "default", {}),
      field("rolloutPolicies.canary", "object"),
      field("rolloutPolicies.canary.strategy", "text"),
      field("rolloutPolicies.canary.waves", "list"),
      field("rolloutPolicies.canary.waves.0", "object"),
      ...selectorFields("rolloutPolicies.canary.waves.0.selector"),
      field("rolloutPolicies.canary.waves.0.soakMinutes", "integer"),
      field("rolloutPolicies.canary.healthGate", "object", "default", {}),
      ...healthGateFields("rolloutPolicies.canary.healthGate"),
      field("rolloutPolicies.canary.onHealthFailure", "reaction"),
      field("waves", "object"),
      field("waves.stable", "list"),
      field("waves.stable.0", "object"),
      field("waves.stable.0.hosts", "list"),
      field("waves.stable.0.hosts.0", "text"),
      field("waves.stable.0.soakMinutes", "integer"),
      field("edges", "list", "default", []),
      field("edges.0", "object"),
      field("edges.0.gated", "text"),
      field("edges.0.gates", "text"),
      field("edges.0.reason", "text", "null"),
      field("channelEdges", "list", "default", []),
      field("channelEdges.0", "object"),
      field("channelEdges.0.gates", "text"),
      field("channelEdges.0.gated", "text"),
      field("channelEdges.0.reason", "text", "null"),
      field("disruptionBudgets", "list", "default", []),
      field("disruptionBudgets.0", "object"),
      ...selectorFields("disruptionBudgets.0.selector"),
      field("disruptionBudgets.0.maxInFlight", "integer", "null"),
      field("disruptionBudgets.0.maxInFlightPct", "integer", "null"),
      ...META_FIELDS,
    ],
  },
  revocations: {
    title: "the revocations",
    full: fullRevocations,
    prefix: "revocations",
    fields: REVOCATION_FIELDS,
  },
  bootstrapNonces: {
    title: "the bootstrap nonces",
    full: fullNonces,
    prefix: "bootstrapNonces",
    fields: NONCE_FIELDS,
  },
  revocationsArtifact: {
    title: "the revocations artifact",
    full: () => ({ schemaVersion: 1, revocations: fullRevocations(), meta: { ...META } }),
    fields: [
      field("schemaVersion", "integer"),
      field("revocations", "list"),
      ...under("revocations", REVOCATION_FIELDS),
      ...META_FIELDS,
    ],
  },
  bootstrapNoncesArtifact: {
    title: "the bootstrap nonces artifact",
    full: () => ({ schemaVersion: 1, bootstrapNonces: fullNonces(), meta: { ...META } }),
    fields: [
      field("schemaVersion", "integer"),
      field("bootstrapNonces", "list"),
      ...under("bootstrapNonces", NONCE_FIELDS),
      ...META_FIELDS,
    ],
  },
  releaseIndex: {
    title: "the release index",
    full: () => ({
      schemaVersion: 1,
      artifact: "fleet",
      files: { fleet: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" },
      meta: { ...META },
    }),
    fields: [
      field("schemaVersion", "integer"),
      field("artifact", "text"),
      field("files", "object"),
      field("files.fleet", "sha256"),
      ...META_FIELDS,
    ],
  },
  trustFile: {
    title: "the trusted keys",
    full: fullTrust,
    fields: [
      field("schemaVersion", "integer"),
      field("ciReleaseKey", "object"),
      ...["current", "previous", "successor"].flatMap((slot) => [
        field(`ciReleaseKey.${slot}`, "object", "null"),
        field(`ciReleaseKey.${slot}.algorithm`, "text"),
        field(`ciReleaseKey.${slot}.public`, "text"),
      ]),
      field("ciReleaseKey.retireAt", "time", "null"),
      field("ciReleaseKey.rejectBefore", "time", "null"),
    ],
  },
  rolloutManifest: {
    title: "the rollout manifest",
    full: () => ({
      schemaVersion: 1,
      displayName: "stable@01234567",
      channel: "stable",
      channelRef: META.ciCommit,
      fleetResolvedHash: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
      hostSet: [{ hostname: "web", waveIndex: 0, targetClosure: "abc-system" }],
      healthGate: { systemdFailedUnits: { max: 2 }, complianceProbes: { required: true } },
      complianceFrameworks: ["nis2"],
      disruptionBudgets: [{
        selector: selector({ tags: ["web"], tagsAny: ["eu"], hosts: ["web"], channel: "stable", all: true }),
        hosts: ["web"],
        maxInFlight: 1,
        maxInFlightPct: 50,
      }],
      meta: { ...META },
    }),
    fields: [
      field("schemaVersion", "integer"),
      field("displayName", "text"),
      field("channel", "text"),
      field("channelRef", "text"),
      field("fleetResolvedHash", "text"),
      field("hostSet", "list"),
      field("hostSet.0", "object"),
      field("hostSet.0.hostname", "text"),
      field("hostSet.0.waveIndex", "integer"),
      field("hostSet.0.targetClosure", "text"),
      field("healthGate", "object"),
      ...healthGateFields("healthGate"),
      field("complianceFrameworks", "list"),
      field("complianceFrameworks.0", "text"),
      field("disruptionBudgets", "list"),
      field("disruptionBudgets.0", "object"),
      ...selectorFields("disruptionBudgets.0.selector"),
      field("disruptionBudgets.0.hosts", "list"),
      field("disruptionBudgets.0.hosts.0", "text"),
      field("disruptionBudgets.0.maxInFlight", "integer", "null"),
      field("disruptionBudgets.0.maxInFlightPct", "integer", "null"),
      ...META_FIELDS,
    ],
  },
};

// deno-lint-ignore no-explicit-any
type Loose = any;

const ABSENT = Symbol("absent");

/** The document with one value put in, or taken out. */
function edited(full: () => unknown, path: string, value: unknown): unknown {
  const document: Loose = full();
  const keys = path.split(".");
  const last = keys.pop()!;
  const parent: Loose = keys.reduce((inner: Loose, key) => inner[key], document);
  if (value === ABSENT) delete parent[last];
  else parent[last] = value;
  return document;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : JSON.stringify(value);
}

const TIME_HINT =
  "write a full date, a full time with seconds, at most 9 digits of fraction, and Z or an offset such as +02:00";

for (const [name, { title, full, prefix, fields }] of Object.entries(DOCUMENTS)) {
  const document = name as DocumentName;
  const at = (path: string) => prefix === undefined ? path : `${prefix}.${path}`;
  const wrongType = (path: string, kind: Kind, value: unknown) => ({
    kind: "contract" as const,
    message: `Cannot read ${title}: "${at(path)}" is ${shown(value)}, expected ${EXPECTED[kind]}`,
    path: at(path),
    ...(kind === "time" ? { hint: TIME_HINT } : {}),
  });

  pureTest(`decode() gives ${title} with every field as it stands`, () => {
    assertEquals<unknown>(decode(document, full()), full());
  });

  pureTest(`decode() knows a rule for every field of ${title}`, () => {
    assertEquals(fields.map(({ path }) => path).sort(), pathsOf(full()).sort());
  });

  for (const { path, kind, rule, default: value } of fields) {
    const inList = /\.\d+$|^\d+$/.test(path);
    const inDictionary = /^(hosts|channels|rolloutPolicies|waves|files)\.[^.]+$/.test(path);

    pureTest(`decode() reads ${at(path)} of ${title}: ${kind}, rule "${rule}"`, () => {
      for (const wrong of WRONG[kind]) {
        assertEquals(
          refusal(() => decode(document, edited(full, path, wrong))),
          wrongType(path, kind, wrong),
        );
      }

      const withNull = edited(full, path, null);
      if (RULES[rule].null === "refused") {
        assertEquals(refusal(() => decode(document, withNull)), wrongType(path, kind, null));
      } else {
        const out = RULES[rule].null === "null" ? null : ABSENT;
        assertEquals<unknown>(decode(document, withNull), edited(full, path, out));
      }

      // An item of a list and an entry of a dictionary are not absent from it.
      if (inList || inDictionary) return;
      const without = edited(full, path, ABSENT);
      if (RULES[rule].absent === "refused") {
        assertEquals(refusal(() => decode(document, without)), {
          kind: "contract",
          message: `Cannot read ${title}: "${at(path)}" is missing`,
          path: at(path),
        });
      } else {
        const out = { null: null, absent: ABSENT, default: value }[RULES[rule].absent];
        assertEquals<unknown>(decode(document, without), edited(full, path, out));
      }
    });
  }
}

/** The path of everything in a document; of each list of texts, the one item that the tables name. */
function pathsOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const inner = path === "" ? key : `${path}.${key}`;
    // hosts.web.tags has two items, so that a wrong second one is found too.
    return inner === "hosts.web.tags.0" ? [] : [inner, ...pathsOf(item, inner)];
  });
}

pureTest("decode() takes the integers 0 and 4294967295, and 5.0 as 5", () => {
  const integers: [text: string, value: number][] = [["0", 0], ["4294967295", 4294967295], ["5.0", 5]];
  for (const [text, value] of integers) {
    const given = edited(fullFleet, "channels.stable.freshnessWindow", JSON.parse(text));
    assertEquals(decode("fleet", given).channels["stable"]!.freshnessWindow, value);
  }
});

for (const [name, { title, full }] of Object.entries(DOCUMENTS)) {
  if (Array.isArray(full())) continue;
  pureTest(`decode() refuses any schemaVersion of ${title} other than 1`, () => {
    for (const version of [0, 2, 4294967295]) {
      assertEquals(
        refusal(() => decode(name as DocumentName, edited(full, "schemaVersion", version))),
        {
          kind: "contract",
          message: `Cannot read ${title}: "schemaVersion" is ${version}, expected 1, ` +
            "the only schema version that this program knows",
          path: "schemaVersion",
        },
      );
    }
  });
}

pureTest("decode() refuses any meta.schemaVersion of the fleet other than 1", () => {
  for (const version of [0, 2]) {
    const given = edited(fullFleet, "meta.schemaVersion", version);
    assertEquals(refusal(() => decode("fleet", given)).path, "meta.schemaVersion");
  }
});

pureTest("decode() takes an empty list and an empty object where the contract has one", () => {
  const empty = {
    schemaVersion: 1,
    hosts: {},
    channels: {},
    rolloutPolicies: {},
    waves: {},
    edges: [],
    channelEdges: [],
    disruptionBudgets: [],
    meta: { ...META },
  };
  assertEquals<unknown>(decode("fleet", empty), empty);
  assertEquals(decode("revocations", []), []);
  assertEquals(decode("bootstrapNonces", []), []);
});

pureTest("decode() writes every time in the normal form", () => {
  const time = "2026-06-01 14:00:00.5+02:00";
  const normal = "2026-06-01T12:00:00.500Z";
  for (const [name, { full, fields }] of Object.entries(DOCUMENTS)) {
    for (const { path, kind } of fields) {
      if (kind !== "time") continue;
      assertEquals<unknown>(
        decode(name as DocumentName, edited(full, path, time)),
        edited(full, path, normal),
      );
    }
  }
});
