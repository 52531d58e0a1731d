import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { withSettings } from "../../../src/adapters/git/doors.ts";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { lockFlake } from "../../../src/adapters/nix/flake.ts";
import { ReleaseError } from "../../../src/errors.ts";
import { run, SYSTEM, which } from "../../support/command.ts";
import { TestFleet } from "../../support/fleet.ts";
import { evaluatedAtOnce, FLAGS, NIX, NO_FLAGS } from "../../support/nix_fleet.ts";
import { tracedShell } from "../../support/traced.ts";

/** A flake whose host is made of all that it sees of itself, its inputs, a file, and a file of a submodule. */
const FLAKE = `{
  outputs = { self, ... }: let
    # A set with an outPath is that alone in JSON.
    seen = set: removeAttrs set [ "nixosConfigurations" "outputs" "inputs" "sourceInfo" "outPath" ];
  in {
    nixosConfigurations.a.config.system.build.toplevel = derivation {
      name = "a";
      system = "${SYSTEM}";
      builder = "/bin/sh";
      view = builtins.toJSON ([
        (builtins.attrNames self) "\${self}" (builtins.readFile ./data)
        (seen self) (seen self.sourceInfo) (builtins.mapAttrs (_: seen) self.inputs)
        (builtins.pathExists ./lib/policy && builtins.readFile ./lib/policy == "hardened\\n")
      ]);
    };
  };
}`;

/** Where a flake is, and how it is asked for. */
interface Shape {
  /** Commands of the shell that make it. They begin in an empty directory, with `made` to make a flake in one. */
  readonly script: string;
  /** The directory that both programs run in, relative to where the commands begin. */
  readonly cwd: string;
  /** The reference; `@` stands for where the commands began. */
  readonly reference?: string;
  /** Files that are not what the commit has; `data, as nix reads it`: whether that is, depends on the version. */
  readonly differing?: readonly string[] | "data, as nix reads it";
  /** Whether there is a version of nix that cannot read it. */
  readonly odd?: boolean;
  /** Whether we may refuse what nix reads. */
  readonly mayBeRefused?: boolean;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  "a clean tree": { script: "made f", cwd: "f" },
  "a tree with an untracked file": { script: "made f; echo > f/new", cwd: "f" },
  "a changed tree": { script: "made f; echo more >> f/data", cwd: "f", differing: ["data"] },
  "a staged change": {
    script: "made f; cd f; echo more >> data; echo new > new; git add -A",
    cwd: "f",
    differing: ["data", "new"],
  },
  "a removed file": {
    script: "made f; cd f; echo > old; git add -A; git commit -qm old; rm old",
    cwd: "f",
    differing: ["old"],
  },
  "a branch beside the one that is checked out": {
    script: "made f; cd f; git branch old; echo more >> data; git commit -qam more; echo dirty >> data",
    cwd: "f",
    reference: ".?ref=old",
  },
  "a revision by a URL, from elsewhere": {
    script: "made f; cd f; git tag v1; echo more >> data; git commit -qam more",
    cwd: ".",
    reference: "git+file://@/f?ref=refs/tags/v1",
  },
  "a sub-directory": { script: "made f/sub f", cwd: "f/sub" },
  "a sub-directory, by a URL": { script: "made f/sub f", cwd: ".", reference: "git+file://@/f?dir=sub" },
  "a sub-directory of a changed tree": {
    script: "made f/sub f; echo more >> f/sub/data",
    cwd: "f/sub",
    differing: ["sub/data"],
    mayBeRefused: true,
  },
  "a changed tree with a flake within it": {
    script: "made f; made f/in f; depends path:./in f/in; echo more >> f/data",
    cwd: "f",
    odd: true,
  },
  "a changed tree with an input that has the flake itself": {
    script: "made f; made dep; depends git+file://$PWD/dep dep; echo more >> f/data",
    cwd: "f",
    differing: ["data"],
  },
  "submodules": {
    script: "modules f",
    cwd: "f",
    reference: ".?submodules=1",
  },
  "submodules that are not asked for": { script: "modules f", cwd: "f" },
  "submodules of a revision": {
    script: "modules f; cd f; echo more >> data; git commit -qam more",
    cwd: ".",
    reference: "git+file://@/f?submodules=1&ref=main",
  },
  "submodules of a changed tree": {
    script: "modules f; echo more >> f/data",
    cwd: "f",
    reference: ".?submodules=1",
    differing: ["data"],
  },
  "a shallow clone": { script: "made f; git clone -q --depth 1 file://$PWD/f s", cwd: "s" },
  "a shallow clone, by a URL": {
    script: "made f; git clone -q --depth 1 file://$PWD/f s",
    cwd: ".",
    reference: "git+file://@/s",
    odd: true,
  },
  "a shallow clone, by a URL that says so": {
    script: "made f; git clone -q --depth 1 file://$PWD/f s",
    cwd: ".",
    reference: "git+file://@/s?shallow=1",
  },
  "a sub-directory of a shallow clone": {
    script: "made f/sub f; git clone -q --depth 1 file://$PWD/f s",
    cwd: "s/sub",
  },
  "a shallow clone with a change": {
    script: "made f; git clone -q --depth 1 file://$PWD/f s; echo more >> s/data",
    cwd: "s",
    differing: ["data"],
  },
  "a whole clone that is called shallow": {
    script: "made f",
    cwd: ".",
    reference: "git+file://@/f?shallow=1",
  },
  "a tree with a changed mode and a changed link": {
    script:
      "made f; cd f; ln -s data link; git add -A; git commit -qm link; chmod +x data; ln -sf flake.nix link",
    cwd: "f",
    differing: ["data", "link"],
  },
  "submodules whose remote is gone": {
    script: "modules f; rm -rf lib",
    cwd: "f",
    reference: ".?submodules=1",
    odd: true,
  },
  "a linked worktree": { script: "made f; git -C f worktree add -q ../w", cwd: "w" },
  "a detached HEAD": { script: "made f; git -C f checkout -q --detach", cwd: "f" },
  "a git directory elsewhere": { script: "git init -q --separate-git-dir g f; made f", cwd: "f" },
  "a bare repository": {
    script: "made f; git clone -q --bare f b.git",
    cwd: ".",
    reference: "git+file://@/b.git?ref=main",
  },
  "a sparse checkout": {
    script: "made f; cd f; mkdir big; echo > big/x; git add -A; git commit -qm big;" +
      " git sparse-checkout set --no-cone /flake.nix /data",
    cwd: "f",
    odd: true,
  },
  "a sparse index": {
    script: "made f; cd f; mkdir -p big/er; echo > big/er/x; git add -A; git commit -qm big;" +
      " git sparse-checkout set --cone --sparse-index",
    cwd: "f",
    odd: true,
  },
  "a partial clone": {
    script:
      "made f; git -C f config uploadpack.allowFilter true; git clone -q --filter=blob:none file://$PWD/f p",
    cwd: "p",
  },
  "SHA-256": { script: "git init -q --object-format=sha256 f; made f", cwd: "f", odd: true },
  "a filter, as LFS and git-crypt have one": {
    script:
      "made f; cd f; git config filter.rot.clean 'tr a-z n-za-m'; git config filter.rot.smudge 'tr a-z n-za-m';" +
      " echo 'data filter=rot' > .gitattributes; echo plain > data; git add -A; git commit -qm rot",
    cwd: "f",
    differing: ["data"],
  },
  "a file that git is told to take for unchanged": {
    script: "made f; cd f; git update-index --assume-unchanged data; echo hidden >> data",
    cwd: "f",
    differing: "data, as nix reads it",
  },
  "a plain directory": { script: "made f; rm -rf f/.git", cwd: "f" },
  "a plain directory, by a URL": { script: "made f; echo more >> f/data", cwd: "f", reference: "path:." },
  "a copy that says where it is from": {
    script: "made f; rm -rf f/.git",
    cwd: ".",
    reference: `path:@/f?rev=${"c".repeat(40)}&revCount=7`,
  },
  "a tarball": {
    script: "made f; rm -rf f/.git; tar czf t.tar.gz f",
    cwd: ".",
    reference: "file://@/t.tar.gz",
  },
};

/**
 * `made DIR [ROOT]` makes a flake in a directory and commits it; `modules DIR` one with a submodule in it; `depends URL
 * DIR` makes the flake in a directory an input of the one in `f`, which it has as an input itself.
 */
const FUNCTIONS = `
made() {
  mkdir -p "$1"; [ -e "\${2-$1}/.git" ] || git init -q "\${2-$1}"
  printf %s "$FLAKE" > "$1/flake.nix"; echo data > "$1/data"
  git -C "$1" add -A; git -C "$1" commit -qm flake
}
modules() {
  git init -q lib; echo hardened > lib/policy; git -C lib add -A; git -C lib commit -qm lib
  made "$1"; git -C "$1" -c protocol.file.allow=always submodule --quiet add "$PWD/lib" lib
  git -C "$1" commit -qm lib
}
depends() {
  echo '{ inputs.up.url = "path:/none"; outputs = { up, ... }: { seen = removeAttrs up.sourceInfo [ "outPath" ]; }; }' \
    > "$2/flake.nix"
  git -C "$2" add -A; git -C "$2" commit -qm up
  sed -i "1s|$| inputs.dep.url = \\"$1\\"; inputs.dep.inputs.up.follows = \\"\\";|" f/flake.nix
  git -C f add -A; nix --extra-experimental-features "nix-command flakes" flake lock ./f
  git -C f add -A; git -C f commit -qm dep
}`;

let world: TestFleet;
Deno.test.beforeAll(async () => {
  world = await TestFleet.create({ git: false });
});
Deno.test.afterAll(() => world[Symbol.asyncDispose]());

/** The cache of what was fetched is each one's own: what one of them has found under a name is not found by the other. */
function envOf(cache: string): Record<string, string> {
  const settings = [["protocol.file.allow", "always"], ["init.defaultBranch", "main"]] as const;
  return withSettings({ ...world.env(), XDG_CACHE_HOME: cache }, settings);
}

for (const [what, shape] of Object.entries(SHAPES)) {
  Deno.test(`a flake in ${what} evaluates to what nix builds there, or is refused`, async () => {
    const root = await Deno.makeTempDir({ dir: world.root });
    const env = envOf(join(root, "cache"));
    const script = [which("sh"), "-ec", `${FUNCTIONS}\n${shape.script}`];
    const made = await run(script, { cwd: root, env: { ...env, FLAKE } });
    assertEquals(made.code, 0, made.stderr);
    const cwd = join(root, shape.cwd);
    const reference = (shape.reference ?? ".").replace("@", root);
    const toplevel = `${reference}#nixosConfigurations.a.config.system.build.toplevel.drvPath`;
    const wanted = await run([NIX, ...FLAGS, "eval", "--raw", toplevel], { cwd, env });
    assert(wanted.code === 0 || shape.odd, wanted.stderr);

    const nix = nixContext(tracedShell(cwd).shell, envOf(join(root, "cache of ours")), NO_FLAGS);
    const flake = await lockFlake(nix, reference).catch((error: unknown) => {
      if (error instanceof ReleaseError) return error;
      throw error;
    });
    if (flake instanceof ReleaseError) {
      assert(wanted.code !== 0 || shape.mayBeRefused, Deno.inspect(flake));
      assertEquals(flake.kind, "evaluation");
      assert(flake.hint !== undefined || flake.lines !== undefined, flake.message);
      return;
    }
    const given = await evaluatedAtOnce(nix, { flake, hosts: [{ name: "a", kind: "nixos" }] });
    assertEquals(given.error, null);
    assertEquals([given.told[0]?.drvPath, wanted.code], [wanted.stdout, 0], wanted.stderr);
    if (shape.odd) return;
    const differing = typeof shape.differing === "string"
      ? await differingData(flake.storePath, cwd, env)
      : shape.differing ?? [];
    assertEquals(flake.differing.toSorted(), differing);
  });
}

/** The file `data`, when a copy has another content of it than the current commit. */
async function differingData(copy: string, cwd: string, env: Record<string, string>): Promise<string[]> {
  const committed = await run([which("git"), "show", "HEAD:data"], { cwd, env });
  assertEquals(committed.code, 0, committed.stderr);
  return committed.stdout === await Deno.readTextFile(join(copy, "data")) ? [] : ["data"];
}
