/**
 * Fleets that are released again and again, each time at a commit that nothing has evaluated before.
 *
 * @module
 */
import { join } from "@std/path";
import { type Draft, TestFleet } from "../tests/support/fleet.ts";
import { expectRun, run, SYSTEM, which } from "../tests/support/command.ts";

/** Cheap, since a signature is not what is measured. */
const SIGN = 'head -c 64 /dev/zero > "$NIXFLEET_OUTPUT"';

const EXPERIMENTAL = ["--extra-experimental-features", "nix-command flakes"];
const TOPLEVEL = "config.system.build.toplevel";

/** So many paths are given to one command. */
const MOST_PATHS = 2000;

/** What a release says of itself, as far as it is read here. */
export interface Released {
  readonly stages: readonly { readonly stage: string; readonly seconds: number }[];
}

/** A fleet of NixOS hosts in a temporary git repository. */
export class BenchFleet implements AsyncDisposable {
  readonly hosts: readonly string[];
  readonly #fleet: TestFleet;
  readonly #commits: string[] = [];
  /** Commits, of which each has derivations of its own. */
  readonly #generations: string[] = [];
  #releases = 0;

  private constructor(fleet: TestFleet, hosts: readonly string[]) {
    this.#fleet = fleet;
    this.hosts = hosts;
  }

  /**
   * @param hosts Names of the hosts, half of them on each of two channels
   * @param flake Text of the flake, which takes names from `hosts.json` and the fleet from `fleet.json`; by default
   * the tests' flake, whose hosts are bare derivations
   */
  static async create(hosts: string[], flake?: string): Promise<BenchFleet> {
    const fleet = await TestFleet.create({
      nixos: hosts,
      edit: (draft) => spread(draft, hosts),
      ...(flake === undefined ? {} : { files: { "flake.nix": flake } }),
    });
    return new BenchFleet(fleet, hosts);
  }

  /** Takes out of nix's store what was put there, and removes the repository. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const commit of this.#generations.length === 0 ? [undefined] : this.#generations) {
        const derivations = await this.#evaluate(commit);
        for (let index = 0; index < derivations.length; index += MOST_PATHS) {
          const some = derivations.slice(index, index + MOST_PATHS);
          const outputs = await this.#nixStore("--query", "--outputs", ...some);
          await this.#delete([...outputs.trim().split("\n"), ...some]);
        }
      }
      await this.#delete(await this.#sources());
    } finally {
      await this.#fleet[Symbol.asyncDispose]();
    }
  }

  /** What another run has, too, is that one's to remove. */
  async #delete(paths: readonly string[]): Promise<void> {
    await run([which("nix-store"), "--delete", ...paths], { cwd: this.#fleet.dir, env: this.#fleet.env() });
  }

  /** Makes a commit, so that neither nix nor the program knows anything of what comes. */
  async freshCommit(): Promise<void> {
    await this.#fleet.write({ generation: `${this.#commits.length}\n` });
    this.#commits.push(await this.#fleet.commit("next"));
  }

  /** Makes a commit of which no host is built. */
  async freshHosts(): Promise<void> {
    const generation = String(this.#generations.length);
    const content = Object.fromEntries(this.hosts.map((host) => [host, generation]));
    await this.#fleet.write({ "hosts.json": JSON.stringify({ nixos: this.hosts, darwin: [], content }) });
    await this.freshCommit();
    this.#generations.push(this.#commits.at(-1)!);
  }

  /** Releases the fleet with the program, as a process of its own, into a new directory. */
  async release(...args: string[]): Promise<Released> {
    // Outside the repository, so that no commit contains it.
    const dir = join(this.#fleet.root, "releases", String(this.#releases++));
    const all = ["--sign-cmd", SIGN, "--release-dir", dir, "--json", ...args];
    const { code, stdout, stderr } = await this.#fleet.runProcess(all);
    if (code !== 0) throw new Error(`The release failed with ${code}\n${stderr}`);
    return JSON.parse(stdout);
  }

  /** What any producer has to run: locks the flake, evaluates all hosts at once, and builds what came out. */
  async bareCommands(): Promise<void> {
    await this.#nix("flake", "metadata", "--json");
    await this.#nixStore("--realise", ...await this.#evaluate());
  }

  /** One `nix build` for each host, one after the other. */
  async buildEach(): Promise<void> {
    for (const host of this.hosts) {
      await this.#nix("build", "--no-link", "--json", `.#nixosConfigurations.${host}.${TOPLEVEL}`);
    }
  }

  /** The derivations of all hosts of the work tree, or of a commit, by one `nix eval`. */
  async #evaluate(commit?: string): Promise<string[]> {
    const flake = commit === undefined ? "." : `git+file://${this.#fleet.dir}?rev=${commit}`;
    const found = await this.#nix(
      "eval",
      "--json",
      `${flake}#nixosConfigurations`,
      "--apply",
      `builtins.mapAttrs (_: host: host.${TOPLEVEL}.drvPath)`,
    );
    return Object.values(JSON.parse(found));
  }

  /** The copies of all commits that nix made in its store. */
  async #sources(): Promise<string[]> {
    const flakes = this.#commits.map((commit) => `git+file://${this.#fleet.dir}?rev=${commit}`);
    const copies = flakes.map((flake) => `(builtins.getFlake ${JSON.stringify(flake)}).outPath`);
    return JSON.parse(await this.#nix("eval", "--json", "--expr", `[ ${copies.join(" ")} ]`));
  }

  #nix(...args: string[]): Promise<string> {
    return this.#run([which("nix"), ...EXPERIMENTAL, ...args]);
  }

  #nixStore(...args: string[]): Promise<string> {
    return this.#run([which("nix-store"), ...args]);
  }

  #run(argv: string[]): Promise<string> {
    return expectRun(argv, { cwd: this.#fleet.dir, env: this.#fleet.env() });
  }
}

/** Puts these hosts on the sample fleet's channels, in turns, and those of `stable` into its two waves. */
function spread(draft: Draft, hosts: readonly string[]): void {
  const half = (parity: number) => hosts.filter((_, index) => index % 2 === parity);
  const entry = (channel: string) => (name: string) => [name, { system: SYSTEM, tags: ["bench"], channel }];
  const [stable, edge] = [half(0), half(1)];
  draft["hosts"] = Object.fromEntries([...stable.map(entry("stable")), ...edge.map(entry("edge"))]);
  draft["waves"] = {
    stable: [
      { hosts: stable.slice(0, 1), soakMinutes: 10 },
      { hosts: stable.slice(1), soakMinutes: 30 },
    ],
    edge: [],
  };
}

/** Names for so many hosts. */
export function namesOf(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${String(index).padStart(4, "0")}`);
}
