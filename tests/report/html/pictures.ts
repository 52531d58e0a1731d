/**
 * Makes the pictures of docs/report.md anew, with a browser: `deno task pictures`.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { renderPage } from "../../../src/report/html/page.ts";
import { BROWSER, Browser } from "../../support/browser.ts";
import { releasePage, smallFleet } from "../../support/report_pages.ts";

const DIRECTORY = fromFileUrl(new URL("../../../docs/pictures/", import.meta.url));
const PICTURES = [
  { name: "report.png", width: 960, height: 900, dark: false },
  { name: "report-phone-dark.png", width: 360, height: 900, dark: true },
];

if (BROWSER === undefined) throw new Error("Cannot find chromium on PATH");
await using browser = await Browser.start(BROWSER);
const page = await Deno.makeTempFile({ suffix: ".html" });
await Deno.writeTextFile(page, renderPage(releasePage(smallFleet())));
await Deno.mkdir(DIRECTORY, { recursive: true });
for (const { name, width, height, dark } of PICTURES) {
  await using tab = await browser.open(page, { width, dark });
  await Deno.writeFile(join(DIRECTORY, name), await tab.screenshot(height));
}
await Deno.remove(page);
