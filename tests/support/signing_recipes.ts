/**
 * The recipes of docs/signing.md as scripts, and what they need of the world: the program on PATH, and devices that
 * hold a key.
 *
 * @module
 */
import { dirname, join, resolve } from "@std/path";
import { ensureDir, exists } from "@std/fs";
import { signedPath } from "../../src/contract/layout.ts";
import { expectRun, type Finished, PROJECT, run, which } from "./command.ts";
import { GOLDEN, TestFleet } from "./fleet.ts";
import type { FleetWithoutNix } from "./fleet_without_nix.ts";

/** The guide. */
export const GUIDE: string = await Deno.readTextFile(join(PROJECT, "docs/signing.md"));

/**
 * The blocks of the guide that are marked `sh KIND=NAME`, by name.
 *
 * @throws when a name is there twice
 */
export function scriptsOf(kind: string): Map<string, string> {
  const found = [...GUIDE.matchAll(/^```sh (\w+)=([\w-]+)\n(.*?)\n```$/gms)]
    .flatMap(([, itsKind, name, script]) => itsKind === kind ? [[name!, script!] as const] : []);
  const scripts = new Map(found);
  if (scripts.size !== found.length) throw new Error(`docs/signing.md has a ${kind} twice`);
  return scripts;
}

/** Those of some programs that are not on PATH. */
export function missing(programs: readonly string[]): string[] {
  return programs.filter((program) => {
    try {
      which(program);
      return false;
    } catch {
      return true;
    }
  });
}

/**
 * Whether tests may do without programs that are missing. Not in CI where `./dev` installs them: there a test that
 * is passed over would never be noticed.
 */
export const MAY_SKIP: boolean = Deno.env.get("CI") !== "true" || missing(["apt-get"]).length > 0 ||
  (await expectRun([which("id"), "-u"])).trim() !== "0";

/** A workshop for recipes: a fleet, the program as `fleet-release`, and an empty `~/keys`. */
export class Workshop implements AsyncDisposable {
  /** What scripts see beside the fleet's environment. */
  readonly env: Record<string, string> = {};
  readonly #devices: Deno.ChildProcess[] = [];

  private constructor(readonly fleet: TestFleet | FleetWithoutNix) {}

  /**
   * Puts the program on the fleet's PATH, without nix when the fleet is. The fleet stays the caller's own.
   *
   * @param permitted What it may do: what its command line needs, as when it is packaged, or everything
   */
  static async open(
    fleet: TestFleet | FleetWithoutNix,
    permitted: "as packaged" | "everything" = "as packaged",
  ): Promise<Workshop> {
    const workshop = new Workshop(fleet);
    await ensureDir(workshop.bin);
    workshop.env["PATH"] = `${workshop.bin}:${fleet.env()["PATH"] ?? ""}`;
    await Deno.mkdir(join(workshop.home, "keys"), { mode: 0o700 });
    await workshop.install("fleet-release", programFor(fleet, permitted));
    return workshop;
  }

  /** The directory of programs that the scripts find first. */
  get bin(): string {
    return join(this.fleet.root, "bin");
  }

  /** `~` of the scripts. */
  get home(): string {
    return join(this.fleet.root, "home");
  }

  /** Installs a program that is a shell script. */
  async install(name: string, script: string): Promise<void> {
    await Deno.writeTextFile(join(this.bin, name), script, { mode: 0o755 });
  }

  /**
   * Runs a script in the fleet's directory.
   *
   * @param script Shell
   * @param now The time that the program is told, in place of the clock
   */
  run(script: string, now?: string): Promise<Finished> {
    return run([which("sh"), "-eu", "-c", script], {
      cwd: this.fleet.dir,
      env: { ...this.fleet.env(), ...this.env, ...(now === undefined ? {} : { NOW: now }) },
    });
  }

  /** Runs a script that has to succeed, and gives what it printed. */
  async expect(script: string, now?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(script, now);
    if (code !== 0) throw new Error(`The script exited with ${code}\n${script}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Starts a device that answers on a socket, and waits for the socket. */
  async start(argv: readonly string[], socket: string): Promise<void> {
    const [program, ...args] = argv;
    const child = new Deno.Command(which(program!), {
      args,
      env: this.fleet.env(),
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#devices.push(child);
    for (let wait = 0; !await exists(socket); wait++) {
      if (wait === 500) throw new Error(`${argv.join(" ")} does not listen on ${socket}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const device of this.#devices) {
      try {
        device.kill();
      } catch {
        // It has ended by itself.
      }
      await device.status;
    }
  }
}

/** A word of a shell script. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The program, with the permissions that its command line needs and no others, or with all. */
function programFor(fleet: TestFleet | FleetWithoutNix, permitted: "as packaged" | "everything"): string {
  const [real, withoutNix] = ["src/main.ts", "tests/support/program_without_nix.ts"]
    .map((path) => quoted(join(PROJECT, path)));
  const program = fleet instanceof TestFleet ? real : withoutNix;
  // What is in memory begins with a file.
  const beside = fleet instanceof TestFleet ? "" : `--allow-read=${quoted(GOLDEN)}`;
  const start = permitted === "everything" ? `deno -A ${program} "$@"` : `
flags=$(deno --no-prompt --allow-read --allow-env ${real} --print-permissions "$@") || exit
IFS='
'
deno $flags ${beside} ${program} "$@"`;
  return `#!/bin/sh
set -f
case $1 in keygen | pubkey) ;; *) set -- "$@" \${NOW:+--now "$NOW"} ;; esac
deno() { ${quoted(Deno.execPath())} run --cached-only --frozen "$@"; }
${start}
`;
}

/** A key of the CI system's secrets, in `RELEASE_KEY`. */
export async function provideSecret(workshop: Workshop): Promise<void> {
  await workshop.expect("fleet-release keygen ~/keys/release.pem --format trust-file >trust.json");
  const file = join(workshop.home, "keys/release.pem");
  workshop.env["RELEASE_KEY"] = await Deno.readTextFile(file);
  await Deno.remove(file);
}

/** An ssh-agent without keys. */
export async function provideAgent(workshop: Workshop): Promise<void> {
  const socket = join(workshop.fleet.root, "agent");
  await workshop.start(["ssh-agent", "-D", "-a", socket], socket);
  workshop.env["SSH_AUTH_SOCK"] = socket;
}

/** A software TPM, as new. */
export async function provideTpm(workshop: Workshop): Promise<void> {
  const state = join(workshop.fleet.root, "tpm");
  await ensureDir(state);
  const socket = join(state, "socket");
  const options = [
    ["--tpmstate", `dir=${state}`],
    ["--server", `type=unixio,path=${socket}`],
    ["--ctrl", `type=unixio,path=${socket}.ctrl`],
    ["--flags", "not-need-init,startup-clear"],
  ];
  await workshop.start(["swtpm", "socket", "--tpm2", ...options.flat()], `${socket}.ctrl`);
  workshop.env["TPM2TOOLS_TCTI"] = `swtpm:path=${socket}`;
}

/** A software HSM with an empty token "fleet". */
export async function provideHsm(workshop: Workshop): Promise<void> {
  const tokens = join(workshop.home, "tokens");
  const config = join(workshop.home, ".config/softhsm2");
  await ensureDir(tokens);
  await ensureDir(config);
  await Deno.writeTextFile(join(config, "softhsm2.conf"), `directories.tokendir = ${tokens}\n`);
  await workshop.expect("softhsm2-util --init-token --free --label fleet --so-pin 12345678 --pin 87654321");
  const prefix = dirname(dirname(await Deno.realPath(which("softhsm2-util"))));
  workshop.env["HSM_MODULE"] = resolve(prefix, "lib/softhsm/libsofthsm2.so");
  workshop.env["HSM_PIN"] = "87654321";
}

/**
 * Stand-ins for the tools of clouds, as the branches of a shell's `case`: they know the commands of the guide alone,
 * word by word, and answer as the services' documentation says. `$key` is the file of a private key, `$last` the last
 * argument.
 */
const CLOUDS = {
  aws: `
'kms get-public-key --key-id alias/release --query PublicKey --output text')
  openssl pkey -in "$key" -pubout -outform der | openssl base64 -A && echo ;;
'kms sign --key-id alias/release --message fileb:///dev/stdin --message-type DIGEST'\\
' --signing-algorithm ECDSA_SHA_256 --query Signature --output text')
  openssl pkeyutl -sign -inkey "$key" | openssl base64 -A && echo ;;`,
  gcloud: `
"kms keys versions get-public-key 1 --key release --keyring fleet --location global --output-file $last")
  openssl pkey -in "$key" -pubout -out "$last" ;;
"kms asymmetric-sign --version 1 --key release --keyring fleet --location global"\\
" --digest-algorithm sha256 --input-file $NIXFLEET_INPUT --signature-file $NIXFLEET_OUTPUT")
  openssl dgst -sha256 -sign "$key" -out "$last" "$NIXFLEET_INPUT" ;;`,
  az: `
"keyvault key download --vault-name fleet --name release --encoding PEM --file $last")
  openssl pkey -in "$key" -pubout -out "$last" ;;
"keyvault key sign --vault-name fleet --name release --algorithm ES256 --digest \${11-}"\\
" --query signature --output tsv")
  echo "\${11}" | base64 -d | openssl pkeyutl -sign -inkey "$key" | openssl asn1parse -inform der |
    sed -n 's/.*INTEGER *://p' | while read -r integer; do printf '%64s' "$integer"; done | tr ' ' 0 |
    basenc --base16 -d | openssl base64 -A && echo ;;`,
  vault: `
'read -format=json transit/keys/release')
  public=$(openssl pkey -in "$key" -pubout -outform der | tail -c 32 | base64)
  printf '{\\n  "data": {\\n    "keys": {\\n      "1": {\\n        "public_key": "%s"\\n' "$public"
  printf '      }\\n    }\\n  }\\n}\\n' ;;
'write -field=signature transit/sign/release key_version=1 input=-')
  base64 -d >"$key.input"
  echo "vault:v1:$(openssl pkeyutl -sign -rawin -inkey "$key" -in "$key.input" | openssl base64 -A)" ;;`,
} as const;

/** A stand-in for the tool of a cloud, with a key. */
export async function provideCloud(workshop: Workshop, tool: keyof typeof CLOUDS): Promise<void> {
  const key = join(workshop.bin, `${tool}.pem`);
  const kind = tool === "vault" ? "ed25519" : "EC -pkeyopt ec_paramgen_curve:P-256";
  await workshop.expect(`openssl genpkey -algorithm ${kind} -out ${quoted(key)}`);
  await workshop.install(
    tool,
    `#!/bin/sh
set -eu
key=${quoted(key)}
for last; do :; done
case $* in${CLOUDS[tool]}
*) echo "${tool} is asked what it does not know: $*" >&2; exit 64 ;;
esac
`,
  );
}

/** A trust file's key as openssl reads it: the same bytes behind a header that says what they are. */
function publicKeyPem(algorithm: string, base64: string): string {
  const header = algorithm === "ed25519"
    ? "302a300506032b6570032100"
    : "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
  const der = Uint8Array.of(...Uint8Array.fromHex(header), ...Uint8Array.fromBase64(base64));
  return `-----BEGIN PUBLIC KEY-----\n${der.toBase64()}\n-----END PUBLIC KEY-----\n`;
}

/** An ECDSA signature in its fixed form as openssl reads it. */
function derOf(signature: Uint8Array): Uint8Array {
  const integers = [signature.slice(0, 32), signature.slice(32)].map((bytes) => {
    const start = bytes.findIndex((byte) => byte !== 0);
    const digits = bytes.slice(start);
    return digits[0]! < 0x80 ? digits : Uint8Array.of(0, ...digits);
  });
  const body = integers.flatMap((digits) => [0x02, digits.length, ...digits]);
  return Uint8Array.of(0x30, body.length, ...body);
}

/** The documents of the release whose signatures openssl accepts, by the current key of `trust.json`. */
export async function acceptedByOpenssl({ fleet, home }: Workshop): Promise<string[]> {
  const trust = JSON.parse(await Deno.readTextFile(join(fleet.dir, "trust.json")));
  const { algorithm, public: base64 } = trust.ciReleaseKey.current;
  const [pem, signature] = [join(home, "release.pub"), join(home, "signature")];
  await Deno.writeTextFile(pem, publicKeyPem(algorithm, base64));
  const accepted: string[] = [];
  for (const [path, bytes] of await fleet.files()) {
    const signed = signedPath(path);
    if (signed === undefined) continue;
    const document = join(fleet.dir, "releases", signed);
    await Deno.writeFile(signature, algorithm === "ed25519" ? bytes : derOf(bytes));
    const args = algorithm === "ed25519"
      ? ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pem, "-in", document, "-sigfile", signature]
      : ["dgst", "-sha256", "-verify", pem, "-signature", signature, document];
    const { code } = await run([which("openssl"), ...args], { env: fleet.env() });
    if (code === 0) accepted.push(signed);
  }
  return accepted;
}
