/**
 * A program that shows what it sees of its process, for tests that need another one than their own.
 *
 * @module
 */
import { ReleaseError } from "../../src/errors.ts";
import { processWorld } from "../../src/world.ts";

const [what, ...names] = Deno.args;
const world = processWorld();

switch (what) {
  case "read":
    world.stdout.write(JSON.stringify(world.environment.read(names)));
    break;
  case "require":
    try {
      world.stdout.write(JSON.stringify(world.environment.require(names)));
    } catch (error) {
      if (!(error instanceof ReleaseError)) throw error;
      const { kind, message, hint } = error;
      world.stdout.write(JSON.stringify({ kind, message, hint }));
    }
    break;
  case "copy":
    world.stdout.write(new TextDecoder().decode(await world.stdin()));
    break;
  case "stderr": {
    const { isTerminal, width } = world.stderr;
    world.stderr.write(JSON.stringify({ isTerminal, width }));
    break;
  }
  // Until nobody reads any more, and then a little more.
  case "stderr without end":
    for (let line = 0; line < 10_000; line++) world.stderr.write("nobody reads this\n");
    world.stdout.write("still there");
    break;
  case "stdout without end":
    try {
      for (let line = 0; line < 10_000; line++) world.stdout.write("nobody reads this\n");
    } catch (error) {
      if (!(error instanceof ReleaseError)) throw error;
      world.stderr.write(`${error.kind}: ${error.message}`);
    }
    break;
}
