// Pages of runs in a real browser: on a phone and on a wide screen, in light and in dark, and by keyboard.

import axe from "axe-core";
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { renderPage } from "../../../src/report/html/page.ts";
import { BROWSER, Browser, type Tab } from "../../support/browser.ts";
import {
  failedPage,
  largeFleet,
  namedFleet,
  NAMES,
  releasePage,
  smallFleet,
} from "../../support/report_pages.ts";
import { TemporaryDirectory } from "../../support/traced.ts";

const PAGES = {
  small: releasePage(smallFleet()),
  large: releasePage(largeFleet()),
  names: releasePage(namedFleet()),
  failed: failedPage(),
};

const SCREENS = [360, 1440].flatMap((width) => [false, true].map((dark) => ({ width, dark })));

/** What axe-core finds that keeps people out. */
async function obstacles(tab: Tab): Promise<string[]> {
  await tab.evaluate(axe.source);
  const { violations } = await tab.evaluate<
    { violations: { id: string; impact: string; nodes: { html: string }[] }[] }
  >(
    "axe.run(document, { resultTypes: ['violations'] })",
  );
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
}

async function opened(
  browser: Browser,
  directory: string,
  name: keyof typeof PAGES,
  screen: Parameters<Browser["open"]>[1],
) {
  const path = join(directory, `${name}.html`);
  await Deno.writeTextFile(path, renderPage(PAGES[name]));
  return await browser.open(path, screen);
}

Deno.test({
  name:
    "every page fits, shuts nobody out, and loads nothing, on a phone and on a wide screen, light and dark",
  ignore: BROWSER === undefined,
  async fn() {
    await using directory = await TemporaryDirectory.create();
    await using browser = await Browser.start(BROWSER!);
    for (const name of Object.keys(PAGES) as (keyof typeof PAGES)[]) {
      for (const screen of SCREENS) {
        const what = `${name}, ${JSON.stringify(screen)}`;
        await using tab = await opened(browser, directory.path, name, screen);
        const wide = await tab.evaluate<string[]>(
          `[...document.querySelectorAll("body *:not(.unseen, .arcs li *)")].filter((element) =>
            element.getBoundingClientRect().right > innerWidth + 0.5).map((element) => element.outerHTML.slice(0, 80))`,
        );
        assertEquals(wide, [], what);
        assertEquals(await tab.evaluate("document.documentElement.scrollWidth"), screen.width, what);
        // It takes its time, for which one look at each palette is enough, and one at thousands of marks.
        const isLooked = screen === SCREENS.at(-1) || screen === SCREENS[0] && name !== "large";
        if (isLooked) assertEquals(await obstacles(tab), [], what);
        assertEquals(
          await tab.evaluate("getComputedStyle(document.body).backgroundColor"),
          screen.dark ? "rgb(15, 20, 26)" : "rgb(244, 246, 248)",
          what,
        );
        assertEquals(tab.complaints, [], what);
        assertEquals(tab.requests.length, 1, what);
      }
    }
  },
});

Deno.test({
  name: "a browser makes of names just the names, and runs nothing",
  ignore: BROWSER === undefined,
  async fn() {
    await using directory = await TemporaryDirectory.create();
    await using browser = await Browser.start(BROWSER!);
    await using tab = await opened(browser, directory.path, "names", { width: 1440 });
    const shown = await tab.evaluate<string[]>(
      `[...document.querySelectorAll(".chip bdi")].map((name) => name.textContent)`,
    );
    const seen = (name: string) =>
      name.replace("\u202e", "\\u{202e}").replace("\0", "\\x00").replace("\u200b", "\\u{200b}");
    assertEquals(shown.toSorted(), NAMES.map(seen).toSorted());
    assertEquals(
      await tab.evaluate(
        "document.querySelectorAll('script, img, link, iframe, object, [onmouseover], [style]').length",
      ),
      0,
    );
    // Were one to come in, the policy keeps it from being run.
    await tab.evaluate(
      "document.body.append(Object.assign(document.createElement('script'), { textContent: 'self.ran = 1' }))",
    );
    assertEquals(await tab.evaluate("self.ran"), undefined);
    assert(tab.complaints.some((text) => /Content Security Policy/.test(text)), tab.complaints.join());
  },
});

Deno.test({
  name: "by keyboard one gets from the picture to the row of a host, and opens what is folded",
  ignore: BROWSER === undefined,
  async fn() {
    await using directory = await TemporaryDirectory.create();
    await using browser = await Browser.start(BROWSER!);
    await using tab = await opened(browser, directory.path, "small", { width: 360 });
    await tab.call("Emulation.setScriptExecutionDisabled", { value: true });
    const focused = () =>
      tab.evaluate<string>(
        `[...document.querySelectorAll("a:focus, summary:focus")].map((link) => link.textContent).join()`,
      );
    const until = async (text: string) => {
      const passed: string[] = [];
      while (!(await focused()).includes(text)) {
        await tab.press("Tab");
        passed.push(await focused());
        assert(passed.length < 60, passed.join(" | "));
      }
    };
    await until("web2");
    const outline = await tab.evaluate<string>("getComputedStyle(document.activeElement).outlineWidth");
    assertEquals(outline, "3px");
    await tab.press("Enter");
    await tab.until("document.querySelector(':target') !== null");
    assertEquals(await tab.evaluate("document.querySelector(':target b').textContent.trim()"), "web2");
    await until("2 unchanged hosts");
    await tab.press("Enter");
    await tab.until("document.activeElement.parentElement.open");
  },
});
