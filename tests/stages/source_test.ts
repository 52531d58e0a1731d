import { assertEquals } from "@std/assert";
import { COMMIT, FakeWorld, lockedAt, UNVERIFIED } from "../support/fake_ports.ts";
import { ReleaseError } from "../../src/errors.ts";
import { pureTest, rejection } from "../support/pure.ts";
import { newSigner } from "../support/signed_release.ts";

/** A world whose flake nix cannot lock to a commit. */
function unlocked(more: { dirty?: boolean; inGit?: boolean; head?: string | null } = {}): FakeWorld {
  const { dirty = false, inGit = true, head = COMMIT } = more;
  const world = new FakeWorld();
  world.flake = { ...lockedAt("path:/nix/store/x-source", null, "/fleet"), dirty };
  world.repositoryOf = () => inGit ? { root: "/fleet", head } : null;
  return world;
}

const UNLOCKED: [
  claim: string,
  world: () => FakeWorld,
  reason: string,
  code: string,
  commit: string | null,
][] = [
  [
    "a tree with changes",
    () => unlocked({ dirty: true }),
    "there are changes that are not committed",
    "dirty-tree",
    COMMIT,
  ],
  [
    "a tree with changes and no commit yet",
    () => unlocked({ dirty: true, head: null }),
    "there are changes that are not committed",
    "dirty-tree",
    null,
  ],
  ["a flake outside git", () => unlocked({ inGit: false }), "it is not in git", "no-commit", null],
  [
    "a plain directory within a repository",
    () => unlocked(),
    '"." is read as a plain directory',
    "no-commit",
    COMMIT,
  ],
];

for (const [what, world, reason, code, commit] of UNLOCKED) {
  pureTest(`the program releases ${what}, and warns of what that means`, async () => {
    const { commit: released, warnings } = await world().release();
    assertEquals(released, commit);
    assertEquals(warnings, [{
      code,
      message: `The source has no locked revision (${reason}): ${
        commit === null
          ? "the release names no commit"
          : "the release names commit cccccccc, which need not contain what is built"
      }`,
    }, UNVERIFIED]);
  });

  pureTest(`the program refuses ${what} with --require-clean`, async () => {
    const refusing = world();
    assertEquals(await rejection(refusing.release({ requireClean: true })), {
      kind: "usage",
      message: `Cannot release "." with --require-clean: ${reason}`,
      hint: code === "dirty-tree"
        ? "commit or stash the changes"
        : "give a flake reference that nix locks to a commit",
    });
    assertEquals(refusing.effects, ["lock .", "repository of /fleet"]);
  });
}

pureTest("the program releases a clean tree with --require-clean", async () => {
  const { commit, warnings } = await new FakeWorld().release({ requireClean: true });
  assertEquals([commit, warnings], [COMMIT, [UNVERIFIED]]);
});

pureTest("the program names the commit that nix locked, not the one that HEAD names by then", async () => {
  const world = new FakeWorld();
  world.repositoryOf = () => ({ root: "/fleet", head: "d".repeat(40) });
  assertEquals((await world.release()).commit, COMMIT);
  assertEquals(world.evaluated.map(({ url }) => url), [world.flake.url]);
});

pureTest("the program releases a flake of another machine, and looks for no repository", async () => {
  const world = new FakeWorld();
  world.flake = { ...world.flake, url: `github:org/fleet/${COMMIT}`, localDir: null };
  assertEquals((await world.release({ buildFlake: "github:org/fleet" })).commit, COMMIT);
  assertEquals(world.effects.slice(0, 2), ["lock github:org/fleet", "inventory fleet.resolved"]);
});

const OUTSIDE = {
  kind: "usage" as const,
  message: 'Cannot commit "releases": it is outside the repository of the flake',
  hint: "give a --release-dir within /fleet, or leave out --git-commit and --git-push",
};
const NOT_LOCAL = {
  kind: "usage" as const,
  message: 'Cannot commit the release: "." is not in a local git repository',
  hint: "run it on a checkout of the fleet, or leave out --git-commit and --git-push",
};

const UNCOMMITTABLE: [claim: string, prepare: (world: FakeWorld) => void, said: typeof OUTSIDE][] = [
  ["a flake outside git", (world) => world.repositoryOf = () => null, NOT_LOCAL],
  ["a flake of another machine", (world) => world.flake = { ...world.flake, localDir: null }, NOT_LOCAL],
  [
    "a release directory outside the repository",
    (world) => world.realPath = { path: "/srv/releases", existing: "/srv" },
    OUTSIDE,
  ],
  [
    "a release directory beside the repository whose name begins alike",
    (world) => world.realPath = { path: "/fleet2/releases", existing: "/fleet2" },
    OUTSIDE,
  ],
  ["a release directory that is the repository's parent", (world) => {
    world.realPath = { path: "/", existing: "/" };
  }, OUTSIDE],
  ["a release directory in a repository within the repository", (world) => {
    world.realPath = { path: "/fleet/sub/releases", existing: "/fleet/sub" };
    world.repositoryOf = (dir) => ({ root: dir === "/fleet/sub" ? "/fleet/sub" : "/fleet", head: COMMIT });
  }, OUTSIDE],
  ...["fleet.resolved.json", "revocations.json.sig", "rollouts/"].map((
    ignored,
  ): (typeof UNCOMMITTABLE)[number] => [
    `a release directory of which git ignores ${ignored}`,
    (world) => world.ignored = ignored,
    {
      kind: "usage",
      message: `Cannot commit "releases": git ignores "releases/${ignored.replace(/\/$/, "/manifest.json")}"`,
      hint:
        "take it out of the file that `git check-ignore -v` names (.gitignore, mostly), or give another --release-dir",
    },
  ]),
];

for (const [claim, prepare, said] of UNCOMMITTABLE) {
  pureTest(`the program refuses to commit ${claim}, before anything is evaluated`, async () => {
    for (const settings of [{ gitCommit: true }, { gitPush: { remote: "origin", branch: "main" } }]) {
      const world = new FakeWorld();
      prepare(world);
      const sidecars = { revocationsAttr: "fleet.revocations" };
      assertEquals(await rejection(world.release({ ...settings, ...sidecars })), said);
      assertEquals(world.effects.filter((effect) => /^(inventory|evaluate|build|publish)/.test(effect)), []);
    }
  });
}

pureTest("the program commits a release whatever git ignores that it does not write", async () => {
  for (const ignored of ["revocations.json", "bootstrap-nonces.json.sig", "release-index.json"]) {
    const world = new FakeWorld();
    world.ignored = ignored;
    assertEquals([ignored, (await world.release({ gitCommit: true })).outcome], [ignored, "released"]);
  }
});

/** Releases into this directory of the repository `/fleet`, and commits it. */
async function outcomeIn(path: string): Promise<string> {
  const world = new FakeWorld();
  world.realPath = { path, existing: "/fleet" };
  return (await world.release({ gitCommit: true })).outcome;
}

const OTHER = "d".repeat(40);
const ORIGIN = { gitPush: { remote: "origin", branch: "main" } };

/** Checkouts of another commit than is released, and what is said of them. */
const ELSEWHERE: [claim: string, prepare: (world: FakeWorld) => void, settings: object, where: string][] = [
  ["a branch", () => {}, { gitCommit: true }, 'the branch "main" is checked out, which is at dddddddd'],
  ["no branch", (world) => world.branch = null, { gitCommit: true }, "HEAD is at dddddddd"],
  [
    "a branch of which the remote has less",
    (world) => {
      world.branch = "feature";
      world.histories.set(OTHER, [COMMIT]);
    },
    ORIGIN,
    'the branch "feature" is checked out, which is at dddddddd',
  ],
  [
    "a branch without a commit",
    (world) => {
      world.repositoryOf = () => ({ root: "/fleet", head: null });
      world.remoteBranch = null;
    },
    ORIGIN,
    'the branch "main" is checked out, which has no commit yet',
  ],
];

for (const [claim, prepare, settings, where] of ELSEWHERE) {
  pureTest(`the program refuses to commit a release on top of another commit, on ${claim}`, async () => {
    const world = new FakeWorld();
    world.repositoryOf = () => ({ root: "/fleet", head: OTHER });
    prepare(world);
    assertEquals(await rejection(world.release(settings)), {
      kind: "usage",
      message: `Cannot commit the release of cccccccc: ${where}`,
      hint:
        "check cccccccc out, or leave out --git-commit and --git-push. On top of another commit it can be committed " +
        "only where the branch of --git-push is at that commit, too",
    });
    assertEquals(world.effects.filter((effect) => /^(inventory|evaluate|build|publish)/.test(effect)), []);
  });
}

pureTest("the program commits on top of another commit where the remote has that already", async () => {
  const world = new FakeWorld();
  world.repositoryOf = () => ({ root: "/fleet", head: OTHER });
  world.remoteBranch = OTHER;
  const { commit, pushedTo } = await world.release(ORIGIN);
  assertEquals([commit, pushedTo], [COMMIT, ORIGIN.gitPush]);
  assertEquals(world.parents, [OTHER]);
});

pureTest(
  "the program commits what is released on top of it, wherever the remote's branch was before",
  async () => {
    const world = new FakeWorld();
    world.remoteBranch = OTHER;
    world.histories.set(COMMIT, [OTHER]);
    await world.release(ORIGIN);
    await world.release({ gitCommit: true });
    const dirty = unlocked({ dirty: true, head: OTHER });
    dirty.remoteBranch = null;
    await dirty.release(ORIGIN);
    assertEquals([...world.parents, ...dirty.parents], [COMMIT, COMMIT, OTHER]);
  },
);

pureTest("the program commits a release directory that is the repository itself, or deep in it", async () => {
  for (const path of ["/fleet", "/fleet/releases", "/fleet/a/b/c"]) {
    assertEquals(await outcomeIn(path), "released", path);
  }
});

pureTest("the program commits a release directory whose name begins with two dots", async () => {
  assertEquals(await outcomeIn("/fleet/..releases"), "released");
});

const COPIED = "which nix copies to where everybody on this machine can read it";

/** Where a signing key really is, what nix copies, and what git tracks; and what is said of it, if it is refused. */
const KEYS: [claim: string, prepare: (world: FakeWorld) => string, hint: string | null][] = [
  ["a key outside of the source", () => "/home/me/release.pem", null],
  ["a key in a directory whose name begins alike", () => "/fleet2/release.pem", null],
  ["an untracked key in a git repository", () => "/fleet/release.pem", null],
  ["a key that git tracks", (world) => {
    world.tracked = ["keys/release.pem"];
    return "/fleet/keys/release.pem";
  }, 'git tracks the key: keep it outside of "/fleet", and make a new one, since others may have it'],
  ["a key that a submodule tracks", (world) => {
    world.repositoryOf = (dir) => ({
      root: dir.startsWith("/fleet/sub") ? "/fleet/sub" : "/fleet",
      head: COMMIT,
    });
    world.tracked = ["sub", "release.pem"];
    return "/fleet/sub/release.pem";
  }, 'git tracks the key: keep it outside of "/fleet", and make a new one, since others may have it'],
  ["a key that another repository tracks, which lies in this one and is no submodule", (world) => {
    world.repositoryOf = (dir) => ({
      root: dir.startsWith("/fleet/own") ? "/fleet/own" : "/fleet",
      head: COMMIT,
    });
    world.tracked = ["release.pem"];
    return "/fleet/own/release.pem";
  }, null],
  ["a key in .git", (world) => {
    world.repositoryOf = (dir) => dir.startsWith("/fleet/.git") ? null : { root: "/fleet", head: COMMIT };
    return "/fleet/.git/keys/release.pem";
  }, null],
  ["any key in a plain directory", (world) => {
    world.sourceOf = () => ({ root: "/fleet", inGit: false, revision: null });
    return "/fleet/deep/in/it/release.pem";
  }, 'nix copies all of "/fleet": keep the key outside of it'],
  ["a key beside a flake of another machine", (world) => {
    world.sourceOf = () => null;
    world.tracked = ["release.pem"];
    return "/fleet/release.pem";
  }, null],
];

for (const [claim, prepare, hint] of KEYS) {
  pureTest(
    `the program ${hint === null ? "signs with" : "refuses"} ${claim}, before nix copies anything`,
    async () => {
      const world = new FakeWorld();
      world.signWith(await newSigner());
      world.realPaths.set("link.pem", prepare(world));
      const run = world.release({ signCmd: undefined, signKey: "link.pem" });
      if (hint === null) return assertEquals((await run).outcome, "released");
      const message = `The signing key "link.pem" is part of the source of the flake ".", ${COPIED}`;
      assertEquals(await rejection(run), { kind: "usage", message, hint });
      assertEquals(world.effects.filter((effect) => effect.startsWith("lock")), []);
    },
  );
}

pureTest("the program does not look for a key that is in a variable or comes through a pipe", async () => {
  const world = new FakeWorld();
  world.signWith(await newSigner());
  world.sourceOf = () => ({ root: "/", inGit: false, revision: null });
  for (const signKey of ["env:KEY", "/dev/fd/3"]) await world.release({ signCmd: undefined, signKey });
  assertEquals(world.published.length, 2);
});

pureTest("the program refuses a key that the source of pinned hosts has", async () => {
  const world = new FakeWorld();
  world.signWith(await newSigner());
  world.realPaths.set("k.pem", "/fleet/k.pem");
  world.fleet["hosts"].db.pin = { commit: "a".repeat(40), reason: "audit" };
  world.sourceOf = (reference) => {
    const revision = /rev=(\w+)/.exec(reference)?.[1] ?? null;
    world.tracked = revision === null ? [] : ["k.pem"];
    return { root: "/fleet", inGit: true, revision };
  };
  const settings = { signCmd: undefined, signKey: "k.pem", pinSourceUrl: "git+file:///fleet" };
  const { kind, message } = await rejection(world.release(settings));
  const pinned = `git+file:///fleet?allRefs=1&rev=${"a".repeat(40)}`;
  assertEquals([kind, message], [
    "usage",
    `The signing key "k.pem" is part of the source of the flake "${pinned}", ${COPIED}`,
  ]);
});

pureTest(
  "the program refuses to commit what git never tracks, or what servers refuse, before anything is evaluated",
  async () => {
    const named: [path: string, settings: object, shown: string][] = [
      ["/fleet/.git/releases", {}, ".git/releases/fleet.resolved.json"],
      ["/fleet/a/.git", {}, "a/.git/fleet.resolved.json"],
      ["/fleet/.gitmodules", {}, ".gitmodules/fleet.resolved.json"],
      ["/fleet/a/GITMOD~1/b", {}, "a/GITMOD~1/b/fleet.resolved.json"],
      ["/fleet/releases", { artifactName: "gitmod~1" }, "releases/gitmod~1"],
    ];
    for (const [path, settings, shown] of named) {
      const world = new FakeWorld();
      world.realPath = { path, existing: "/fleet" };
      assertEquals(await rejection(world.release({ gitCommit: true, ...settings })), {
        kind: "usage",
        message: `Cannot commit "releases": git takes no "${shown}"`,
        hint:
          "names such as .git, or what some file system takes for them, are git's own: give another --release-dir " +
          "or --artifact-name",
      });
      assertEquals(world.effects.filter((effect) => /^(inventory|evaluate|build|publish)/.test(effect)), []);
    }
  },
);

pureTest("the program names the changes that are not committed", async () => {
  const world = unlocked({ dirty: true });
  world.flake = { ...world.flake, differing: ["flake.nix", "releases/notes"] };
  const reason = 'there are changes that are not committed: "flake.nix", "releases/notes"';
  assertEquals((await world.release()).warnings[0]?.message.includes(`(${reason})`), true);
  assertEquals(
    (await rejection(world.release({ requireClean: true }))).message,
    `Cannot release "." with --require-clean: ${reason}`,
  );
});

const LEFT = ["releases/fleet.resolved.json", `releases/rollouts/${"a".repeat(64)}.json.sig`];
const AT_HEAD = `git+file:///fleet?allRefs=1&rev=${COMMIT}`;

/** A world of which a run that was interrupted has left changed release files. */
function leftBehind(...differing: string[]): FakeWorld {
  const world = unlocked({ dirty: true });
  world.flake = { ...world.flake, differing, repositoryUrl: "git+file:///fleet" };
  return world;
}

pureTest(
  "the program releases the commit when an earlier run has left release files that are not committed",
  async () => {
    const world = leftBehind(...LEFT);
    const { commit, flake, warnings } = await world.release({ requireClean: true });
    assertEquals([commit, flake], [COMMIT, AT_HEAD]);
    assertEquals(world.effects.filter((effect) => effect.startsWith("lock")), ["lock .", `lock ${AT_HEAD}`]);
    assertEquals(warnings, [{
      code: "release-left-behind",
      message:
        "The only changes that are not committed are of release files, as a run that was interrupted leaves them (" +
        `"${LEFT[0]}", "${LEFT[1]}"): what is released is commit cccccccc`,
    }, UNVERIFIED]);
  },
);

const EDITED: Record<string, FakeWorld> = {
  "a file of the user's own beside them": leftBehind(...LEFT, "flake.nix"),
  "a file in the release directory that is none of the release's": leftBehind(...LEFT, "releases/README.md"),
  "a release file of another directory": leftBehind("other/fleet.resolved.json"),
  "no file that git knows of": leftBehind(),
};

const withSubmodules = leftBehind(...LEFT);
withSubmodules.flake = { ...withSubmodules.flake, repositoryUrl: "git+file:///fleet?submodules=1" };
EDITED["submodules, maybe"] = withSubmodules;

for (const [what, world] of Object.entries(EDITED)) {
  pureTest(`the program takes a tree for changed that has changes in ${what}`, async () => {
    const { warnings } = await world.release();
    assertEquals(warnings.map(({ code }) => code), ["dirty-tree", "unverified-signatures"]);
  });
}

pureTest(
  "the program names the files that git gives other contents, and refuses them with --require-clean",
  async () => {
    const world = new FakeWorld();
    world.flake = { ...world.flake, differing: ["secrets/a", "b"] };
    const problem = 'git gives 2 files other contents than commit cccccccc has: "secrets/a", "b"';
    const { warnings } = await world.release();
    assertEquals(warnings[0], {
      code: "filtered-files",
      message: `The source is not what its commit says: ${problem}. The closures are of the former`,
    });
    world.effects.length = 0;
    assertEquals(await rejection(world.release({ requireClean: true })), {
      kind: "usage",
      message: `Cannot release "." with --require-clean: ${problem}`,
      hint:
        "its attributes or filters (LFS, git-crypt, line ends) change them, or `git update-index` hides a change",
    });
    assertEquals(world.effects, ["lock ."]);
  },
);

pureTest("the program names the settings of the flake that nix passes over", async () => {
  const world = new FakeWorld();
  const passedOver = ["extra-substituters", "cores"];
  world.flake = { ...world.flake, nixConfig: { used: [["max-jobs", "1"]], passedOver } };
  assertEquals((await world.release()).warnings[0], {
    code: "flake-config",
    message: 'The nixConfig of "." sets "extra-substituters", "cores", which nix passes over: ' +
      "with --accept-flake-config it goes by that",
  });
});
pureTest(
  "a directory that nix cannot be told of is refused with what its name has to do with it",
  async () => {
    const refused = async (directory: string, hint?: string) => {
      const world = new FakeWorld();
      world.referTo = (text) => ({ text: `${text}?rev=x`, directory });
      world.lockPin = () => {
        throw new ReleaseError("evaluation", "Cannot read the flake", { lines: ["| why"], hint });
      };
      return await rejection(world.release());
    };
    const said = { kind: "evaluation" as const, message: "Cannot read the flake", lines: ["| why"] };
    const hint =
      "older versions of nix read no path with such characters in it: give the directory another name";
    assertEquals(await refused("/srv/a#b"), { ...said, hint });
    assertEquals(await refused("/srv/a#b", "lock it"), { ...said, hint: "lock it" });
    assertEquals(await refused("/srv/ab"), said);
  },
);
