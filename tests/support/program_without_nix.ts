/**
 * The program as a process, which evaluates, builds and commits in memory.
 *
 * @module
 */
import { main } from "../../src/main.ts";
import { processWorld } from "../../src/world.ts";
import { commandsIn, memoryOf } from "./commands_in_memory.ts";

const commands = commandsIn(memoryOf(Deno.cwd()));
Deno.exitCode = await main(Deno.args, processWorld(), { commands });
