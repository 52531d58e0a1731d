import { assert, assertEquals } from "@std/assert";
import type { HostsSpec } from "../../src/config.ts";
import { ReleaseError } from "../../src/errors.ts";
import { enumerateHosts, type HostLabels, parseHostList, parseHostsSpec } from "../../src/plan/hosts.ts";
import { type HostNames } from "../../src/model.ts";
import { counted } from "../support/counted.ts";
import { deepFreeze, pureTest, type Refusal, refusal } from "../support/pure.ts";
import { randomHosts } from "../support/random_hosts.ts";

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
  ["web-*, @eu,!%edge,!a", explicit("web-*", "@eu", "!%edge", "!a")],
  ["auto:exclude=web-*,@eu", auto("web-*", "@eu")],
  ["-", explicit("-")],
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

pureTest(
  "parseHostList() reads names with white space and commas between them, as programs print them",
  () => {
    const lists: [text: string, ...names: string[]][] = [
      ["web1\nweb2\n", "web1", "web2"],
      ["web1\r\nweb2\r\n", "web1", "web2"],
      [" web1\tweb2,db ,, @eu\n\n!web1 ", "web1", "web2", "db", "@eu", "!web1"],
      ["db web1 db", "db", "web1"],
      // It is a list, whatever is in it.
      ["auto", "auto"],
      ["-", "-"],
      [" \n,", ...[]],
      ["", ...[]],
    ];
    for (const [text, ...names] of lists) assertEquals([text, parseHostList(text)], [text, names]);
  },
);

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

const FLEET: HostLabels = deepFreeze({
  web1: { channel: "stable", tags: ["web", "eu"] },
  web2: { channel: "edge", tags: ["web"] },
  db: { channel: "stable", tags: ["eu"] },
  air: { channel: "desk", tags: [] },
  mini: { channel: "desk", tags: ["eu", "constructor"] },
  // The flake has no such host.
  gone: { channel: "old", tags: ["old"] },
});

/** What lists with more than names choose, in the order of the fleet: db, web1, web2, air, mini. */
const CHOSEN: [list: string, hosts: string[]][] = [
  ["@eu", ["db", "web1", "mini"]],
  ["%stable", ["db", "web1"]],
  ["web*", ["web1", "web2"]],
  ["mini,%edge,@web", ["web1", "web2", "mini"]],
  ["mini,db,web?", ["db", "web1", "web2", "mini"]],
  // All but those, when each is behind a !.
  ["!@eu", ["web2", "air"]],
  ["!db", ["web1", "web2", "air", "mini"]],
  ["!%desk,!web*", ["db"]],
  // What is left out is left out, wherever it stands.
  ["@eu,!%desk", ["db", "web1"]],
  ["!%desk,@eu", ["db", "web1"]],
  ["db,web1,!db", ["web1"]],
  ["@web,!air", ["web1", "web2"]],
  ["@constructor", ["mini"]],
  ["auto:exclude=@eu", ["web2", "air"]],
  ["auto:exclude=%desk,web*", ["db"]],
  ["auto:exclude=web1,@constructor", ["db", "web2", "air"]],
];

for (const [list, hosts] of CHOSEN) {
  pureTest(`enumerateHosts() chooses by ${list}`, () => {
    assertEquals(enumerateHosts(parseHostsSpec(list), NAMES, FLEET).map(({ name }) => name), hosts);
  });
}

pureTest("enumerateHosts() takes the name of a host for that host, whatever else it might be", () => {
  const nixos = ["@eu", "web-*", "!db", "%edge", "db", "web-1", "we[", "-", "eu"];
  const fleet = { "eu": { channel: "edge", tags: ["eu"] } };
  const given = (list: string) =>
    enumerateHosts(parseHostsSpec(list), { nixos, darwin: [] }, fleet).map(({ name }) => name);
  // A list of names is in its own order.
  for (const name of nixos) {
    assertEquals(given(name === "-" ? "-,eu" : name), name === "-" ? ["-", "eu"] : [name]);
  }
  assertEquals(given("web-*,!db,@eu,%edge,we["), ["web-*", "!db", "@eu", "%edge", "we["]);
  const all = nixos.toSorted();
  assertEquals(given("!@eu"), all.filter((name) => name !== "@eu"));
  assertEquals(given("!!db"), all.filter((name) => name !== "!db"));
  assertEquals(given("!web-*,!we["), all.filter((name) => name !== "web-*" && name !== "we["));
  assertEquals(given("auto:exclude=!db,web-*"), all.filter((name) => name !== "!db" && name !== "web-*"));
  assertEquals(given("[w]eb-*"), ["web-*", "web-1"]);
});

/** The names that are chosen; none where nothing is left, and undefined where the list is refused. */
function namesChosen(spec: HostsSpec, names: HostNames, fleet: HostLabels): string[] | undefined {
  try {
    return enumerateHosts(spec, names, fleet).map(({ name }) => name);
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    return error.message === "No hosts to release" ? [] : undefined;
  }
}

pureTest(
  "enumerateHosts() adds up what terms choose, and then takes away: the order of terms counts for nothing",
  () => {
    let compared = 0;
    for (const { spec, names, fleet } of randomHosts(1500, 7)) {
      if (spec.kind === "auto") continue;
      const all = namesChosen(auto(), names, fleet) ?? [];
      const terms = spec.hosts.map((term) => {
        const chosen = namesChosen(explicit(term), names, fleet);
        return { isLeftOut: term.startsWith("!") && !all.includes(term), chosen, isName: all.includes(term) };
      });
      const result = namesChosen(spec, names, fleet);
      // One that is refused has the whole list refused.
      assertEquals(
        result === undefined,
        terms.some(({ chosen }) => chosen === undefined),
        Deno.inspect(spec),
      );
      if (result === undefined) continue;
      compared++;
      const added = terms.filter(({ isLeftOut }) => !isLeftOut);
      const expected = all.filter((name) =>
        (added.length === 0 || added.some(({ chosen }) => chosen!.includes(name))) &&
        terms.every(({ isLeftOut, chosen }) => !isLeftOut || chosen!.includes(name))
      );
      const listed = terms.every(({ isName }) => isName);
      assertEquals(result, listed ? [...new Set(spec.hosts)] : expected, Deno.inspect(spec));
      assertEquals(
        namesChosen(explicit(...spec.hosts.toReversed()), names, fleet)!.toSorted(),
        result.toSorted(),
      );
    }
    assert(compared > 200, `${compared} compared`);
  },
);

const AMBIGUOUS: HostNames = { nixos: ["web", "x", "y"], darwin: ["y", "x", "mac"] };
const DISAMBIGUATE = "disambiguate: rename it in one of them, or leave it out with --hosts auto:exclude=NAME";
const NONE: Refusal = {
  kind: "usage",
  message: "No hosts to release",
  hint: "the flake must have a host in nixosConfigurations or darwinConfigurations",
};
const NONE_LEFT: Refusal = {
  ...NONE,
  hint: "--hosts takes away all that it names: what is behind a `!` or `exclude=` stays away",
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
  ["to exclude every host", auto("db", "web1", "web2", "air", "mini"), NAMES, NONE_LEFT],
  ["an empty list", explicit(), { nixos: [], darwin: [] }, NONE],
  ["a list of which nothing is left", explicit("db", "!d*"), NAMES, NONE_LEFT],
  ["auto within a list", explicit("auto", "!db"), NAMES, {
    kind: "usage",
    message: 'The flake has no host "auto", which --hosts names',
    hint:
      "auto stands alone, as in --hosts auto; all hosts but some are --hosts auto:exclude=web1,@lab, or a list in " +
      "which each is behind a `!`, as in --hosts '!web1,!@lab'",
  }],
  ["names with blanks between them", explicit("web1 db"), NAMES, {
    kind: "usage",
    message: 'The flake has no host "web1 db", which --hosts names',
    hint: "names have commas between them: web1,db",
  }],
  ["an unknown name behind a !", explicit("web*", "!dbb"), NAMES, {
    kind: "usage",
    message: 'The flake has no host "dbb", which --hosts excludes',
    hint: `did you mean "db"? ${KNOWN}`,
  }],
  ["a ! behind exclude=", auto("!db"), NAMES, {
    kind: "usage",
    message: 'The flake has no host "!db", which --hosts excludes',
    hint: `did you mean "db"? ${KNOWN}`,
  }],
  ["a pattern that no host is like, with the nearest", explicit("wbe*"), NAMES, {
    kind: "usage",
    message: 'No host of the flake is like "wbe*", which --hosts names',
    hint: `did you mean "web*"? ${KNOWN}`,
  }],
  ["a pattern that is near to none", explicit("*x", "!web1"), NAMES, {
    kind: "usage",
    message: 'No host of the flake is like "*x", which --hosts names',
    hint: KNOWN,
  }],
  ["an excluded pattern that no host is like", auto("wbe?[0-9]"), NAMES, {
    kind: "usage",
    message: 'No host of the flake is like "wbe?[0-9]", which --hosts excludes',
    hint: KNOWN,
  }],
  ["a pattern that cannot be read", explicit("!web[1"), NAMES, {
    kind: "usage",
    message: 'Cannot read the pattern "!web[1" of --hosts',
    hint: "there are * for any text, ? for a character, and [a-z0-9] or [!a-z0-9] for one of a set",
  }],
  ["a tag that no host has, with the nearest", explicit("@wbe"), NAMES, {
    kind: "usage",
    message: 'No host of the flake has the tag "wbe", which --hosts names',
    hint: 'did you mean "@web"? known tags: "@constructor", "@eu", "@web"',
  }],
  ["a tag that only a host has which the flake lacks", explicit("!@old"), NAMES, {
    kind: "usage",
    message: 'No host of the flake has the tag "old", which --hosts excludes',
    hint: 'known tags: "@constructor", "@eu", "@web"',
  }],
  ["a channel without hosts", auto("%stabel"), NAMES, {
    kind: "usage",
    message: 'No host of the flake is on the channel "stabel", which --hosts excludes',
    hint: 'did you mean "%stable"? known channels: "%desk", "%edge", "%stable"',
  }],
  ["hosts that are in both sets and chosen by more than their names", explicit("[x-y]"), AMBIGUOUS, {
    kind: "usage",
    message: 'Host "x", "y" is in both nixosConfigurations and darwinConfigurations',
    hint: DISAMBIGUATE,
  }],
];

for (const [claim, spec, names, said] of REFUSED) {
  pureTest(`enumerateHosts() refuses ${claim}`, () => {
    assertEquals(refusal(() => enumerateHosts(spec, names, FLEET)), said);
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
