// What people do wrong at first, by mistake: each message has to say what is wrong, where it is, and how to mend it.

import { assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import { ADOPTING, FORM, SMALLEST_FLEET } from "../../src/plan/smallest_fleet.ts";
import { parsePublicKey } from "../../src/crypto/private_key.ts";
import { type Draft, KEY, PUBLIC_KEY, TestFleet } from "../support/fleet.ts";
import { SharedFleets } from "../support/key_release.ts";
import { expectRefused, inGeneral, type Refusal, writeEarlierRelease } from "../support/refusal.ts";
import { contents, editFleet, flakeOf, shell } from "../support/releases.ts";
import { trustBytes } from "../support/trust.ts";

/** Something that people do, and what they are told. */
interface Mistake {
  /** What was done, for the test's name. */
  readonly made: string;
  /** Does it, in the fleet: a script of the shell that is run in its directory, or code. */
  readonly by?: string | ((fleet: TestFleet) => Promise<unknown>);
  /** Arguments behind those that sign and verify; `ROOT` stands for the test's directory. */
  readonly args?: readonly string[];
  /** All of the arguments. */
  readonly allArgs?: readonly string[];
  readonly env?: Record<string, string>;
  /** In its message `SHORT` stands for the beginning of the commit. */
  readonly refusal: Refusal;
}

/** The fleet of all tests here, which each leaves as it was committed. */
const fleets = new SharedFleets({ sample: () => TestFleet.create() });
Deno.test.afterAll(() => fleets[Symbol.asyncDispose]());

const SIGNING = ["--sign-key", "env:RELEASE_KEY", "--public-key", PUBLIC_KEY];
const RELEASE_KEY = await Deno.readTextFile(KEY);

/** Lets a test change the fleet, and takes all of it back. */
async function inFleet(test: (fleet: TestFleet) => Promise<void>): Promise<void> {
  const fleet = await fleets.get("sample");
  const head = await fleet.head();
  const config = await Deno.readTextFile(join(fleet.dir, ".git/config"));
  const beside = new Set([...Deno.readDirSync(fleet.root)].map(({ name }) => name));
  try {
    await test(fleet);
  } finally {
    await fleet.write({ ".git/config": config });
    await fleet.git("reset", "-q", "--hard", head);
    await fleet.git("clean", "-q", "-ffdx");
    for (const { name } of [...Deno.readDirSync(fleet.root)]) {
      if (!beside.has(name)) await Deno.remove(join(fleet.root, name), { recursive: true });
    }
  }
}

function testMistakes(mistakes: readonly Mistake[]): void {
  for (const { made, by = "", args = [], allArgs, env = {}, refusal } of mistakes) {
    Deno.test(`the program tells a newcomer of ${made}, and writes nothing`, () =>
      inFleet(async (fleet) => {
        await (typeof by === "string" ? by !== "" && shell(fleet, by) : by(fleet));
        const onlyArgs = (allArgs ?? [...SIGNING, ...args]).map((arg) => arg.replace("ROOT", fleet.root));
        const message = refusal.message.replace("SHORT", (await fleet.head()).slice(0, 8));
        await expectRefused(fleet, { onlyArgs, env: { RELEASE_KEY, ...env } }, { ...refusal, message });
      }));
  }
}

/** Commits files. */
function committing(files: Record<string, string>): (fleet: TestFleet) => Promise<unknown> {
  return async (fleet) => {
    await fleet.write(files);
    await fleet.commit("a mistake");
  };
}

/** Commits the flake with other hosts, as {@linkcode flakeOf} takes them. */
function committingHosts(hosts: string): (fleet: TestFleet) => Promise<unknown> {
  return committing({ "flake.nix": flakeOf(hosts) });
}

/** Commits a change of the fleet's JSON. */
function committingFleet(edit: (draft: Draft) => void): (fleet: TestFleet) => Promise<unknown> {
  return async (fleet) => {
    await editFleet(fleet, edit);
    await fleet.commit("a mistake");
  };
}

const FLEET_HEAD = 'Cannot evaluate the fleet of ".": nix exited with 1';
const NO_INPUT: Refusal = {
  message: 'Cannot read the flake ".": nix exited with 1',
  including: ["flake input 'nixpkgs'"],
  hint: "an input that is not locked is refused: run `nix flake lock`, and commit flake.lock",
};
const WITH_INPUT =
  `sed -i.old 's,outputs = ,inputs.nixpkgs.url = "git+file:///nowhere"; &,' flake.nix && rm *.old`;

testMistakes([
  {
    made: "a flake.nix that git does not track",
    by: "git rm -q --cached flake.nix && git commit -q -m untracked",
    refusal: {
      message: 'Cannot read the flake ".": there is no "flake.nix" in its source',
      hint: "nix sees what git tracks: if it is there, `git add flake.nix` shows it to nix",
    },
  },
  {
    made: "a file that the flake reads and git does not track",
    by: "git rm -q --cached fleet.json && git commit -q -m untracked",
    refusal: {
      message: FLEET_HEAD,
      including: ["'fleet.json'", " at flake.nix:4:37"],
      hint: 'git does not track "fleet.json", so nix does not see it: git add fleet.json',
    },
  },
  {
    made: "a file that the flake reads and a submodule has",
    by: `git init -q ../module && cp fleet.json ../module && git -C ../module add . &&
      git -C ../module commit -q -m module && git rm -q fleet.json &&
      git -c protocol.file.allow=always submodule --quiet add ../module module &&
      sed -i.old 's,[.]/fleet.json,./module/fleet.json,' flake.nix && rm *.old && git commit -q -a -m module`,
    refusal: {
      message: FLEET_HEAD,
      including: ["module/fleet.json"],
      hint:
        'nix leaves out the submodule "module" unless the reference says otherwise, as in --build-flake ' +
        "'.?submodules=1'",
    },
  },
  {
    made: "a directory that the flake lists and git does not track",
    by: `mkdir -p modules/web && echo '{ }' > modules/web/default.nix
      sed -i.old 's,= read ./hosts.json,= builtins.seq (builtins.readDir ./modules) (read ./hosts.json),' flake.nix
      rm *.old && git commit -q -a -m untracked`,
    refusal: {
      message: FLEET_HEAD,
      including: ["modules", "at flake.nix:5:"],
      hint: 'git does not track "modules", so nix does not see it: git add modules',
    },
  },
  {
    made: "a directory that a host imports and git does not track",
    by: `mkdir -p modules/web && echo '{ }' > modules/web/default.nix
      sed -i.old 's,= toplevel name;,= if name == "db" then import ./modules/web else toplevel name;,' flake.nix
      rm *.old && git commit -q -a -m untracked`,
    refusal: {
      message: 'Cannot evaluate 1 host: "db"',
      including: ['host "db":', "at flake.nix:14:"],
      hint: 'git does not track "modules/web", so nix does not see it: git add modules/web; ' +
        "to release the others: --hosts auto:exclude=db",
    },
  },
  {
    made: "a flake that is not locked",
    by: `${WITH_INPUT} && git commit -q -a -m input`,
    refusal: NO_INPUT,
  },
  {
    made: "a lock file that lacks an input",
    by: `${WITH_INPUT} && echo '{"nodes": {"root": {}}, "root": "root", "version": 7}' > flake.lock
      git add -A && git commit -q -m input`,
    refusal: NO_INPUT,
  },
  {
    made: "a syntax error",
    by: committing({ "flake.nix": "{\n  outputs = _: {" }),
    refusal: {
      message: 'Cannot read the flake ".": nix exited with 1',
      including: ["error: syntax error", "  at flake.nix:2:"],
    },
  },
  {
    made: "changes that are not committed",
    by: "echo '# changed' >> flake.nix; echo changed >> README; git add README",
    args: ["--require-clean"],
    refusal: {
      message: 'Cannot release "." with --require-clean: there are changes that are not committed: ' +
        '"README", "flake.nix"',
      hint: "commit or stash the changes",
    },
  },
  {
    made: "changes beside what an interrupted run has left, and tells them apart",
    by: async (fleet) => {
      await writeEarlierRelease(fleet);
      await shell(fleet, "git add releases && echo '# changed' >> flake.nix");
    },
    args: ["--require-clean"],
    refusal: {
      message: 'Cannot release "." with --require-clean: there are changes that are not committed: ' +
        '"flake.nix", and 6 release files that a run has left',
      hint: "commit or stash the changes; the release files can stay",
    },
  },
]);

const NO_FLAKE_THERE =
  "name the directory of its flake.nix, or the repository that has it at its root: with --build-flake the fleet's";

testMistakes([
  {
    made: "a directory that does not exist",
    args: ["--build-flake", "../elsewhere"],
    refusal: {
      message: 'Cannot read the flake "../elsewhere": there is no directory "ROOT/elsewhere"',
      hint: NO_FLAKE_THERE,
    },
  },
  {
    made: "a directory that does not exist below one with a flake, which is not released instead",
    args: ["--build-flake", "./elsewhere"],
    refusal: {
      message: 'Cannot read the flake "./elsewhere": there is no directory "ROOT/fleet/elsewhere"',
      hint: NO_FLAKE_THERE,
    },
  },
  {
    made: "a directory without a flake",
    by: "mkdir ../empty",
    args: ["--build-flake", "../empty"],
    refusal: {
      message:
        'Cannot read the flake "../empty": there is no flake.nix in "ROOT/empty", nor above it in its repository',
      hint: NO_FLAKE_THERE,
    },
  },
  {
    made: "a bare repository",
    by: "git init -q --bare ../fleet.git",
    args: ["--build-flake", "../fleet.git"],
    refusal: {
      message:
        'Cannot read the flake "../fleet.git": there is no flake.nix in "ROOT/fleet.git", nor above it in ' +
        "its repository",
      hint: "it is a bare git repository: give it as git+file://ROOT/fleet.git?ref=BRANCH",
    },
  },
  {
    made: "a name that no registry has",
    by: `echo '{"version": 2, "flakes": []}' > ../registry.json`,
    args: ["--build-flake", "elsewhere", "--option", "flake-registry", "ROOT/registry.json"],
    refusal: {
      message: 'Cannot read the flake "elsewhere": the registries have no entry for "elsewhere"',
      hint: '"elsewhere" is no directory here: give the path of one, or the reference that it stands for; ' +
        "`nix registry list` shows the registries",
    },
  },
  {
    made: "a file in place of a flake",
    args: ["--build-flake", "fleet.json"],
    refusal: {
      message: 'Cannot read the flake "fleet.json": nix exited with 1',
      including: ["fleet.json"],
      hint: "give the directory of the flake.nix, as in ./fleet, or a flake reference, as in " +
        "github:OWNER/REPOSITORY",
    },
  },
  {
    made: "a host that is named as in nix build",
    args: ["--build-flake", ".#web1"],
    refusal: {
      message: 'Cannot use --build-flake ".#web1": "#web1" names an attribute, expected a flake',
      hint: "leave it out; --hosts says which hosts are released",
    },
  },
]);

const AT_FLEET = ".#fleet.resolved";

testMistakes([
  {
    made: "a flake that does not say who is in the fleet",
    by: "sed -i.old 's/resolved = read/other = read/' flake.nix && rm *.old && git commit -q -a -m none",
    refusal: {
      message: `The flake has no attribute "${AT_FLEET}", which --fleet-resolved-attr names`,
      at: AT_FLEET,
      lines: ["the smallest that is valid:", ...SMALLEST_FLEET.map((line) => `  ${line}`)],
      hint: `add it to the flake's outputs, or give another --fleet-resolved-attr; ${ADOPTING} explains it`,
    },
  },
  {
    made: "a fleet that is null",
    by: committing({ "fleet.json": "null" }),
    refusal: {
      message: `The flake has no attribute "${AT_FLEET}", which --fleet-resolved-attr names: it is null`,
      at: AT_FLEET,
      hint: "add it to the flake's outputs, or give another --fleet-resolved-attr",
    },
  },
  {
    made: "a fleet that is a list",
    by: committing({ "fleet.json": "[]" }),
    refusal: {
      message: "Cannot read the fleet: it is a list, expected an object",
      at: "fleet",
      hint: `what it has to look like: ${FORM}`,
    },
  },
  {
    made: "a duration with a unit, and a host without a channel",
    by: committingFleet(({ hosts, channels }) => {
      channels.stable.freshnessWindow = "1d";
      delete hosts.db.channel;
    }),
    refusal: {
      message: 'Cannot read the fleet: "hosts.db.channel" is missing',
      at: "hosts.db.channel",
      lines: ['also: "channels.stable.freshnessWindow" is "1d", expected an integer from 0 to 4294967295'],
      hint: `what it has to look like: ${FORM}`,
    },
  },
  {
    made: "a flake without hosts",
    by: committing({ "hosts.json": '{"nixos": [], "darwin": []}' }),
    refusal: {
      message: "No hosts to release",
      hint: "the flake must have a host in nixosConfigurations or darwinConfigurations",
    },
  },
  {
    made: "hosts that do not evaluate, each with its own reason",
    by: committingHosts(`{
      asserting = host (throw "\\nFailed assertions:\\n\${
        builtins.concatStringsSep "\\n" (builtins.genList (i: "- number \${toString i}!") 30)
      }");
      bare = { };
      good = host (build "good" "echo > $out");
      lacking = host { }.kernel;
      throwing = host (throw "the disk is too small");
    }`),
    refusal: {
      message: 'Cannot evaluate 4 hosts: "asserting", "bare", "lacking", "throwing"',
      including: [
        'host "asserting":',
        ...Array.from({ length: 30 }, (_, index) => `  | - number ${index}!`),
        'host "bare":',
        "does not provide attribute 'nixosConfigurations.bare.config.system.build.toplevel'",
        'host "lacking":',
        "attribute 'kernel' missing",
        "|   at flake.nix:18:",
        'host "throwing":',
        "  | error: the disk is too small",
      ],
      hint: "to release the others: --hosts auto:exclude=asserting,bare,lacking,throwing",
    },
  },
  {
    made: "hosts that cannot be built, with what they need and its log",
    by: committingHosts(`let
      kernel = build "kernel" "echo there is no firmware; exit 1";
      on = name: host (build name "echo \${kernel} > $out");
    in { a = on "a"; b = on "b"; good = host (build "good" "echo > $out"); }`),
    refusal: {
      message: 'Cannot build hosts "a", "b": nix-store exited with 100',
      including: [
        'kernel.drv failed, which 2 hosts need: "a", "b"',
        "  | there is no firmware",
        "failed with exit code 1",
      ],
      hint: "to release the others: --hosts auto:exclude=a,b",
    },
  },
  {
    made: "a host of a system that nothing here builds for",
    by: committingHosts(`{
      good = host (build "good" "echo > $out");
      tower = host (derivation { name = "tower"; system = "powerpc64-linux"; builder = "/bin/sh"; });
    }`),
    refusal: {
      message: 'Cannot build host "tower": nix-store exited with 1',
      including: [
        'nothing here builds for powerpc64-linux, which host "tower" needs',
        "a 'powerpc64-linux' with features {} is required to build ",
      ],
      hint:
        'builds for "powerpc64-linux" want a machine of that kind, given with --builders or in nix\'s own ' +
        "configuration, or a nix that runs its programs here (binfmt, and extra-platforms in nix.conf); " +
        "to release the others: --hosts auto:exclude=tower",
    },
  },
]);

const ABSENT = "0123456789abcdef0123456789abcdef01234567";

testMistakes([
  {
    made: "pins without a source",
    by: committingFleet(({ hosts }) => {
      for (const name of ["web2", "db"]) hosts[name].pin = { commit: ABSENT, reason: "audit" };
    }),
    refusal: {
      message:
        'No source for pinned hosts: --pin-source-url is missing, and "db", "web2" are pinned to another commit',
      at: "hosts.db.pin",
      hint:
        "give --pin-source-url a flake reference of the fleet's repository: `.` for this clone, or git+ssh://host/fleet",
    },
  },
  {
    made: "a pin to a tag that is not there",
    by: committingFleet(({ hosts }) => hosts.db.pin = { commit: "v9", reason: "audit" }),
    refusal: {
      message: 'Cannot resolve the pin of host "db": "v9" names no commit',
      at: "hosts.db.pin.commit",
      hint: "give a full commit, or a short commit, tag or branch of the flake's repository (fetch it first)",
    },
  },
  {
    made: "a pin to a commit that its source does not have",
    by: committingFleet(({ hosts }) => hosts.db.pin = { commit: ABSENT, reason: "audit" }),
    args: ["--pin-source-url", "git+file://ROOT/fleet"],
    refusal: {
      message: `Cannot read the flake "git+file://ROOT/fleet?allRefs=1&rev=${ABSENT}": nix exited with 1`,
      at: "hosts.db.pin.commit",
      including: [ABSENT],
      hint: "--pin-source-url must lead to a repository that has the pinned commit",
    },
  },
]);

const NOT_A_REPOSITORY = ["does not appear to be a git repository"];

testMistakes([
  {
    made: "a remote, where there is none",
    args: ["--git-push", "origin:main"],
    refusal: {
      message: 'Cannot push to the remote "origin"',
      including: NOT_A_REPOSITORY,
      hint: "the repository has no remote: `git remote add` one, or give its address",
    },
  },
  {
    made: "a remote that is called otherwise",
    by: "git remote add upstream ../nowhere",
    args: ["--git-push", "origin:main"],
    refusal: {
      message: 'Cannot push to the remote "origin"',
      including: NOT_A_REPOSITORY,
      hint: 'the repository has the remotes "upstream"',
    },
  },
  {
    made: "a remote that leads nowhere",
    by: "git remote add upstream ../nowhere",
    args: ["--git-push", "upstream:main"],
    refusal: {
      message: 'Cannot push to the remote "upstream"',
      including: NOT_A_REPOSITORY,
      hint: "`git remote -v` shows its address, and `git push --dry-run` asks it",
    },
  },
  {
    made: "a tag in place of a branch",
    args: ["--git-push", "origin:refs/tags/v1"],
    refusal: {
      message: 'Cannot read --git-push "origin:refs/tags/v1": "refs/tags/v1" is not the name of a branch',
      hint: 'give a branch, as in "origin:main", or what is reviewed first, as in "origin:refs/for/main"',
    },
  },
  {
    made: "a branch that is missing behind the remote",
    args: ["--git-push", "origin"],
    refusal: {
      message: 'Cannot read --git-push "origin": there is no colon in it',
      hint: 'expected REMOTE:BRANCH, as in "origin:main" or "git@host:org/fleet.git:main"',
    },
  },
  {
    made: "what others have pushed meanwhile, beside a commit that is not pushed",
    by: `git clone -q --bare . ../remote.git && git remote add origin ../remote.git
      git commit -q --allow-empty -m theirs && git push -q origin main && git reset -q --hard HEAD~
      git commit -q --allow-empty -m mine`,
    args: ["--git-push", "origin:main"],
    refusal: {
      message:
        'Cannot push a release to "main" of "origin": it has commits that are not in SHORT, and lacks this one',
      hint: "fetch them, and release what is on top of them",
    },
  },
  {
    made: "a git that does not know who commits",
    args: ["--git-commit"],
    env: { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "user.useConfigOnly", GIT_CONFIG_VALUE_0: "true" },
    refusal: {
      message: "Cannot commit: git has no name and address to commit with",
      including: ["auto-detection is disabled"],
      hint: "give --git-user-name and --git-user-email, or configure user.name and user.email",
    },
  },
  {
    made: "a release directory that git ignores",
    by: "echo releases > .gitignore && git add -A && git commit -q -m ignore",
    args: ["--git-commit"],
    refusal: {
      message: 'Cannot commit "releases": git ignores "releases/fleet.resolved.json"',
      hint:
        "take it out of the file that `git check-ignore -v` names (.gitignore, mostly), or give another --release-dir",
    },
  },
  {
    made: "a release directory outside of the repository",
    args: ["--git-commit", "--release-dir", "../releases"],
    refusal: {
      message: 'Cannot commit "../releases": it is outside the repository of the flake',
      hint: "give a --release-dir within ROOT/fleet, or leave out --git-commit and --git-push",
    },
  },
  {
    made: "--git-commit where there is no repository",
    by: "mkdir ../plain && cp *.nix *.json ../plain",
    args: ["--git-commit", "--build-flake", "../plain"],
    refusal: {
      message: 'Cannot commit the release: "../plain" is not in a local git repository',
      hint: "run it on a checkout of the fleet, or leave out --git-commit and --git-push",
    },
  },
]);

const IS_PUBLIC: Refusal = {
  message: 'Cannot use the key "../key.pub": it is a public key, expected a private key',
  hint: "give the private key that it belongs to",
};

testMistakes([
  {
    made: "no way to sign",
    allArgs: [],
    refusal: {
      message: "No way to sign: none of --sign-key, --sign-agent and --sign-cmd is given",
      hint: "`fleet-release keygen FILE` makes a key for --sign-key FILE; a --sign-cmd COMMAND, also from " +
        "NIXFLEET_SIGN_CMD, signs $NIXFLEET_INPUT into $NIXFLEET_OUTPUT, 64 raw bytes",
    },
  },
  {
    made: "a key file that is not there",
    allArgs: ["--sign-key", "../key.pem"],
    refusal: {
      message: "Cannot read \"../key.pem\": No such file or directory (os error 2): stat '../key.pem'",
      hint: "`fleet-release keygen ../key.pem` makes a key there",
    },
  },
  {
    made: "a secret that the job does not get",
    allArgs: ["--sign-key", "env:RELEASE_KEY"],
    env: { RELEASE_KEY: "" },
    refusal: {
      message: 'Cannot read the signing key: the variable "RELEASE_KEY" is not set, or empty',
      hint:
        "set it to the text of the key, or give --sign-key FILE; in CI, the secret is not set, or this job does not get it",
    },
  },
  {
    made: "the public key, to sign with",
    by: `openssl pkey -in '${KEY}' -pubout -out ../key.pub`,
    allArgs: ["--sign-key", "../key.pub"],
    refusal: IS_PUBLIC,
  },
  {
    made: "the public key of ssh, to sign with",
    by: "ssh-keygen -q -t ed25519 -N '' -f ../key",
    allArgs: ["--sign-key", "../key.pub"],
    refusal: IS_PUBLIC,
  },
  {
    made: "a key that git tracks",
    by: `install -m 600 '${KEY}' key.pem && git add key.pem && git commit -q -m key`,
    allArgs: ["--sign-key", "key.pem"],
    refusal: {
      message:
        'The signing key "key.pem" is part of the source of the flake ".", which nix copies to where ' +
        "everybody on this machine can read it",
      hint:
        'git tracks the key: keep it outside of "ROOT/fleet", and make a new one, since others may have it',
    },
  },
  {
    made: "a trust file whose rejectBefore lies ahead",
    by: async ({ root }) => {
      const current = await parsePublicKey(PUBLIC_KEY);
      await Deno.writeFile(
        join(root, "trust.json"),
        trustBytes({ current, rejectBefore: "2026-06-02T00:00:00Z" }),
      );
    },
    allArgs: [
      ...["--sign-key", "env:RELEASE_KEY", "--trust-file", "../trust.json"],
      ...["--now", "2026-06-01T00:00:00Z"],
    ],
    refusal: {
      code: 3,
      message: "Consumers refuse what is signed before 2026-06-02T00:00:00Z, and this release is of " +
        "2026-06-01T00:00:00Z",
      at: "ciReleaseKey.rejectBefore",
      hint:
        "release from then on, or correct the time in --trust-file ../trust.json, and where machines have it",
    },
  },
  {
    made: "verify without the keys that are trusted",
    allArgs: ["verify", "releases/fleet.resolved.json"],
    refusal: {
      code: 2,
      message: "No keys to verify with: --trust-file is missing",
      hint: "`fleet-release pubkey KEY --format trust-file` writes one for a key that you hold",
    },
  },
  {
    made: "a misspelt option",
    args: ["--git-comit"],
    refusal: { message: 'Unknown option "--git-comit"', hint: "did you mean --git-commit?" },
  },
  {
    made: "a misspelt command",
    allArgs: ["verfy", "releases"],
    refusal: { message: 'Unknown argument "verfy"', hint: 'did you mean the command "verify"?' },
  },
  {
    made: "a misspelt host",
    args: ["--hosts", "db,wbe1"],
    refusal: {
      message: 'The flake has no host "wbe1", which --hosts names',
      hint: 'did you mean "web1"? known hosts: "db", "web1", "web2"',
    },
  },
  {
    made: "a misspelt algorithm",
    env: { NIXFLEET_SIGNATURE_ALGORITHM: "ecdsa-p265" },
    refusal: {
      message: 'Unknown signature algorithm "ecdsa-p265": expected ed25519 or ecdsa-p256',
      hint: 'did you mean "ecdsa-p256"?',
    },
  },
]);

/** Runs the program, which has to go on to its end, and gives what it warns of. */
async function warningsOf(
  fleet: TestFleet,
  args: readonly string[],
  cwd = fleet.dir,
): Promise<string[]> {
  const { code, stderr } = await fleet.run(args, { cwd, env: { RELEASE_KEY } });
  assertEquals(code, 0, stderr);
  const lines = (await inGeneral(fleet, stderr)).split("\n");
  return lines.filter((line) => line.startsWith("warning: ")).map((line) => line.slice("warning: ".length));
}

Deno.test("the program warns a newcomer of what is not meant, and releases what verify takes by its file", () =>
  inFleet(async (fleet) => {
    await writeEarlierRelease(fleet);
    await shell(
      fleet,
      `sed -i.old 's,outputs = ,nixConfig.extra-substituters = [ "https://cache.example.com" ]; &,' flake.nix && rm *.old
       git add -A && git commit -q -m release && git clone -q --bare . ../remote.git
       install -m 644 '${KEY}' ../key.pem`,
    );
    const cwd = join(fleet.dir, "web");
    await ensureDir(cwd);
    const args = ["--sign-key", "../../key.pem", "--public-key", PUBLIC_KEY];
    assertEquals(await warningsOf(fleet, [...args, "--git-push", "../remote.git:main"], cwd), [
      'The signing key "../../key.pem" can be read by others (mode 0644): chmod 600 mends it',
      'The nixConfig of "." sets "extra-substituters", which nix passes over: with --accept-flake-config it goes ' +
      "by that",
      "The release is pushed, but the closures that it names are not: machines that find them nowhere else cannot " +
      "follow it. Give --push-cmd, or --push-cmd true when something else brings the closures to them",
      'The release goes to "ROOT/fleet/web/releases", where none was before, and git has one in ' +
      '"ROOT/fleet/releases": a relative --release-dir is relative to the current directory',
    ]);
    await Deno.writeFile(
      join(fleet.root, "trust.json"),
      trustBytes({ current: await parsePublicKey(PUBLIC_KEY) }),
    );
    const verified = ["verify", "releases/fleet.resolved.json", "--trust-file", "../../trust.json"];
    assertEquals(await warningsOf(fleet, verified, cwd), []);
  }));

Deno.test("the program releases the commit where an interrupted run has left its files, and the others when one host is bad", () =>
  inFleet(async (fleet) => {
    await writeEarlierRelease(fleet);
    await fleet.commit("release");
    const commit = await fleet.head();
    await fleet.write({ "releases/fleet.resolved.json": "half" });
    assertEquals(await warningsOf(fleet, [...SIGNING, "--require-clean"]), [
      "The only changes that are not committed are of release files, as a run that was interrupted leaves them " +
      `("releases/fleet.resolved.json"): what is released is commit ${commit.slice(0, 8)}`,
      '"fleet.resolved.json" on disk is replaced whatever it says: it is damaged, signed with a key that is not known ' +
      "here, or rejected by the trust file",
    ]);
    assertEquals((await fleet.json())["meta"].ciCommit, commit);
    // As the hint for a host that cannot be evaluated says.
    await committingHosts(`{
      db = host (throw "no");
      web1 = host (build "web1" "echo built > $out");
      web2 = host (throw "no");
    }`)(fleet);
    await Deno.remove(join(fleet.dir, "releases"), { recursive: true });
    await fleet.commit("anew");
    assertEquals(await warningsOf(fleet, [...SIGNING, "--hosts", "auto:exclude=db,web2"]), [
      '"db", "web2" have no closure in this release: no rollout reaches them',
    ]);
    assertEquals(await contents(fleet), [["db", null], ["web1", "built"], ["web2", null]]);
  }));
