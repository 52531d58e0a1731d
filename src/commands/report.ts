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
import type { EndedRun } from "../report/outcome.ts";

/** The file of a page. */
export const REPORT: Option<string | undefined> = pathWritten({
  group: "Output",
  placeholder: "FILE",
  help: "write a page about the run, which any browser shows; also of one that fails",
  permits: (["read", "write"] as const).map((permission): Grant<string> => ({
    permission,
    what: "the file of `--report`, and `FILE.part`, which takes its place",
    why: "a page is there as a whole; whatever is no page is left alone",
    of: (file, { cwd }) => [resolve(cwd, file), nextFile(resolve(cwd, file))],
  })),
});

/** Where a page goes: the file as the user gave it, and the release directory, in which it must not be. */
interface PagePlace {
  readonly file: string;
  readonly releaseDir: string;
  /** What both are relative to, absolute. */
  readonly cwd: string;
}

/**
 * Makes sure that the page of a run can be written, and gives what writes it when the run has ended. That gives what the
 * user should know when it fails.
 *
 * @throws {ReleaseError} of kind `usage` or `io`
 */
export async function openReport(
  { file, ...place }: PagePlace,
): Promise<(run: EndedRun) => readonly Warning[]> {
  const [{ openReportFile }, { renderPage }, { pageOfRun }] = await Promise.all([
    import("../adapters/report_file.ts"),
    import("../report/html/page.ts"),
    import("../report/html/run_page.ts"),
  ]);
  const page = openReportFile(file, place);
  return (run) => {
    try {
      page.write(renderPage(pageOfRun(run, metadata.version)));
      return [];
    } catch (error) {
      // Whatever it is: what the page is about is told all the same.
      return [{ code: "no-report", message: error instanceof Error ? error.message : String(error) }];
    }
  };
}
