// Completions in real shells: bash and zsh at a terminal, fish by its own `complete -C`.

import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { defineCommand } from "../../src/cli/command.ts";
import { completionScript, type ShellName } from "../../src/cli/completions/script.ts";
import { choice, flag, pairs, pathRead, text } from "../../src/cli/option.ts";
import { canonicalBytes } from "../../src/contract/canonical.ts";
import { HELP_OPTIONS } from "../../src/commands/shared.ts";
import awk from "../../src/cli/completions/hosts.awk" with { type: "text" };
import { ALL } from "../support/asked.ts";
import { expectRun, find, run, which } from "../support/command.ts";
import { inTempDir } from "../support/program.ts";
import { Terminal, withoutTerminal } from "../support/terminal.ts";

/** Names that would do something, were they code. */
const HOSTILE = [
  ...[
    "$(touch pwned)",
    "b`touch pwned`",
    "semi;touch pwned",
    "pipe|touch pwned",
    "c$HOME",
    "*star",
    "~tilde",
  ],
  ...["it's", 'quo"te', "back\\slash", "!bang", "x@y:z=w", "ünï", "(touch pwned)", "-dash", "#hash", "{a}"],
];
/** Names that no list can have, or no line. */
const UNLISTED = ["a,b", "new\nline", "esc\x1b[31m", " blank"];

/** A command that the program has not. */
const GREET = defineCommand({
  name: "greet",
  usage: ["greet NAME"],
  summary: 'greet: it\'s [not] \\a $(touch pwned) `touch pwned` "joke"',
  about: "Greets.",
  options: {
    "tone": choice({
      group: "How",
      placeholder: "TONE",
      choices: ["warm", "cold"],
      help: "w: [c] 'x' $(touch pwned)",
    }),
    "number": text({ group: "How", short: "n", placeholder: "A:B", help: "how often" }),
    "book": pathRead({ group: "How", placeholder: "FILE", help: "of greetings" }),
    "with": pairs({ group: "How", placeholder: "NAME VALUE", help: "a gift" }),
    "loud": flag({ group: "How", short: "l", help: "loudly" }),
    ...HELP_OPTIONS,
  },
  operands: "somebody",
  offers: ["world", "nobody"],
  exitCodes: { 0: "greeted" },
  example: "",
  variables: [],
  grants: [],
  read: () => ({}),
  run: () => Promise.resolve(0),
});

/** A line that is typed, and what bash makes of it, and zsh, where that is something else. */
const TYPED: [typed: string, bash: string, zsh?: string][] = [
  // Commands.
  ["stat", "status "],
  ["gre", "greet "],
  ["help pru", "help prune "],
  ["--print-permissions keyg", "--print-permissions keygen "],
  [
    "--print-permissions keygen --al",
    "--print-permissions keygen --algorithm ",
    "--print-permissions keygen --algorithm=",
  ],
  // Options, of a release where no command is given. One that is given is not offered again.
  ["--push-ea", "--push-early "],
  ["--json --js", "--json --js"],
  ["status --push-ea", "status --push-ea"],
  [
    "keygen --algorithm ecdsa-p256 --fo",
    "keygen --algorithm ecdsa-p256 --format ",
    "keygen --algorithm ecdsa-p256 --format=",
  ],
  ["greet -n 5 --lo", "greet -n 5 --loud "],
  ["greet --with a loud --lo", "greet --with a loud --loud "],
  ["greet -- --lo", "greet -- --lo"],
  // Values.
  ["check --format s", "check --format sarif "],
  ["check --format=s", "check --format=sarif "],
  ["--smoke-verify=f", "--smoke-verify=false "],
  ["greet --tone c", "greet --tone cold "],
  ["greet --number wor", "greet --number wor"],
  ["greet --with wor", "greet --with wor"],
  ["greet --with a wor", "greet --with a wor"],
  ["greet --with a b wor", "greet --with a b world "],
  ["greet wor", "greet world "],
  ["completions z", "completions zsh "],
  // Paths.
  ["--release-dir rel", "--release-dir releases/"],
  ["--release-dir=rel", "--release-dir=releases/"],
  ["greet --book=releases/fl", "greet --book=releases/fleet.resolved.json "],
  ["--trust-file releases/fl", "--trust-file releases/fleet.resolved.json "],
  ["prune rel", "prune releases/"],
  ["pubkey releases/fl", "pubkey releases/fleet.resolved.json "],
  // Branches and tags, whose names are no code either.
  ["status --git ma", "status --git main "],
  ["diff HE", "diff HEAD "],
  ["diff HEAD rel", "diff HEAD release-1 "],
  ["diff origin/H", "diff origin/HEAD "],
  ["diff ./rel", "diff ./releases/"],
  ["plan --against ma", "plan --against main "],
  ["status --git ./rel", "status --git ./rel"],
  [
    "verify --git='e",
    "verify --git='evil$(touch${IFS}pwned)' ",
    "verify --git=evil\\$\\(touch\\$\\{IFS\\}pwned\\) ",
  ],
  ["log --git=ev", "log --git=evil\\$\\(touch\\$\\{IFS\\}pwned\\) "],
  // What selects hosts.
  ["--hosts we", "--hosts web-"],
  ["--hosts web-1", "--hosts web-1"],
  ["--hosts=web-1,db", "--hosts=web-1,db\\ one"],
  ["--hosts auto:ex", "--hosts auto:exclude="],
  ["--hosts=auto:exclude=db", "--hosts=auto:exclude=db\\ one"],
  ["--hosts auto:exclude=web-1,db", "--hosts auto:exclude=web-1,db\\ one"],
  ["--hosts @pr", "--hosts @prod"],
  ["--hosts=@eu", "--hosts=@eu\\ west"],
  ["--hosts web-1,@pr", "--hosts web-1,@prod"],
  ["--hosts %st", "--hosts %stable"],
  ["--hosts \\!@pr", "--hosts \\!@prod"],
  ["--hosts '!@pr", "--hosts '!@prod'", "--hosts '!@prod"],
  ["--hosts \\!web-", "--hosts \\!web-"],
  ['--hosts "db', '--hosts "db one"', '--hosts "db one'],
  ["--hosts nobody", "--hosts nobody"],
  ["status --hosts we", "status --hosts we"],
  // In another directory, and under another name, in which it has another host.
  [
    "--release-dir out --artifact-name=f.json --hosts oth",
    "--release-dir out --artifact-name=f.json --hosts other",
  ],
  [
    "--artifact-name 'f.json' --release-dir='out' --hosts=oth",
    "--artifact-name 'f.json' --release-dir='out' --hosts=other",
  ],
  ["--release-dir nowhere --hosts we", "--release-dir nowhere --hosts we"],
  // Names that are code are none.
  ["--hosts \\$", "--hosts \\$\\(touch\\ pwned\\)"],
  ["--hosts b\\`", "--hosts b\\`touch\\ pwned\\`"],
  ["--hosts se", "--hosts semi\\;touch\\ pwned"],
  ["--hosts pi", "--hosts pipe\\|touch\\ pwned"],
  ["--hosts c\\$", "--hosts c\\$HOME"],
  ["--hosts \\*", "--hosts \\*star"],
  ["--hosts \\~", "--hosts \\~tilde"],
  ["--hosts it", "--hosts it\\'s"],
  ["--hosts qu", '--hosts quo\\"te'],
  ["--hosts ba", "--hosts back\\\\slash"],
  ["--hosts \\!ba", "--hosts \\!ba"],
  ["--hosts x@", "--hosts x@y:z=w"],
  ["--hosts '$", "--hosts '$(touch pwned)'", "--hosts '$(touch pwned)"],
  ["--hosts a", "--hosts auto"],
  ["--hosts new", "--hosts new"],
];

/** The same of fish: all that is offered. */
const LISTED: [typed: string, offered: string[]][] = [
  ["stat", ["status"]],
  ["gre", ["greet"]],
  ["help pru", ["prune"]],
  ["--print-permissions keyg", ["keygen"]],
  ["--push-ea", ["--push-early"]],
  ["status --push-ea", []],
  ["greet -n 5 --lo", ["--loud"]],
  ["check --format s", ["sarif"]],
  ["check --format=s", ["--format=sarif"]],
  ["--smoke-verify=f", ["--smoke-verify=false"]],
  ["greet --number wor", []],
  ["greet wor", ["world"]],
  ["completions z", ["zsh"]],
  ["--release-dir rel", ["releases/"]],
  ["--release-dir=rel", ["--release-dir=releases/"]],
  ["greet --book=releases/fl", ["--book=releases/fleet.resolved.json"]],
  ["prune rel", ["releases/"]],
  ["pubkey releases/fl", ["releases/fleet.resolved.json"]],
  ["diff HEAD rel", ["release-1"]],
  ["diff origin/H", ["origin/HEAD"]],
  ["diff ./rel", ["./releases/"]],
  ["status --git ./rel", []],
  ["verify --git=ev", ["--git=evil$(touch${IFS}pwned)"]],
  ["--hosts we", ["web-1", "web-2"]],
  ["--hosts=web-1,db", ["--hosts=web-1,db one"]],
  ["--hosts auto:", ["auto:exclude="]],
  ["--hosts auto:exclude=web-1,@", ["auto:exclude=web-1,@eu west", "auto:exclude=web-1,@prod"]],
  ["--hosts=%", ["--hosts=%stable"]],
  ["--hosts \\!@pr", ["!@prod"]],
  ["--hosts '!@pr", ["!@prod"]],
  ['--hosts "db', ["db one"]],
  ["status --hosts we", []],
  ["--release-dir out --artifact-name=f.json --hosts oth", ["other"]],
  ["--release-dir nowhere --hosts we", []],
  ["--hosts ''", [
    "auto",
    "auto:exclude=",
    ...["web-1", "web-2", "db one", ...HOSTILE],
    "@eu west",
    "@prod",
    "%stable",
  ]],
];

/** A fleet whose hosts have these tags, and a channel for all. */
function fleetOf(hosts: Record<string, string[]>) {
  const entries = Object.entries(hosts).map(([name, tags]) => [
    name,
    { system: "x86_64-linux", tags, channel: "stable", closureHash: null, pubkey: null },
  ]);
  return {
    schemaVersion: 1,
    hosts: Object.fromEntries(entries),
    channels: {
      stable: {
        rolloutPolicy: "all",
        reconcileIntervalMinutes: 30,
        freshnessWindow: 1440,
        signingIntervalMinutes: 360,
        compliance: { frameworks: [], mode: "disabled" },
      },
    },
    rolloutPolicies: {},
    waves: {},
    edges: [],
    channelEdges: [],
    disruptionBudgets: [],
    meta: { schemaVersion: 1, signedAt: "2026-06-01T12:00:00Z", ciCommit: null },
  };
}

/** A directory with releases, in a repository. */
async function inReleases(use: (dir: string) => Promise<void>): Promise<void> {
  await inTempDir(async (dir) => {
    const tags = ["prod", "eu west"];
    const rest = Object.fromEntries([...HOSTILE, ...UNLISTED].map((name) => [name, []]));
    await write(join(dir, "releases/fleet.resolved.json"), {
      ...{ "web-1": tags, "web-2": tags, "db one": [] },
      ...rest,
    });
    await write(join(dir, "out/f.json"), { other: [] });
    await repository(dir);
    await use(dir);
    // None of what would have been executed was.
    assertEquals(await Deno.stat(join(dir, "pwned")).catch(() => "not there"), "not there");
  });
}

async function write(path: string, hosts: Record<string, string[]>): Promise<void> {
  await Deno.mkdir(dirname(path));
  await Deno.writeFile(path, canonicalBytes(fleetOf(hosts)));
}

/** A repository with a branch, a tag, and a branch whose name would be code. */
async function repository(dir: string): Promise<void> {
  const env = { HOME: dir, GIT_CONFIG_NOSYSTEM: "1" };
  const git = (...args: string[]) => expectRun([which("git"), "-C", dir, ...args], { env });
  const me = ["-c", "user.name=me", "-c", "user.email=me@example.com"];
  await git("init", "--quiet", "--initial-branch=main");
  await git(...me, "commit", "--quiet", "--allow-empty", "--message=first");
  await git("tag", "release-1");
  await git("branch", "evil$(touch${IFS}pwned)");
  await git("update-ref", "refs/remotes/origin/main", "HEAD");
  await git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main");
}

async function writeScript(shell: ShellName, path: string): Promise<void> {
  await Deno.writeTextFile(path, await completionScript(shell, [...ALL, GREET]));
}

/** How the scripts are read, with what users have set beside, and without. */
const SETUPS: [name: string, shell: "bash" | "zsh", file: string, setup: string][] = [
  ["bash", "bash", "script", "source ./script"],
  [
    "bash with bash-completion",
    "bash",
    "share/bash-completion/completions/fleet-release",
    "XDG_DATA_HOME=$PWD/share source /usr/share/bash-completion/bash_completion; XDG_DATA_HOME=$PWD/share",
  ],
  [
    "bash with strange settings",
    "bash",
    "script",
    "set -u -f; shopt -s nullglob failglob extglob; IFS=-; source ./script",
  ],
  ["zsh", "zsh", "script", "autoload -Uz compinit; compinit -u -D; source ./script"],
  [
    "zsh, loaded when it is wanted",
    "zsh",
    "share/_fleet-release",
    "fpath=($PWD/share $fpath); autoload -Uz compinit; compinit -u -D",
  ],
];

for (const [name, shell, file, setup] of SETUPS) {
  const missing =
    name.includes("bash-completion") && !await isThere("/usr/share/bash-completion/bash_completion")
      ? "there is no bash-completion"
      : withoutTerminal(shell);
  Deno.test({
    name: `${name} completes a command line${missing === undefined ? "" : ` (skipped: ${missing})`}`,
    ignore: missing !== undefined,
    fn: () =>
      inReleases(async (dir) => {
        await Deno.mkdir(join(dir, file, ".."), { recursive: true });
        await writeScript(shell, join(dir, file));
        await using terminal = await Terminal.open(shell, { dir, setup });
        const completed: Record<string, string> = {};
        for (const [typed] of TYPED) {
          const line = await terminal.completed(`fleet-release ${typed}`);
          completed[typed] = line.replace(/^fleet-release /, "");
        }
        assertEquals(terminal.shown.match(/.*(error|not found|unbound|no match|bad |: line).*/gi) ?? [], []);
        assertEquals(
          completed,
          Object.fromEntries(
            TYPED.map(([typed, bash, zsh = bash]) => [typed, shell === "bash" ? bash : zsh]),
          ),
        );
      }),
  });
}

const FISH = find("fish");
Deno.test({
  name: `fish completes a command line${FISH === undefined ? " (skipped: there is no fish)" : ""}`,
  ignore: FISH === undefined,
  fn: () =>
    inReleases(async (dir) => {
      await writeScript("fish", join(dir, "script"));
      // A line for each that is offered, and an empty one behind each that was typed.
      const script = 'source ./script; for line in $argv; complete -C "fleet-release $line"; echo; end';
      const argv = [FISH!, "--no-config", "-c", script, ...LISTED.map(([typed]) => typed)];
      const { code, stdout, stderr } = await run(argv, {
        cwd: dir,
        env: { PATH: Deno.env.get("PATH")!, HOME: dir },
      });
      assertEquals([code, stderr], [0, ""]);
      const offered = stdout.split(/^\n/m).map((part) =>
        part.split("\n").filter((line) => line !== "").map((line) => line.split("\t")[0]!).sort()
      );
      assertEquals(
        Object.fromEntries(LISTED.map(([typed], index) => [typed, offered[index]])),
        Object.fromEntries(LISTED.map(([typed, words]) => [typed, words.toSorted()])),
      );
      // Without awk there is nothing to say.
      const alone = await run([
        FISH!,
        "--no-config",
        "-c",
        "source ./script; complete -C 'fleet-release --hosts we'",
      ], {
        cwd: dir,
        env: { PATH: "/nonexistent", HOME: dir },
      });
      assertEquals(alone, { code: 0, stdout: "", stderr: "" });
    }),
});

/** All that reads awk, as far as this machine has it. */
const AWKS = [["awk"], ["mawk"], ["gawk"], ["gawk", "--posix"], ["original-awk"], ["busybox", "awk"]].filter((
  [program],
) => find(program!) !== undefined);

for (const [program, ...args] of AWKS) {
  Deno.test(`${[program, ...args].join(" ")} reads what --hosts takes of a fleet, however it is written`, async () => {
    const channel = { rolloutPolicy: "hosts", compliance: { frameworks: ["tags"] } };
    const fleet = {
      channels: { stable: channel, "e}d]g{e": channel, old: channel },
      hosts: {
        web: { channel: "stable", pin: { reason: "tags" }, tags: ["eu", "db"], closureHash: null },
        'a "b\\': { channel: "e}d]g{e", tags: ['"\\'] },
        "end\\": { channel: "stable", tags: [] },
        ...Object.fromEntries(
          [...UNLISTED, "c1\x85", "z\u200bw", "\u202ebidi", "bom\ufeff", "tab\t"].map((name) => [
            name,
            { channel: "old", tags: ["of, none"] },
          ]),
        ),
      },
      meta: { hosts: { none: { channel: "none", tags: ["none"] } } },
      waves: { stable: [{ hosts: ["none"], tags: { a: { tags: ["none"] } } }] },
    };
    for (const text of [JSON.stringify(fleet), JSON.stringify(fleet, null, 2)]) {
      const { code, stdout, stderr } = await run([find(program!)!, ...args, awk], {
        stdin: new TextEncoder().encode(text),
        env: { LC_ALL: "C" },
      });
      assertEquals([code, stderr], [0, ""]);
      assertEquals(
        stdout.split("\n").sort(),
        [
          "",
          ...["web\ton stable, eu, db", 'a "b\\\ton e}d]g{e, "\\', "end\\\ton stable"],
          ...['@"\\\t1 host', "@db\t1 host", "@eu\t1 host"],
          ...["%stable\t2 hosts", "%e}d]g{e\t1 host", `%old\t${UNLISTED.length + 5} hosts`],
        ].sort(),
      );
    }
  });
}

function isThere(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}
