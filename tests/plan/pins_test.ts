import { assertEquals } from "@std/assert";
import { decode } from "../../src/contract/schema.ts";
import type { FleetResolved, Pin } from "../../src/contract/types.ts";
import {
  filterExpiredPins,
  pinNames,
  pinSourceAt,
  pinTargetCommit,
  resolvePins,
  validatePinSourceUrl,
} from "../../src/plan/pins.ts";
import { sampleFleet } from "../support/fleet.ts";
import { deepFreeze, pureTest, refusal } from "../support/pure.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const NOW = "2026-06-01T12:00:00.000000001Z";

/** A fleet whose hosts have these pins. */
function pinned(pins: Record<string, Partial<Pin>>): FleetResolved {
  const fleet = sampleFleet();
  const base = fleet["hosts"].db;
  for (const [name, pin] of Object.entries(pins)) {
    fleet["hosts"][name] = { ...base, ...fleet["hosts"][name], pin: { commit: A, reason: "audit", ...pin } };
  }
  return deepFreeze(decode("fleet", fleet));
}

pureTest("filterExpiredPins() drops a pin at the very instant that it expires, and no earlier", () => {
  const fleet = pinned({
    web1: { expiresAt: NOW },
    web2: { expiresAt: "2026-06-01T12:00:00.000000002Z" },
    db: { expiresAt: "2026-06-01T12:00:00Z" },
  });
  const { fleet: filtered, expired } = filterExpiredPins(fleet, NOW);
  assertEquals(expired, ["web1", "db"]);
  const { pin: _1, ...web1 } = fleet.hosts["web1"]!;
  const { pin: _2, ...db } = fleet.hosts["db"]!;
  assertEquals(filtered, { ...fleet, hosts: { web1, web2: fleet.hosts["web2"]!, db } });
});

pureTest("filterExpiredPins() keeps a pin without an expiry for ever, and hosts without a pin", () => {
  const fleet = pinned({ db: {} });
  assertEquals(filterExpiredPins(fleet, "9999-12-31T23:59:59Z"), { fleet, expired: [] });
});

pureTest("filterExpiredPins() compares instants, whatever the digits of fraction", () => {
  const fleet = pinned({ db: { expiresAt: "2026-06-01T12:00:00.000Z" } });
  assertEquals(filterExpiredPins(fleet, "2026-06-01T12:00:00Z").expired, ["db"]);
  assertEquals(filterExpiredPins(fleet, "2026-06-01T11:59:59.999Z").expired, []);
});

pureTest("pinTargetCommit() gives the pin's commit unless it is the current one", () => {
  const pin: Pin = { commit: A, reason: "audit" };
  assertEquals(pinTargetCommit(pin, B), A);
  assertEquals(pinTargetCommit(pin, A), null);
  assertEquals(pinTargetCommit(pin, null), A);
  assertEquals(pinTargetCommit(undefined, B), null);
  assertEquals(pinTargetCommit(undefined, null), null);
  assertEquals(pinTargetCommit(pin, A.slice(0, 8)), A);
});

pureTest("validatePinSourceUrl() asks for no source when no pin leads elsewhere, or it has one", () => {
  const fleet = pinned({ web1: {}, db: {} });
  validatePinSourceUrl(fleet, A, undefined);
  validatePinSourceUrl(pinned({}), B, undefined);
  validatePinSourceUrl(pinned({}), null, "");
  validatePinSourceUrl(fleet, B, "github:org/fleet");
});

pureTest("validatePinSourceUrl() lists the hosts that are pinned to another commit", () => {
  const refused = (commits: Record<string, string>, current: string | null, url?: string) =>
    refusal(() =>
      validatePinSourceUrl(
        pinned(Object.fromEntries(Object.entries(commits).map(([name, commit]) => [name, { commit }]))),
        current,
        url,
      )
    );
  const said = (hosts: string, path: string) => ({
    kind: "usage" as const,
    message: `No source for pinned hosts: --pin-source-url is missing, and ${hosts} pinned to another commit`,
    path,
    hint:
      "give --pin-source-url a flake reference of the fleet's repository: `.` for this clone, or git+ssh://host/fleet",
  });
  const one = said('"db" is', "hosts.db.pin");
  assertEquals(refused({ web1: A, db: B }, A), one);
  assertEquals(refused({ web1: A, db: B }, A, ""), one);
  assertEquals(refused({ web1: A, db: B }, A, "  "), one);
  assertEquals(refused({ web1: A, db: A }, B), said('"web1", "db" are', "hosts.web1.pin"));
  assertEquals(refused({ db: A }, null), one);
});

pureTest("validatePinSourceUrl() quotes a name with a dot in its path, as decode() does", () => {
  const fleet = pinned({ "db.example.com": {} });
  assertEquals(
    refusal(() => validatePinSourceUrl(fleet, B, undefined)).path,
    'hosts."db.example.com".pin',
  );
});

pureTest("pinNames() gives each commit, tag or branch once, with the first host that names it", () => {
  const fleet = pinned({ web1: { commit: "v1" }, web2: { commit: A }, db: { commit: "v1" } });
  assertEquals([...pinNames(fleet)], [["v1", "web1"], [A, "web2"]]);
  assertEquals([...pinNames(pinned({}))], []);
});

pureTest("resolvePins() puts the full commits into the pins and changes nothing else", () => {
  const expiresAt = "2026-07-01T00:00:00Z";
  const fleet = pinned({ web1: { commit: "v1", expiresAt }, web2: { commit: A } });
  assertEquals(
    resolvePins(fleet, new Map([["v1", B], [A, A]])),
    pinned({ web1: { commit: B, expiresAt }, web2: { commit: A } }),
  );
  assertEquals(resolvePins(fleet, new Map()), fleet);
});

const SOURCES: [claim: string, cases: [url: string, at: string][]][] = [
  ["puts the revision behind a URL without a query", [
    ["git+file:///srv/fleet", `git+file:///srv/fleet?allRefs=1&rev=${A}`],
    [
      "git+ssh://git@host.example/org/fleet.git",
      `git+ssh://git@host.example/org/fleet.git?allRefs=1&rev=${A}`,
    ],
    ["git+https://host.example:8443/fleet", `git+https://host.example:8443/fleet?allRefs=1&rev=${A}`],
    ["fleet", `fleet?rev=${A}`],
    ["git+file:///srv/fleet?", `git+file:///srv/fleet?allRefs=1&rev=${A}`],
  ]],
  ["keeps the parameters that a URL has, in their order and encoding", [
    ["git+file:///srv/fleet?submodules=1", `git+file:///srv/fleet?submodules=1&allRefs=1&rev=${A}`],
    ["git+ssh://h/f?dir=a%20b&shallow=1", `git+ssh://h/f?dir=a%20b&shallow=1&allRefs=1&rev=${A}`],
    ["git+ssh://h/f?dir=a?b=c", `git+ssh://h/f?dir=a?b=c&allRefs=1&rev=${A}`],
    ["git+ssh://h/f?dir=a&", `git+ssh://h/f?dir=a&allRefs=1&rev=${A}`],
  ]],
  ["replaces a revision, and drops a branch, that the URL gives", [
    [`git+file:///srv/fleet?rev=${B}`, `git+file:///srv/fleet?allRefs=1&rev=${A}`],
    ["git+ssh://h/f?ref=main", `git+ssh://h/f?ref=main&rev=${A}`],
    [`git+ssh://h/f?ref=main&dir=nix&rev=${B}`, `git+ssh://h/f?ref=main&dir=nix&rev=${A}`],
    [
      "git+ssh://h/f?prefetch=1&refspec=x&revCount=5",
      `git+ssh://h/f?prefetch=1&refspec=x&revCount=5&allRefs=1&rev=${A}`,
    ],
  ]],
  ["drops the branch from the path of a forge", [
    ["github:org/fleet", `github:org/fleet?rev=${A}`],
    ["github:org/fleet/main", `github:org/fleet?rev=${A}`],
    [`github:org/fleet/${B}`, `github:org/fleet?rev=${A}`],
    ["github:org/fleet/release/26.05?dir=nix", `github:org/fleet?dir=nix&rev=${A}`],
    [
      "gitlab:group%2Fsub/fleet/main?host=gitlab.example",
      `gitlab:group%2Fsub/fleet?host=gitlab.example&rev=${A}`,
    ],
    ["sourcehut:~org/fleet/main", `sourcehut:~org/fleet?rev=${A}`],
  ]],
  ["takes the git repository of a path:, since nix checks no revision there", [
    ["path:/srv/fleet", `git+file:///srv/fleet?allRefs=1&rev=${A}`],
    ["path:/srv/fleet?dir=nix", `git+file:///srv/fleet?dir=nix&allRefs=1&rev=${A}`],
  ]],
];

for (const [claim, cases] of SOURCES) {
  pureTest(`pinSourceAt() ${claim}`, () => {
    assertEquals(cases.map(([url]) => [url, pinSourceAt(url, A)]), cases);
  });
}
