// What a run makes of the branch that it pushes to. On real remotes: tests/e2e/moving_branch_test.ts.

import { assertEquals } from "@std/assert";
import type { Signer } from "../../src/crypto/private_key.ts";
import { ReleaseError } from "../../src/errors.ts";
import { COMMIT, FakeWorld, LANDED_COMMIT } from "../support/fake_ports.ts";
import type { Draft } from "../support/fleet.ts";
import { pureTest, rejection } from "../support/pure.ts";
import { newSigner } from "../support/signed_release.ts";

const ORIGIN = { gitPush: { remote: "origin", branch: "main" } };

/** The tip of the branch upstream, and the commit that it has a release of. */
const TIP = "1".repeat(40);
const OTHER = "2".repeat(40);

/** A world in which the branch is at a commit that is not here, of which nothing is known. */
function moved(): FakeWorld {
  const world = new FakeWorld();
  world.remoteBranch = TIP;
  world.branch = null;
  return world;
}

/** Puts the release that another run makes of a commit into the tip of the branch. */
async function releaseUpstream(
  world: FakeWorld,
  { of = COMMIT, day = "2026-06-01", at = "12:00:00", edit = () => {}, settings = {}, signer }: {
    of?: string;
    day?: string;
    at?: string;
    edit?: (world: FakeWorld) => void;
    settings?: Draft;
    signer?: Signer;
  } = {},
): Promise<void> {
  const other = new FakeWorld();
  if (signer !== undefined) other.signWith(signer);
  other.flake = { ...other.flake, revision: of };
  edit(other);
  await other.release({ ...settings, now: `${day}T${at}Z` });
  world.committedFiles.set(
    TIP,
    new Map([...other.files].map(([path, bytes]) => [`releases/${path}`, bytes])),
  );
}

/** What a run at noon does with the branch, and what it comes to. */
async function pushAtNoon(
  world: FakeWorld,
  settings: Draft = {},
): Promise<{ came: string; parents: readonly (string | null)[]; done: string[] }> {
  const result = await world.release({ ...ORIGIN, ...settings }).catch((error: unknown) => {
    if (error instanceof ReleaseError) return error;
    throw error;
  });
  return {
    came: result instanceof ReleaseError ? result.kind : result.outcome,
    parents: world.parents,
    done: world.effects.filter((effect) => /^(publish|git push|go back)/.test(effect)),
  };
}

const PUSHED = ["publish", "git push ffffffff to main of origin"];

/** What the tip of the branch has of other runs, and what becomes of ours, which signs at noon. */
const UPSTREAM: [
  claim: string,
  prepare: (world: FakeWorld) => Promise<void> | void,
  came: string,
  settings?: Draft,
][] = [
  ["has no release", () => {}, "released"],
  ["has a release of the same commit with the same in it", (world) => releaseUpstream(world), "released"],
  ["has that, and our commit", async (world) => {
    await releaseUpstream(world, { at: "11:59:00" });
    world.histories.set(TIP, [COMMIT]);
  }, "already-released"],
  ["has that of long ago, which is due", async (world) => {
    await releaseUpstream(world, { at: "01:00:00" });
    world.histories.set(TIP, [COMMIT]);
  }, "released"],
  ["has our commit, and a release of it with something else in it", async (world) => {
    await releaseUpstream(world, { at: "11:59:00", edit: (other) => other.fleet["hosts"].db.tags.push("x") });
    world.histories.set(TIP, [COMMIT]);
  }, "released"],
  ["has a release of a commit before ours", async (world) => {
    await releaseUpstream(world, { of: OTHER, at: "11:00:00" });
    world.histories.set(COMMIT, [OTHER]);
  }, "released"],
  ["has that, of a clock that is ahead", async (world) => {
    await releaseUpstream(world, { of: OTHER, at: "23:00:00" });
    world.histories.set(COMMIT, [OTHER]);
  }, "git"],
  ["has that of another commit and of the same time", async (world) => {
    await releaseUpstream(world, { of: OTHER });
    world.histories.set(COMMIT, [OTHER]);
  }, "git"],
  ["has a release of a commit behind ours", async (world) => {
    await releaseUpstream(world, { of: OTHER, at: "01:00:00" });
    world.histories.set(OTHER, [COMMIT]);
  }, "superseded"],
  [
    "has that, and the operator means it",
    async (world) => {
      await releaseUpstream(world, { of: OTHER, at: "01:00:00" });
      world.histories.set(OTHER, [COMMIT]);
    },
    "released",
    { allowOlder: true },
  ],
  [
    "has an earlier release of a commit that nobody knows",
    (world) => releaseUpstream(world, { of: OTHER, at: "11:00:00" }),
    "released",
  ],
  [
    "has a later release of a commit that nobody knows",
    (world) => releaseUpstream(world, { of: OTHER, at: "13:00:00" }),
    "superseded",
  ],
  ["has a fleet that is too large for any", (world) => {
    world.onEffect = (effect) => {
      if (effect.includes("fleet.resolved.json of 11111111 in ")) throw new ReleaseError("io", "too large");
    };
  }, "released"],
  ["has a fleet that nobody can read", (world) => {
    world.committedFiles.set(TIP, new Map([["releases/fleet.resolved.json", new Uint8Array([1])]]));
  }, "released"],
];

for (const [claim, prepare, came, settings] of UPSTREAM) {
  pureTest(`a run comes to "${came}" where the branch ${claim}`, async () => {
    const world = moved();
    await prepare(world);
    const released = came === "released";
    assertEquals(await pushAtNoon(world, settings), {
      came,
      parents: released ? [TIP] : [],
      done: released ? PUSHED : [],
    });
    const evaluated = world.effects.some((effect) => effect.startsWith("evaluate"));
    assertEquals(evaluated, came !== "superseded");
  });
}

pureTest(
  "a run puts its release over the same one where that is damaged, or has no index as it has",
  async () => {
    const key = await newSigner();
    const flipped = (path: string, bytes: Uint8Array<ArrayBuffer>): [string, Uint8Array<ArrayBuffer>] => [
      path,
      /rollouts.*\.json$/.test(path) ? bytes.map((byte) => byte ^ 1) : bytes,
    ];
    for (
      const [came, edit, settings] of [
        ["already-released", (...file) => file, {}],
        ["released", flipped, {}],
        ["released", (...file) => file, { releaseIndex: true }],
      ] satisfies [string, typeof flipped, Draft][]
    ) {
      const world = moved();
      world.signWith(key);
      await releaseUpstream(world, { signer: key, at: "11:59:00" });
      world.histories.set(TIP, [COMMIT]);
      const files = [...world.committedFiles.get(TIP)!];
      world.committedFiles.set(TIP, new Map(files.map((file) => edit(...file))));
      assertEquals((await pushAtNoon(world, settings)).came, came);
    }
  },
);

pureTest(
  "a run that an older commit's release has overtaken says whether to run again now, or later",
  async () => {
    for (
      const [day, hint] of [
        ["2026-06-01", "that was signed while this run was at work"],
        ["2026-06-03", "that is in the future"],
      ] as const
    ) {
      const world = moved();
      await releaseUpstream(world, { of: OTHER, day });
      world.histories.set(COMMIT, [OTHER]);
      const refusal = await rejection(world.release(ORIGIN));
      assertEquals(refusal.hint?.split(":")[0], hint);
    }
  },
);

/** A world in which the first pushes find that the branch has moved to the tip. */
function moving(times: number): FakeWorld {
  const world = new FakeWorld();
  world.branch = null;
  let pushes = 0;
  world.onPush = () => {
    if (++pushes > times) return "pushed";
    world.remoteBranch = TIP;
    return "moved";
  };
  return world;
}

pureTest(
  "a push is tried again on top of where the branch is, as often as it may, and never without a pause",
  async () => {
    const world = moving(2);
    const { stages, pushedTo, releaseCommit } = await world.release(ORIGIN);
    assertEquals(world.effects.filter((effect) => /^(publish|git push|go back|fetch)/.test(effect)), [
      ...["fetch main of origin", "publish", "git push eeeeeeee to main of origin"],
      ...["fetch main of origin", "git push ffffffff to main of origin"],
      ...["fetch main of origin", "git push ffffffff to main of origin"],
      "go back from eeeeeeee to cccccccc",
    ]);
    assertEquals(world.parents, [COMMIT, TIP, TIP]);
    assertEquals(world.committed.map(({ on }) => on.moves), [true, false, false]);
    assertEquals([pushedTo, releaseCommit], [ORIGIN.gitPush, LANDED_COMMIT]);
    assertEquals((stages.at(-1)?.seconds ?? 0) > 0.2, true);
    for (const [gitPushRetries, tries] of [[0, 1], [2, 3]] as const) {
      const stubborn = moving(99);
      const { message } = await rejection(stubborn.release({ ...ORIGIN, gitPushRetries }));
      const times = `it has moved with each of ${tries} tries`;
      assertEquals(message, `Cannot push the release to "main" of "origin": ${times}`);
      assertEquals(stubborn.parents.length, tries);
    }
  },
);

pureTest(
  "what another run has put there between two tries is newer, or the same, and the branch here goes back",
  async () => {
    const back = ["publish", "git push eeeeeeee to main of origin", "go back from eeeeeeee to cccccccc"];
    const newer = moving(1);
    await releaseUpstream(newer, { of: OTHER });
    newer.histories.set(OTHER, [COMMIT]);
    // The other one's files take the place of ours.
    const given = { parents: [COMMIT, TIP], done: [...back, "publish"] };
    assertEquals(await pushAtNoon(newer), { came: "superseded", ...given });
    assertEquals(newer.committed.at(-1)?.on, { parent: TIP, moves: false, stages: true });
    // Whoever of two was the first to sign.
    for (const at of ["11:59:50", "12:00:00", "12:00:10"]) {
      const same = moving(1);
      await releaseUpstream(same, { at });
      assertEquals(await pushAtNoon(same), { came: "already-released", ...given });
      const order = ["r.sig", "r.sig", "r", "r", "fleet.resolved.json.sig", "fleet.resolved.json"];
      assertEquals(
        same.published.at(-1)!.map(({ path }) => path.replace(/^rollouts\/.*\.json/, "r")),
        order,
      );
    }
  },
);

pureTest(
  "a release upstream counts as the same only with the same sidecars, and a signature that is trusted",
  async () => {
    const settings = { revocationsAttr: "fleet.revocations" };
    const list = (notBefore: string) => [{ hostname: "web1", notBefore }];
    for (
      const [theirs, signer, came] of [
        [list("2026-01-01T00:00:00Z"), "ours", "already-released"],
        [list("2026-02-01T00:00:00Z"), "ours", "released"],
        [list("2026-01-01T00:00:00Z"), "another", "released"],
      ] as const
    ) {
      const world = moving(1);
      const key = await newSigner();
      world.signWith(key);
      world.outputs.set("fleet.revocations", list("2026-01-01T00:00:00Z"));
      await releaseUpstream(world, {
        settings,
        at: "11:59:50",
        edit: (other) => other.outputs.set("fleet.revocations", theirs),
        signer: signer === "ours" ? key : await newSigner(),
      });
      assertEquals((await pushAtNoon(world, settings)).came, came, `${theirs[0]!.notBefore} by ${signer}`);
    }
  },
);

pureTest(
  "a run pushes what is checked out and lacks upstream, and makes no second release of it",
  async () => {
    const world = new FakeWorld();
    const release = "3".repeat(40);
    await new FakeWorld().release();
    world.repositoryOf = () => ({ root: "/fleet", head: release });
    world.flake = { ...world.flake, revision: release, repositoryUrl: "git+file:///fleet" };
    world.histories.set(release, [COMMIT]);
    world.parentOfRelease = COMMIT;
    const before = new FakeWorld();
    await before.release();
    for (const [path, bytes] of before.files) world.files.set(path, bytes);
    world.committedFiles.set(
      release,
      new Map([...before.files].map(([path, bytes]) => [`releases/${path}`, bytes])),
    );
    world.releaseCommit = null;
    const { outcome, commit, pushedTo } = await world.release({ ...ORIGIN, now: "2026-06-01T12:01:00Z" });
    assertEquals([outcome, commit, pushedTo], ["pushed", COMMIT, ORIGIN.gitPush]);
    assertEquals(world.parents, [COMMIT]);
    assertEquals(world.effects.at(-1), `git push ${release.slice(0, 8)} to main of origin`);
  },
);

pureTest("a branch of its own gets the release on its tip, or begins on what is released", async () => {
  for (const [tip, parent] of [[TIP, TIP], [null, COMMIT]] as const) {
    const world = new FakeWorld();
    world.follows = false;
    world.remoteBranch = tip;
    await world.release({ gitPush: { remote: "origin", branch: "releases" } });
    assertEquals(world.committed.map(({ on }) => on), [{ parent, moves: false, stages: false }]);
  }
});

pureTest(
  "a release gets attributes of its own, and those of others are left as they are",
  async () => {
    for (
      const [there, changes, paths, codes] of [
        [undefined, true, [".gitattributes"], []],
        ["*.json text\n", true, [], ["changed-by-git"]],
        ["* -text\n", false, [], []],
      ] satisfies [string | undefined, boolean, string[], string[]][]
    ) {
      const world = new FakeWorld();
      world.changedByGit = changes;
      if (there !== undefined) world.files.set(".gitattributes", new TextEncoder().encode(there));
      await world.release({ gitCommit: true });
      assertEquals(world.committed[0]!.beside.map(({ path }) => path), paths);
      assertEquals(world.committed[0]!.files, world.published[0]);
      const found: string[] = world.warnings.map(({ code }) => code);
      assertEquals(found.filter((code) => code === "changed-by-git"), codes);
    }
    // Those that the branch has which the release goes to.
    const other = moved();
    const path = "releases/.gitattributes";
    other.committedFiles.set(TIP, new Map([[path, new TextEncoder().encode("* -text\n")]]));
    await other.release(ORIGIN);
    assertEquals(other.committed[0]!.beside, []);
    // In the root they are those of a release's files alone.
    const root = new FakeWorld();
    root.repositoryOf = () => ({ root: "/fleet/releases", head: COMMIT });
    await root.release({ gitCommit: true });
    const [attributes] = root.committed[0]!.beside;
    const patterns = new TextDecoder().decode(attributes!.bytes).split("\n").slice(1, -1);
    assertEquals(patterns.length, 9);
    assertEquals(patterns.every((line) => /^"?\/[a-z-]/.test(line)), true, patterns.join("\n"));
    const plain = new FakeWorld();
    await plain.release();
    assertEquals(plain.effects.includes("read .gitattributes"), false);
  },
);

pureTest(
  "a release is not pushed without the commit that it is of, where the branch has gone another way",
  async () => {
    const early = new FakeWorld();
    early.remoteBranch = TIP;
    const message =
      'Cannot push a release to "main" of "origin": it has commits that are not in cccccccc, and lacks ' +
      "this one";
    assertEquals((await rejection(early.release(ORIGIN))).message, message);
    assertEquals(early.effects.some((effect) => effect.startsWith("evaluate")), false);
    const late = moving(1);
    late.branch = "main";
    assertEquals((await rejection(late.release(ORIGIN))).message, message);
    // With the commit upstream it is.
    const there = moving(1);
    there.branch = "main";
    there.histories.set(TIP, [COMMIT]);
    await there.release(ORIGIN);
    assertEquals(there.committed.map(({ on }) => on.stages), [true, true]);
  },
);

pureTest("a remote that is away when the release is made loses nothing of it", async () => {
  const world = new FakeWorld();
  world.onEffect = (effect) => {
    if (effect.startsWith("fetch")) throw new ReleaseError("git", "away");
  };
  await world.release(ORIGIN);
  assertEquals([world.published.length, world.parents], [1, [COMMIT]]);
});

pureTest("what is to be reviewed is pushed when it is made, and not looked for", async () => {
  const world = new FakeWorld();
  world.releaseCommit = null;
  const review = { gitPush: { remote: "origin", branch: "refs/for/main" } };
  world.remoteBranch = null;
  assertEquals((await world.release(review)).outcome, "no-change");
});

pureTest(
  "a run for some hosts takes none away that the branch upstream has, where there is no release on disk",
  async () => {
    const world = moved();
    const key = await newSigner();
    world.signWith(key);
    await releaseUpstream(world, { signer: key, at: "11:00:00" });
    const hosts = { kind: "explicit", hosts: ["web1"] } as const;
    const { kind, message } = await rejection(world.release({ ...ORIGIN, hosts }));
    const reason = '"fleet.resolved.json" is not on disk, but in commit 11111111';
    assertEquals([kind, message], ["smoke-verify", `Cannot keep the closures of other hosts: ${reason}`]);
  },
);
