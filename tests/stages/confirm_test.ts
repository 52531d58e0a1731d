import { assertEquals } from "@std/assert";
import { addHost, FakeWorld } from "../support/fake_ports.ts";
import { pureTest, rejection } from "../support/pure.ts";
import { newSigner } from "../support/signed_release.ts";

const QUESTION = 'Sign and release this? Only "yes" is a yes: ';

pureTest(
  "a release asks nobody, unless it is told to: then with what changes, before anything is signed",
  async () => {
    const world = new FakeWorld();
    await world.release({ gitCommit: true });
    assertEquals(world.questions, []);
    const asking = new FakeWorld();
    await asking.release({ gitCommit: true, confirm: true });
    const done = asking.effects.map((effect) => effect.split(" ")[0]!);
    assertEquals(
      [...new Set(done)].filter((kind) => ["build", "confirm", "sign", "publish", "commit"].includes(kind)),
      ["build", "confirm", "sign", "publish", "commit"],
    );
    const [question = ""] = asking.questions;
    const lines = question.split("\n");
    assertEquals(lines.map((line) => line.split(/ +/).slice(0, 4).join(" ")), [
      "channel wave host change",
      "edge - db added",
      "stable 0 web2 added",
      "stable 1 web1 added",
      QUESTION.split(" ").slice(0, 4).join(" "),
    ]);
    assertEquals(lines.at(-1), QUESTION);
  },
);

pureTest("a long list of changes is cut before the question", async () => {
  const world = new FakeWorld();
  const names = Array.from({ length: 150 }, (_, index) => `h${index}`);
  world.names = { nixos: names, darwin: [] };
  names.forEach((name) => addHost(world.fleet, name));
  await world.release({ confirm: true });
  const lines = world.questions[0]!.split("\n");
  // Three hosts of the fleet are not in the flake, and a header is above all of them.
  assertEquals([lines.length, ...lines.slice(-2)], [102, "and 54 more lines", QUESTION]);
});

pureTest("a release is made for a yes alone", async () => {
  for (const answer of ["yes\n", " yes \r\n", "yes"]) {
    const world = new FakeWorld();
    world.answer = answer;
    assertEquals((await world.release({ confirm: true })).outcome, "released");
  }
  for (const answer of ["", "\n", "y\n", "no\n", "yess\n", "YES\n", "yes\nno\n", null]) {
    const world = new FakeWorld();
    world.answer = answer;
    assertEquals(await rejection(world.release({ gitCommit: true, confirm: true })), {
      kind: "declined",
      message: "Not confirmed: nothing was signed or written",
    });
    assertEquals([world.effects.at(-1), world.files.size], ["confirm", 0]);
  }
});

pureTest("a release that stays as it is was signed before: nobody is asked", async () => {
  const world = new FakeWorld();
  world.signWith(await newSigner());
  await world.release();
  const { outcome } = await world.release({ reuseUnchangedSignature: true, confirm: true });
  assertEquals([outcome, world.questions], ["no-change", []]);
});
