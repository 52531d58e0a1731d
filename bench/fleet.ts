/**
 * Fleets that are released again and again, each time at a commit that nothing has evaluated before.
 *
 * @module
 */
import { join } from "@std/path";
import { type Draft, TestFleet } from "../tests/support/fleet.ts";
import { expectRun, SYSTEM, which } from "../tests/support/command.ts";

/** Cheap, since a signature is not what is measured. */
const SIGN = 'head -c 64 /dev/zero > "$NIXFLEET_OUTPUT"';

const EXPERIMENTAL = ["--extra-experimental-features", "nix-command flakes"];
const TOPLEVEL = "config.system.build.toplevel";

/** A fleet of NixOS hosts in a temporary git repository. */
export class BenchFleet implements AsyncDisposable {
  readonly hosts: readonly string[];
  readonly #fleet: TestFleet;
  readonly #commits: string[] = [];
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
      const derivations = await this.#evaluate();
      const outputs = await this.#nixStore("--query", "--outputs", ...derivations);
      const sources = await this.#sources();
      await this.#nixStore("--delete", ...sources, ...outputs.trim().split("\n"), ...derivations);
    } finally {
      await this.#fleet[Symbol.asyncDispose]();
    }
  }

  /** Makes a commit, so that neither nix nor the program knows anything of what comes. */
  async freshCommit(): Promise<void> {
    await this.#fleet.write({ generation: `${this.#commits.length}\n` });
    this.#commits.push(await this.#fleet.commit("next"));
  }

  /** Releases the fleet with the program, into a new directory. */
  async release(): Promise<void> {
    // Outside the repository, so that no commit contains it.
    const dir = join(this.#fleet.root, "releases", String(this.#releases++));
    const { code, stderr } = await this.#fleet.run(["--sign-cmd", SIGN, "--release-dir", dir]);
    if (code !== 0) throw new Error(`The release failed with ${code}\n${stderr}`);
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

  /** The derivations of all hosts, by one `nix eval`. */
  async #evaluate(): Promise<string[]> {
    const found = await this.#nix(
      "eval",
      "--json",
      ".#nixosConfigurations",
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
