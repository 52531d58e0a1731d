/**
 * Real fleets for end-to-end tests: a flake in a git repository of its own, and the program run on it as a process
 * with permissions by name.
 *
 * @module
 */
import { dirname, fromFileUrl, join } from "@std/path";
import { ensureDir } from "@std/fs";
import { VARIABLES } from "../../src/commands/release.ts";
import { expectRun, type Finished, PROJECT, run, SYSTEM, which } from "./command.ts";
import { runInProcess } from "./in_process.ts";

/** The file that {@linkcode FLAKE} is made of. */
export const GOLDEN: string = join(
  dirname(fromFileUrl(import.meta.url)),
  "../golden/flakes/plain/commits/1/flake.nix",
);

/** The flake that reads its hosts and its fleet from JSON files beside it, with hosts that this machine builds. */
export const FLAKE: string = (await Deno.readTextFile(GOLDEN)).replace("x86_64-linux", SYSTEM);

/** The published test key of RFC 8032, 7.1, test 1. */
export const KEY: string = join(PROJECT, "tests/golden/flakes/key.pem");

/** Its public part, as consumers trust it. */
export const PUBLIC_KEY = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/** A sign command that makes real ed25519 signatures. */
export const SIGN =
  `openssl pkeyutl -sign -rawin -inkey ${KEY} -in "$NIXFLEET_INPUT" -out "$NIXFLEET_OUTPUT"`;

/** A fleet's JSON, as loose as tests need it to be. */
// deno-lint-ignore no-explicit-any
export type Draft = Record<string, any>;

/** A fleet of two channels: web1 and web2 on stable with waves, db on edge. */
export function sampleFleet(): Draft {
  const host = (channel: string, tags: string[]) => ({ system: SYSTEM, tags, channel });
  const channel = (rolloutPolicy: string) => ({
    rolloutPolicy,
    reconcileIntervalMinutes: 30,
    freshnessWindow: 1440,
    signingIntervalMinutes: 60,
    compliance: { frameworks: [], mode: "disabled" },
  });
  return {
    schemaVersion: 1,
    hosts: { web1: host("stable", ["web"]), web2: host("stable", ["web"]), db: host("edge", ["db"]) },
    channels: { stable: channel("canary"), edge: channel("all") },
    rolloutPolicies: {
      canary: { strategy: "canary", waves: [], onHealthFailure: "rollback-and-halt" },
      all: { strategy: "all-at-once", waves: [], onHealthFailure: "halt" },
    },
    waves: { stable: [{ hosts: ["web2"], soakMinutes: 10 }, { hosts: ["web1"], soakMinutes: 30 }], edge: [] },
    meta: { schemaVersion: 1 },
  };
}

/** How a fleet differs from {@linkcode sampleFleet}. */
export interface FleetOptions {
  /** Whether it lies in a git repository; true by default. */
  git?: boolean;
  /** Changes the fleet's JSON in place. */
  edit?: (fleet: Draft) => void;
  nixos?: string[];
  darwin?: string[];
  /** Files to write over the default ones, by path. */
  files?: Record<string, string>;
}

/** How the program is started on a fleet. */
export interface ProgramStart {
  /** By default the flake's directory. */
  cwd?: string;
  /** What is put over the environment that processes of the fleet have. */
  env?: Record<string, string>;
  /** What standard input gives; by default nothing. */
  stdin?: Uint8Array<ArrayBuffer>;
  /** Starts a process, which may read these variables beside those of every release. */
  variables?: readonly string[];
  /** Starts a process, which may connect to this socket. */
  socket?: string;
}

/** What git keeps of a repository: its directories, and its files with their bytes and modes, by path. */
interface Repository {
  readonly dirs: string[];
  readonly files: [path: string, bytes: Uint8Array, mode: number][];
}

/** The repositories of fleets that were made before, by the files that are committed in them. */
const repositories = new Map<string, Promise<Repository>>();

/** Reads what git keeps, without its examples of hooks. */
function readRepository(dir: string): Repository {
  const found: Repository = { dirs: [], files: [] };
  const visit = (prefix: string) => {
    found.dirs.push(prefix);
    for (const { name, isDirectory } of Deno.readDirSync(join(dir, prefix))) {
      const path = join(prefix, name);
      if (isDirectory) visit(path);
      else if (!name.endsWith(".sample")) {
        const { mode } = Deno.statSync(join(dir, path));
        found.files.push([path, Deno.readFileSync(join(dir, path)), mode ?? 0o644]);
      }
    }
  };
  visit("");
  return found;
}

function writeRepository(dir: string, { dirs, files }: Repository): void {
  for (const path of dirs) Deno.mkdirSync(join(dir, path));
  for (const [path, bytes, mode] of files) Deno.writeFileSync(join(dir, path), bytes, { mode });
}

let sharedCache: string | undefined;

/**
 * The cache of nix that fleets of a test file share: what it has fetched of a commit, it need not fetch again for a
 * fleet of the same files. It goes with the file's last test.
 */
function nixCache(): string {
  if (sharedCache === undefined) {
    const dir = Deno.makeTempDirSync({ prefix: "fleet-release-test-" });
    globalThis.addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));
    sharedCache = dir;
  }
  return sharedCache;
}

/** A fleet on disk, in a temporary directory that goes when it is disposed of. */
export class TestFleet implements AsyncDisposable {
  /** The temporary directory: `fleet` is in it, and whatever a test puts beside it. */
  readonly root: string;
  /** The flake's directory. */
  readonly dir: string;
  /** A file with the test key, which its owner alone can read. */
  readonly key: string;

  private constructor(root: string) {
    this.root = root;
    this.dir = join(root, "fleet");
    this.key = join(root, "home/key.pem");
  }

  /** Makes a fleet, and commits it. */
  static async create(options: FleetOptions = {}): Promise<TestFleet> {
    const fleet = new TestFleet(
      await Deno.realPath(await Deno.makeTempDir({ prefix: "fleet-release-test-" })),
    );
    for (const dir of ["fleet", "home/.cache", "tmp"]) await ensureDir(join(fleet.root, dir));
    await Deno.symlink(nixCache(), join(fleet.root, "home/.cache/nix"));
    const draft = sampleFleet();
    options.edit?.(draft);
    const names = {
      nixos: options.nixos ?? ["web1", "web2", "db"],
      darwin: options.darwin ?? [],
      content: {},
    };
    const files = {
      "flake.nix": FLAKE,
      "fleet.json": JSON.stringify(draft),
      "hosts.json": JSON.stringify(names),
      ...options.files,
    };
    await fleet.write(files);
    await Deno.writeTextFile(fleet.key, await Deno.readTextFile(KEY), { mode: 0o600 });
    if (options.git ?? true) await fleet.#commitFirst(JSON.stringify(files));
    return fleet;
  }

  /** Makes the repository: by git the first time, and as a copy of what that made when files are the same again. */
  async #commitFirst(files: string): Promise<void> {
    const dir = join(this.dir, ".git");
    const known = repositories.get(files);
    if (known !== undefined) return writeRepository(dir, await known);
    const made = (async () => {
      await this.git("init", "-q", "-b", "main");
      await this.commit("first");
      return readRepository(dir);
    })();
    repositories.set(files, made);
    await made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }

  /** Writes files of the flake. */
  async write(files: Record<string, string>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await ensureDir(dirname(join(this.dir, path)));
      await Deno.writeTextFile(join(this.dir, path), text);
    }
  }

  /** Runs git in the flake's directory; it has to succeed. */
  async git(...args: string[]): Promise<string> {
    const out = await expectRun([which("git"), ...args], { cwd: this.dir, env: this.env() });
    return out.replace(/\n$/, "");
  }

  /** Commits all files, and gives the commit. */
  async commit(message: string): Promise<string> {
    await this.git("add", "-A");
    await this.git("commit", "-q", "--allow-empty", "-m", message);
    return await this.head();
  }

  /** The commit that HEAD names, as git's files say it: right after a commit, they say it without a process of git's. */
  async head(): Promise<string> {
    const read = async (path: string) => (await Deno.readTextFile(join(this.dir, ".git", path))).trimEnd();
    const head = await read("HEAD");
    return head.startsWith("ref: ") ? await read(head.slice("ref: ".length)) : head;
  }

  /** The environment that processes of this fleet are started with: nothing of the user's own configuration. */
  env(): Record<string, string> {
    const inherited = ["PATH", "DENO_DIR", "JSR_URL", "NIX_REMOTE"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    return {
      ...Object.fromEntries(inherited),
      HOME: join(this.root, "home"),
      TMPDIR: join(this.root, "tmp"),
      NIX_CONFIG: "substituters =\nbuild-users-group =\nsandbox = false",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_COUNT: "2",
      GIT_CONFIG_KEY_0: "user.name",
      GIT_CONFIG_VALUE_0: "tester",
      GIT_CONFIG_KEY_1: "user.email",
      GIT_CONFIG_VALUE_1: "tester@example.com",
      NO_COLOR: "1",
    };
  }

  /** Runs the program, in this process unless a process has to be started. */
  run(args: readonly string[], start: ProgramStart = {}): Promise<Finished> {
    const { cwd = this.dir, env = {}, stdin, variables, socket } = start;
    if (variables !== undefined || socket !== undefined) return this.runProcess(args, start);
    return runInProcess(args, { cwd, env: { ...this.env(), ...env }, ...stdin && { stdin } });
  }

  /** Runs the program as a process, with the permissions that a release needs, each by name. */
  runProcess(
    args: readonly string[],
    { cwd = this.dir, env = {}, stdin, variables = [], socket }: ProgramStart = {},
  ): Promise<Finished> {
    const flags = programFlags([this.root], { path: env["PATH"] || undefined, variables, socket });
    return run([Deno.execPath(), "run", ...flags, join(PROJECT, "src/main.ts"), ...args], {
      cwd,
      env: { ...this.env(), ...env },
      ...stdin && { stdin },
    });
  }

  /** Runs the program with the test key, unless it is told how to sign; the signatures have to verify with that key. */
  release(args: readonly string[] = [], options: ProgramStart = {}): Promise<Finished> {
    return this.run(this.#signing(args), options);
  }

  /** Releases as {@linkcode release} does, as a process. */
  releaseProcess(args: readonly string[] = [], options: ProgramStart = {}): Promise<Finished> {
    return this.runProcess(this.#signing(args), options);
  }

  /** The arguments, behind what signs and the key that signatures have to verify with. */
  #signing(args: readonly string[]): string[] {
    const signing = args.some((arg) => /^--sign-(cmd|key|agent)\b/.test(arg));
    const trusting = args.some((arg) => /^--(trust-file|trust-attr|public-key)\b/.test(arg));
    return [
      ...(signing ? [] : ["--sign-key", this.key]),
      ...(trusting ? [] : ["--public-key", PUBLIC_KEY]),
      ...args,
    ];
  }

  /** The files of the release, or below another directory, as {@linkcode filesBelow} gives them. */
  files(dir: string = join(this.dir, "releases")): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
    return filesBelow(dir);
  }

  /** A JSON document of the release. */
  async json(path = "fleet.resolved.json"): Promise<Draft> {
    return JSON.parse(await Deno.readTextFile(join(this.dir, "releases", path)));
  }
}

/** The files below a directory, by path, with their bytes; empty when it is not there. */
export async function filesBelow(dir: string): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  const visit = async (prefix: string) => {
    for await (const entry of Deno.readDir(join(dir, prefix))) {
      const path = join(prefix, entry.name);
      if (entry.isDirectory) await visit(path);
      else found.set(path, await Deno.readFile(join(dir, path)));
    }
  };
  try {
    await visit("");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return new Map([...found].sort(([a], [b]) => a < b ? -1 : 1));
}

/**
 * The flags that the program runs with: four programs by path (those that there are), the directories that they and
 * the fleet are in, the variables of the contract by name, and nothing else. No network.
 */
function programFlags(
  dirs: readonly string[],
  { path, variables, socket }: {
    path: string | undefined;
    variables: readonly string[];
    socket: string | undefined;
  },
): string[] {
  const sockets = socket === undefined ? [] : [socket];
  // Deno 2.8 knows no such permission: there, reading and writing the socket is enough.
  const mayConnect = socket !== undefined && !/^2\.[0-8]\./.test(Deno.version.deno);
  const programs = ["nix", "nix-store", "git", "sh"].flatMap((program) => {
    try {
      return [which(program, path)];
    } catch (error) {
      if (path === undefined) throw error;
      return [];
    }
  });
  return [
    "--no-prompt",
    "--cached-only",
    "--frozen",
    `--allow-run=${programs.join(",")}`,
    `--allow-read=${[...dirs, ...sockets, ...new Set(programs.map((path) => dirname(path)))].join(",")}`,
    `--allow-write=${[...dirs, ...sockets].join(",")}`,
    `--allow-env=${
      [...VARIABLES, ...variables, "GIT_CONFIG_KEY_*", "GIT_CONFIG_VALUE_*", "NODE_V8_COVERAGE", "NO_COLOR"]
        .join(",")
    }`,
    ...(mayConnect ? [`--allow-net=unix:${socket}`] : []),
  ];
}
