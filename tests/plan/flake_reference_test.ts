import { assertEquals } from "@std/assert";
import {
  directoryUrl,
  isPlainPath,
  localDirectory,
  localReference,
  parseQuery,
  urlPath,
  writeQuery,
} from "../../src/plan/flake_reference.ts";
import { pureTest } from "../support/pure.ts";

/** The directory of a flake reference. */
const REFERENCES: Record<string, string | undefined> = {
  ".": ".",
  "..": "..",
  "./x": "./x",
  "../x/y": "../x/y",
  "/x": "/x",
  "/x?dir=y#attr": "/x",
  ".#attr": ".",
  ".?dir=x": ".",
  "./a#b?c": "./a",
  "/a b": "/a b",
  "path:/x": "/x",
  "path:.": ".",
  "path:./x?dir=y": "./x",
  "path:/a%20b": "/a b",
  "git+file:///x?dir=y": "/x",
  "git+file:///x?ref=main&rev=0123#attr": "/x",
  "git+file:///a%20b%2C%23": "/a b,#",
  "git+file:/x": "/x",
  "git+file:.": ".",
  "git+file:./x": "./x",
  // Only URLs have escapes.
  "/a%20b": "/a%20b",
  "./100%": "./100%",
  // What nix refuses, it refuses in words of its own.
  "path:/100%": undefined,
  "git+file:///%ff": undefined,
  "git+file://host/x": undefined,
  "": undefined,
  "#attr": undefined,
  "?dir=x": undefined,
  "x": undefined,
  "~": undefined,
  "~/x": undefined,
  "nixpkgs": undefined,
  "nixpkgs/release": undefined,
  "flake:x": undefined,
  "github:a/b": undefined,
  "github:a/b?dir=./c": undefined,
  "gitlab:a/b": undefined,
  "sourcehut:~a/b": undefined,
  "git+ssh://git@host/x": undefined,
  "git+https://host/./x.git": undefined,
  "git://host/x": undefined,
  "https://host/x.tar.gz": undefined,
  "file:///x.tar.gz": undefined,
  "tarball+file:///x.tar.gz": undefined,
  "hg+file:///x": undefined,
};

for (const [reference, dir] of Object.entries(REFERENCES)) {
  const named = dir === undefined ? "no directory" : `the directory "${dir}"`;
  pureTest(`the flake reference "${reference}" names ${named} of this machine`, () => {
    assertEquals(localDirectory(reference), dir);
  });
}

pureTest(
  "a flake reference of this machine says how nix reads its directory, and what is asked of it",
  () => {
    const read = (reference: string) => {
      const { scheme, directory, query } = localReference(reference)!;
      return [scheme, directory, [...query]];
    };
    assertEquals(read("./x?dir=y&ref=main#z"), ["found", "./x", [["dir", "y"], ["ref", "main"]]]);
    assertEquals(read("path:./x?dir=y"), ["path", "./x", [["dir", "y"]]]);
    assertEquals(read("git+file:///a%20b?rev=0123"), ["git", "/a b", [["rev", "0123"]]]);
    assertEquals(read("git+file:."), ["git", ".", []]);
  },
);

pureTest(
  "a path is plain where every version of nix reads it as it is, and in a URL only what has to be is escaped",
  () => {
    const plain = ["/srv/fleet", "./a-b_c~1", "/a+b,c=(d)!&'*;", '/a"b'];
    const others = [
      "/a b",
      "/a#b",
      "/a?b",
      "/a%20b",
      "/a:b",
      "/@a",
      "/[a]",
      "/a^b",
      "/a|b",
      "/a\\b",
      "/ü",
      "",
    ];
    assertEquals(plain.filter((path) => !isPlainPath(path)), []);
    assertEquals(others.filter(isPlainPath), []);
    assertEquals(
      ["/a b/c#d?e", "/a%20b", "/a:@b", "/a+b,c=(d)!&'*;", "/[a]^|\\", "/ü"].map(urlPath),
      ["/a%20b/c%23d%3Fe", "/a%2520b", "/a:@b", "/a+b,c=(d)!&'*;", "/%5Ba%5D%5E%7C%5C", "/%C3%BC"],
    );
  },
);

pureTest("directoryUrl() names a directory, and in git its repository", () => {
  const at = (dir: string, isShallow = false) => ({ root: "/r #", dir, isShallow });
  assertEquals(directoryUrl("/a?b", null), "path:/a%3Fb");
  assertEquals(directoryUrl("/r #", at("")), "git+file:///r%20%23");
  assertEquals(directoryUrl("/r #/s t", at("s t")), "git+file:///r%20%23?dir=s%20t");
  assertEquals(directoryUrl("/r #/a&b+c", at("a&b+c", true)), "git+file:///r%20%23?dir=a%26b%2Bc&shallow=1");
  assertEquals(directoryUrl("/r #", at("", true)), "git+file:///r%20%23?shallow=1");
});

pureTest("a plus sign in a query is one, in and out", () => {
  const parameters = parseQuery("dir=a+b%20c%2B&ref=x");
  assertEquals([...parameters], [["dir", "a+b c+"], ["ref", "x"]]);
  assertEquals(writeQuery(parameters), "dir=a%2Bb%20c%2B&ref=x");
});
