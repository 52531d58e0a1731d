import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { PUBLIC_KEY, TestFleet } from "../support/fleet.ts";
import { expectRelease } from "../support/releases.ts";

Deno.test("a release with --release-index is one that verify --require-index accepts, and misses a file of", async () => {
  await using fleet = await TestFleet.create();
  const [algorithm, key] = PUBLIC_KEY.split(":");
  const trust = { schemaVersion: 1, ciReleaseKey: { current: { algorithm, public: key } } };
  await fleet.write({ "trust.json": JSON.stringify(trust) });
  const { artifacts } = await expectRelease(fleet, ["--release-index"]);
  assertEquals(artifacts.at(-1).path, "release-index.json");
  const verify = async (...args: string[]) => {
    const { code, stdout } = await fleet.run(["verify", "--trust-file", "trust.json", ...args]);
    return [code, stdout.split(",")[0]];
  };
  assertEquals(await verify("--require-index"), [0, "verified a release of 3 hosts in 4 files"]);
  const index = join("releases", "release-index.json");
  const alone = await verify("artifact", index, "--freshness-window", "86400");
  assertEquals(alone, [0, "verified the release-index"]);

  for (const suffix of ["", ".sig"]) await Deno.remove(join(fleet.dir, index + suffix));
  assertEquals((await verify())[0], 0);
  assertEquals((await verify("--require-index"))[0], 1);
});
