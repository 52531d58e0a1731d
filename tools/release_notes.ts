/**
 * Prints what the changelog says of a version, for the release that a tag makes.
 *
 *     deno task release-notes v0.1.0   fails when deno.json has another version, or the changelog says nothing of it
 *
 * @module
 */
import metadata from "../deno.json" with { type: "json" };

/**
 * The section of a changelog that is about a tag's version, without its heading.
 *
 * @param version The version that the project has
 * @throws {Error} when the tag is not of that version, or has no section with a date and something in it
 */
export function releaseNotes(tag: string, version: string, changelog: string): string {
  if (tag !== `v${version}`) {
    throw new Error(`The tag is "${tag}", expected "v${version}", the version in deno.json`);
  }
  for (const section of changelog.split(/^## /m).slice(1)) {
    const [heading = "", ...lines] = section.split("\n");
    const [name, date] = heading.split(" - ");
    if (name !== version && name !== `[${version}]`) continue;
    if (!/^\d{4}-\d{2}-\d{2}$/.test(date ?? "")) {
      throw new Error(`CHANGELOG.md has "## ${heading}", expected "## ${version} - YYYY-MM-DD"`);
    }
    const notes = lines.join("\n").trim();
    if (notes === "") throw new Error(`CHANGELOG.md says nothing of ${version}`);
    return notes;
  }
  throw new Error(`CHANGELOG.md has no section "## ${version} - YYYY-MM-DD"`);
}

if (import.meta.main) {
  const [tag = ""] = Deno.args;
  const changelog = await Deno.readTextFile(new URL("../CHANGELOG.md", import.meta.url));
  const print = (stream: typeof Deno.stdout, text: string) => stream.write(new TextEncoder().encode(text));
  try {
    await print(Deno.stdout, `${releaseNotes(tag, metadata.version, changelog)}\n`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    await print(Deno.stderr, `error: ${error.message}\n`);
    Deno.exitCode = 1;
  }
}
