/**
 * Makes `deno.jsr.json` from `deno.json`: the same project on JSR's own packages, without the shims that `links` puts
 * in the place of `@std`, and without npm's build of dax.
 *
 *     deno task jsr-config           writes deno.jsr.json
 *     deno task jsr-config --check   fails when it is out of date
 */
const source = new URL("../deno.json", import.meta.url);
const target = new URL("../deno.jsr.json", import.meta.url);

const { links: _shims, ...config } = JSON.parse(await Deno.readTextFile(source));
config.imports["@david/dax"] = config.imports["@david/dax"].replace(/^npm:dax@/, "jsr:@david/dax@");
// The lock file belongs to the shims: JSR's packages have checksums of their own.
const wanted = JSON.stringify({ ...config, lock: false }, null, 2) + "\n";

if (!Deno.args.includes("--check")) {
  await Deno.writeTextFile(target, wanted);
} else if (wanted !== await Deno.readTextFile(target)) {
  await Deno.stderr.write(
    new TextEncoder().encode("deno.jsr.json is out of date: run `deno task jsr-config`\n"),
  );
  Deno.exitCode = 1;
}
