// `--report FILE`: the page about a run, as it comes to be. What stands on it: tests/report/html.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { TestFleet } from "../support/fleet.ts";
import { FleetWithoutNix } from "../support/fleet_without_nix.ts";
import { releaseByKey } from "../support/key_release.ts";
import { flakeOf } from "../support/releases.ts";

/** The titles of a page's sections, behind its own title. */
function titlesOf(page: string): string[] {
  const titles = [...page.matchAll(/<(title|h2)[^>]*>([^<]*)</g)];
  return titles.map(([, , title]) => title!.replaceAll("&quot;", '"'));
}

const EARLIER = "<!doctype html>of an earlier run";
const SECTIONS = ["Fleet", "Changes", "Signatures", "Warnings", "Times", "Files"];

Deno.test("--report writes a page about a release, in the place of the one that was there", async () => {
  await using fleet = await FleetWithoutNix.create();
  const file = join(fleet.root, "run.html");
  await Deno.writeTextFile(file, EARLIER);
  await Deno.writeTextFile(`${file}.part`, "of a run that was killed");
  const { code, stderr } = await fleet.release(["--report", "../run.html", "--now", "2026-06-01T12:00:00Z"]);
  assertEquals(code, 0, stderr);
  const first = await Deno.readTextFile(file);
  assertEquals(titlesOf(first), ["Released: first release, of 3 hosts", ...SECTIONS]);
  assert(first.includes(`the current key, <code>ed25519:`), "the key that has signed");
  assertEquals([...Deno.readDirSync(fleet.root)].map(({ name }) => name).sort(), [
    "fleet",
    "home",
    "run.html",
    "tmp",
  ]);

  fleet.memory.fleet["hosts"].web1.tags = ["other"];
  await fleet.release(["--report", "../run.html", "--now", "2026-06-02T12:00:00Z", "--json"]);
  assertEquals(titlesOf(await Deno.readTextFile(file))[0], "Released: 1 of 3 hosts changes");
});

Deno.test("a release whose page cannot be written is released, with a warning", async () => {
  await using fleet = await FleetWithoutNix.create();
  const { code, stdout, stderr } = await fleet.release([
    ...["--report", "../run.html", "--json", "--push-cmd", "mkdir -p ../run.html"],
  ]);
  const message = 'Cannot write "../run.html": it is a directory, expected a file or nothing';
  assertEquals([code, stderr.includes(`warning: ${message}\n`)], [0, true], stderr);
  assertEquals(JSON.parse(stdout).warnings.at(-1), { code: "no-report", message });
});

Deno.test("a page that cannot be written is refused before anything is done", async () => {
  await using fleet = await FleetWithoutNix.create();
  await Deno.mkdir(join(fleet.dir, "releases"));
  await Deno.symlink("fleet/releases", join(fleet.root, "link"));
  await Deno.symlink("nowhere", join(fleet.root, "dangling"));
  await Deno.writeTextFile(join(fleet.root, "key.pem"), "a key");
  await Deno.mkdir(join(fleet.root, "taken.html.part"));
  const within = (file: string) => `Cannot write the report to "${file}": it is in the release directory`;
  const cases: Record<string, string> = {
    "releases/run.html": within("releases/run.html"),
    "../fleet/releases/rollouts/run.html": within("../fleet/releases/rollouts/run.html"),
    "releases": within("releases"),
    "../link/run.html": within("../link/run.html"),
    "../dangling": 'Cannot write "../dangling": it is a link, expected a file or nothing',
    "..": 'Cannot write "..": it is a directory, expected a file or nothing',
    "../key.pem": 'Cannot write "../key.pem": it is a file, and no page',
    "../taken.html":
      'Cannot write "../taken.html": "taken.html.part" beside it is a directory, expected a file or nothing',
    "/dev/null": 'Cannot write "/dev/null": it is a device, expected a file or nothing',
    "../none/run.html": 'Cannot write "../none/run.html": No such file or directory (os error 2)',
  };
  for (const [file, message] of Object.entries(cases)) {
    const { code, stderr } = await fleet.release(["--report", file]);
    const [error] = stderr.split("\n");
    assertEquals(
      [code, error!.slice(0, "error: ".length + message.length)],
      [1, `error: ${message}`],
      stderr,
    );
    assertEquals(fleet.memory.effects, []);
  }
  assertEquals([...Deno.readDirSync(join(fleet.dir, "releases"))], []);
  assertEquals(await Deno.readTextFile(join(fleet.root, "key.pem")), "a key");
});

Deno.test("--report of a run that fails has the host and the end of its log, and no secret", async () => {
  await using fleet = await TestFleet.create({
    files: {
      "flake.nix": flakeOf(`{
        web1 = host (build "web1" "echo 'no space for <web1>'; exit 6");
        web2 = host (build "web2" "echo > $out");
      }`),
    },
  });
  const { code, stderr } = await releaseByKey(fleet, [
    "--report",
    "../run.html",
    "--push-cmd",
    "T=c4nAryXyZ9 push",
  ]);
  assertEquals(code, 1, stderr);
  const page = await Deno.readTextFile(join(fleet.root, "run.html"));
  assertEquals(titlesOf(page), [
    'Failed: Cannot build host "web1": nix-store exited with 100',
    ...["What failed", "Fleet", "Hosts", "Times"],
  ]);
  assert(page.includes("no space for &lt;web1&gt;"), "the end of the log");
  assert(page.includes("<dt>Host</dt>\n<dd><bdi>web1</bdi></dd>"), "the host");
  assert(page.includes("Building 2 hosts"), "what it was at");
  assertEquals(page.includes("c4nAryXyZ9"), false);
});

Deno.test("--report of a run that fails before it begins is a page of that alone, and not of an earlier run", async () => {
  await using fleet = await FleetWithoutNix.create();
  const file = join(fleet.root, "run.html");
  const cases: [args: string[], env: Record<string, string>, title: string][] = [
    [["--sign-key", "nowhere.pem"], {}, "Failed: "],
    [["--sign-cmd", "sign", "--confirm"], {}, "Failed: --confirm has nobody to ask"],
    [["--sign-cmd", "sign"], { SOURCE_DATE_EPOCH: "x" }, 'Failed: Cannot read SOURCE_DATE_EPOCH "x"'],
    [["--sign-cmd", "sign", "--hosts", "-"], {}, "Failed: No hosts to release"],
  ];
  for (const [args, env, title] of cases) {
    await Deno.writeTextFile(file, EARLIER);
    const { code, stderr } = await fleet.run([...args, "--report", "../run.html"], {
      env,
      stdin: new Uint8Array(),
    });
    assertEquals(code, 1, stderr);
    const [first, ...sections] = titlesOf(await Deno.readTextFile(file));
    assertEquals([first?.slice(0, title.length), sections], [title, ["What failed"]]);
  }
});

Deno.test("a page is read by nobody who could not read the one before", async () => {
  await using fleet = await FleetWithoutNix.create();
  const file = join(fleet.root, "run.html");
  // As `mktemp` makes it.
  await Deno.writeTextFile(file, "", { mode: 0o600 });
  const { code, stderr } = await fleet.release(["--report", "../run.html"]);
  assertEquals(code, 0, stderr);
  assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
});
