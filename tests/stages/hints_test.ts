import { assertEquals } from "@std/assert";
import type { HostsSpec } from "../../src/config.ts";
import { ReleaseError } from "../../src/errors.ts";
import { withHints, withWayRound } from "../../src/stages/hints.ts";
import type { Source } from "../../src/stages/source.ts";
import { COMMIT, FakeWorld, lockedAt } from "../support/fake_ports.ts";
import { pureTest, rejection } from "../support/pure.ts";

/** A source in git, in a directory of its repository. */
const SOURCE: Source = {
  flake: lockedAt(`git+file:///fleet?rev=${COMMIT}`, COMMIT, "/fleet/sub"),
  repository: { root: "/fleet", head: COMMIT },
  ciCommit: COMMIT,
  place: null,
  attributes: [],
};

/** What becomes of an error of nix with these lines. */
async function explained(
  lines: string[],
  more: { hint?: string; source?: Source; untracked?: string[]; submodules?: string[] } = {},
) {
  const { hint, source = SOURCE, untracked = ["sub/new.nix", "sub/hosts/a/default.nix", "sub/it's.nix"] } =
    more;
  const world = new FakeWorld();
  world.untracked = untracked;
  world.submodules = more.submodules ?? [];
  const error = new ReleaseError("evaluation", "no", { lines, hint, path: "p" });
  const refused = await rejection(withHints(world.run(), source, () => Promise.reject(error)));
  assertEquals([refused.kind, refused.message, refused.lines, refused.path], [
    "evaluation",
    "no",
    lines,
    "p",
  ]);
  return { hint: refused.hint, effects: world.effects };
}

const COPY = "/nix/store/x-source";
const ASKED = ["ask what is not tracked in sub"];

pureTest(
  "withHints() names the files that git does not track and nix misses, or the directory they are in",
  async () => {
    const hint = (quoted: string, words: string) =>
      `git does not track ${quoted}, so nix does not see it: git add ${words}`;
    const cases: [lines: string[], hint: string | undefined][] = [
      [[`| error: path '${COPY}/sub/new.nix' does not exist`], hint('"sub/new.nix"', "sub/new.nix")],
      [[`| getting status of '${COPY}/sub/hosts/a': No such file`], hint('"sub/hosts/a"', "sub/hosts/a")],
      [
        ["| error: Path 'sub/new.nix' in the repository is not tracked"],
        hint('"sub/new.nix"', "sub/new.nix"),
      ],
      [
        [`| '${COPY}/sub/it's.nix'`, `| '${COPY}/sub/new.nix'`],
        hint('"sub/new.nix", "sub/it\'s.nix"', "sub/new.nix 'sub/it'\\''s.nix'"),
      ],
      [["| error: reading directory sub/hosts/a: No such file"], hint('"sub/hosts/a"', "sub/hosts/a")],
      [["| error: assertion failed"], undefined],
      [[`| '${COPY}/sub/new.nix.old'`, `| '${COPY}/sub/very/sub/newer.nix'`], undefined],
    ];
    for (const [lines, hint] of cases) assertEquals(await explained(lines), { hint, effects: ASKED });
  },
);

pureTest("withHints() names the submodules that nix leaves out and misses", async () => {
  const hint = (named: string) =>
    `nix leaves out the ${named} unless the reference says otherwise, as in --build-flake '.?submodules=1'`;
  const [one, both] = [hint('submodule "sub/mod"'), hint('submodules "sub/mod", "sub/b"')];
  const cases: [lines: string[], hint: string | undefined][] = [
    [["| error: path 'sub/mod/v.nix' does not exist"], one],
    [["| error: getting status of 'sub/mod/v.nix': No such file", `| at ${COPY}/sub/b/x.nix`], both],
    [["| error: reading directory sub/mod: No such file"], one],
    [["| error: path 'sub/module/v.nix' does not exist"], undefined],
  ];
  const submodules = ["sub/mod", "sub/b"];
  for (const [lines, hint] of cases) assertEquals((await explained(lines, { submodules })).hint, hint);
  const flake = { ...SOURCE.flake, repositoryUrl: "git+file:///fleet?submodules=1" };
  const fetched = await explained(cases[0]![0], { submodules, source: { ...SOURCE, flake } });
  assertEquals(fetched.hint, undefined);
});

pureTest("withHints() keeps the hint that an error has", async () => {
  const lines = [`'${COPY}/sub/new.nix'`];
  const { hint } = await explained(lines, { hint: "and more" });
  assertEquals(hint?.endsWith("git add sub/new.nix; and more"), true);
  assertEquals((await explained(["x"], { hint: "and more" })).hint, "and more");
});

pureTest("withHints() asks git nothing where it does not say what nix sees", async () => {
  const elsewhere: Source[] = [
    { ...SOURCE, repository: null },
    { ...SOURCE, flake: { ...SOURCE.flake, localDir: null } },
    { ...SOURCE, flake: { ...SOURCE.flake, repositoryUrl: null } },
  ];
  for (const source of elsewhere) {
    assertEquals(await explained([`'${COPY}/sub/new.nix'`], { source }), { hint: undefined, effects: [] });
  }
});

pureTest("withHints() leaves other errors, and what went well, as they are", async () => {
  const world = new FakeWorld();
  const error = new ReleaseError("build", "no", { lines: ["'sub/new.nix'"] });
  assertEquals(await rejection(withHints(world.run(), SOURCE, () => Promise.reject(error))), {
    kind: "build",
    message: "no",
    lines: ["'sub/new.nix'"],
  });
  assertEquals(await withHints(world.run(), SOURCE, () => Promise.resolve(3)), 3);
  assertEquals(world.effects, []);
});

const AUTO: HostsSpec = { kind: "auto", exclude: [] };

/** The hint of an error about some hosts, in a run for those and others. */
async function wayRound(
  failed: readonly string[] | undefined,
  { others = ["web"], hint, asked = AUTO, code }: {
    others?: string[];
    hint?: string;
    asked?: HostsSpec;
    code?: string;
  } = {},
) {
  const error = new ReleaseError("build", "no", { code, hint, hosts: failed, lines: ["why"], path: "p" });
  const hosts = [...failed ?? [], ...others].map((name) => ({ name, kind: "nixos" as const }));
  const run = new FakeWorld().run({ hosts: asked });
  const refused = await rejection(withWayRound(run, hosts, () => Promise.reject(error)));
  const { hint: added, ...rest } = refused;
  assertEquals(rest, { kind: "build", message: "no", lines: ["why"], path: "p" });
  return added;
}

pureTest("withWayRound() tells how the others are released without the hosts that fail", async () => {
  const way = "to release the others: --hosts auto:exclude=";
  assertEquals(await wayRound(["db"]), `${way}db`);
  assertEquals(await wayRound(["db"], { hint: "give it a builder" }), `give it a builder; ${way}db`);
  assertEquals(await wayRound(["it's", "b c"]), `to release the others: --hosts 'auto:exclude=it'\\''s,b c'`);
  assertEquals(await wayRound(["db"], { asked: { kind: "auto", exclude: ["lab"] } }), `${way}lab,db`);
  const asked: HostsSpec = { kind: "explicit", hosts: ["@eu", "!lab"] };
  assertEquals(await wayRound(["db"], { asked }), "to release the others: --hosts '@eu,!lab,!db'");
  const ten = Array.from({ length: 10 }, (_, index) => `h${index}`);
  assertEquals(await wayRound(ten), `${way}${ten.join(",")}`);
});

pureTest("withWayRound() adds nothing where there is no such way", async () => {
  const hint = "give it a builder";
  assertEquals(await wayRound(undefined, { hint }), hint);
  assertEquals(await wayRound(["db"], { hint, code: "timeout" }), hint);
  assertEquals(await wayRound(["db"], { hint, others: [] }), hint);
  assertEquals(await wayRound(["db"], { hint, asked: { kind: "explicit", hosts: ["db", "web"] } }), hint);
  assertEquals(await wayRound(Array.from({ length: 11 }, (_, index) => `h${index}`), { hint }), hint);
  for (const name of ["a,b", " a", "a\n"]) assertEquals(await wayRound([name, "db"], { hint }), hint);
  const failure = new Error("a defect");
  const run = new FakeWorld().run();
  assertEquals(await withWayRound(run, [], () => Promise.reject(failure)).catch((error) => error), failure);
  assertEquals(await withWayRound(run, [], () => Promise.resolve(3)), 3);
});
