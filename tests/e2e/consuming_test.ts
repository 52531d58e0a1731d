// What docs/consuming.md gives to those who write a consumer: a script and a function that say the same of a release.

import { assertEquals, assertRejects } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import type { ReleaseFiles } from "../../mod.ts";
import { type Finished, PROJECT, run, which } from "../support/command.ts";
import { codeBlocks, projectText } from "../support/docs.ts";
import { KEY } from "../support/fleet.ts";
import { FleetWithoutNix } from "../support/fleet_without_nix.ts";
import { MAY_SKIP, missing } from "../support/signing_recipes.ts";

const DOCS = await projectText("docs/consuming.md");
const [SCRIPT] = codeBlocks(DOCS, "sh consumer");

/** A release of the sample fleet, the trust file for it, and the script. */
class Consumer implements AsyncDisposable {
  private constructor(readonly fleet: FleetWithoutNix, readonly trust: string, readonly state: string) {}

  static async create(): Promise<Consumer> {
    const fleet = await FleetWithoutNix.create();
    const [trust, script] = [join(fleet.root, "trust.json"), join(fleet.root, "target-of")];
    const { stdout } = await fleet.run(["pubkey", KEY, "--format", "trust-file"]);
    await Deno.writeTextFile(trust, stdout);
    await Deno.writeTextFile(script, SCRIPT!, { mode: 0o755 });
    return new Consumer(fleet, trust, join(fleet.root, "state"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
  }

  /** Releases, signed at another time than now when that is given, in seconds from now. */
  async release(seconds = 0): Promise<void> {
    const at = Temporal.Now.instant().add({ seconds }).round({
      smallestUnit: "second",
      roundingMode: "floor",
    });
    const { code, stderr } = await this.fleet.release(["--now", `${at}`, "--allow-older"]);
    assertEquals(code, 0, stderr);
  }

  /** What the script says of a host. */
  async target(host: string): Promise<Finished> {
    const { root, dir } = this.fleet;
    const args = [host, join(dir, "releases"), this.trust, this.state];
    return await run([which("sh"), join(root, "target-of"), ...args], { env: this.fleet.env(), cwd: root });
  }

  /** What the script refuses. */
  async refused(host: string): Promise<string> {
    const { code, stdout, stderr } = await this.target(host);
    assertEquals([code, stdout], [1, ""], stderr);
    return stderr.trimEnd().replace(/[0-9a-f]{64}/, "ID");
  }

  /** The path of a file of the release, and of a manifest by its channel. */
  async path(name: string): Promise<string> {
    const dir = join(this.fleet.dir, "releases");
    for (const [path, bytes] of await this.fleet.files()) {
      const isManifest = path.startsWith("rollouts/") && path.endsWith(".json");
      if (isManifest && JSON.parse(new TextDecoder().decode(bytes)).channel === name) return join(dir, path);
    }
    return join(dir, name);
  }
}

const lacking = missing(["jq", "openssl", "sha256sum"]);
const skipped = lacking.length > 0 && MAY_SKIP ? ` (skipped: no ${lacking.join(", no ")})` : "";
const path = (host: string) => `/nix/store/${"0".repeat(32)}-nixos-system-${host}`;

Deno.test({
  name: `the script for consumers tells a host's wave and store path, and refuses what it has to${skipped}`,
  ignore: skipped !== "",
  async fn() {
    await using consumer = await Consumer.create();
    await consumer.release();
    for (const [host, wave] of [["web1", 1], ["web2", 0], ["db", 0]] as const) {
      assertEquals(await consumer.target(host), { code: 0, stdout: `${wave} ${path(host)}\n`, stderr: "" });
    }
    assertEquals(await consumer.refused("web9"), "refused: the fleet has no host web9");

    const [fleet, manifest] = [await consumer.path("fleet.resolved.json"), await consumer.path("stable")];
    const changes: [path: string, change: (text: string) => string, said: string][] = [
      [fleet, (text) => text.replace("web1", "web3"), "no trusted key has signed the fleet"],
      [`${fleet}.sig`, (text) => text.slice(1), "no trusted key has signed the fleet"],
      [consumer.trust, (text) => text.replace("ed25519", "ed448"), "there is no key to verify with"],
      [
        consumer.trust,
        (text) => text.replace(/"rejectBefore": null/, '"rejectBefore": "2999-01-01T00:00:00.5Z"'),
        "what was signed then is rejected",
      ],
      [
        manifest,
        (text) => text.replace('"waveIndex":1', '"waveIndex":0'),
        "no trusted key has signed ID.json",
      ],
      [consumer.state, () => "99999999999", "there was a later release before"],
    ];
    for (const [path, change, said] of changes) {
      const before = await Deno.readFile(path);
      const text = new TextDecoder("latin1").decode(before);
      await Deno.writeFile(path, Uint8Array.from(change(text), (letter) => letter.charCodeAt(0)));
      assertEquals(await consumer.refused("web1"), `refused: ${said}`);
      await Deno.writeFile(path, before);
    }
    const trusted = await Deno.readTextFile(consumer.trust);
    for (const [retireAt, code] of [["2999-01-01T00:00:00.5Z", 0], ["2020-01-01T00:00:00Z", 1]] as const) {
      const { schemaVersion, ciReleaseKey: { current } } = JSON.parse(trusted);
      const announced = { schemaVersion, ciReleaseKey: { current: null, successor: current, retireAt } };
      await Deno.writeTextFile(consumer.trust, JSON.stringify(announced));
      assertEquals((await consumer.target("web1")).code, code);
    }
    await Deno.writeTextFile(consumer.trust, trusted);
    for (const end of ["", ".sig"]) {
      await Deno.rename(`${manifest}${end}`, manifest.replace(/.{8}\.json/, `deadbeef.json${end}`));
    }
    assertEquals(await consumer.refused("web1"), "refused: the name of ID.json is not its hash");
    await Deno.remove(join(consumer.fleet.dir, "releases/rollouts"), { recursive: true });

    // A day is the window of each channel.
    await consumer.release(-86400 - 120);
    assertEquals(await consumer.refused("web1"), "refused: the fleet is stale");
    await consumer.release(120);
    assertEquals(await consumer.refused("web1"), "refused: the fleet is signed in the future");
    await consumer.release(-60);
    assertEquals(await consumer.refused("web1"), "refused: there was a later release before");
    await Deno.remove(consumer.state);
    assertEquals((await consumer.target("web1")).stdout, `1 ${path("web1")}\n`);
  },
});

Deno.test("the function for consumers says what the script says", async () => {
  await using consumer = await Consumer.create();
  await consumer.release(-60);
  const [block] = codeBlocks(DOCS, "ts");
  const module = join(consumer.fleet.root, "target.ts");
  const text = `${block}\nexport { targetOf };\n`.replace(
    "../mod.ts",
    `${toFileUrl(join(PROJECT, "mod.ts"))}`,
  );
  await Deno.writeTextFile(module, text);
  const { targetOf } = await import(`${toFileUrl(module)}`);
  const trust = await Deno.readFile(consumer.trust);
  const now = `${Temporal.Now.instant()}`;
  const files: ReleaseFiles = await consumer.fleet.files();
  const { signedAt, ...found } = await targetOf("web1", files, trust, now);
  assertEquals(found, { path: path("web1"), wave: 1 });
  assertEquals(Temporal.Instant.compare(signedAt, now), -1);
  assertEquals(await targetOf("web9", files, trust, now), null);
  const tampered = new Map(files).set("fleet.resolved.json.sig", new Uint8Array(64));
  await assertRejects(() => targetOf("web1", tampered, trust, now), Error, "does not verify");
});
