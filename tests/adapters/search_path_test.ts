import { assertEquals } from "@std/assert";
import { withSafePath } from "../../src/adapters/search_path.ts";
import { pureTest } from "../support/pure.ts";

pureTest(
  "withSafePath() hands on absolute directories alone, without Deno's own, and says what it passes over",
  () => {
    const paths: [path: string | undefined, safe: string | undefined, relative: string | null][] = [
      ["/a:/b/c", "/a:/b/c", null],
      ["/deno-dir/node_compat_bin:/a", "/a", null],
      [".:/a", "/a", '"."'],
      ["/a:", "/a", '""'],
      [":/a::bin:../x:~/y", "/a", '"", "", "bin", "../x", "~/y"'],
      ["bin", undefined, '"bin"'],
      ["", undefined, null],
      [undefined, undefined, null],
    ];
    for (const [path, safe, relative] of paths) {
      const env = { HOME: "/home/a", ...path === undefined ? {} : { PATH: path } };
      assertEquals(withSafePath(env), {
        env: { HOME: "/home/a", ...safe === undefined ? {} : { PATH: safe } },
        warnings: relative === null ? [] : [{
          code: "relative-path",
          message: `PATH has ${relative} in it, which is another directory wherever a program is started: ` +
            "it is passed over, and handed to no program",
        }],
      });
    }
  },
);
