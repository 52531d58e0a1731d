import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { decodeOpenSshPrivateKey } from "../../src/crypto/openssh.ts";
import { generatePrivateKey } from "../../src/crypto/private_key.ts";
import { ReleaseError } from "../../src/errors.ts";
import { RealAgent } from "../support/agent.ts";
import { type Finished, which } from "../support/command.ts";
import { runProgram } from "../support/program.ts";
import { type ProgramStart, TestFleet } from "../support/fleet.ts";
import { FleetWithoutNix } from "../support/fleet_without_nix.ts";
import { flakeOf, onlyHosts } from "../support/releases.ts";
import { trustBytes } from "../support/trust.ts";

/** As little of a secret as is looked for: no text that has nothing to do with it has so much of it by chance. */
const PIECE = 12;

/** A private key that must never be seen: its file's text, and everything that it could be recognised by. */
interface Canary {
  readonly text: string;
  readonly pieces: ReadonlySet<string>;
}

/**
 * The canary of a private key file.
 *
 * @param seed The 32 secret bytes, which stand somewhere in the file's base64
 */
function canaryOf(text: string, seed: Uint8Array): Canary {
  const body = text.replaceAll(/-----.*-----|\s/g, "");
  const at = Uint8Array.fromBase64(body).toHex().indexOf(seed.toHex()) / 2;
  assert(at > 0);
  const spellings = [
    // The characters of the file that stand for secret bytes alone: the others are those of a public key, too.
    body.slice(Math.ceil(at * 4 / 3), Math.floor((at + seed.length) * 4 / 3)),
    seed.toBase64(),
    seed.toBase64({ alphabet: "base64url" }),
    seed.toHex(),
    seed.toHex().toUpperCase(),
    [...seed].join(","),
  ];
  const pieces = spellings.flatMap((spelling) =>
    Array.from({ length: spelling.length - PIECE + 1 }, (_, start) => spelling.slice(start, start + PIECE))
  );
  const canary = { text, pieces: new Set(pieces) };
  assert(leak(canary, text) !== undefined);
  return canary;
}

async function newPemCanary(): Promise<Canary> {
  const { pem } = await generatePrivateKey("ed25519");
  return canaryOf(pem, Uint8Array.fromBase64(pem.split("\n")[1]!).slice(-32));
}

/** Where the secret stands in a text, whatever its line breaks; undefined: nowhere. */
function leak({ pieces }: Canary, text: string): string | undefined {
  const joined = text.replaceAll(/\s|\\n/g, "");
  for (let start = 0; start <= joined.length - PIECE; start++) {
    if (pieces.has(joined.slice(start, start + PIECE))) {
      return joined.slice(Math.max(start - 40, 0), start + 40);
    }
  }
}

function expectNoLeak(canary: Canary, { stdout, stderr }: Finished, what: string): void {
  assertEquals([leak(canary, stdout), leak(canary, stderr)], [undefined, undefined], what);
}

/** A fleet with a host that is well, one that cannot be evaluated, and one that cannot be built. */
function fleetWithFailures(): Promise<TestFleet> {
  const hosts = `{
    db = host (build "db" "echo > $out");
    throwing = host (throw "no such host");
    failing = host (build "failing" "exit 1");
  }`;
  return TestFleet.create({
    edit: onlyHosts("db", "throwing", "failing"),
    files: { "flake.nix": flakeOf(hosts) },
  });
}

/** The ways to give the program a key, made by {@linkcode withKeys}. */
interface KeyGiven {
  readonly way: "file" | "environment" | "agent";
  readonly args: readonly string[];
  readonly start: ProgramStart;
  /** Whether the program is given every permission, and not each by name. */
  readonly all?: boolean;
}

/** Gives a test one canary in a file, a variable and an agent. */
async function withKeys(
  fleet: Pick<TestFleet, "root">,
  use: (canary: Canary, keys: readonly KeyGiven[]) => Promise<void>,
): Promise<void> {
  await using agent = await RealAgent.start();
  await agent.key("key");
  const file = join(fleet.root, "home/key");
  for (const suffix of ["", ".pub"]) await Deno.copyFile(join(agent.dir, "key") + suffix, file + suffix);
  const text = await Deno.readTextFile(file);
  const body = Uint8Array.fromBase64(text.replaceAll(/-----.*-----|\s/g, ""));
  const canary = canaryOf(text, decodeOpenSshPrivateKey(body).secret);
  await use(canary, [
    { way: "file", args: ["--sign-key", file], start: {} },
    {
      way: "environment",
      args: ["--sign-key", "env:RELEASE_KEY"],
      start: { env: { RELEASE_KEY: canary.text }, variables: ["RELEASE_KEY"] },
    },
    {
      way: "agent",
      args: ["--sign-agent", `${file}.pub`],
      start: { env: { SSH_AUTH_SOCK: agent.socket }, socket: agent.socket },
    },
  ]);
}

/** A stage, what makes it fail, and the exit code. */
const FAILURES: [stage: string, args: string[], code: number][] = [
  ["the key", ["--signature-algorithm", "ecdsa-p256"], 1],
  ["trust", ["--trust-file", "../home/other.json"], 3],
  ["push", ["--push-cmd", "env >&2; exit 7", "--push-retries=0"], 2],
  ["write", ["--release-dir", "../home/other.json/releases"], 1],
  ["none", ["--push-cmd", "env", "--release-dir", "other"], 0],
];

/** Stages of nix and git, by the first word of what they do. */
const FAILING_EFFECTS = ["lock", "inventory", "evaluate", "build", "commit", "git push"];

Deno.test("a private key is never printed, whichever stage fails and however much is logged", async () => {
  await using fleet = await FleetWithoutNix.create({ edit: onlyHosts("db"), nixos: ["db"] });
  await withKeys(fleet, async (canary, keys) => {
    const { publicKey } = await generatePrivateKey("ed25519");
    await Deno.writeFile(join(fleet.root, "home/other.json"), trustBytes({ current: publicKey }));
    for (const { way, args, start: { env = {} } } of keys) {
      for (const format of ["pretty", "json"]) {
        const verbose = [...args, "--json", "-v", "--log-format", format];
        for (const [stage, more, expected] of FAILURES) {
          const result = await fleet.run([...verbose, ...more], { env });
          assertEquals(result.code, expected, `${way}, ${stage}: ${result.stderr}`);
          expectNoLeak(canary, result, `${way}, ${stage}`);
        }
        for (const [index, stage] of FAILING_EFFECTS.entries()) {
          fleet.memory.onEffect = (effect) => {
            if (effect.startsWith(stage)) throw new ReleaseError("io", `${stage} fails`);
          };
          const more = ["--git-push", "origin:main", "--release-dir", `${way}-${format}-${index}`];
          const result = await fleet.run([...verbose, ...more], { env });
          const failed = result.stderr.includes(`${stage} fails`);
          assertEquals([result.code, failed], [1, true], `${way}, ${stage}: ${result.stderr}`);
          expectNoLeak(canary, result, `${way}, ${stage}`);
        }
        fleet.memory.onEffect = () => {};
      }
    }
  });
});

/** What real nix and git fail at. */
const REAL_FAILURES: Record<string, string[]> = {
  "source": ["--build-flake", "./nowhere"],
  "fleet": ["--fleet-resolved-attr", "nowhere"],
  "evaluate": ["--hosts", "throwing"],
  "build": ["--hosts", "failing"],
  "git-push": ["--hosts", "db", "--git-push", "../nowhere.git:main"],
};

Deno.test("a private key is not in what nix and git say of what they fail at", async () => {
  await using fleet = await fleetWithFailures();
  await withKeys(fleet, async (canary, keys) => {
    for (const [index, [stage, more]] of Object.entries(REAL_FAILURES).entries()) {
      const { way, args, start: { env = {} } } = keys[index % keys.length]!;
      const format = index % 2 === 0 ? "pretty" : "json";
      const result = await fleet.run([...args, "--json", "-v", "--log-format", format, ...more], { env });
      assertEquals(result.code, 1, `${way}, ${stage}: ${result.stderr}`);
      expectNoLeak(canary, result, `${way}, ${stage}`);
    }
  });
});

/** Ways to damage a key on its way into a file or a variable. */
const DAMAGED: Record<string, (pem: string) => string> = {
  "without its last line": (pem) => pem.replace(/-----END.*/s, ""),
  "without its first line": (pem) => pem.replace(/.*-----\n/, ""),
  "in one line": (pem) => pem.replaceAll("\n", " "),
  "without line breaks": (pem) => pem.replaceAll("\n", ""),
  "with escaped line breaks": (pem) => pem.replaceAll("\n", "\\n"),
  "cut short": (pem) => pem.replace(/.{20}\n-----END/, "\n-----END"),
  "by another label": (pem) => pem.replaceAll("PRIVATE KEY", "EC PRIVATE KEY"),
  "by an unknown label": (pem) => pem.replaceAll("PRIVATE KEY", "SECRET KEY"),
  "as its base64 alone": (pem) => pem.split("\n")[1]!,
  "as a nix key of the seed alone": (pem) => `name:${pem.split("\n")[1]!.slice(-44)}`,
  "as JSON": (pem) => JSON.stringify({ key: pem }),
  "twice": (pem) => pem + pem,
};

Deno.test("nothing of a key that cannot be used is repeated", async () => {
  await using fleet = await FleetWithoutNix.create();
  const canary = await newPemCanary();
  const file = join(fleet.root, "home/damaged.pem");
  for (const [how, damage] of Object.entries(DAMAGED)) {
    const text = damage(canary.text);
    await Deno.writeTextFile(file, text, { mode: 0o600 });
    const start = { env: { RELEASE_KEY: text } };
    for (
      const args of [["--sign-key", "env:RELEASE_KEY", "-v"], ["pubkey", file], ["--sign-key", file]]
    ) {
      const result = await fleet.run(args, start);
      // Line breaks that became blanks harm nobody: that key can be read.
      if (how !== "in one line" && how !== "without line breaks") {
        assertEquals([result.code, result.stdout], [1, ""], `${how}: ${result.stderr}`);
      }
      expectNoLeak(canary, result, how);
      if (result.code === 0) break;
    }
  }
});

Deno.test("a key that is given where its file's name belongs is not repeated", async () => {
  await using fleet = await FleetWithoutNix.create();
  const canary = await newPemCanary();
  const named = `name:${canary.text.split("\n")[1]}`;
  for (
    const args of [
      ["--sign-key", canary.text],
      [`--sign-key=${canary.text}`],
      ["--sign-key", named],
      ["pubkey", canary.text],
      ["pubkey", named],
    ]
  ) {
    const result = await fleet.run(args);
    assertEquals([result.code, result.stdout], [1, ""]);
    expectNoLeak(canary, result, args[0]!);
  }
});

Deno.test("no process that a release starts has the key in its arguments or environment, nor has what is written and printed", async () => {
  await using fleet = await TestFleet.create({ edit: onlyHosts("db"), nixos: ["db"] });
  await withKeys(fleet, async (canary, keys) => {
    const bin = join(fleet.root, "bin");
    const notes = join(fleet.root, "home/notes");
    await Deno.mkdir(bin);
    const note = `{ echo "program: $0"; printf '%s\\n' "$@"; env; } >> '${notes}'`;
    for (const program of ["nix", "nix-store", "git"]) {
      const script = `#!/bin/sh\n${note}\nexec '${which(program)}' "$@"\n`;
      await Deno.writeTextFile(join(bin, program), script, { mode: 0o755 });
    }
    // What everybody on the machine sees, and what the processes above the hook have, up to the program itself: what
    // that one was given nobody can take back.
    const push =
      `echo "program: push hook" >> '${notes}'; { env; cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'; ` +
      `tr '\\0' '\\n' < /proc/$PPID/environ; ps -A -ww -o args=; } >> '${notes}' 2> /dev/null; sleep 0.2`;
    // With all permissions the program could pass on anything, whichever way it has the key; with permissions by name
    // still what it may read of its environment.
    const byName = keys.filter(({ way }) => way === "environment");
    for (const { way, args, start, all } of [...byName, ...keys.map((key) => ({ ...key, all: true }))]) {
      // Each has a directory of its own, so that each makes a commit.
      const dir = `${way}${all ? "-with-all" : ""}`;
      await Deno.writeTextFile(notes, "");
      const env = { ...start.env, PATH: `${bin}:${Deno.env.get("PATH")}`, VISIBLE: "a variable for hooks" };
      const variables = [...start.variables ?? [], "VISIBLE"];
      const options = [
        "--push-cmd",
        push,
        "--hook-env",
        "VISIBLE",
        "--git-commit",
        "--release-dir",
        dir,
        "-v",
      ];
      const release = [...args, ...options];
      const result = all
        ? await runProgram(["-A"], release, { cwd: fleet.dir, env: { ...fleet.env(), ...env } })
        : await fleet.run(release, { ...start, env, variables });
      assertEquals(result.code, 0, `${way}: ${result.stderr}`);
      const seen = await Deno.readTextFile(notes);
      assertEquals(leak(canary, seen), undefined, way);
      for (const name of ["RELEASE_KEY", "BEGIN OPENSSH PRIVATE KEY"]) {
        const lines = seen.split("\n").filter((line) =>
          line.startsWith(name) || line.startsWith(`-----${name}`)
        );
        assertEquals(lines, [], way);
      }
      // What was looked at is what there is to see.
      const programs = new Set(seen.split("\n").filter((line) => line.startsWith("program: ")));
      const wrapped = ["git", "nix", "nix-store"].map((program) => `program: ${join(bin, program)}`);
      assertEquals([...programs].sort(), [...wrapped, "program: push hook"].sort());
      assert(seen.includes("VISIBLE=a variable for hooks"));
      assert(seen.includes(args[1]!), "the program's own arguments are not among those of all processes");

      expectNoLeak(canary, result, way);
      const files = await fleet.files(join(fleet.dir, dir));
      assertEquals(files.size, 5);
      for (const [path, bytes] of files) {
        assertEquals(leak(canary, new TextDecoder().decode(bytes)), undefined, path);
      }
      const commit = await fleet.git("show", "HEAD");
      assertEquals([commit.includes(`${dir}/fleet.resolved.json`), leak(canary, commit)], [true, undefined]);
      assertEquals([...Deno.readDirSync(join(fleet.root, "tmp"))], []);
    }
  });
});
