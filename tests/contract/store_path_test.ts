import { assertEquals } from "@std/assert";
import { closureHash, parseStorePath } from "../../src/contract/store_path.ts";
import { pureTest, refusal } from "../support/pure.ts";

const HASH = "0c9vmb4ik2ws0x4yqp4yb7kd2l4l0f7n";
const NAME = `${HASH}-nixos-system-web1-26.05.20260601.abcdef0`;

pureTest("parseStorePath() and closureHash() take one object of the store", () => {
  for (
    const [storeDir, name] of [
      ["/nix/store", NAME],
      ["/nix/store", `${HASH}-a`],
      ["/nix/store", `${HASH}-darwin-system+a_b?=c.d`],
      ["/nix/store", "0123456789abcdfghijklmnpqrsvwxyz-x"],
      ["/srv/other store/nix/store", NAME],
    ] as const
  ) {
    const path = `${storeDir}/${name}`;
    assertEquals<string | undefined>(parseStorePath(path, storeDir), path);
    assertEquals(closureHash(path, storeDir), name);
  }
});

const REFUSED = [
  "",
  "/",
  "/nix/store",
  "/nix/store/",
  NAME,
  `nix/store/${NAME}`,
  `/nix/store/${NAME}/`,
  `/nix/store/${NAME}/bin/switch`,
  `/nix/store//${NAME}`,
  `/nix/store/../store/${NAME}`,
  `/nix/./store/${NAME}`,
  `/nix/store/.links/${NAME}`,
  `/nix/store2/${NAME}`,
  `/gnu/store/${NAME}`,
  ` /nix/store/${NAME}`,
  `/nix/store/${NAME}\n`,
  `/nix/store/${NAME}\n/nix/store/${NAME}`,
  `/nix/store/${NAME} `,
  `/nix/store/${HASH}`,
  `/nix/store/${HASH}-`,
  `/nix/store/${HASH}_a`,
  `/nix/store/${HASH.slice(1)}-a`,
  `/nix/store/${HASH}0-a`,
  `/nix/store/${HASH.toUpperCase()}-a`,
  ...["e", "o", "t", "u"].map((letter) => `/nix/store/${letter}${HASH.slice(1)}-a`),
  `/nix/store/${HASH}-a b`,
  `/nix/store/${HASH}-ä`,
  `/nix/store/${HASH}-a.drv!out`,
];

pureTest("parseStorePath() and closureHash() refuse all that is not one object of the store", () => {
  for (const path of REFUSED) {
    assertEquals(parseStorePath(path, "/nix/store"), undefined, path);
    assertEquals(refusal(() => closureHash(path)), {
      kind: "build",
      message: `Cannot take the closure hash of "${path}": expected a path in /nix/store`,
    });
  }
  assertEquals(parseStorePath(`/nix/store/${NAME}`, "/other/store"), undefined);
});
