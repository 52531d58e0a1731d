// What nix is asked about hosts, and how many processes are.

import { assertEquals } from "@std/assert";
import { applyTo, HOSTS, ONE_HOST } from "../../../src/adapters/nix/expressions.ts";
import { createNix } from "../../../src/adapters/nix/nix.ts";
import { type CommandResult, type RunOptions, Shell } from "../../../src/adapters/process.ts";
import type { HostDerivation, HostInFlake, LockedFlake } from "../../../src/model.ts";
import { SILENT_LOG } from "../../../src/report/log.ts";
import { derivationOf, lockedAt } from "../../support/fake_ports.ts";
import { deepFreeze, pureTest } from "../../support/pure.ts";

const MARK = "mark";

/** A shell in which `nix eval` knows these hosts, and keeps what it was asked. */
class FakeShell extends Shell {
  readonly asked: string[] = [];
  readonly #answers: ReadonlyMap<string, unknown>;

  constructor(answers: ReadonlyMap<string, unknown>) {
    super({ path: "", cwd: "/", trace: SILENT_LOG });
    this.#answers = answers;
  }

  override find(program: string): string {
    return `/bin/${program}`;
  }

  override run(argv: readonly string[], { onStderr }: RunOptions): Promise<CommandResult> {
    // What marks hosts in nix's log, nobody can know before.
    const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
    const [mark] = uuid.exec(argv.at(-1)!) ?? [];
    const expression = argv.at(-1)!.replace(uuid, MARK);
    this.asked.push(expression);
    const answer = this.#answers.get(expression);
    if (mark !== undefined && Array.isArray(answer)) {
      const lines = answer.flatMap((fields, index) => [[index], [index, fields]]);
      for (const line of lines) {
        const msg = `trace: ${mark} ${JSON.stringify(line)}`;
        onStderr!(`@nix ${JSON.stringify({ action: "msg", level: 0, msg })}`);
      }
    }
    const stdout = new TextEncoder().encode(JSON.stringify(answer));
    return Promise.resolve({ code: answer === undefined ? 1 : 0, stdout, stderr: [] });
  }
}

const flakeAt = (commit: string): LockedFlake => lockedAt(`git+file:///fleet?rev=${commit}`, commit);

const CURRENT = flakeAt("c".repeat(40));
const PINNED = flakeAt("a".repeat(40));
const OTHER = flakeAt("b".repeat(40));

const current = (name: string): HostInFlake => ({
  ...{ name, kind: "nixos", channel: "stable", pinnedTo: null, flake: CURRENT },
});
const pinned = (name: string, flake: LockedFlake): HostInFlake => ({
  ...{ name, kind: "darwin", channel: null, pinnedTo: flake.revision, flake },
});

/** Five that are pinned to one commit, one to another, and two that are not. */
const FLEET: readonly HostInFlake[] = deepFreeze([
  pinned("a", PINNED),
  current("web1"),
  pinned("__proto__", PINNED),
  pinned("alone", OTHER),
  pinned("b", PINNED),
  current("web2"),
  pinned("c", PINNED),
  pinned("d", PINNED),
]);

/** What nix is asked, and what it answers: hosts with their kind and name, and nothing else. */
const ANSWERS = new Map<string, unknown>([
  ...[["a", "__proto__", "b", "c", "d"], ["web1", "web2"], ["alone"]].map((names): [string, unknown] => {
    const hosts = names.map((name) => FLEET.find((host) => host.name === name)!);
    const flake = hosts[0]!.flake.opened;
    const refs = hosts.map(({ name, kind }) => ({ name, kind }));
    const answers = hosts.map(derivationOf).map(({ drvPath, outPath, outputName }) => [
      drvPath,
      outPath,
      outputName,
    ]);
    return names.length === 1
      ? [applyTo(ONE_HOST, { flake, host: refs[0] }), answers[0]]
      : [applyTo(HOSTS, { flake, hosts: refs, mark: MARK }), answers];
  }),
]);

pureTest(
  "nix is told of a host no more than its kind and name, and once of all that one commit has",
  async () => {
    const shell = new FakeShell(ANSWERS);
    const nix = createNix(shell, {
      ...{ env: {}, tempDir: "/tmp", options: [], builders: undefined, maxJobs: undefined, evalWorkers: 1 },
      clock: { now: () => Temporal.Now.instant(), monotonic: () => 0 },
    });
    const told: string[] = [];
    const found = new Map<HostInFlake, HostDerivation>();
    await nix.evaluateHosts(FLEET, {
      progress: (name, state) => told.push(`${name} ${state}`),
      warn: () => {},
      onDerived: (host, derivation) => found.set(host, derivation),
    });
    assertEquals(FLEET.map((host) => found.get(host)), FLEET.map(derivationOf));
    assertEquals(shell.asked, [...ANSWERS.keys()]);
    assertEquals(
      told,
      [["a", "__proto__", "b", "c", "d"], ["web1", "web2"], ["alone"]].flatMap((names) => [
        ...names.flatMap((name) => [`${name} started`, `${name} done`]),
      ]),
    );
  },
);
