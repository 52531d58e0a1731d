/**
 * Makes pictures of pages with a browser: `deno task pictures` those of docs/report.md anew, and `deno task pictures DIR`
 * of a small and a large fleet, at the widths of a phone and of a desk, light and dark.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { renderPage } from "../../../src/report/html/page.ts";
import { BROWSER, Browser } from "../../support/browser.ts";
import { largeFleet, releasePage, smallFleet } from "../../support/report_pages.ts";

/** What a picture is of, how large it is, and what it is called. */
interface Picture {
  readonly fleet: "small" | "large";
  readonly width: number;
  readonly height: number;
  readonly dark: boolean;
  readonly name: string;
}

const PAGES = { small: () => releasePage(smallFleet()), large: () => releasePage(largeFleet()) };
const MANUAL = fromFileUrl(new URL("../../../docs/pictures/", import.meta.url));

function ofManual(): Picture[] {
  return [
    { fleet: "small", width: 960, height: 900, dark: false, name: "report.png" },
    { fleet: "small", width: 360, height: 900, dark: true, name: "report-phone-dark.png" },
  ];
}

function ofAll(): Picture[] {
  return (["small", "large"] as const).flatMap((fleet) =>
    [360, 1440].flatMap((width) =>
      [false, true].map((dark) => ({
        ...{ fleet, width, height: 2400, dark },
        name: `${fleet}-${width}-${dark ? "dark" : "light"}.png`,
      }))
    )
  );
}

if (BROWSER === undefined) throw new Error("Cannot find chromium on PATH");
await using browser = await Browser.start(BROWSER);
const [asked] = Deno.args;
const [directory, pictures] = asked === undefined ? [MANUAL, ofManual()] : [asked, ofAll()];
const page = await Deno.makeTempFile({ suffix: ".html" });
await Deno.mkdir(directory, { recursive: true });
for (const { fleet, width, height, dark, name } of pictures) {
  await Deno.writeTextFile(page, renderPage(PAGES[fleet]()));
  await using tab = await browser.open(page, { width, dark });
  await Deno.writeFile(join(directory, name), await tab.screenshot(height));
}
await Deno.remove(page);
