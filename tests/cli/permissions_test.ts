import { assertEquals } from "@std/assert";
import type { Surroundings } from "../../src/cli/grant.ts";
import { permissionFlags, surroundingsOf } from "../../src/cli/permissions.ts";
import { PLAN } from "../../src/commands/plan.ts";
import { RESIGN } from "../../src/commands/resign.ts";
import { ALL, read } from "../support/asked.ts";
import { memoryWorld } from "../support/memory_world.ts";
import { pureTest, rejection } from "../support/pure.ts";

/** A machine on which every program is in /bin, every path is there, none is a link, and no directory is in git. */
const AROUND: Surroundings = {
  cwd: "/here",
  tempDir: "/temp",
  // Within what is permitted anyway.
  cacheDir: "/temp/cache",
  sockets: true,
  agentSocket: undefined,
  settingsFile: undefined,
  stepFiles: undefined,
  find: (program) => `/bin/${program}`,
  repositoryOf: (dir) => dir,
  realDirectory: (path) => /[:?#]|\/nixpkgs$/.test(path) ? undefined : path,
  firstMissing: () => undefined,
  followLinks: (path) => ({ path, links: [] }),
  // Within what is permitted anyway.
  lockFilesOf: () => ({ directory: ["/temp/lock"], commits: undefined }),
  gitPlacesOf: () => ({ dirs: ["/temp/git"], written: ["/temp/git/index"] }),
};

const MORE_VARIABLES = ["GIT_CONFIG_KEY_*", "GIT_CONFIG_VALUE_*", "NODE_V8_COVERAGE"];
/** The variables of every release. */
const VARIABLES = [
  "HOME",
  "LANG",
  "LC_ALL",
  "LOGNAME",
  "PATH",
  "SHELL",
  "TERM",
  "TMPDIR",
  "USER",
  "XDG_CACHE_HOME",
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
  "XDG_RUNTIME_DIR",
  "XDG_STATE_HOME",
  "GIT_ASKPASS",
  "GIT_AUTHOR_DATE",
  "GIT_AUTHOR_EMAIL",
  "GIT_AUTHOR_NAME",
  "GIT_COMMITTER_DATE",
  "GIT_COMMITTER_EMAIL",
  "GIT_COMMITTER_NAME",
  "GIT_CONFIG_COUNT",
  "GIT_CONFIG_GLOBAL",
  "GIT_CONFIG_NOSYSTEM",
  "GIT_CONFIG_SYSTEM",
  "GIT_SSH",
  "GIT_SSH_COMMAND",
  "GIT_SSL_CAINFO",
  "GNUPGHOME",
  "GPG_TTY",
  "FLEET_RELEASE_SETTINGS",
  "SOURCE_DATE_EPOCH",
  "NIXFLEET_GIT_USER_EMAIL",
  "NIXFLEET_GIT_USER_NAME",
  "NIXFLEET_PUSH_ALL_CMD",
  "NIXFLEET_PUSH_CMD",
  "NIXFLEET_SIGNATURE_ALGORITHM",
  "NIXFLEET_SIGN_CMD",
  "NIX_CACHE_HOME",
  "NIX_CONFIG_HOME",
  "NIX_CONF_DIR",
  "NIX_DATA_HOME",
  "NIX_STATE_HOME",
  "NIX_CONFIG",
  "NIX_DAEMON_SOCKET_PATH",
  "NIX_PATH",
  "NIX_REMOTE",
  "NIX_SSHOPTS",
  "NIX_SSL_CERT_FILE",
  "NIX_STATE_DIR",
  "NIX_STORE_DIR",
  "NIX_USER_CONF_FILES",
  "SSH_AUTH_SOCK",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  "ALL_PROXY",
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NO_PROXY",
  "all_proxy",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  ...MORE_VARIABLES,
];
/** Those of what publishes in a CI job. */
const CI_VARIABLES = ["GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"];
/** Those of `verify --git`. */
const GIT_VARIABLES = [
  ...["HOME", "PATH", "XDG_CONFIG_HOME", "GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"],
  ...MORE_VARIABLES,
];

/** The flags for a command line, with the variables in the order of their names. A release has a way to sign. */
async function flags(args: readonly string[], around: Partial<Surroundings> = {}): Promise<string[]> {
  const isRelease = args[0] === "release" || args[0] === "resign" || args[0] === undefined ||
    /^--(?!help)/.test(args[0]);
  const signs = args.some((arg) => arg.startsWith("--sign-"));
  const invocation = await read(isRelease && !signs ? [...args, "--sign-cmd=sign"] : args);
  return permissionFlags(invocation, { ...AROUND, ...around }).map((flag) => {
    const [name, list = ""] = flag.split("=");
    return name === "--allow-env" ? envFlag(list.split(",")) : flag;
  });
}

/** The flag that permits these variables. */
function envFlag(variables: readonly string[]): string {
  return `--allow-env=${variables.toSorted().join(",")}`;
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
    envFlag([...VARIABLES, ...env]),
  ];
}

/** The flags of what signs a release anew, without any option where they are left out: no nix, and none of its variables. */
function resignFlags(lists: Lists): string[] {
  const { read = "/bin,/here/releases,/temp", run = "/bin/git,/bin/sh" } = lists;
  const others = releaseFlags({ ...lists, run, read }).slice(0, -1);
  const own = VARIABLES.filter((name) => !name.startsWith("NIX_") || name === "NIX_SSL_CERT_FILE");
  return [...others, envFlag([...own, ...lists.env ?? []])];
}

const RELEASES: [args: string[], lists: Lists][] = [
  [[], {}],
  [["release"], {}],
  [["--sign-cmd", "sign", "--push-cmd", "push", "--git-push", "/srv/fleet.git:main"], {}],
  [["--pin-source-url", "git+file:///srv/fleet", "--trust-attr", ".#trust"], {}],
  [["--build-flake", "/srv/fleet"], { read: "/bin,/here/releases,/srv/fleet,/temp" }],
  [["--build-flake", "/srv/fleet?dir=a#b"], { read: "/bin,/here/releases,/srv/fleet,/temp" }],
  [["--build-flake", "../fleet"], { read: "/bin,/fleet,/here/releases,/temp" }],
  [["--build-flake", "./a/../b"], { read: "/bin,/here/b,/here/releases,/temp" }],
  [["--build-flake", "/hereby", "--release-dir", "."], {
    read: "/bin,/here,/hereby,/temp",
    write: "/here,/temp",
  }],
  [["--build-flake", "/here/fleet"], { read: "/bin,/here/fleet,/here/releases,/temp" }],
  [["--build-flake", "fleet"], { read: "/bin,/here/fleet,/here/releases,/temp" }],
  [["--build-flake", "nixpkgs"], { read: "/bin,/here/releases,/temp" }],
  [["--revocations-attr", "/srv/other#x", "--trust-attr", "path:/srv/keys#y"], {
    read: "/bin,/here,/srv/keys,/srv/other,/temp",
  }],
  [["--fleet-resolved-attr", "other#x", "--bootstrap-nonces-attr", "nixpkgs#y"], {}],
  [["--build-flake", "github:org/fleet"], { read: "/bin,/here/releases,/temp" }],
  [["--release-dir", "out"], { write: "/here/out,/temp" }],
  [["--release-dir", "."], { write: "/here,/temp" }],
  [["--release-dir", "../out/"], { read: "/bin,/here,/out,/temp", write: "/out,/temp" }],
  [["--release-dir", "/srv/./x/../out"], { read: "/bin,/here,/srv/out,/temp", write: "/srv/out,/temp" }],
  [["--release-dir", "/temp/out"], { write: "/temp" }],
  [["--release-dir", "/"], { read: "/", write: "/" }],
  [["--sign-key", "key"], {}],
  [["--sign-key", "../key"], { read: "/bin,/here,/key,/temp" }],
  [["--sign-key", "/keys/a key"], { read: "/bin,/here,/keys/a key,/temp" }],
  [["--sign-key", "./env:KEY"], {}],
  [["--sign-key", "env:KEY"], { env: ["KEY"] }],
  [["--sign-key", "-"], {}],
  [["--sign-key=-"], {}],
  [["--sign-key", "./-"], {}],
  [["--sign-key", "fd:3"], { read: "/bin,/dev/fd/3,/here,/temp" }],
  [["--sign-key", "./fd:3"], {}],
  [["--hook-env", "A, B"], { env: ["A", "B"] }],
  [["--hook-env", "A,HOME,A", "--sign-key", "env:A"], { env: ["A"] }],
  [["--sign-agent", "/keys/key.pub"], { read: "/bin,/here,/keys/key.pub,/temp" }],
  [["--trust-file", "/keys/trust.json"], { read: "/bin,/here,/keys/trust.json,/temp" }],
  [["--sign-key", "/keys/k", "--trust-file", "/keys/k"], { read: "/bin,/here,/keys/k,/temp" }],
];

for (const [args, lists] of RELEASES) {
  pureTest(`release ${args.join(" ")}: exactly the lists that it needs are permitted`, async () => {
    assertEquals(await flags(args), releaseFlags(lists));
  });
}

const AGENT = ["--sign-agent", "/keys/key.pub"];
const SOCKET: Lists = {
  read: "/bin,/here,/keys/key.pub,/run/agent,/temp",
  write: "/here/releases,/run/agent,/temp",
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
    read: "/bin,/here,/keys/key.pub,/temp",
    net: "unix:/temp/agent",
  }],
  "the ssh-agent is not permitted to a run that does not use it": [{ agentSocket: "/run/agent" }, [], {}],
  "the settings of a flake app are permitted": [{ settingsFile: "/store/settings.json" }, [], {
    read: "/bin,/here,/store/settings.json,/temp",
  }],
  "the files of a step in a CI job are written, and nothing beside them": [
    { stepFiles: ["/runner/summary", "/runner/output"] },
    [],
    { write: "/here/releases,/runner/output,/runner/summary,/temp", env: CI_VARIABLES },
  ],
  "blanks belong to paths": [
    {
      tempDir: "/a b",
      cacheDir: undefined,
      cwd: "/c  d",
      lockFilesOf: () => ({ directory: ["/a b/lock"], commits: undefined }),
    },
    [],
    {
      read: "/a b,/bin,/c  d",
      write: "/a b,/c  d/releases",
    },
  ],
  "the whole of a repository is read, and the release alone is written": [
    { cwd: "/srv/a/b", repositoryOf: () => "/srv/a" },
    ["--build-flake", "."],
    { read: "/bin,/srv/a,/temp", write: "/srv/a/b/releases,/temp" },
  ],
  "a directory is permitted as the flake where it really is, whatever its name": [
    { realDirectory: () => "/real/a#b" },
    ["--build-flake", "link?x#y", "--trust-attr", "other#z"],
    { read: "/bin,/here/releases,/real/a#b,/temp" },
  ],
  "the directories on the way to a release are permitted with the first one that is missing, and none above it":
    [
      { firstMissing: () => "/srv/a" },
      ["--release-dir", "/srv/a/b/c"],
      { read: "/bin,/here,/srv/a,/temp", write: "/srv/a,/temp" },
    ],
  "a release directory is permitted where it really is, with the links that lead there": [
    { followLinks: () => ({ path: "/real/out", links: ["/link"] }) },
    ["--release-dir", "/link/out"],
    { read: "/bin,/here,/link,/real/out,/temp", write: "/real/out,/temp" },
  ],
  "the locks of the release directory are permitted where they are": [
    {
      lockFilesOf: () => ({
        directory: ["/other/.git/fleet.lock"],
        commits: "/other/.git/fleet-release.lock",
      }),
    },
    ["--git-commit"],
    {
      read: "/bin,/here,/other/.git/fleet-release.lock,/other/.git/fleet.lock,/temp",
      write: "/here/releases,/other/.git/fleet-release.lock,/other/.git/fleet.lock,/temp",
    },
  ],
  "programs are permitted with their own directories, and those that are not there not at all": [
    {
      find: (program) =>
        program === "git" ? undefined : `/${program === "sh" ? "base" : "nix"}/bin/${program}`,
    },
    [],
    {
      run: "/nix/bin/nix,/nix/bin/nix-store,/base/bin/sh",
      read: "/base/bin,/here,/nix/bin,/temp",
    },
  ],
};

pureTest("the files of a step are those that a CI job names, but for one that cannot be permitted", () => {
  const stepFiles = (env: Record<string, string>) => surroundingsOf(memoryWorld({ env }).world).stepFiles;
  const env = { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: "/s", GITHUB_OUTPUT: "/o" };
  assertEquals(stepFiles(env), ["/s", "/o"]);
  assertEquals(stepFiles({ ...env, GITHUB_OUTPUT: "/a,b" }), ["/s"]);
  assertEquals(stepFiles({ ...env, GITHUB_ACTIONS: "false" }), undefined);
});

for (const [claim, [around, args, lists]] of Object.entries(PLACES)) {
  pureTest(claim, async () => assertEquals(await flags(args, around), releaseFlags(lists)));
}

const GIT = [
  "--allow-run=/bin/git,/bin/sh",
  "--allow-read=/bin,/t",
  envFlag(GIT_VARIABLES),
];

/** The same, with the release on disk. */
const DIFF_DISK = [
  "--allow-run=/bin/git,/bin/sh",
  "--allow-read=/bin,/here/releases,/t",
  envFlag(GIT_VARIABLES),
];

/** The flags of what reads commits alone, and no file. */
const COMMITS = ["--no-prompt", "--allow-run=/bin/git,/bin/sh", "--allow-read=/bin", envFlag(GIT_VARIABLES)];

/** The flags of a check. */
function checkFlags({ read = "/bin,/here,/temp", write = "/temp" }: Lists): string[] {
  const names = VARIABLES.filter((name) => !/^(NIXFLEET_|SOURCE_DATE_EPOCH$|FLEET_RELEASE_)/.test(name));
  return [
    "--no-prompt",
    "--allow-run=/bin/nix,/bin/nix-store,/bin/git,/bin/sh",
    `--allow-read=${read}`,
    `--allow-write=${write}`,
    envFlag(names),
  ];
}

/** A check that needs no more than every other. */
const CHECK_ALONE = checkFlags({});

/** The flags of a plan. */
function planFlags({ read = "/bin,/here,/temp", write = "/temp" }: Lists): string[] {
  const names = VARIABLES.filter((name) => !name.startsWith("NIXFLEET_"));
  return [
    "--no-prompt",
    "--allow-run=/bin/nix,/bin/nix-store,/bin/git,/bin/sh",
    `--allow-read=${read}`,
    `--allow-write=${write}`,
    envFlag(names),
  ];
}

/** A release that needs no more than every other. */
const NOTHING_MORE = releaseFlags({});
/** `verify /r --trust-file /t`. */
const VERIFY_DIR = ["--no-prompt", "--allow-read=/r,/t"];

/** `status /r --public-key k`. */
const STATUS_DIR = ["--no-prompt", "--allow-read=/r"];

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
  [["status", "--public-key=k"], ["--allow-read=/here/releases"]],
  [["status", "/r", "--git=v1", "--trust-file=/t"], GIT],
  [["log", "/r", "--trust-file=/t"], GIT],
  [["diff", "v1", "--trust-file=/t"], DIFF_DISK],
  [["diff", "v1", "v2", "--trust-file=/t"], GIT],
  [["diff", "/r", "./s", "--trust-file=/t"], ["--allow-read=/here/s,/r,/t"]],
  [
    ["resign", "--sign-key=/k", "--trust-file=/t", "--release-dir=/r"],
    resignFlags({ read: "/bin,/k,/r,/t,/temp", write: "/r,/temp" }).slice(1),
  ],
  [["doctor", "--sign-key=/k", "--release-dir=/r"], [
    ...releaseFlags({ read: "/bin,/here,/k,/r,/temp", write: "/temp" }).slice(1),
  ]],
  [["prune"], ["--allow-read=/here/releases,/temp/lock", "--allow-write=/here/releases,/temp/lock"]],
  [["prune", "/r", "--trust-file=/t"], ["--allow-read=/r,/t,/temp/lock", "--allow-write=/r,/temp/lock"]],
  [["keygen", "k"], ["--allow-write=/here/k"]],
  [["keygen", "/a b/k"], ["--allow-write=/a b/k"]],
  [["pubkey", "../k"], ["--allow-read=/k"]],
  [["canonicalize"], []],
  [["completions", "bash"], []],
  [["man"], []],
  [["help", "verify"], []],
  [["--help"], []],
  [["keygen", "k", "--version"], []],
];

pureTest("there is a line for the operands of every command that has some", () => {
  const withOperand = new Set(
    OTHERS.filter(([[, operand = "--"]]) => !operand.startsWith("--")).map(([[name]]) => name),
  );
  assertEquals(
    ALL.filter(({ operands }) => operands !== undefined).map(({ name }) => name),
    ["status", "log", "diff", "verify", "prune", "keygen", "pubkey", "completions"].filter((name) =>
      withOperand.has(name)
    ),
  );
});

for (const [args, expected] of OTHERS) {
  pureTest(`${args.join(" ")}: exactly what it names is permitted`, async () => {
    assertEquals(await flags(args), ["--no-prompt", ...expected]);
  });
}

pureTest("in a CI job every command may read that it is one", async () => {
  const inCi = { stepFiles: ["/runner/summary"] };
  assertEquals(await flags(["status", "/r", "--public-key=k"], inCi), [
    ...STATUS_DIR,
    "--allow-env=GITHUB_ACTIONS",
  ]);
  assertEquals(await flags(["--help"], inCi), ["--no-prompt"]);
});

const PRUNE_DIR = ["--no-prompt", "--allow-read=/r,/temp/lock", "--allow-write=/r,/temp/lock"];

/** For each option of each command a line that gives it, with a value that it takes, and what that is permitted. */
const EACH_OPTION: Record<string, Record<string, [args: string[], flags: string[]]>> = {
  release: {
    "hosts": [["--hosts", "/given/x"], NOTHING_MORE],
    "build-flake": [
      ["--build-flake", "/given/x"],
      releaseFlags({ read: "/bin,/given/x,/here/releases,/temp" }),
    ],
    "fleet-resolved-attr": [
      ["--fleet-resolved-attr", "/given/x#a"],
      releaseFlags({ read: "/bin,/given/x,/here,/temp" }),
    ],
    "revocations-attr": [
      ["--revocations-attr", "/given/x#a"],
      releaseFlags({ read: "/bin,/given/x,/here,/temp" }),
    ],
    "bootstrap-nonces-attr": [
      ["--bootstrap-nonces-attr", "/given/x#a"],
      releaseFlags({ read: "/bin,/given/x,/here,/temp" }),
    ],
    "pin-source-url": [["--pin-source-url", "/given/x"], NOTHING_MORE],
    "now": [["--now", "2026-06-01T12:00:00Z"], NOTHING_MORE],
    "push-cmd": [["--push-cmd", "/given/x"], NOTHING_MORE],
    "push-all-cmd": [["--push-all-cmd", "/given/x"], NOTHING_MORE],
    "push-jobs": [["--push-jobs", "2"], NOTHING_MORE],
    "push-retries": [["--push-retries", "2"], NOTHING_MORE],
    "push-changed": [["--push-changed"], NOTHING_MORE],
    "push-early": [["--push-early"], NOTHING_MORE],
    "no-memo": [["--no-memo"], NOTHING_MORE],
    "hook-env": [["--hook-env", "GIVEN"], releaseFlags({ env: ["GIVEN"] })],
    "sign-cmd": [["--sign-cmd", "/given/x"], NOTHING_MORE],
    "sign-jobs": [["--sign-cmd=sign", "--sign-jobs", "2"], NOTHING_MORE],
    "sign-key": [["--sign-key", "/given/x"], releaseFlags({ read: "/bin,/given/x,/here,/temp" })],
    "sign-agent": [["--sign-agent", "/given/x"], releaseFlags({ read: "/bin,/given/x,/here,/temp" })],
    "signature-algorithm": [["--signature-algorithm", "ecdsa-p256"], NOTHING_MORE],
    "signature-encoding": [
      ["--signature-encoding", "der", "--signature-algorithm", "ecdsa-p256"],
      NOTHING_MORE,
    ],
    "reuse-unchanged-signature": [["--reuse-unchanged-signature"], NOTHING_MORE],
    "trust-file": [["--trust-file", "/given/x"], releaseFlags({ read: "/bin,/given/x,/here,/temp" })],
    "trust-attr": [["--trust-attr", "/given/x#a"], releaseFlags({ read: "/bin,/given/x,/here,/temp" })],
    "public-key": [["--public-key", "/given/x"], NOTHING_MORE],
    "allow-previous-key": [["--allow-previous-key", "--trust-attr", "a"], NOTHING_MORE],
    "release-dir": [
      ["--release-dir", "/given/x"],
      releaseFlags({ read: "/bin,/given/x,/here,/temp", write: "/given/x,/temp" }),
    ],
    "artifact-name": [["--artifact-name", "given"], NOTHING_MORE],
    "release-index": [["--release-index"], NOTHING_MORE],
    "keep-releases": [["--keep-releases", "4"], NOTHING_MORE],
    "prune-sidecars": [["--prune-sidecars"], NOTHING_MORE],
    "git-commit": [["--git-commit"], NOTHING_MORE],
    "git-push-retries": [["--git-push-retries", "3"], NOTHING_MORE],
    "git-timeout": [["--git-timeout", "3"], NOTHING_MORE],
    "git-hooks": [["--git-hooks"], NOTHING_MORE],
    "git-sign": [["--git-sign"], NOTHING_MORE],
    "git-push": [["--git-push", "/given/x:main"], NOTHING_MORE],
    "commit-template": [["--commit-template", "/given/x"], NOTHING_MORE],
    "git-user-name": [["--git-user-name", "/given/x"], NOTHING_MORE],
    "git-user-email": [["--git-user-email", "/given/x"], NOTHING_MORE],
    "smoke-verify": [["--smoke-verify", "false"], NOTHING_MORE],
    "allow-older": [["--allow-older"], NOTHING_MORE],
    "require-clean": [["--require-clean"], NOTHING_MORE],
    "strict": [["--strict"], NOTHING_MORE],
    "deny-warnings": [["--deny-warnings"], NOTHING_MORE],
    "confirm": [["--confirm"], NOTHING_MORE],
    "option": [["--option", "builders", "@/given/x"], NOTHING_MORE],
    "accept-flake-config": [["--accept-flake-config"], NOTHING_MORE],
    "no-accept-flake-config": [["--no-accept-flake-config"], NOTHING_MORE],
    "builders": [["--builders", "@/given/x"], NOTHING_MORE],
    "max-jobs": [["--max-jobs", "/given/x"], NOTHING_MORE],
    "eval-max-memory": [["--eval-max-memory", "2048"], NOTHING_MORE],
    "eval-workers": [["--eval-workers", "4"], NOTHING_MORE],
    "eval-timeout": [["--eval-timeout", "4"], NOTHING_MORE],
    "build-timeout": [["--build-timeout", "4"], NOTHING_MORE],
    "hook-timeout": [["--hook-timeout", "4"], NOTHING_MORE],
    "wait-lock": [["--wait-lock", "4"], NOTHING_MORE],
    "report": [
      ["--report", "/given/x"],
      releaseFlags({
        read: "/bin,/given/x,/given/x.part,/here,/temp",
        write: "/given/x,/given/x.part,/here/releases,/temp",
      }),
    ],
    "json": [["--json"], NOTHING_MORE],
    "log-format": [["--log-format", "json"], NOTHING_MORE],
    "verbose": [["--verbose"], NOTHING_MORE],
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
  check: {
    "hosts": [["--hosts", "web-*"], CHECK_ALONE],
    "build-flake": [["--build-flake", "/given/x"], checkFlags({ read: "/bin,/given/x,/temp" })],
    ...Object.fromEntries(
      ["fleet-resolved-attr", "revocations-attr", "bootstrap-nonces-attr"].map((flag) => [
        flag,
        [[`--${flag}`, "/given/x#a"], checkFlags({ read: "/bin,/given/x,/here,/temp" })],
      ]),
    ),
    "now": [["--now", "2026-06-01T12:00:00Z"], CHECK_ALONE],
    "deny-warnings": [["--deny-warnings"], CHECK_ALONE],
    "option": [["--option", "builders", "@/given/x"], CHECK_ALONE],
    "accept-flake-config": [["--accept-flake-config"], CHECK_ALONE],
    "no-accept-flake-config": [["--no-accept-flake-config"], CHECK_ALONE],
    "no-memo": [["--no-memo"], CHECK_ALONE],
    "eval-timeout": [["--eval-timeout", "4"], CHECK_ALONE],
    "format": [["--format", "sarif"], CHECK_ALONE],
    "json": [["--json"], CHECK_ALONE],
    "annotations": [["--annotations"], CHECK_ALONE],
    "log-format": [["--log-format", "json"], CHECK_ALONE],
    "verbose": [["--verbose"], CHECK_ALONE],
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
  status: {
    "trust-file": [["/r", "--trust-file=/given/x"], ["--no-prompt", "--allow-read=/given/x,/r"]],
    "public-key": [["/r", "--public-key=/given/x"], STATUS_DIR],
    "git": [["/r", "--git=/given/x", "--trust-file=/t"], ["--no-prompt", ...GIT]],
    "artifact-name": [["/r", "--artifact-name=given", "--public-key=k"], STATUS_DIR],
    "now": [["/r", "--now=2026-06-01T12:00:00Z", "--public-key=k"], STATUS_DIR],
    "json": [["/r", "--json", "--public-key=k"], STATUS_DIR],
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
  log: {
    "trust-file": [["--trust-file=/t"], ["--no-prompt", ...GIT]],
    "public-key": [["--public-key=/given/x"], COMMITS],
    "git": [["--git=/given/x"], COMMITS],
    "artifact-name": [["--artifact-name=given"], COMMITS],
    "limit": [["--limit=4"], COMMITS],
    "changes": [["--changes"], COMMITS],
    "json": [["--json"], COMMITS],
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
  diff: {
    "trust-file": [["a", "b", "--trust-file=/t"], ["--no-prompt", ...GIT]],
    "public-key": [["a", "b", "--public-key=/given/x"], COMMITS],
    "release-dir": [["a", "--release-dir=/given/x"], [
      ...COMMITS.slice(0, 2),
      "--allow-read=/bin,/given/x",
      ...COMMITS.slice(3),
    ]],
    "artifact-name": [["a", "b", "--artifact-name=given"], COMMITS],
    "exit-code": [["a", "b", "--exit-code"], COMMITS],
    "json": [["a", "b", "--json"], COMMITS],
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
  verify: {
    "trust-file": [["/r", "--trust-file=/given/x"], ["--no-prompt", "--allow-read=/given/x,/r"]],
    "signature": [
      ["artifact", "/f", "--signature=/given/x", "--trust-file=/t"],
      ["--no-prompt", "--allow-read=/f,/given/x,/t"],
    ],
    "kind": [
      ["artifact", "/f", "--kind=fleet", "--trust-file=/t"],
      ["--no-prompt", "--allow-read=/f,/f.sig,/t"],
    ],
    "rollout-id": [
      ["rollout-manifest", "/f", "--rollout-id", "0".repeat(64), "--trust-file=/t"],
      ["--no-prompt", "--allow-read=/f,/f.sig,/t"],
    ],
    "git": [["/r", "--git=/given/x", "--trust-file=/t"], ["--no-prompt", ...GIT]],
    "artifact-name": [["/r", "--artifact-name=given", "--trust-file=/t"], VERIFY_DIR],
    "require-index": [["/r", "--require-index", "--trust-file=/t"], VERIFY_DIR],
    "now": [["/r", "--now=2026-06-01T12:00:00Z", "--trust-file=/t"], VERIFY_DIR],
    "freshness-window": [["/r", "--freshness-window=60", "--trust-file=/t"], VERIFY_DIR],
    "json": [["/r", "--json", "--trust-file=/t"], VERIFY_DIR],
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
  prune: {
    "trust-file": [["/r", "--trust-file=/t"], [
      "--no-prompt",
      "--allow-read=/r,/t,/temp/lock",
      "--allow-write=/r,/temp/lock",
    ]],
    "artifact-name": [["/r", "--artifact-name=given"], PRUNE_DIR],
    "keep-releases": [["/r", "--keep-releases=4"], PRUNE_DIR],
    "prune-sidecars": [["/r", "--prune-sidecars"], PRUNE_DIR],
    "dry-run": [["/r", "--dry-run"], PRUNE_DIR],
    "wait-lock": [["/r", "--wait-lock=4"], PRUNE_DIR],
    "json": [["/r", "--json"], PRUNE_DIR],
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
  completions: {
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
  man: {
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
  keygen: {
    "algorithm": [["/f", "--algorithm=ecdsa-p256"], ["--no-prompt", "--allow-write=/f"]],
    "format": [["/f", "--format=trust-file"], ["--no-prompt", "--allow-write=/f"]],
    "json": [["/f", "--json"], ["--no-prompt", "--allow-write=/f"]],
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
  pubkey: {
    "format": [["/f", "--format=trust-file"], ["--no-prompt", "--allow-read=/f"]],
    "json": [["/f", "--json"], ["--no-prompt", "--allow-read=/f"]],
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
  canonicalize: {
    "help": [["--help"], ["--no-prompt"]],
    "version": [["--version"], ["--no-prompt"]],
  },
};

/** What options of `resign` are permitted beside what every such run is; what is not here adds nothing. */
const OF_RESIGN: Record<string, Lists> = {
  "hook-env": { env: ["GIVEN"] },
  "sign-key": { read: "/bin,/given/x,/here/releases,/temp" },
  "sign-agent": { read: "/bin,/given/x,/here/releases,/temp" },
  "trust-file": { read: "/bin,/given/x,/here/releases,/temp" },
  "allow-previous-key": { read: "/bin,/given/x,/here/releases,/temp" },
  "release-dir": { read: "/bin,/given/x,/temp", write: "/given/x,/temp" },
};

// Nearly all are options of a release, and are given as such.
EACH_OPTION["resign"] = Object.fromEntries(
  Object.keys(RESIGN.options).map((flag) => {
    const args = flag === "if-due"
      ? ["--if-due"]
      : flag === "allow-previous-key"
      ? ["--allow-previous-key", "--trust-file=/given/x"]
      : EACH_OPTION["release"]![flag]![0];
    const asksOnly = flag === "help" || flag === "version";
    return [flag, [args, asksOnly ? ["--no-prompt"] : resignFlags(OF_RESIGN[flag] ?? {})]];
  }),
);

// What a release is told, with which nothing is written but temporary files.
EACH_OPTION["doctor"] = Object.fromEntries(
  Object.entries(EACH_OPTION["release"]!).map((
    [flag, [args, flags]],
  ) => [
    flag,
    [args, flags.map((one) => one.startsWith("--allow-write=") ? "--allow-write=/temp" : one)],
  ]),
);

/** The same of options of `plan`. */
const OF_PLAN: Record<string, Lists> = {
  "build-flake": { read: "/bin,/given/x,/here/releases,/temp" },
  ...Object.fromEntries(
    [
      "fleet-resolved-attr",
      "revocations-attr",
      "bootstrap-nonces-attr",
      "trust-attr",
      "trust-file",
      "against",
    ]
      .map((flag) => [flag, { read: "/bin,/given/x,/here,/temp" }]),
  ),
  "release-dir": { read: "/bin,/given/x,/here,/temp" },
};

/** Those that a release does not have. */
const OF_PLAN_ALONE: Record<string, string[]> = {
  "against": ["--against", "/given/x"],
  "diff-closures": ["--diff-closures"],
  "build": ["--build"],
  "markdown": ["--markdown"],
  "exit-code": ["--exit-code"],
};

EACH_OPTION["plan"] = Object.fromEntries(
  Object.keys(PLAN.options).map((flag) => {
    const args = OF_PLAN_ALONE[flag] ?? EACH_OPTION["release"]![flag]![0];
    const asksOnly = flag === "help" || flag === "version";
    return [flag, [args, asksOnly ? ["--no-prompt"] : planFlags(OF_PLAN[flag] ?? {})]];
  }),
);

pureTest("this test gives every option of every command", () => {
  assertEquals(
    Object.fromEntries(Object.entries(EACH_OPTION).map(([name, lines]) => [name, Object.keys(lines).sort()])),
    Object.fromEntries(ALL.map(({ name, options }) => [name, Object.keys(options).sort()])),
  );
  for (const lines of Object.values(EACH_OPTION)) {
    for (const [flag, [args]] of Object.entries(lines)) {
      assertEquals(args.some((arg) => arg === `--${flag}` || arg.startsWith(`--${flag}=`)), true, flag);
    }
  }
});

for (const [name, lines] of Object.entries(EACH_OPTION)) {
  for (const [flag, [args, expected]] of Object.entries(lines)) {
    pureTest(`${name} --${flag}: exactly what belongs to it is permitted`, async () => {
      assertEquals(await flags([name, ...args]), expected);
    });
  }
}

for (
  const [path, problem] of [["/a\nb", "a line break"], ["/a\rb", "a line break"], [
    "/a,b",
    "a comma",
  ]] as const
) {
  pureTest(
    `a path with ${problem} in it (${JSON.stringify(path)}) is refused, wherever it comes from`,
    async () => {
      const uses: [args: string[], around: Partial<Surroundings>][] = [
        [["--build-flake", `path:${encodeURI(path)}`], {}],
        [["--sign-key", path], {}],
        [["--release-dir", path], {}],
        [["--release-dir", "/out"], { tempDir: path }],
        [["keygen", path], {}],
      ];
      for (const [args, around] of uses) {
        assertEquals(await rejection(flags(args, around)), {
          kind: "usage",
          message: `Cannot permit the use of ${JSON.stringify(path)}: it has ${problem} in it`,
          hint: "Deno has no way to permit a path like that: give it another name",
        });
      }
      assertEquals(await flags(["canonicalize"], { cwd: path }), ["--no-prompt"]);
    },
  );
}

for (const name of ["", "*", "AWS_*", "A=B", "A,B"]) {
  pureTest(`--sign-key env:${name} is refused: it is not the name of one variable`, async () => {
    assertEquals(await rejection(flags(["--sign-key", `env:${name}`])), {
      kind: "usage",
      message: "--sign-key env: is not followed by the name of a variable",
      hint: "put the key into a variable, and give --sign-key env:NAME",
    });
  });
}

pureTest(
  "a release may keep what it has evaluated in the user's cache, if there is one and it is to",
  async () => {
    const cacheDir = "/home/.cache/fleet-release";
    const kept = releaseFlags({
      read: `/bin,/here,${cacheDir},/temp`,
      write: `/here/releases,${cacheDir},/temp`,
    });
    assertEquals(await flags([], { cacheDir }), kept);
    assertEquals(await flags(["--no-memo"], { cacheDir }), releaseFlags({}));
    assertEquals(await flags([], { cacheDir: undefined }), releaseFlags({}));
  },
);
