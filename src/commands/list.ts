/**
 * The commands of the program. To add one, write its file and put it here.
 *
 * @module
 */
import type { CommandList } from "../cli/command_line.ts";

/** All commands in the order of `--help`, each loaded when it is wanted. The first needs no name. */
export const COMMANDS: CommandList = {
  release: async () => (await import("./release.ts")).RELEASE,
  check: async () => (await import("./check.ts")).CHECK,
  plan: async () => (await import("./plan.ts")).PLAN,
  doctor: async () => (await import("./doctor.ts")).DOCTOR,
  resign: async () => (await import("./resign.ts")).RESIGN,
  status: async () => (await import("./status.ts")).STATUS,
  log: async () => (await import("./log.ts")).LOG,
  diff: async () => (await import("./diff.ts")).DIFF,
  verify: async () => (await import("./verify.ts")).VERIFY,
  prune: async () => (await import("./prune.ts")).PRUNE,
  keygen: async () => (await import("./keygen.ts")).KEYGEN,
  pubkey: async () => (await import("./pubkey.ts")).PUBKEY,
  canonicalize: async () => (await import("./canonicalize.ts")).CANONICALIZE,
  completions: async () => (await import("./completions.ts")).completionsOf(COMMANDS),
  man: async () => (await import("./man.ts")).manOf(COMMANDS),
};
