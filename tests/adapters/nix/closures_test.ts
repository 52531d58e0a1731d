import { assertEquals } from "@std/assert";
import { diffClosures } from "../../../src/adapters/nix/closures.ts";
import { expectRun } from "../../support/command.ts";
import { derivationsOf, FLAGS, NIX, NIX_STORE, nixFleet } from "../../support/nix_fleet.ts";
import { rejection } from "../../support/pure.ts";

Deno.test("diffClosures() gives the packages that differ in their versions, or by 8 KiB and more", async () => {
  // A shell doubles 16 characters ten times: 16 KiB.
  const large = "x=0123456789abcdef; for i in 0 1 2 3 4 5 6 7 8 9; do x=\\$x\\$x; done; echo \\$x > $out";
  await using world = await nixFleet(`let
    closure = parts: host (build "top" "echo \${toString parts} > $out");
    same = build "same-1.0" "echo > $out";
  in {
    before = closure [ same (build "kernel-6.1" "echo 1 > $out") (build "data-1" "echo > $out") ];
    after = closure [
      same (build "kernel-6.2" "echo 2 > $out") (build "data-1" "${large}") (build "new-3" "echo 3 > $out")
    ];
  }`);
  const hosts = await derivationsOf(world, "before", "after");
  await expectRun([NIX_STORE, "--realise", ...hosts.map(({ drvPath }) => drvPath)], {
    env: world.fleet.env(),
  });
  world.commands.length = 0;
  const [before, after] = hosts.map(({ outPath }) => outPath);
  assertEquals(await diffClosures(world.nix, before!, after!), [
    { name: "data", change: "+16.0 KiB" },
    { name: "kernel", change: "6.1 → 6.2" },
    { name: "new", change: "∅ → 3" },
  ]);
  assertEquals(world.commands, [[NIX, "store", "diff-closures", before!, after!, ...FLAGS]]);
  assertEquals(await diffClosures(world.nix, after!, after!), []);
  const gone = `/nix/store/${"0".repeat(32)}-gone`;
  const { kind, message } = await rejection(diffClosures(world.nix, gone, after!));
  assertEquals([kind, message], ["build", `Cannot compare the closures ${gone} and ${after}`]);
});
