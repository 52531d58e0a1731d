import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { lockFlake } from "../../../src/adapters/nix/flake.ts";
import { createNix } from "../../../src/adapters/nix/nix.ts";
import { type FetchableSource, findSource, urlAt } from "../../../src/adapters/nix/source.ts";
import { FLAGS, NIX, type NixFleet, nixFleet, NO_FLAGS, withRegistry } from "../../support/nix_fleet.ts";
import { pureTest, rejection } from "../../support/pure.ts";
import { TemporaryDirectory, tracedShell } from "../../support/traced.ts";

let world: NixFleet;
Deno.test.beforeAll(async () => {
  world = await nixFleet("{}");
});
Deno.test.afterAll(() => world[Symbol.asyncDispose]());

Deno.test("findSource() finds the source of a flake of this machine, as nix is going to read it", async () => {
  const { fleet, nix } = world;
  const { dir } = fleet;
  await fleet.write({ "sub/flake.nix": "{}", "sub/hosts/a.nix": "{}" });
  await Deno.symlink(dir, join(fleet.root, "link"));
  const head = await fleet.head();
  const git = (query: string, where: string, revision: string | null = null): FetchableSource => ({
    tree: `git+file://${dir}${query && `?${query}`}`,
    dir: where,
    local: { root: dir, inGit: true, revision },
  });
  const sources: [reference: string, source: FetchableSource][] = [
    [dir, git("", "")],
    [join(fleet.root, "link"), git("", "")],
    [join(dir, "sub"), git("", "sub")],
    // Nix looks for the flake from there up.
    [join(dir, "sub/hosts"), git("", "sub")],
    [`${dir}?dir=sub&submodules=1`, git("submodules=1", "sub")],
    [`${dir}?ref=main`, git("ref=main", "", "main")],
    [`git+file://${dir}?dir=sub&rev=0123`, git("rev=0123", "sub", "0123")],
    [`path:${dir}?dir=sub&lastModified=7&rev=0123`, {
      tree: { type: "path", path: dir, lastModified: 7, rev: "0123" },
      dir: "sub",
      local: { root: dir, inGit: false, revision: null },
    }],
  ];
  for (const [reference, source] of sources) {
    // Of a path, what is checked out is known along.
    const isPath = reference.startsWith("/");
    assertEquals(await findSource(nix, reference), isPath ? { ...source, head } : source, reference);
  }
});

Deno.test("findSource() takes a directory outside git for a plain one, from where its flake is", async () => {
  await using outside = await TemporaryDirectory.create();
  const root = join(outside.path, "a fleet");
  await Deno.mkdir(join(root, "hosts"), { recursive: true });
  const nix = nixContext(tracedShell(join(root, "hosts")).shell, world.fleet.env(), NO_FLAGS);
  assertEquals(
    (await rejection(findSource(nix, "."))).message,
    `Cannot read the flake ".": there is no flake.nix in "${root}/hosts", nor above it in its repository`,
  );
  await Deno.writeTextFile(join(root, "flake.nix"), "{}");
  const local = { root, inGit: false, revision: null };
  assertEquals(await findSource(nix, "."), { tree: { type: "path", path: root }, dir: "", local });
});

Deno.test("findSource() writes the path of a repository as a URL", async () => {
  const dir = join(world.fleet.root, "a ü#?%");
  await world.fleet.git("init", "-q", dir);
  await Deno.writeTextFile(join(dir, "flake.nix"), "{}");
  const relative = nixContext(tracedShell(dir).shell, world.fleet.env(), NO_FLAGS);
  assertEquals(
    (await findSource(relative, "."))?.tree,
    `git+file://${world.fleet.root}/a%20%C3%BC%23%3F%25`,
  );
});

Deno.test("findSource() has nix take apart what is elsewhere, and fetches nothing", async () => {
  const { nix, commands } = world;
  commands.length = 0;
  const { tree, ...forge } = (await findSource(nix, "github:org/fleet/main?dir=sub"))!;
  assertEquals([tree, forge], [
    { type: "github", owner: "org", repo: "fleet", ref: "main" },
    { dir: "sub", local: null },
  ]);
  assertEquals(commands.map((argv) => argv.filter((_, index) => index !== FLAGS.length + 4)), [
    [NIX, ...FLAGS, "registry", "add", "--registry", "fleet", "github:org/fleet/main?dir=sub"],
  ]);
  const trees: [reference: string, tree: Record<string, unknown>][] = [
    ["git+ssh://git@host/fleet?ref=main", { type: "git", url: "ssh://git@host/fleet", ref: "main" }],
    ["https://host/fleet.tar.gz", { type: "tarball", url: "https://host/fleet.tar.gz" }],
  ];
  for (const [reference, tree] of trees) {
    assertEquals(await findSource(nix, reference), { tree, dir: "", local: null });
  }
});

Deno.test("findSource() finds what is on this machine, however it is written, and through the registries", async () => {
  const { dir, root } = world.fleet;
  const nix = await withRegistry(world, {
    plain: { type: "path", path: dir },
    below: { type: "git", url: `file://${dir}?dir=infra`, dir: "infra" },
    again: { type: "indirect", id: "below" },
    round: { type: "indirect", id: "round" },
    forge: { type: "github", owner: "org", repo: "fleet" },
  });
  const plain = {
    tree: { type: "path", path: dir },
    dir: "",
    local: { root: dir, inGit: false, revision: null },
  };
  const below = {
    tree: `git+file://${dir}`,
    dir: "infra",
    local: { root: dir, inGit: true, revision: null },
  };
  const main = { ...below.local, revision: "main" };
  const forge = { type: "github", owner: "org", repo: "fleet", ref: "main" };
  const sources: [reference: string, source: FetchableSource][] = [
    [`path://${dir}`, plain],
    [`hg+file://${dir}`, { tree: { type: "hg", url: `file://${dir}` }, dir: "", local: plain.local }],
    // A slash too many for this program to take it for a path.
    [`git+file:///${dir}?ref=main`, {
      tree: { type: "git", url: `file:///${dir}`, ref: "main" },
      dir: "",
      local: main,
    }],
    ["plain", plain],
    ["flake:again", below],
    ["below/main", { ...below, tree: `git+file://${dir}?ref=main`, local: main }],
    ["forge/main", { tree: forge, dir: "", local: null }],
  ];
  for (const [reference, source] of sources) {
    assertEquals(await findSource(nix, reference), source, reference);
  }
  const { locate } = createNix(world.shell, {
    ...NO_FLAGS,
    options: [["flake-registry", join(root, "registry.json")]],
    env: world.fleet.env(),
    tempDir: join(root, "tmp"),
    evalWorkers: 1,
    clock: { now: () => Temporal.Now.instant(), monotonic: () => performance.now() },
  });
  assertEquals([await locate("again"), await locate("github:org/fleet")], [
    { ...below.local, dir: "infra" },
    null,
  ]);
  for (const [reference, problem] of [["round", "lead back to it"], ["gone", 'have no entry for "gone"']]) {
    const { message } = await rejection(findSource(nix, reference!));
    assert(message.endsWith(`the registries ${problem}`), message);
  }
  // One of the two may be marked as exact, and then it is not the one that nix takes.
  const settings = await Deno.readTextFile(join(root, "registry.json"));
  await Deno.mkdir(join(root, "home/.config/nix"), { recursive: true });
  await Deno.writeTextFile(join(root, "home/.config/nix/registry.json"), settings);
  assertEquals(
    (await rejection(findSource(nix, "forge/main"))).message,
    'Cannot read the flake "forge/main": the registries have several entries for "forge"',
  );
});

Deno.test("findSource() reads a plain path with an escape in it as this nix does", async () => {
  const { fleet: { root }, nix } = world;
  // Older versions of nix read the name as it stands, and newer ones as a URL.
  const encoded = `path:${root}/a%20fleet`;
  for (const name of ["a%20fleet", "a fleet"]) {
    await Deno.mkdir(join(root, name));
    await Deno.writeTextFile(join(root, name, "flake.nix"), `{ outputs = _: { }; } # ${name}`);
  }
  const copy = /^path:([^?]+)/.exec((await lockFlake(nix, encoded)).url)![1]!;
  const said = (await findSource(nix, encoded))!.local!.root;
  const texts = await Promise.all([copy, said].map((dir) => Deno.readTextFile(join(dir, "flake.nix"))));
  assertEquals(texts[1], texts[0]);
});

Deno.test("findSource() refuses what nix cannot take apart", async () => {
  const { kind, message } = await rejection(findSource(world.nix, "no reference"));
  assertEquals([kind, message], ["evaluation", 'Cannot read the flake "no reference": nix exited with 1']);
});

pureTest("urlAt() gives the URL of a tree at a revision, and none where nix has none", () => {
  const [rev, github] = ["0123", { type: "github", owner: "org", repo: "fleet", ref: "main" }];
  const urls: [tree: Parameters<typeof urlAt>[0], url: string | undefined][] = [
    ["git+file:///fleet?shallow=1", "git+file:///fleet?shallow=1&rev=0123"],
    ["git+file:///fleet?rev=4567", "git+file:///fleet?rev=4567"],
    [{ type: "git", url: "ssh://git@h/f" }, "git+ssh://git@h/f?rev=0123"],
    [{ type: "git", url: "git://h/f" }, "git://h/f?rev=0123"],
    [
      { type: "git", url: "https://h/f?dir=sub", ref: "main", submodules: true },
      "git+https://h/f?dir=sub&ref=main&submodules=1&rev=0123",
    ],
    [github, "github:org/fleet/0123"],
    [{ ...github, type: "gitlab", host: "git.example.com" }, "gitlab:org/fleet/0123?host=git.example.com"],
    [{ type: "path", path: "/fleet" }, undefined],
    [{ type: "tarball", url: "https://h/f.tar.gz" }, undefined],
  ];
  for (const [tree, url] of urls) assertEquals(urlAt(tree, rev), url);
});
