/**
 * Checks how the modules of src/ hang together: no circle of imports, between modules or between rooms, and not too
 * many files at the top. A room is a folder of src/ with all that is in it, or a file at its top. Types count: who
 * reads a module has to know what its types come from.
 *
 *     deno task structure [ROOT]   prints what is wrong, and then fails
 *
 * @module
 */
import { join, toFileUrl } from "@std/path";
import { circlesOf, type Graph } from "./circles.ts";

/** The most files at the top of src/: each is a room that a newcomer has to know. */
const TOP_FILES = 10;

/** Where reading begins; files of src/ that these do not lead to are read after them. */
const ENTRIES = ["mod.ts", "src/main.ts"];

/** What `deno info --json` says, as far as it is read here. */
interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly { readonly code?: Target; readonly type?: Target }[];
  }[];
}

interface Target {
  readonly specifier?: string;
  readonly error?: string;
}

/** The room that a module is in: `src/plan/pins.ts` is in `src/plan`, and `src/log.ts` is one by itself. */
export function roomOf(module: string): string {
  return module.split("/").slice(0, 2).join("/");
}

/** The imports between rooms, each with the imports of modules that it is made of. */
export function roomImports(imports: Graph): Map<string, Map<string, string[]>> {
  const rooms = new Map<string, Map<string, string[]>>();
  for (const [from, targets] of imports) {
    for (const to of targets) {
      const [source, target] = [roomOf(from), roomOf(to)];
      if (source === target) continue;
      const between = rooms.get(source) ?? new Map<string, string[]>();
      rooms.set(source, between);
      between.set(target, [...between.get(target) ?? [], `${from} imports ${to}`]);
    }
  }
  return rooms;
}

/** What is wrong with modules that import each other so; no lines when all is well. */
export function structureProblems(imports: Graph): string[] {
  const rooms = roomImports(imports);
  const top = [...imports.keys()].filter((module) => /^src\/[^/]+$/.test(module));
  return [
    ...circlesOf(imports).map((circle) => `Modules import each other: ${circle.join(" → ")}`),
    ...circlesOf(new Map([...rooms].map(([room, targets]) => [room, [...targets.keys()]]))).flatMap((
      circle,
    ) => [
      `Rooms import each other: ${circle.join(" → ")}`,
      ...circle.slice(1).flatMap((room, index) =>
        rooms.get(circle[index]!)!.get(room)!.map((line) => `  ${line}`)
      ),
    ]),
    ...(top.length <= TOP_FILES
      ? []
      : [`${top.length} files at the top of src/, expected at most ${TOP_FILES}: ${top.sort().join(", ")}`]),
  ];
}

/** Reads which modules of a project import which, as paths in it. */
async function readImports(root: string): Promise<Graph> {
  const imports = new Map<string, string[]>();
  const prefix = toFileUrl(join(root, "/")).href;
  const ours = (specifier = "") => {
    const path = specifier.startsWith(prefix) ? decodeURIComponent(specifier.slice(prefix.length)) : "";
    return /^(mod\.ts$|src\/)/.test(path) ? [path] : [];
  };
  for (const entry of [...ENTRIES, ...sourcesBelow(root, "src")]) {
    if (imports.has(entry) || !isFile(join(root, entry))) continue;
    for (const { specifier, error, dependencies = [] } of (await readInfo(root, entry)).modules) {
      const targets = dependencies.flatMap(({ code, type }) => [code, type]).filter((target) =>
        target !== undefined
      );
      const problem = error ?? targets.find((target) => target.error !== undefined)?.error;
      for (const module of ours(specifier)) {
        if (problem !== undefined) throw new Error(`Cannot read the imports of ${module}: ${problem}`);
        imports.set(module, [...new Set(targets.flatMap(({ specifier }) => ours(specifier)))]);
      }
    }
  }
  return imports;
}

async function readInfo(root: string, entry: string): Promise<Info> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: root,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`Cannot read the imports of ${entry}: ${text(stderr)}`);
  return JSON.parse(text(stdout));
}

/** The TypeScript files below a folder, in order. */
function sourcesBelow(root: string, folder: string): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return sourcesBelow(root, path);
    return name.endsWith(".ts") ? [path] : [];
  }).sort();
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) {
  const problems = structureProblems(await readImports(await Deno.realPath(Deno.args[0] ?? ".")));
  if (problems.length > 0) {
    await Deno.stderr.write(new TextEncoder().encode(`${problems.join("\n")}\n`));
    Deno.exitCode = 1;
  }
}
