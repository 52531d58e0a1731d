/**
 * The project as a flake, for tests that use it through nix: on a stand-in for nixpkgs that is made of this machine's
 * own programs.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { ensureDir } from "@std/fs";
import { expectRun, find, type Finished, PROJECT, run, which } from "./command.ts";
import { TestFleet } from "./fleet.ts";

/** What of the project its flake reads; of the tests, what the tests of the flake themselves need. */
const SOURCES = [
  "README.md",
  "deno.json",
  "deno.lock",
  "flake.lock",
  "flake.nix",
  "mod.ts",
  "nix",
  "shims",
  "src",
  "templates",
  "tests/fixtures",
];

/**
 * Whether the project is one that can be packaged: what is made for JSR has no lock file, and gets its dependencies from
 * elsewhere.
 */
export const PACKAGED: boolean =
  (await Deno.stat(join(PROJECT, "deno.lock")).catch(() => undefined)) !== undefined;

/** Where the project is fetched from. */
export const FLAKE_URL = "github:fleet-release/fleet-release";

/** The project and the stand-ins for its inputs, beside a fleet, where a test can change them. */
export class TestFlake {
  readonly #fleet: TestFleet;
  /** The project's directory. */
  readonly project: string;
  /** The stand-in for nixpkgs. */
  readonly nixpkgs: string;

  private constructor(fleet: TestFleet) {
    this.#fleet = fleet;
    this.project = join(fleet.root, "project");
    this.nixpkgs = join(fleet.root, "nixpkgs");
  }

  /**
   * Copies the project, and makes a nixpkgs of the programs on PATH.
   *
   * @param more Paths of the project that are copied too
   */
  static async create(fleet: TestFleet, more: readonly string[] = []): Promise<TestFlake> {
    const flake = new TestFlake(fleet);
    for (const name of [...SOURCES, ...more]) await copy(join(PROJECT, name), join(flake.project, name));
    await copy(join(PROJECT, "tests/fixtures/nixpkgs-standin"), flake.nixpkgs);
    await Deno.writeTextFile(join(flake.nixpkgs, "machine.json"), JSON.stringify(machine()));
    return flake;
  }

  /** A flake that has the project and nixpkgs as its inputs, with those that are on this machine. */
  pointToHere(text: string): string {
    return text.replaceAll(FLAKE_URL, `path:${this.project}`)
      .replace(/github:NixOS\/nixpkgs[^"]*/g, `path:${this.nixpkgs}`)
      .replaceAll(
        "github:hercules-ci/flake-parts",
        `path:${this.project}/tests/fixtures/flake-parts-standin`,
      );
  }

  /** The environment that nix is started with, and programs through it. */
  env(): Record<string, string> {
    const env = this.#fleet.env();
    // Where packages come from on this machine, if it says so.
    const inherited = ["NPM_CONFIG_REGISTRY", "http_proxy", "https_proxy", "no_proxy"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    const features = "experimental-features = nix-command flakes";
    return { ...env, ...Object.fromEntries(inherited), NIX_CONFIG: `${env["NIX_CONFIG"]}\n${features}` };
  }

  /**
   * Runs nix on the project or on a flake that has it as an input.
   *
   * @param options `cwd` is the fleet's directory by default; `env` is put over {@linkcode env}
   */
  nix(
    args: readonly string[],
    { cwd = this.#fleet.dir, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
  ): Promise<Finished> {
    return run([which("nix"), ...args], { cwd, env: { ...this.env(), ...env } });
  }

  /** Runs a nix command on one of the project's outputs, with nixpkgs overridden. */
  own(command: readonly string[], output = "", more: readonly string[] = []): Promise<Finished> {
    const override = ["--no-write-lock-file", "--override-input", "nixpkgs", `path:${this.nixpkgs}`];
    return this.nix([...command, `path:${this.project}${output}`, ...override, ...more], { cwd: "/" });
  }

  /** Builds the package, and gives its path in the store. */
  async package(): Promise<string> {
    const { code, stdout, stderr } = await this.own(["build", "--json", "--no-link"], "#fleet-release");
    if (code !== 0) throw new Error(`Cannot build the package: nix exited with ${code}\n${stderr}`);
    return JSON.parse(stdout)[0].outputs.out;
  }
}

/** The project as a flake that no test of a file changes, made when it is first asked for. */
export class SharedFlake implements AsyncDisposable {
  readonly #more: readonly string[];
  #made: Promise<{ fleet: TestFleet; flake: TestFlake }> | undefined;
  #package: Promise<string> | undefined;

  /** @param more Paths of the project that are copied too */
  constructor(more: readonly string[] = []) {
    this.#more = more;
  }

  /** Gives it. */
  async flake(): Promise<TestFlake> {
    this.#made ??= (async () => {
      const fleet = await TestFleet.create({ git: false });
      return { fleet, flake: await TestFlake.create(fleet, this.#more) };
    })();
    return (await this.#made).flake;
  }

  /** Builds the package, once, and gives its path in the store. */
  async package(): Promise<string> {
    this.#package ??= this.flake().then((flake) => flake.package());
    return await this.#package;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#made !== undefined) await (await this.#made).fleet[Symbol.asyncDispose]();
  }
}

/** The programs of this machine that the stand-in hands out as packages. */
function machine(): Record<string, unknown> {
  const nix = which("nix");
  const certificates = Deno.env.get("NIX_SSL_CERT_FILE") ?? Deno.env.get("SSL_CERT_FILE") ??
    (Deno.build.os === "darwin" ? "/etc/ssl/cert.pem" : "/etc/ssl/certs/ca-certificates.crt");
  return {
    path: Deno.env.get("PATH"),
    sh: which("sh"),
    bash: which("bash"),
    deno: Deno.execPath(),
    denoVersion: Deno.version.deno,
    git: which("git"),
    nix: [nix, join(dirname(nix), "nix-store")],
    node: [which("node"), which("npm")],
    openssl: which("openssl"),
    sleep: which("sleep"),
    ps: which("ps"),
    setsid: find("setsid"),
    certificates,
  };
}

async function copy(from: string, to: string): Promise<void> {
  await ensureDir(dirname(to));
  await expectRun([which("cp"), "-R", from, to], {});
}
