import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { sha256Hex } from "../../../src/contract/canonical.ts";
import type { ReportPage } from "../../../src/report/html/data.ts";
import { html } from "../../../src/report/html/html.ts";
import { inOrder } from "../../../src/report/html/order.ts";
import { renderPage } from "../../../src/report/html/page.ts";
import { deepFreeze, pureTest } from "../../support/pure.ts";
import {
  closure,
  failedPage,
  largeFleet,
  namedFleet,
  NAMES,
  releasePage,
  smallFleet,
} from "../../support/report_pages.ts";

/** What people read of a page, or of the section with this id: without tags, and with one space between words. */
function textOf(page: string, id?: string): string {
  const part = id === undefined ? page : page.split(`<section id="${id}"`)[1]!.split("</section>")[0]!;
  return part.replace(/<style>.*<\/style>/s, "").replace(/<[^>]*>/g, " ").replace(/\s+/g, " ")
    .replace(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => ENTITIES[name]!).trim();
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', "#39": "'", amp: "&" };

function assertReads(page: string, id: string, ...texts: string[]): void {
  const text = textOf(page, id);
  assertEquals(texts.filter((part) => !text.includes(part)), [], text);
}

pureTest("html: what is put in is escaped, in content and in attributes, and pieces are not", () => {
  const name = `<a href="x" title='y'>&\u202e\n</a>`;
  const escaped = "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;\\u{202e}\\n&lt;/a&gt;";
  assertEquals(html`<b id="${name}">${name}</b>`.toString(), `<b id="${escaped}">${escaped}</b>`);
  assertEquals(html`${[html`<i>${1}</i>`, null, ["<", html`<br>`]]}`.toString(), "<i>1</i>&lt;<br>");
  assertEquals(
    html`
      <p>${"a"}</p>
      <p>
        b</p>
    `.toString(),
    "<p>a</p>\n<p>\nb</p>",
  );
});

pureTest("page: a release says what changes, host by host and beside the hosts", () => {
  const page = renderPage(releasePage(smallFleet()));
  assertEquals(
    textOf(page.match(/<title>.*<\/title>/)![0]),
    "Released: 5 of 10 hosts change, 1 is new, 1 is removed",
  );
  assertReads(
    page,
    "fleet",
    "3 with another closure",
    "2 changed otherwise",
    "1 new",
    "1 removed",
    "4 unchanged",
  );
  assertReads(
    page,
    "fleet",
    "stable 6 hosts, policy staged , waits for edge Wave 0 web1 , with another closure",
  );
  assertReads(
    page,
    "fleet",
    "then 1 h 30 min of soaking Wave 2 db1 ~ db2",
    "In no wave ~ mail",
    "Not in this release − old-printer",
  );
  assertReads(page, "changes", `web1 with another closure ${closure("web1")} was ${closure("web1", 1)}`);
  assertReads(
    page,
    "changes",
    `db2 changed otherwise: pin none → cccccccc ${closure("db2")}`,
    "mail changed otherwise: tags",
  );
  assertReads(
    page,
    "changes",
    `old-printer removed no closure was ${closure("old-printer")}`,
    `db1 unchanged ${closure("db1")}`,
  );
  assertReads(
    page,
    "changes",
    "channels.stable.freshnessWindow changed 2880 was 1440",
    "disruptionBudgets.0 new",
  );
  assertReads(page, "order", "desks waits for stable", "web1 waits for db1 : schema before code");
  assertReads(page, "signatures", "Signed at 2026-06-01T12:00:00Z Key the current key, ed25519:11qYAYKx");
  assertReads(page, "signatures", "Next signature due 2026-06-02T00:00:00Z Fresh until 2026-06-03T12:01:00Z");
  assertReads(page, "warnings", "released from the current commit expired-pin , at hosts.db1.pin");
  assertReads(page, "times", "build 3 min 4 s", "evaluated in 3.0 s, built in 2 min 33 s, pushed in 9.0 s");
  assertReads(page, "files", `fleet.resolved.json signed ${"0c".repeat(32)}`);
});

pureTest("page: a run that failed says where, with the hosts and the end of the log", () => {
  const page = renderPage(failedPage());
  assertEquals(textOf(page.match(/<title>.*<\/title>/)![0]), 'Failed: Cannot build "web2" and "db1"');
  assertReads(
    page,
    "failure",
    "Hosts web2 , db1 While Building 10 hosts How to mend it the whole log",
    "Exit code 1",
  );
  assertReads(page, "failure", "error: <stdatomic.h> & “_Atomic” are not supported");
  assertReads(page, "fleet", "2 failed", "8 in the fleet", "× web2 , failed");
  assertReads(page, "changes", "× db1 failed not known");
  assertEquals([...page.matchAll(/<section id="([^"]*)"/g)].map(([, id]) => id), [
    ...["failure", "fleet", "changes", "order", "warnings", "times"],
  ]);
});

pureTest("page: what is not known is not there, and a run that failed at once is a page", () => {
  const nothing: ReportPage = {
    ...failedPage(),
    ...{ facts: [], fleet: null, warnings: [], stages: [], seconds: new Map() },
    failure: { ...failedPage().failure!, hosts: [], lines: [], hint: null, at: [] },
  };
  const page = renderPage(nothing);
  assertEquals([...page.matchAll(/<section id="([^"]*)"/g)].map(([, id]) => id), ["failure"]);
  assertEquals(textOf(page, "failure").endsWith("What failed Exit code 1"), true);
});

pureTest("page: a first release is all new, and one that changes nothing says so", () => {
  const { fleet } = smallFleet();
  const first = renderPage(releasePage({ fleet, before: null }));
  assertReads(first, "fleet", "10 new");
  assertEquals(textOf(first, "changes").includes("Beside the hosts"), false);
  const same = renderPage(releasePage({ fleet, before: structuredClone(fleet) }, { outcome: "no-change" }));
  assert(textOf(same).includes("No change nothing changes for 10 hosts"));
  assertReads(same, "fleet", "10 unchanged");
});

pureTest("page: in a large fleet a wave names the hosts that failed before those that change", () => {
  const { fleet, before } = largeFleet(150, 2);
  const last = Object.keys(fleet.hosts).at(-1)!;
  const failure = { ...failedPage().failure!, hosts: [last] };
  const page = renderPage(releasePage({ fleet, before }, { failure, outcome: "failed" }));
  const [, names] = page.split(`class="m failed" title="${last}"`);
  assertEquals(/<bdi>(.*?)<\/bdi>/.exec(names!)![1], last);
});

pureTest("page: a wave of no hosts, and one that is not watched", () => {
  const { fleet, before } = smallFleet();
  fleet.waves["stable"]!.unshift({ hosts: [], soakMinutes: 0 });
  assertReads(renderPage(releasePage({ fleet, before })), "fleet", "Wave 0 no host then at once Wave 1 web1");
});

pureTest("page: a key that nobody knows, and a channel for which nobody waits", () => {
  const { fleet } = smallFleet();
  fleet.hosts["canary"]!.closureHash = null;
  const page = renderPage(releasePage({ fleet, before: null }, {
    signature: { signedAt: "9999-12-31T00:00:00Z", key: null },
    changes: null,
  }));
  assertReads(page, "signatures", "Key that of the sign command", "edge None of its hosts has a closure");
  assertReads(page, "signatures", "Fresh until beyond the year 9999");
});

pureTest("page: a channel that is stale at once, and is signed anew at once", () => {
  const { fleet, before } = smallFleet();
  Object.assign(fleet.channels["stable"]!, { freshnessWindow: 0, signingIntervalMinutes: 0 });
  const page = renderPage(releasePage({ fleet, before }));
  assertReads(
    page,
    "signatures",
    "stable Next signature due 2026-06-01T12:00:00Z Fresh until 2026-06-01T12:01:00Z",
  );
  assertEquals(page.includes("NaN"), false);
});

pureTest("page: names are data: no tag, no attribute and no address but its own", () => {
  const page = renderPage(releasePage(namedFleet(), {
    warnings: NAMES.map((name) => ({ code: name, message: name, path: name, hosts: NAMES })),
    facts: NAMES.map((name) => ({ name, value: name })),
  }));
  const tags = [...page.matchAll(/<([a-z0-9]+)((?:\s+[a-zA-Z-]+="[^"]*")*)\s*\/?>/g)];
  const all = page.split("<").length - 1 - page.split("</").length + 1 - 1;
  assertEquals(tags.length, all, "a tag that has no such form, or a < that is none; one is <!doctype>");
  const names = new Set(tags.map(([, tag]) => tag!));
  assertEquals(["script", "img", "link", "iframe", "a"].filter((tag) => names.has(tag)), ["a"]);
  const attributes = new Map(
    tags.flatMap(([, , text]) =>
      [...text!.matchAll(/([a-zA-Z-]+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!])
    ),
  );
  assertEquals([...attributes.keys()].filter((name) => /^(on|style$|src)/.test(name)), []);
  const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, to]) => to!);
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);
  assertEquals(links.filter((to) => !to.startsWith("#") || !ids.includes(to.slice(1))), []);
  assertEquals(ids.length, new Set(ids).size);
  // deno-lint-ignore no-control-regex
  assertEquals(/[\u202e\u200b\x00-\x09\x0b-\x1f]/.test(page), false);
});

pureTest("page: its policy lets in its own style and nothing else", () => {
  const page = renderPage(releasePage(smallFleet()));
  const [, style] = /<style>(.*)<\/style>/s.exec(page)!;
  const hash = Uint8Array.fromHex(sha256Hex(new TextEncoder().encode(style))).toBase64();
  assertEquals(
    /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!.replaceAll("&#39;", "'"),
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
  );
  assertEquals(style!.includes("url("), false);
});

pureTest("page: the same for the same data, and of 2,000 hosts that all change below 1 MB", () => {
  const make = () => releasePage(largeFleet(2000, 1));
  const page = renderPage(deepFreeze(make()));
  assertEquals(renderPage(make()), page);
  assertNotEquals(renderPage(releasePage(largeFleet(2000, 2))), page);
  const { length } = new TextEncoder().encode(page);
  assert(length < 1_000_000, `${length} bytes`);
  assertEquals(page.match(/class="m changed" title/g)!.length, 1993);
});

pureTest("order: each name comes after those that it waits for, and a circle comes last", () => {
  const edge = (gates: string, gated: string) => ({ gates, gated, reason: null });
  assertEquals(inOrder(["a", "b", "c"], []), ["a", "b", "c"]);
  assertEquals(inOrder(["a", "b", "c", "d"], [edge("d", "a"), edge("c", "d"), edge("x", "b")]), [
    "b",
    "c",
    "d",
    "a",
  ]);
  assertEquals(inOrder(["a", "b", "c"], [edge("a", "b"), edge("b", "a")]), ["c", "a", "b"]);
});
