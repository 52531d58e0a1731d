import { assertEquals } from "@std/assert";
import {
  BOOTSTRAP_NONCES_FILE,
  FLEET_FILE,
  isDocumentPath,
  isReleasePath,
  isTemporaryName,
  manifestPath,
  RELEASE_INDEX_FILE,
  REVOCATIONS_FILE,
  rolloutIdOf,
  ROLLOUTS_DIR,
  signaturePath,
  signedPath,
  temporaryName,
} from "../../src/contract/layout.ts";
import { pureTest } from "../support/pure.ts";

const ID = "0123456789abcdef".repeat(4);

pureTest("the names in a release directory are those of the contract", () => {
  assertEquals([FLEET_FILE, REVOCATIONS_FILE, BOOTSTRAP_NONCES_FILE, RELEASE_INDEX_FILE, ROLLOUTS_DIR], [
    "fleet.resolved.json",
    "revocations.json",
    "bootstrap-nonces.json",
    "release-index.json",
    "rollouts",
  ]);
});

pureTest("signaturePath() is the path with .sig behind it, and signedPath() takes that off again", () => {
  const paths: [path: string, signature: string][] = [
    ["fleet.resolved.json", "fleet.resolved.json.sig"],
    [`rollouts/${ID}.json`, `rollouts/${ID}.json.sig`],
    ["/srv/a b/f", "/srv/a b/f.sig"],
    ["x.sig", "x.sig.sig"],
  ];
  assertEquals(paths.map(([path]) => [path, signaturePath(path)]), paths);
  assertEquals(paths.map(([, signature]) => [signedPath(signature), signature]), paths);
});

pureTest("signedPath() is undefined for what is the path of no signature", () => {
  const others = ["", "sig", "f.json", "f.sig.json", "f.SIG", "f.sig/x"];
  assertEquals(others.map(signedPath), others.map(() => undefined));
});

pureTest("manifestPath() is in the directory of the manifests, and rolloutIdOf() reads the id back", () => {
  assertEquals(manifestPath(ID), `rollouts/${ID}.json`);
  assertEquals(rolloutIdOf(manifestPath(ID)), ID);
});

pureTest("rolloutIdOf() takes the name as it is, and is undefined for the path of no manifest", () => {
  const paths: [path: string, id: string | undefined][] = [
    ["rollouts/x.json", "x"],
    ["rollouts/a.b.json", "a.b"],
    ["rollouts/.json", undefined],
    [`rollouts/${ID}.json.sig`, undefined],
    [`rollouts/${ID}`, undefined],
    [`${ID}.json`, undefined],
    [`other/${ID}.json`, undefined],
    [`x/rollouts/${ID}.json`, undefined],
    ["fleet.resolved.json", undefined],
    ["", undefined],
  ];
  assertEquals(paths.map(([path]) => [path, rolloutIdOf(path)]), paths);
});

pureTest(
  "isReleasePath() takes what is directly in a release, or in rollouts/, with no dot in front but the fleet's",
  () => {
    const good = [
      "fleet.resolved.json",
      "f",
      "a b",
      "ü.json.sig",
      "rollouts",
      `rollouts/${ID}.json`,
      "rollouts/x.sig",
    ];
    const bad = [
      "",
      ".",
      "..",
      ".f.tmp",
      "/f",
      "a/b",
      "rollouts/",
      "rollouts/.f.tmp",
      "rollouts/..",
      "rollouts/a/b",
      "rollouts//a",
      "../f",
      "./f",
    ];
    const fleet = [".fleet.json", ".fleet.json.sig"];
    const isPath = (path: string) => isReleasePath(path, ".fleet.json");
    assertEquals([...good, ...fleet].filter((path) => !isPath(path)), []);
    assertEquals(bad.filter(isPath), []);
    assertEquals(fleet.filter((path) => isReleasePath(path, "fleet.json")), []);
  },
);

pureTest("a temporary name is none that a fleet can have, and no part of a release", () => {
  const name = temporaryName();
  assertEquals([isTemporaryName(name), isReleasePath(name, "fleet.json")], [true, false]);
  assertEquals(temporaryName() === name, false);
  for (const other of ["fleet.json", ".fleet.json", ".fleet-release.json", `${name}.sig`, `x${name}`]) {
    assertEquals([other, isTemporaryName(other)], [other, false]);
  }
});

pureTest(
  "isDocumentPath() takes the documents of a release and their signatures, by the name of its fleet",
  () => {
    const documents = [
      "fleet.json",
      "revocations.json",
      "bootstrap-nonces.json",
      "release-index.json",
      `rollouts/${ID}.json`,
    ];
    const bad = [
      "fleet.resolved.json",
      "README.md",
      "other.json",
      "fleet.json.sig.sig",
      "rollouts/x.json",
      `rollouts/${ID.toUpperCase()}.json`,
      `rollouts/${ID}0.json`,
      `rollouts/${ID}`,
      "rollouts",
      "",
    ];
    const good = documents.flatMap((path) => [path, `${path}.sig`]);
    assertEquals(good.filter((path) => !isDocumentPath(path, "fleet.json")), []);
    assertEquals(bad.filter((path) => isDocumentPath(path, "fleet.json")), []);
  },
);
