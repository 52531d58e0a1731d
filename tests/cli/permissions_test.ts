import { assertEquals } from "@std/assert";
import { type CommandName, COMMANDS } from "../../src/cli/commands.ts";
import { RELEASE_OPTIONS } from "../../src/cli/options.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { ReleaseError } from "../../src/errors.ts";
import { localDirectory, permissionFlags, type Surroundings } from "../../src/cli/permissions.ts";
import { ENVIRONMENT, GIT_ENVIRONMENT } from "../../src/release.ts";
import { pureTest, refusal } from "../support/pure.ts";

/** A machine on which every program is in /bin, every path is there, and no directory is in git. */
const AROUND: Surroundings = {
  cwd: "/here",
  tempDir: "/temp",
  sockets: true,
  agentSocket: undefined,
  settingsFile: undefined,
  find: (program) => `/bin/${program}`,
  repositoryOf: (dir) => dir,
  firstMissing: () => undefined,
};

const MORE_VARIABLES = ["GIT_CONFIG_KEY_*", "GIT_CONFIG_VALUE_*", "NODE_V8_COVERAGE"];
const VARIABLES = [...ENVIRONMENT, ...MORE_VARIABLES];

/** The flags for a command line. */
function flags(args: readonly string[], around: Partial<Surroundings> = {}): string[] {
  return permissionFlags(parseCommandLine(args, {}), { ...AROUND, ...around });
}

/** The lists of a release, as they are without any option where they are left out. */
interface Lists {
  readonly run?: string;
  readonly read?: string;
  readonly write?: string;
  readonly net?: string;
  /** Variables beside {@linkcode VARIABLES}. */
  readonly env?: readonly string[];
}

/** The flags of a release. */
function releaseFlags({ run, read, write, net, env = [] }: Lists): string[] {
  return [
    "--no-prompt",
    `--allow-run=${run ?? "/bin/nix,/bin/nix-store,/bin/git,/bin/sh"}`,
    `--allow-read=${read ?? "/bin,/here,/temp"}`,
    `--allow-write=${write ?? "/here/releases,/temp"}`,
    ...(net === undefined ? [] : [`--allow-net=${net}`]),
    `--allow-env=${[...VARIABLES, ...env].join(",")}`,
  ];
}

const RELEASES: [args: string[], lists: Lists][] = [
  [[], {}],
  [["release"], {}],
  [["--sign-cmd", "sign", "--push-cmd", "push", "--git-push", "/srv/fleet.git:main"], {}],
  [["--pin-source-url", "git+file:///srv/fleet", "--trust-attr", ".#trust"], {}],
  [["--build-flake", "/srv/fleet"], { read: "/bin,/srv/fleet,/here/releases,/temp" }],
  [["--build-flake", "/srv/fleet?dir=a#b"], { read: "/bin,/srv/fleet,/here/releases,/temp" }],
  [["--build-flake", "../fleet"], { read: "/bin,/fleet,/here/releases,/temp" }],
  [["--build-flake", "./a/../b"], { read: "/bin,/here/b,/here/releases,/temp" }],
  [["--build-flake", "/hereby", "--release-dir", "."], {
    read: "/bin,/hereby,/here,/temp",
    write: "/here,/temp",
  }],
  [["--build-flake", "/here/fleet"], { read: "/bin,/here/fleet,/here/releases,/temp" }],
  [["--build-flake", "github:org/fleet"], { read: "/bin,/here/releases,/temp" }],
  [["--release-dir", "out"], { write: "/here/out,/temp" }],
  [["--release-dir", "."], { write: "/here,/temp" }],
  [["--release-dir", "../out/"], { read: "/bin,/here,/out,/temp", write: "/out,/temp" }],
  [["--release-dir", "/srv/./x/../out"], { read: "/bin,/here,/srv/out,/temp", write: "/srv/out,/temp" }],
  [["--release-dir", "/temp/out"], { write: "/temp" }],
  [["--release-dir", "/"], { read: "/", write: "/" }],
  [["--sign-key", "key"], {}],
  [["--sign-key", "../key"], { read: "/bin,/here,/temp,/key" }],
  [["--sign-key", "/keys/a key"], { read: "/bin,/here,/temp,/keys/a key" }],
  [["--sign-key", "./env:KEY"], {}],
  [["--sign-key", "env:KEY"], { env: ["KEY"] }],
  [["--hook-env", "A, B"], { env: ["A", "B"] }],
  [["--hook-env", "A,HOME,A", "--sign-key", "env:A"], { env: ["A"] }],
  [["--sign-agent", "/keys/key.pub"], { read: "/bin,/here,/temp,/keys/key.pub" }],
  [["--trust-file", "/keys/trust.json"], { read: "/bin,/here,/temp,/keys/trust.json" }],
  [["--sign-key", "/keys/k", "--trust-file", "/keys/k"], { read: "/bin,/here,/temp,/keys/k" }],
];

for (const [args, lists] of RELEASES) {
  pureTest(`release ${args.join(" ")}: exactly the lists that it needs are permitted`, () => {
    assertEquals(flags(args), releaseFlags(lists));
  });
}

const AGENT = ["--sign-agent", "/keys/key.pub"];
const SOCKET: Lists = {
  read: "/bin,/here,/temp,/keys/key.pub,/run/agent",
  write: "/here/releases,/temp,/run/agent",
};

/** How what is permitted depends on where the program is run. */
const PLACES: Record<string, [around: Partial<Surroundings>, args: string[], lists: Lists]> = {
  "the ssh-agent's socket is permitted": [{ agentSocket: "/run/agent" }, AGENT, {
    ...SOCKET,
    net: "unix:/run/agent",
  }],
  "a Deno without a permission for sockets is given none": [
    { agentSocket: "/run/agent", sockets: false },
    AGENT,
    SOCKET,
  ],
  "a socket that is permitted with its directory is named once": [{ agentSocket: "/temp/agent" }, AGENT, {
    read: "/bin,/here,/temp,/keys/key.pub",
    net: "unix:/temp/agent",
  }],
  "the ssh-agent is not permitted to a run that does not use it": [{ agentSocket: "/run/agent" }, [], {}],
  "the settings of a flake app are permitted": [{ settingsFile: "/store/settings.json" }, [], {
    read: "/bin,/here,/temp,/store/settings.json",
  }],
  "blanks belong to paths": [{ tempDir: "/a b", cwd: "/c  d" }, [], {
    read: "/bin,/c  d,/a b",
    write: "/c  d/releases,/a b",
  }],
  "the whole of a repository is read, and the release alone is written": [
    { cwd: "/srv/a/b", repositoryOf: () => "/srv/a" },
    ["--build-flake", "."],
    { read: "/bin,/srv/a,/temp", write: "/srv/a/b/releases,/temp" },
  ],
  "the directories on the way to a release are permitted with the first one that is missing, and none above it":
    [
      { firstMissing: () => "/srv/a" },
      ["--release-dir", "/srv/a/b/c"],
      { read: "/bin,/here,/srv/a,/temp", write: "/srv/a,/temp" },
    ],
  "programs are permitted with their own directories, and those that are not there not at all": [
    {
      find: (program) =>
        program === "git" ? undefined : `/${program === "sh" ? "base" : "nix"}/bin/${program}`,
    },
    [],
    {
      run: "/nix/bin/nix,/nix/bin/nix-store,/base/bin/sh",
      read: "/nix/bin,/base/bin,/here,/temp",
    },
  ],
};

for (const [claim, [around, args, lists]] of Object.entries(PLACES)) {
  pureTest(claim, () => assertEquals(flags(args, around), releaseFlags(lists)));
}

const GIT = [
  "--allow-run=/bin/git,/bin/sh",
  "--allow-read=/t,/bin",
  `--allow-env=${[...GIT_ENVIRONMENT, ...MORE_VARIABLES].join(",")}`,
];

/** What commands that release nothing are permitted. */
const OTHERS: [args: string[], flags: string[]][] = [
  [["verify", "--trust-file", "t"], ["--allow-read=/here/releases,/here/t"]],
  [["verify", "/r", "--trust-file=/r/t"], ["--allow-read=/r"]],
  [["verify", "..", "--trust-file=t"], ["--allow-read=/"]],
  [["verify", "/r", "--git=v1", "--trust-file=/t"], GIT],
  [["verify", "artifact", "f", "--trust-file=/t"], ["--allow-read=/here/f,/here/f.sig,/t"]],
  [["verify", "artifact", "../f", "--signature=/s", "--trust-file=/t"], ["--allow-read=/f,/s,/t"]],
  [
    ["verify", "rollout-manifest", "/m", "--rollout-id", "0".repeat(64), "--trust-file=/t"],
    ["--allow-read=/m,/m.sig,/t"],
  ],
  [["keygen", "k"], ["--allow-write=/here/k"]],
  [["keygen", "/a b/k"], ["--allow-write=/a b/k"]],
  [["pubkey", "../k"], ["--allow-read=/k"]],
  [["canonicalize"], []],
  [["help", "verify"], []],
  [["--help"], []],
  [["keygen", "k", "--version"], []],
];

for (const [args, expected] of OTHERS) {
  pureTest(`${args.join(" ")}: exactly what it names is permitted`, () => {
    assertEquals(flags(args), ["--no-prompt", ...expected]);
  });
}

/** What a command line is permitted below /given. */
function given(args: readonly string[]): string[] {
  return flags(args).flatMap((flag) => {
    const [, permission, list] = /^--allow-(\w+)=(.*)$/.exec(flag) ?? [];
    return (list ?? "").split(",").filter((value) => value.includes("/given/"))
      .map((value) => `${permission} ${value}`);
  });
}

/** What stands before an option on a command line that is whole without it. */
const BEFORE: Record<CommandName, (option: string) => string[]> = {
  release: () => ["release"],
  verify: (option) => ["verify", "artifact", "/f", ...(option === "trust-file" ? [] : ["--trust-file=/t"])],
  keygen: () => ["keygen", "/f"],
  pubkey: () => ["pubkey", "/f"],
  canonicalize: () => ["canonicalize"],
};

for (const [command, { options }] of Object.entries(COMMANDS)) {
  for (const { flag, path } of options.filter(({ path }) => path !== undefined)) {
    pureTest(`the path of ${command} --${flag} is permitted, and no other`, () => {
      const args = [...BEFORE[command as CommandName](flag), `--${flag}`, "/given/x"];
      // Where a release is written, an earlier one is read.
      assertEquals(given(args), path === "read" ? ["read /given/x"] : ["read /given/x", "write /given/x"]);
    });
  }
}

pureTest("an option that names no path has none permitted, whatever its value", () => {
  for (const option of RELEASE_OPTIONS) {
    if (!("value" in option) || "path" in option) continue;
    const value = "repeatable" in option ? ["x", "/given/x"] : ["/given/x"];
    try {
      assertEquals(given([`--${option.flag}`, ...value]), [], option.flag);
    } catch (error) {
      // Some take no such value.
      if (!(error instanceof ReleaseError)) throw error;
    }
  }
});

pureTest("the operands that name paths are permitted, and no other paths", () => {
  const operands: Partial<Record<string, string[][]>> = {
    verify: [
      ["/given/x", "--trust-file=/t"],
      ["artifact", "/given/x", "--signature=/s", "--trust-file=/t"],
      ["rollout-manifest", "/given/x", "--signature=/s", "--rollout-id", "0".repeat(64), "--trust-file=/t"],
    ],
    keygen: [["/given/x"]],
    pubkey: [["/given/x"]],
  };
  for (const [command, { path }] of Object.entries(COMMANDS)) {
    if (path === undefined) continue;
    const found = operands[command]?.map((line) => given([command, ...line]));
    assertEquals(found, operands[command]?.map(() => [`${path} /given/x`]), command);
    assertEquals(found === undefined, false, `${command} has operands that are paths: add a line`);
  }
});

for (
  const [path, problem] of [["/a\nb", "a line break"], ["/a\rb", "a line break"], [
    "/a,b",
    "a comma",
  ]] as const
) {
  pureTest(
    `a path with ${problem} in it (${JSON.stringify(path)}) is refused, wherever it comes from`,
    () => {
      const uses: [args: string[], around: Partial<Surroundings>][] = [
        [["--build-flake", `path:${encodeURI(path)}`], {}],
        [["--sign-key", path], {}],
        [["--release-dir", path], {}],
        [["--release-dir", "/out"], { tempDir: path }],
        [["keygen", path], {}],
      ];
      for (const [args, around] of uses) {
        assertEquals(refusal(() => flags(args, around)), {
          kind: "usage",
          message: `Cannot permit the use of ${JSON.stringify(path)}: it has ${problem} in it`,
          hint: "Deno has no way to permit a path like that: give it another name",
        });
      }
      assertEquals(flags(["canonicalize"], { cwd: path }), ["--no-prompt"]);
    },
  );
}

for (const name of ["", "*", "AWS_*", "A=B", "A,B"]) {
  pureTest(`--sign-key env:${name} is refused: it is not the name of one variable`, () => {
    assertEquals(refusal(() => flags(["--sign-key", `env:${name}`])).kind, "usage");
  });
}

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
