import { assert, assertEquals } from "@std/assert";
import type { HostsSpec } from "../../src/config.ts";
import { enumerateHosts, parseHostsSpec } from "../../src/plan/hosts.ts";
import { type HostNames } from "../../src/model.ts";
import { counted } from "../support/counted.ts";
import { deepFreeze, pureTest, type Refusal, refusal } from "../support/pure.ts";

const auto = (...exclude: string[]): HostsSpec => ({ kind: "auto", exclude });
const explicit = (...hosts: string[]): HostsSpec => ({ kind: "explicit", hosts });

const SPECS: [text: string, spec: HostsSpec][] = [
  ["auto", auto()],
  [" auto ", auto()],
  ["auto:exclude=a", auto("a")],
  ["auto:exclude=b,a", auto("b", "a")],
  ["auto:exclude= b , a ", auto("b", "a")],
  ["a", explicit("a")],
  ["b,a", explicit("b", "a")],
  [" b ,a ", explicit("b", "a")],
  ["web.example.com,a=b", explicit("web.example.com", "a=b")],
  ["ünïcode,\u{1f5a5}", explicit("ünïcode", "\u{1f5a5}")],
  ["a b", explicit("a b")],
  ["automat", explicit("automat")],
  ["AUTO", explicit("AUTO")],
  ["a,auto", explicit("a", "auto")],
  ["constructor,__proto__", explicit("constructor", "__proto__")],
  ["web1,", explicit("web1")],
  [",a,, ,b", explicit("a", "b")],
  ["b,a, b", explicit("b", "a")],
  ["auto:exclude=", auto()],
  ["auto:exclude= ,", auto()],
  ["auto:exclude=b,,a,a", auto("b", "a")],
  // Never all hosts.
  ["", explicit()],
  [" ", explicit()],
  [" ,, ", explicit()],
];

pureTest("parseHostsSpec() reads auto, auto:exclude= and lists, with blanks, gaps and repetitions", () => {
  assertEquals(SPECS.map(([text]) => [text, parseHostsSpec(text)]), SPECS);
});

pureTest("parseHostsSpec() refuses auto: with anything but exclude= behind it", () => {
  for (
    const text of ["auto:", "auto:a", "auto:exclude", "auto:include=a", "auto: exclude=a", "auto:Exclude=a"]
  ) {
    assertEquals(refusal(() => parseHostsSpec(text)), {
      kind: "usage",
      message: `Cannot read --hosts "${text}": expected "auto:exclude=NAME,…"`,
    });
  }
});

const NAMES: HostNames = deepFreeze({ nixos: ["web2", "db", "web1"], darwin: ["mini", "air"] });

/** As `nixos:db`, so that a list of hosts reads as one. */
function enumerated(spec: HostsSpec, names = NAMES): string[] {
  return enumerateHosts(deepFreeze(spec), names).map(({ name, kind }) => `${kind}:${name}`);
}

const ENUMERATED: [claim: string, spec: HostsSpec, hosts: string[]][] = [
  ["gives NixOS names sorted, then Darwin names sorted", auto(), [
    "nixos:db",
    "nixos:web1",
    "nixos:web2",
    "darwin:air",
    "darwin:mini",
  ]],
  ["leaves out what is excluded, of both sets", auto("mini", "db"), [
    "nixos:web1",
    "nixos:web2",
    "darwin:air",
  ]],
  ["gives all of one set when all of the other is excluded", auto("db", "web1", "web2"), [
    "darwin:air",
    "darwin:mini",
  ]],
  ["gives listed hosts in the order of the list, over both sets", explicit("web2", "mini", "db", "air"), [
    "nixos:web2",
    "darwin:mini",
    "nixos:db",
    "darwin:air",
  ]],
  ["gives one host", explicit("air"), ["darwin:air"]],
  ["gives a host that is listed twice once", explicit("web2", "air", "web2"), ["nixos:web2", "darwin:air"]],
];

for (const [claim, spec, hosts] of ENUMERATED) {
  pureTest(`enumerateHosts() ${claim}`, () => {
    assertEquals(enumerated(spec), hosts);
  });
}

pureTest("enumerateHosts() sorts by byte order", () => {
  const sorted = ["10", "9", "B", "__proto__", "a", "a.b", "b", "constructor", "é", "\ufb33", "\u{1f600}"];
  assertEquals(
    enumerated(auto(), { nixos: sorted.toReversed(), darwin: [] }),
    sorted.map((name) => `nixos:${name}`),
  );
  assertEquals(
    enumerated(auto(), { nixos: [], darwin: sorted.toReversed() }),
    sorted.map((name) => `darwin:${name}`),
  );
});

pureTest("enumerateHosts() takes an empty set for no hosts of that kind", () => {
  assertEquals(enumerated(auto(), { nixos: ["a"], darwin: [] }), ["nixos:a"]);
  assertEquals(enumerated(explicit("b"), { nixos: [], darwin: ["b"] }), ["darwin:b"]);
});

const AMBIGUOUS: HostNames = { nixos: ["web", "x", "y"], darwin: ["y", "x", "mac"] };
const DISAMBIGUATE = "disambiguate: rename it in one of them, or leave it out with --hosts auto:exclude=NAME";
const NONE: Refusal = {
  kind: "usage",
  message: "No hosts to release",
  hint: "the flake must have nixosConfigurations or darwinConfigurations with a host that is not excluded",
};
const KNOWN = 'known hosts: "db", "web1", "web2", "air", "mini"';

const REFUSED: [claim: string, spec: HostsSpec, names: HostNames, said: Refusal][] = [
  ["a listed name that no host has, with the nearest", explicit("db", "wbe1", "zzz"), NAMES, {
    kind: "usage",
    message: 'The flake has no host "wbe1", "zzz", which --hosts names',
    hint: `did you mean "web1"? ${KNOWN}`,
  }],
  ["a listed name that is near to none", explicit("printer-upstairs"), NAMES, {
    kind: "usage",
    message: 'The flake has no host "printer-upstairs", which --hosts names',
    hint: KNOWN,
  }],
  ["an excluded name that no host has", auto("mini", "dbb"), NAMES, {
    kind: "usage",
    message: 'The flake has no host "dbb", which --hosts excludes',
    hint: `did you mean "db"? ${KNOWN}`,
  }],
  ["names that objects have of their own", explicit("constructor", "__proto__"), NAMES, {
    kind: "usage",
    message: 'The flake has no host "constructor", "__proto__", which --hosts names',
    hint: KNOWN,
  }],
  ["a listed name in a flake without hosts", explicit("db"), { nixos: [], darwin: [] }, {
    kind: "usage",
    message: 'The flake has no host "db", which --hosts names',
    hint: "known hosts: none",
  }],
  ["listed names that are in both sets", explicit("web", "y", "x"), AMBIGUOUS, {
    kind: "usage",
    message: 'Host "y", "x" is in both nixosConfigurations and darwinConfigurations',
    hint: DISAMBIGUATE,
  }],
  ["names that are in both sets under auto", auto("y"), AMBIGUOUS, {
    kind: "usage",
    message: 'Host "x" is in both nixosConfigurations and darwinConfigurations',
    hint: DISAMBIGUATE,
  }],
  ["a flake without hosts", auto(), { nixos: [], darwin: [] }, NONE],
  ["to exclude every host", auto("db", "web1", "web2", "air", "mini"), NAMES, NONE],
  ["an empty list", explicit(), NAMES, NONE],
];

for (const [claim, spec, names, said] of REFUSED) {
  pureTest(`enumerateHosts() refuses ${claim}`, () => {
    assertEquals(refusal(() => enumerateHosts(spec, names)), said);
  });
}

pureTest("enumerateHosts() takes a name that is in both sets as excluded, and the others as they are", () => {
  assertEquals(enumerated(auto("x", "y"), AMBIGUOUS), ["nixos:web", "darwin:mac"]);
  assertEquals(enumerated(explicit("mac", "web"), AMBIGUOUS), ["darwin:mac", "nixos:web"]);
});

pureTest("enumerateHosts() lists at most 20 known hosts in its hint", () => {
  const nixos = Array.from({ length: 23 }, (_, index) => `host-${String.fromCharCode(97 + index)}`);
  const shown = nixos.slice(0, 20).map((name) => `"${name}"`).join(", ");
  assertEquals(
    refusal(() => enumerateHosts(explicit("zzzzzz"), { nixos, darwin: [] })).hint,
    `known hosts: ${shown} and 3 more`,
  );
});

pureTest(
  "enumerateHosts() reads the names that are excluded a few times, however many hosts there are",
  () => {
    const nixos = Array.from({ length: 100 }, (_, index) => `host-${index}`);
    const { value: exclude, reads } = counted(nixos.slice(1));
    const spec: HostsSpec = { kind: "auto", exclude };
    assertEquals(enumerateHosts(spec, { nixos, darwin: [] }), [{ name: "host-0", kind: "nixos" }]);
    assert(reads() < 10 * nixos.length, `${reads()} reads`);
  },
);
