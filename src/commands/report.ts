/**
 * `--report FILE`: a page about a run, for people to look at in a browser.
 *
 * @module
 */
import { resolve } from "@std/path";
import metadata from "../../deno.json" with { type: "json" };
import type { Grant } from "../cli/grant.ts";
import { type Option, pathWritten } from "../cli/option.ts";
import type { Warning } from "../model.ts";
import { nextFile } from "../plan/paths.ts";
import type { ReportPage } from "../report/html/data.ts";
import type { EndedRun } from "../report/outcome.ts";

/** The file of a page. */
export const REPORT: Option<string | undefined> = pathWritten({
  group: "Output",
  placeholder: "FILE",
  help: "write a page about the run, which any browser shows; also of one that fails",
  permits: (["read", "write"] as const).map((permission): Grant<string> => ({
    permission,
    what: "the file of `--report`, and `FILE.part`, which takes its place",
    why: "a page is there as a whole; whatever is no file is left alone",
    of: (file, { cwd }) => [resolve(cwd, file), nextFile(resolve(cwd, file))],
  })),
});

/** Where a page goes: the file as the user gave it, and the release directory, in which it must not be. */
export interface PagePlace {
  readonly file: string;
  readonly releaseDir: string;
  /** What both are relative to, absolute. */
  readonly cwd: string;
}

/** Writes a page, and gives what the user should know when that fails. */
type WritePage = (make: () => ReportPage) => readonly Warning[];

/**
 * Makes sure that a page can be written, and gives what writes it.
 *
 * @throws {ReleaseError} of kind `usage` or `io`
 */
export async function openPage({ file, ...place }: PagePlace): Promise<WritePage> {
  const [{ openReportFile }, { renderPage }] = await Promise.all([
    import("../adapters/report_file.ts"),
    import("../report/html/page.ts"),
  ]);
  const page = openReportFile(file, place);
  return (make) => {
    try {
      page.write(renderPage(make()));
      return [];
    } catch (error) {
      // Whatever it is: what the page is about is told all the same.
      return [{ code: "no-report", message: error instanceof Error ? error.message : String(error) }];
    }
  };
}

/**
 * The same for the page of a run, to be written when it has ended.
 *
 * @throws {ReleaseError} of kind `usage` or `io`
 */
export async function openReport(place: PagePlace): Promise<(run: EndedRun) => readonly Warning[]> {
  const write = await openPage(place);
  const { pageOfRun } = await import("../report/html/run_page.ts");
  return (run) => write(() => pageOfRun(run, metadata.version));
}
