// All that is said of an option or a command is said in one place: what is made from it follows.

import { assertEquals } from "@std/assert";
import { type Command, defineCommand } from "../../src/cli/command.ts";
import type { CommandList } from "../../src/cli/command_line.ts";
import { helpText, optionsTable } from "../../src/cli/help.ts";
import { choice, text } from "../../src/cli/option.ts";
import { permissionFlags, permissionsTable } from "../../src/cli/permissions.ts";
import { parseSettings } from "../../src/cli/settings.ts";
import { COMMANDS } from "../../src/commands/list.ts";
import { RELEASE } from "../../src/commands/release.ts";
import { HELP_OPTIONS } from "../../src/commands/shared.ts";
import { ReleaseError } from "../../src/errors.ts";
import { main } from "../../src/main.ts";
import { nixOptions } from "../../tools/nix_options.ts";
import { ALL, read } from "../support/asked.ts";
import { memoryWorld } from "../support/memory_world.ts";
import { pureTest, refusal, rejection } from "../support/pure.ts";

/** The options that a text or a table lists, one a line, by their long names. */
function listed(text: string): string[] {
  return [...text.matchAll(/^(?: {2}| *\| `)(?:-\w, | {4})?--([a-z-]+)/gm)].map(([, flag]) => flag!);
}

/** The permissions of a table, without the blanks that pad it. */
function rows(table: string): string[] {
  return table.split("\n").slice(2).map((row) => row.replaceAll(/ +/g, " "));
}

const FLAGS = Object.keys(RELEASE.options);

/** What stands behind an option on a command line. */
function valueFor(flag: string): string[] {
  const { kind } = RELEASE.options[flag]!;
  return kind === "switch" ? [] : kind === "pairs" ? ["cores", "4"] : ["x"];
}

for (const flag of FLAGS) {
  const { short, permits } = RELEASE.options[flag]!;
  const left = FLAGS.filter((other) => other !== flag);
  const command: Command = {
    ...RELEASE,
    options: Object.fromEntries(left.map((other) => [other, RELEASE.options[other]!])),
  };

  pureTest(
    `without its entry, --${flag} is gone from help, tables, permissions, settings and parsing`,
    async () => {
      assertEquals(listed(helpText(command)), left);
      assertEquals(listed(optionsTable(command)), left);
      assertEquals(
        rows(permissionsTable([command])),
        rows(permissionsTable([RELEASE])).filter((row) =>
          !permits.some(({ permission, what, why }) =>
            row === `| \`release\` | \`${permission}\` | ${what} | ${why} |`
          )
        ),
      );
      assertEquals(
        nixOptions(command),
        nixOptions(RELEASE).filter((option) => option.flag !== flag),
      );

      const commands = { release: () => Promise.resolve(command) };
      const written = [`--${flag}`, ...(short === undefined ? [] : [`-${short}`])];
      for (const option of written) {
        const { kind, message } = await rejection(read([option, ...valueFor(flag)], { commands }));
        assertEquals([kind, message], ["usage", `Unknown option "${option}"`]);
      }
      const { message } = refusal(() => parseSettings("s.json", { [flag]: "x" }, command.options));
      assertEquals(message, `Cannot use the settings "s.json": there is no option "${flag}"`);
    },
  );
}

pureTest("the tables have every option as long as it has an entry, and its permissions", () => {
  assertEquals(listed(helpText(RELEASE)), FLAGS);
  assertEquals(listed(optionsTable(RELEASE)), FLAGS);
  const permitting = Object.values(RELEASE.options).flatMap(({ permits }) => permits);
  assertEquals(rows(permissionsTable([RELEASE])).length, RELEASE.grants.length + permitting.length);
});

/** What it is told. */
interface Greeting {
  readonly name: string;
  readonly tone: string;
  readonly from: string | undefined;
}

/** A command that the program has not. */
const GREET = defineCommand({
  name: "greet",
  usage: ["greet NAME [OPTION...]"],
  summary: "greet somebody",
  about: "Greets.",
  options: {
    "tone": choice({
      group: "Output",
      placeholder: "TONE",
      choices: ["warm", "cold"],
      default: "warm",
      help: "how",
    }),
    "from": text({
      group: "Input",
      placeholder: "FILE",
      env: "GREET_FROM",
      help: "a book of greetings",
      permits: [{
        permission: "read",
        what: "the file of `--from`",
        why: "the greetings are in it",
        of: (file, { cwd }) => [`${cwd}/${file}`],
      }],
    }),
    ...HELP_OPTIONS,
  },
  operands: "a name",
  exitCodes: { 0: "greeted" },
  example: "fleet-release greet world",
  variables: ["GREET_FROM"],
  grants: [{
    permission: "env",
    what: "the variable `GREETING`",
    why: "a greeting may be there",
    of: ({ name }: Greeting) => name === "nobody" ? [] : ["GREETING"],
  }],
  read: ({ values: { tone, from }, operands: [name = "nobody"] }): Greeting => ({ name, tone, from }),
  run({ name, tone, from }, { world }) {
    if (tone === "cold") throw new ReleaseError("contract", `Nobody greets ${name}`);
    world.stdout.write(`Hello ${name}${from === undefined ? "" : ` from ${from}`}\n`);
    return Promise.resolve(0);
  },
  failureCode: () => 7,
});

const LOAD = () => Promise.resolve(GREET);
const BEHIND: CommandList = { ...COMMANDS, greet: LOAD };
const IN_FRONT: CommandList = { greet: LOAD, ...COMMANDS };

/** What a program with these commands ends with and prints. */
async function run(commands: CommandList, args: string[], env: Record<string, string> = {}) {
  const { world, printed } = memoryWorld({ env });
  const code = await main(args, world, { commands });
  return { code, ...printed() };
}

pureTest("a command that is put into the list is run, and fails with its own exit code", async () => {
  for (const commands of [BEHIND, IN_FRONT]) {
    const line = ["greet", "world"];
    assertEquals(await run(commands, line), { code: 0, stdout: "Hello world\n", stderr: "" });
    assertEquals(await run(commands, line, { GREET_FROM: "us" }), {
      code: 0,
      stdout: "Hello world from us\n",
      stderr: "",
    });
    assertEquals(await run(commands, [...line, "--tone=cold"]), {
      code: 7,
      stdout: "",
      stderr: "error: Nobody greets world\n",
    });
    assertEquals(await run(commands, ["greet", "--tone", "hot"]), {
      code: 7,
      stdout: "",
      stderr: 'error: Cannot read --tone "hot": expected warm or cold\n',
    });
    assertEquals(await run(commands, ["greet", "--form=x"]), {
      code: 7,
      stdout: "",
      stderr: 'error: Unknown option "--form"\nhint: did you mean --from?\n',
    });
  }
});

pureTest("a command that is put into the list is meant by words that are near its name", async () => {
  const meant = 'error: Unknown argument "gret"\nhint: did you mean the command "greet"?\n';
  assertEquals(await run(BEHIND, ["gret"]), { code: 1, stdout: "", stderr: meant });
  for (const commands of [BEHIND, IN_FRONT]) {
    const { stderr } = await run(commands, ["help", "gret"]);
    assertEquals(stderr, 'error: Unknown argument "gret"\nhint: did you mean "greet"?\n');
  }
});

pureTest("a command that is put into the list is listed in the help, and has a help of its own", async () => {
  const own = `Usage: fleet-release greet NAME [OPTION...]

Greets.

Output:
      --tone TONE    how [default: warm]
  -h, --help         print this
  -V, --version      print the version

Input:
      --from FILE    a book of greetings [env: GREET_FROM]

Exit codes:
  0  greeted

Example:
  fleet-release greet world
`;
  assertEquals(await run(BEHIND, ["help", "greet"]), { code: 0, stdout: own, stderr: "" });
  const listed = (text: string) => [...text.matchAll(/^ {2}(\w+) +[a-z ]+.*$/gm)].map(([, name]) => name!);
  const all = ALL.map(({ name }) => name);
  const { stdout } = await run(BEHIND, ["--help"]);
  const section = stdout.slice(stdout.indexOf("Commands,"), stdout.indexOf("--print-permissions"));
  assertEquals(listed(section), [...all, "greet"]);
});

pureTest(
  "what a command that is put into the list needs is permitted, and in the table of permissions",
  async () => {
    const around = {
      cwd: "/here",
      tempDir: "/temp",
      cacheDir: undefined,
      sockets: true,
      agentSocket: undefined,
      settingsFile: undefined,
      stepFiles: undefined,
      find: () => undefined,
      repositoryOf: (dir: string) => dir,
      realDirectory: () => undefined,
      firstMissing: () => undefined,
      followLinks: (path: string) => ({ path, links: [] }),
      lockFilesOf: (path: string) => ({ directory: [`${path}.lock`], commits: undefined }),
      gitPlacesOf: () => ({ dirs: [], written: [] }),
    };
    for (const commands of [BEHIND, IN_FRONT]) {
      const flags = async (args: string[]) => permissionFlags(await read(args, { commands }), around);
      assertEquals(await flags(["greet"]), ["--no-prompt"]);
      assertEquals(await flags(["greet", "world", "--from", "book"]), [
        "--no-prompt",
        "--allow-read=/here/book",
        "--allow-env=GREETING",
      ]);
    }
    assertEquals(rows(permissionsTable([...ALL, GREET])), [
      ...rows(permissionsTable(ALL)),
      "| `greet` | `env` | the variable `GREETING` | a greeting may be there |",
      "| `greet` | `read` | the file of `--from` | the greetings are in it |",
    ]);
  },
);

pureTest("the first command needs no name, and its help is that of the program", async () => {
  assertEquals(await run(IN_FRONT, []), { code: 0, stdout: "Hello nobody\n", stderr: "" });
  assertEquals(await run(IN_FRONT, ["--from=us"]), { code: 0, stdout: "Hello nobody from us\n", stderr: "" });
  const { stdout } = await run(IN_FRONT, ["--help"]);
  assertEquals(stdout.split("\n").slice(0, 13), [
    "Usage: fleet-release greet NAME [OPTION...]",
    "",
    "Greets.",
    "",
    "Commands, each with a --help of its own:",
    "  greet         greet somebody",
    "  release       make a release; what happens without a command",
    "  check         find what is wrong with a fleet, before it is released",
    "  plan          tell what a release would change, before it is made",
    "  doctor        find what would keep a release from being made, and how to mend it",
    "  resign        sign the release that is there anew, before it is stale",
    "  status        tell whether a release is fresh, and when it is due",
    "  log           list the releases of the past, and what each has changed",
  ]);
  assertEquals(
    (await run(IN_FRONT, ["--bogus-setting"])).stderr,
    'error: Unknown option "--bogus-setting"\nhint: fleet-release --help lists the options\n',
  );
  assertEquals(
    (await run(IN_FRONT, ["release", "--bogus-setting"])).stderr,
    'error: Unknown option "--bogus-setting"\nhint: fleet-release release --help lists the options\n',
  );
});
