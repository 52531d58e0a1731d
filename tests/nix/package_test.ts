import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { ensureDir } from "@std/fs";
import { expectRun, PROJECT, run, which } from "../support/command.ts";
import { KEY, PUBLIC_KEY, TestFleet } from "../support/fleet.ts";
import { PACKAGED, SharedFlake, TestFlake } from "../support/nix_package.ts";
import { onlyHosts } from "../support/releases.ts";

const ignore = !PACKAGED;

const shared = new SharedFlake();
Deno.test.afterAll(() => shared[Symbol.asyncDispose]());

function packageTest(
  name: string,
  fn: (world: { fleet: TestFleet; program: string }) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      await using fleet = await TestFleet.create({ edit: onlyHosts("db"), nixos: ["db"] });
      await fn({ fleet, program: join(await shared.package(), "bin/fleet-release") });
    },
  });
}

packageTest(
  "the program starts with no network, no home, no environment, a store that is read-only and no rights",
  async ({ program }) => {
    const confined = await confinement();
    const start = (...args: string[]) => run([...confined, program, ...args], { cwd: "/" });
    const version = (await start("--version")).stdout;
    assert(/^fleet-release \d+\.\d+\.\d+\n$/.test(version), version);
    assertEquals((await start("--help")).stdout, (await start("help")).stdout);
    assertEquals(await start("--print-permissions", "canonicalize"), {
      code: 0,
      stdout: "--no-prompt\n",
      stderr: "",
    });
    const refused = await start("--log-format=json", "--json", "--no-such-option");
    assertEquals([refused.code, JSON.parse(refused.stdout).exitCode], [1, 1]);
  },
);

/** As much of a confinement as the user of the tests can put a process in. */
async function confinement(): Promise<string[]> {
  if (Deno.build.os !== "linux" || await expectRun([which("id"), "-u"]) !== "0\n") return [];
  const readOnly = 'mount --bind -o ro /nix/store /nix/store && exec "$@"';
  const unprivileged = [
    which("setpriv"),
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--no-new-privs",
  ];
  // An environment of nothing: what the shell adds by itself goes too.
  return [
    which("unshare"),
    "--net",
    "--mount",
    which("sh"),
    "-c",
    readOnly,
    "sh",
    ...unprivileged,
    which("env"),
    "-i",
  ];
}

packageTest(
  "the package has completions and a manual page where shells and man look",
  async ({ fleet, program }) => {
    const share = join(dirname(dirname(program)), "share");
    const options = { cwd: fleet.dir, env: fleet.env() };
    for (
      const [path, ...args] of [
        ["man/man1/fleet-release.1", "man"],
        ["bash-completion/completions/fleet-release", "completions", "bash"],
        ["zsh/site-functions/_fleet-release", "completions", "zsh"],
        ["fish/vendor_completions.d/fleet-release.fish", "completions", "fish"],
      ] as const
    ) {
      const printed = await expectRun([program, ...args], options);
      assert(printed.length > 1000, printed);
      assertEquals(await Deno.readTextFile(join(share, path)), printed);
    }
  },
);

packageTest("no run writes to the store, not even one by root", async ({ fleet, program }) => {
  const run = (args: string[], env: Record<string, string> = {}) =>
    expectRun([program, ...args], { cwd: fleet.dir, env: { ...fleet.env(), ...env } });
  await run(["--version"]);
  await run(["--print-permissions", "--sign-key", KEY]);
  // Without a PATH, there is no node on it either, for which Deno has a makeshift.
  await run(["--sign-key", KEY, "--release-dir", "one"]);
  await run(["--sign-key", KEY, "--release-dir", "two"], { PATH: "" });
  await expectRun([which("nix-store"), "--verify-path", dirname(dirname(program))], { env: fleet.env() });
});

packageTest(
  "the second stage runs with what --print-permissions prints, and may read itself, and runs alone where that is nothing",
  async ({ fleet, program }) => {
    // The wrapper itself, with a Deno that runs the first stage and says what the second would be.
    const wrapper = await Deno.readTextFile(program);
    const [deno] = /\S+\/bin\/deno/.exec(wrapper)!;
    const spy = join(fleet.root, "deno");
    await Deno.writeTextFile(
      spy,
      `#!/bin/sh\nfor last; do case $last in --print-permissions) echo first >&2; exec ${deno} "$@";; esac; done\n` +
        `printf '%s\\n' "$@"\n`,
      { mode: 0o755 },
    );
    const copy = join(fleet.root, "fleet-release");
    await Deno.writeTextFile(copy, wrapper.replaceAll(deno, spy), { mode: 0o755 });

    const options = { cwd: fleet.dir, env: fleet.env() };
    const app = await Deno.realPath(join(dirname(dirname(program)), "share/fleet-release"));
    for (
      const [args, first] of [
        [["--sign-key", KEY, "--release-dir", "a b"], "first\n"],
        [["verify", "--help"], "first\n"],
        ...["--help", "-h", "--version", "-V"].map((flag) => [[flag], ""] as const),
      ] as const
    ) {
      const printed = await expectRun([program, "--print-permissions", ...args], options);
      const { stdout, stderr } = await run([copy, ...args], options);
      assertEquals([stderr, stdout.split("\n")], [first, [
        "run",
        "--config",
        `${app}/deno.json`,
        "--node-modules-dir=manual",
        "--cached-only",
        "--no-remote",
        "--frozen",
        "--no-code-cache",
        "--unstable-lazy-dynamic-imports",
        "--v8-flags=--min-semi-space-size=16,--initial-old-space-size=64",
        `--allow-read=${app}`,
        ...printed.trimEnd().split("\n"),
        `${app}/src/main.ts`,
        ...args,
        "",
      ]]);
    }
  },
);

packageTest(
  "the package takes a key, and hosts, from standard input and from a pipe: the first of its stages leaves both unread",
  async ({ fleet, program }) => {
    const env = { ...fleet.env(), KEY: await Deno.readTextFile(KEY), PROGRAM: program };
    // The hook tells which descriptors it has, and what is to be read from them.
    const hook = 'for n in 0 3; do echo "$n: $(cat <&$n 2>/dev/null | wc -c)"; done >&2';
    const release = `"$PROGRAM" -v --push-cmd '${hook}' --public-key ${PUBLIC_KEY}`;
    for (
      const [shell, script] of [
        ["bash", `exec env -u KEY ${release} --release-dir one --sign-key fd:3 3< <(printf %s "$KEY")`],
        [
          "sh",
          `env -u KEY ${release} --release-dir two --hosts - --sign-key fd:3 3<<END <<HOSTS\n$KEY\nEND\ndb\nHOSTS`,
        ],
        ["sh", `env -u KEY ${release} --release-dir three --sign-key - 3</dev/null <<END\n$KEY\nEND`],
      ] as const
    ) {
      const { code, stderr } = await run([which(shell), "-e", "-c", script], { cwd: fleet.dir, env });
      assertEquals(code, 0, stderr);
      assertEquals(new Set(stderr.match(/\b[03]: \d+$/gm)), new Set(["0: 0", "3: 0"]), stderr);
      assert(!stderr.includes("PRIVATE KEY"), stderr);
    }
  },
);

packageTest("an error of the first stage ends the run, with its exit code", async ({ fleet, program }) => {
  const { code, stdout, stderr } = await run([program, "--sign-key", KEY, "--trust-file", "/a\nb"], {
    cwd: fleet.dir,
    env: fleet.env(),
  });
  assertEquals([code, stdout], [1, ""]);
  assert(stderr.includes("line break"), stderr);
});

packageTest(
  "the operator's nix, git and sh win over the packaged ones, which are there without",
  async ({ fleet, program }) => {
    const bin = join(fleet.root, "bin");
    await ensureDir(bin);
    for (const name of ["nix", "nix-store"]) await Deno.symlink(which(name), join(bin, name));
    const granted = async (path: string) => {
      const printed = await expectRun([program, "--print-permissions", "--sign-key", KEY], {
        cwd: fleet.dir,
        env: { ...fleet.env(), PATH: path },
      });
      return /^--allow-run=(.*)$/m.exec(printed)![1]!.split(",").map((path) =>
        path.replace(/\/nix\/store\/[^-]*-/, "…")
      );
    };
    assertEquals(await granted(bin), [
      `${bin}/nix`,
      `${bin}/nix-store`,
      "…git/bin/git",
      "…bash/bin/sh",
    ]);
    assertEquals(await granted(""), ["…nix/bin/nix", "…nix/bin/nix-store", "…git/bin/git", "…bash/bin/sh"]);
    // What stops what has been started: no permission is needed for that.
    const [, behind = ""] = /^export PATH=.*}(.*)"$/m.exec(await Deno.readTextFile(program)) ?? [];
    const dirs = behind.split(":").map((dir) => dir.replace(/^\/nix\/store\/[^-]*-(.*)\/bin$/, "$1"));
    const linux = Deno.build.os === "linux" ? ["procps", "util-linux"] : [];
    assertEquals(dirs, ["nix", "git", "bash", "coreutils", ...linux]);
  },
);

packageTest(
  "a release needs nothing of the variables for Deno and the loader, and is not changed by them",
  async (world) => {
    const { fleet, program } = world;
    const denoDir = join(fleet.root, "deno-dir");
    const strange = {
      DENO_DIR: denoDir,
      DENO_LOG: "trace",
      DENO_AUDIT_PERMISSIONS: join(fleet.root, "audit"),
      LD_LIBRARY_PATH: fleet.root,
      DYLD_FALLBACK_LIBRARY_PATH: fleet.root,
    };
    const { code, stderr } = await run([program, "--sign-key", KEY], {
      cwd: fleet.dir,
      env: { ...fleet.env(), ...strange },
    });
    assertEquals(code, 0, stderr);
    assertEquals((await fleet.files()).has("fleet.resolved.json.sig"), true);
    for (const path of [denoDir, join(fleet.root, "audit")]) {
      assertEquals(await Deno.stat(path).catch(() => "not there"), "not there");
    }
  },
);

Deno.test({
  name: "a package whose integrity in deno.lock is another one is not accepted",
  ignore,
  async fn() {
    await using fleet = await TestFleet.create({ git: false });
    const flake = await TestFlake.create(fleet);
    const path = join(flake.project, "deno.lock");
    const lock: Lock = JSON.parse(await Deno.readTextFile(path));
    lock.npm["canonicalize@5.1.0"]!.integrity = `sha512-${"A".repeat(86)}==`;
    await Deno.writeTextFile(path, JSON.stringify(lock));
    const { code, stderr } = await flake.own(["build", "--no-link"]);
    assert(code !== 0);
    assert(/hash mismatch in fixed-output derivation.*canonicalize-5\.1\.0\.tgz/.test(stderr), stderr);
  },
});

Deno.test({
  name: "what the program imports is laid out, and what cannot be, or be fetched, is refused by name",
  ignore,
  async fn() {
    await using fleet = await TestFleet.create({ git: false });
    const [lockFile, configFile] = [join(fleet.root, "deno.lock"), join(fleet.root, "deno.json")];
    const expression = `import ${JSON.stringify(join(PROJECT, "nix/deps.nix"))} {
      lib = import ${JSON.stringify(join(PROJECT, "tests/fixtures/nixpkgs-standin/lib.nix"))};
      runCommand = name: _: script: builtins.seq script (name + script);
      nodejs = "";
      cacert = "";
      lockFile = ${JSON.stringify(lockFile)};
      configFile = ${JSON.stringify(configFile)};
    }`;
    const laidOut = async (edit: (lock: Lock) => void, imports: Record<string, string> = {}) => {
      const config = JSON.parse(await Deno.readTextFile(join(PROJECT, "deno.json")));
      await Deno.writeTextFile(
        configFile,
        JSON.stringify({ ...config, imports: { ...config.imports, ...imports } }),
      );
      const lock: Lock = JSON.parse(await Deno.readTextFile(join(PROJECT, "deno.lock")));
      edit(lock);
      await Deno.writeTextFile(lockFile, JSON.stringify(lock));
      const features = ["--extra-experimental-features", "nix-command"];
      const argv = [which("nix"), ...features, "eval", "--impure", "--raw", "--expr", expression];
      const { code, stdout, stderr } = await run(argv, { cwd: fleet.root, env: fleet.env() });
      if (code !== 0) return stderr.match(/Cannot .*/g)?.at(-1);
      return [...stdout.matchAll(/^ *mkdir -p "\$out"\/'(.*)'$/gm)].map(([, name]) => name!).sort();
    };
    assertEquals(
      await laidOut(({ npm }) => npm["dax@0.48.0"] = npm["dax@0.49.0"]!),
      "Cannot lay out node_modules: deno.lock has 0.48.0 and 0.49.0 of dax",
    );
    assertEquals(
      await laidOut((lock) => lock.jsr = { "@std/path@1.1.6": {} }),
      "Cannot fetch packages from JSR: deno.lock has @std/path@1.1.6",
    );
    assertEquals(
      await laidOut(({ npm }) => npm["dax"] = npm["dax@0.49.0"]!),
      'Cannot read the package "dax" in deno.lock: expected NAME@VERSION',
    );
    // What tests alone import is not among them.
    const needed = ["canonicalize", "dax", "undici-types", "valibot"];
    assertEquals(await laidOut(() => {}), needed);
    const twice = await laidOut(({ npm }) => {
      npm["@scope/name@1.0.0-rc.1_dax@0.49.0"] = npm["dax@0.49.0"]!;
      npm["@scope/name@1.0.0-rc.1"] = npm["dax@0.49.0"]!;
    }, { "name": "npm:@scope/name@1.0.0-rc.1" });
    assertEquals(twice, ["@scope/name", ...needed]);
  },
});

interface Lock {
  npm: Record<string, { integrity: string }>;
  jsr?: Record<string, unknown>;
}
