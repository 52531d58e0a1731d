import { assert, assertEquals } from "@std/assert";
import { exists } from "@std/fs";
import { join } from "@std/path";
import { run, which } from "../support/command.ts";
import { type Draft, TestFleet } from "../support/fleet.ts";
import { expectReleaseByKey, releaseByKey } from "../support/key_release.ts";
import { expectRefused } from "../support/refusal.ts";
import { contents, flakeOf, onlyHosts } from "../support/releases.ts";

/** A fleet whose hosts are given as nix code. */
function fleetOf(hosts: string): Promise<TestFleet> {
  return TestFleet.create({ files: { "flake.nix": flakeOf(hosts) } });
}

Deno.test("the program refuses a host whose dependency fails, with the dependency's log, once for all its hosts", async () => {
  await using fleet = await fleetOf(`let
    kernel = build "kernel" ''
      i=0; while [ $i -lt 28 ]; do i=$((i+1)); echo "to stdout $i"; done
      echo "no space for the kernel" >&2
      exit 6
    '';
    middle = build "middle" "echo \${kernel} > $out";
  in {
    near = host (build "near" "echo \${kernel} > $out");
    far = host (build "far" "echo \${middle} > $out");
    alone = host (build "alone" "echo 'its own fault'; kill -9 $$");
    good = host (build "good" "echo > $out");
  }`);
  await expectRefused(fleet, {}, {
    message: 'Cannot build hosts "alone", "far", "near": nix-store exited with 100',
    lines: [
      'derivation STORE/alone.drv failed, which host "alone" needs',
      "  | its own fault",
      "  | error: builder for STORE/alone.drv' failed due to signal 9 (Killed)",
      'derivation STORE/kernel.drv failed, which 2 hosts need: "far", "near"',
      "  … 9 lines before these: nix log STORE/kernel.drv",
      ...Array.from({ length: 19 }, (_, index) => `  | to stdout ${index + 10}`),
      "  | no space for the kernel",
      "  | error: builder for STORE/kernel.drv' failed with exit code 6",
    ],
    hint: "to release the others: --hosts auto:exclude=alone,far,near",
  });
});

Deno.test("the program tells the logs of content-addressed builds, and which hosts need those that failed", async () => {
  await using fleet = await fleetOf(`let
    addressed = name: script: build name script // derivation {
      inherit (build name script) name system builder args unseen;
      __contentAddressed = true;
      outputHashMode = "recursive";
      outputHashAlgo = "sha256";
    };
    kernel = addressed "kernel" "echo no space for the kernel; exit 6";
    firmware = addressed "firmware" "echo all is well; echo > $out";
    needing = name: host (addressed name "echo \${firmware} \${kernel} > $out");
  in { far = needing "far"; near = needing "near"; good = host (addressed "good" "echo > $out"); }`);
  await expectRefused(fleet, { args: ["--option", "extra-experimental-features", "ca-derivations"] }, {
    message: 'Cannot build hosts "far", "near": nix-store exited with 100',
    lines: [
      'derivation STORE/kernel.drv failed, which 2 hosts need: "far", "near"',
      "  | no space for the kernel",
      "  | error: builder for STORE/kernel.drv' failed with exit code 6",
    ],
    hint: "to release the others: --hosts auto:exclude=far,near",
  });
});

/** Builds that end well by their own account: what is wrong with them only nix says. */
const REFUSED_BY_NIX: [of: string, toplevel: string, code: number, reason: string][] = [
  [
    "leaves no output",
    'build "top" "echo all done"',
    1,
    "failed to produce output path for output 'out'",
  ],
  [
    "has another hash than it should",
    `derivation {
      inherit (build "top" "") name system builder unseen;
      args = [ "-c" "echo all done; echo $unseen > $out" ];
      outputHash = builtins.hashString "sha256" (build "top" "").unseen;
      outputHashAlgo = "sha256";
    }`,
    102,
    "hash mismatch in fixed-output derivation",
  ],
];

for (const [of, toplevel, code, reason] of REFUSED_BY_NIX) {
  Deno.test(`the program refuses a host whose build ${of}, and tells its log and what nix says`, async () => {
    await using fleet = await fleetOf(
      `{ bad = host (${toplevel}); good = host (build "good" "echo > $out"); }`,
    );
    await expectRefused(fleet, {}, {
      message: `Cannot build host "bad": nix-store exited with ${code}`,
      including: ['derivation STORE/top.drv failed, which host "bad" needs', "  | all done", reason],
      hint: "to release the others: --hosts auto:exclude=bad",
    });
  });
}

Deno.test("the program releases hosts that share one derivation with one closure, each pushed for itself", async () => {
  const hosts = ["a", "b", "c"];
  await using fleet = await TestFleet.create({
    edit: onlyHosts(...hosts),
    files: {
      "flake.nix": flakeOf(
        `let same = host (build "same" "echo shared > $out"); in { a = same; b = same; c = same; }`,
      ),
    },
  });
  const pushed = join(fleet.root, "home/pushed");
  const result = await expectReleaseByKey(fleet, [
    "--push-cmd",
    `echo "$NIXFLEET_HOST $NIXFLEET_PATH" >> '${pushed}'`,
    "--push-jobs=1",
  ]);
  const [path] = result["hosts"].map(({ storePath }: Draft) => storePath);
  assertEquals(
    result["hosts"].map(({ name, kind, storePath }: Draft) => [name, kind, storePath]),
    hosts.map((name) => [name, "nixos", path]),
  );
  assertEquals(await Deno.readTextFile(pushed), hosts.map((name) => `${name} ${path}\n`).join(""));
  assertEquals(await contents(fleet), hosts.map((name) => [name, "shared"]));
});

Deno.test("the program releases the output that a host's toplevel is, of a derivation with several", async () => {
  await using fleet = await TestFleet.create({
    edit: onlyHosts("default", "docs", "out"),
    files: {
      "flake.nix": flakeOf(`let
        several = outputs: derivation {
          name = "several";
          inherit outputs;
          system = (build "any" "").system;
          builder = "/bin/sh";
          args = ["-c" "echo the docs > $docs; echo the system > $out"];
          unseen = (build "any" "").unseen;
        };
      in {
        default = host (several [ "out" "docs" ]);
        docs = host ((several [ "out" "docs" ]).docs // { outputSpecified = true; });
        out = host (several [ "out" "docs" ]).out;
      }`),
    },
  });
  const { hosts } = await expectReleaseByKey(fleet);
  assertEquals(await contents(fleet), [
    ["default", "the system"],
    ["docs", "the docs"],
    ["out", "the system"],
  ]);
  assert(hosts[1].storePath.endsWith("-several-docs"), hosts[1].storePath);
});

/** The roots that keep a store path from being collected, but for what running processes have in memory. */
async function rootsOf(fleet: TestFleet, path: string): Promise<string[]> {
  const { stdout } = await run([which("nix-store"), "--query", "--roots", path], { env: fleet.env() });
  return stdout.split("\n").filter((line) => line.includes(fleet.root)).map((line) => line.split(" -> ")[0]!);
}

for (const [how, end] of [["well", 0], ["with an error", 2]] as const) {
  Deno.test(`the program builds with one process of nix, and protects what it built from garbage collection until it ends ${how}`, async () => {
    const hosts = ["a", "b"];
    await using fleet = await TestFleet.create({
      edit: onlyHosts(...hosts),
      files: {
        "flake.nix": flakeOf(`{
          a = host (build "a" "echo > $out");
          b = host (build "b" "echo > $out");
        }`),
      },
    });
    const notes = join(fleet.root, "home/notes");
    const note = `
      nix-store --query --roots "$NIXFLEET_PATH" > '${notes}.roots' || exit 9
      echo "$NIXFLEET_PATH" >> '${notes}'
      grep -c '^${fleet.root}/tmp/.* -> '"$NIXFLEET_PATH"'$' '${notes}.roots' >> '${notes}' || exit 9
      test "$NIXFLEET_HOST" = a || exit ${end}`;
    const { code, stderr } = await releaseByKey(fleet, [
      ...["--push-cmd", note, "--push-jobs=1", "--push-retries=0", "-v", "--log-format", "json"],
    ]);
    assertEquals(code, end, stderr);
    // The one process evaluates nothing: it is given derivations.
    const [build, ...more] = stderr.trimEnd().split("\n").map((line) => JSON.parse(line))
      .filter(({ event }) => event === "command")
      .map(({ command }): string[] => command.split(" "))
      .filter((words) => words.includes("--realise"));
    assertEquals([build!.slice(0, 2), more], [[which("nix-store"), "--realise"], []]);
    assertEquals(
      build!.filter((word) => word.includes(".drv!")).map((target) => target.replace(/^.*-|'$/g, "")),
      ["a.drv!out", "b.drv!out"],
    );
    const [pathOfA, rootsOfA, pathOfB, rootsOfB, ...others] = (await Deno.readTextFile(notes)).split("\n");
    assertEquals([rootsOfA, rootsOfB, others], ["1", "1", [""]]);
    for (const path of [pathOfA!, pathOfB!]) {
      assertEquals(await exists(path), true);
      assertEquals(await rootsOf(fleet, path), []);
    }
    assertEquals([...Deno.readDirSync(join(fleet.root, "tmp"))], []);
  });
}
