// What signs a release. The ssh-agent has its own tests, and the operator's command those of the hooks.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { ReleaseConfig } from "../../src/config.ts";
import { validateConfig } from "../../src/commands/release.ts";
import type { SignatureAlgorithm } from "../../src/contract/types.ts";
import { joinBytes } from "../../src/bytes.ts";
import { publicKeyBlob, wireNumber, wireString } from "../../src/crypto/openssh.ts";
import { generatePrivateKey } from "../../src/crypto/private_key.ts";
import { verifySignature } from "../../src/crypto/signature.ts";
import { ReleaseError } from "../../src/errors.ts";
import type { ArtifactSigner, Inputs } from "../../src/ports.ts";
import { createInputs } from "../../src/adapters/files.ts";
import {
  type OpenSigner,
  openSigner,
  type SignerSources,
  type SignHook,
} from "../../src/adapters/signers.ts";
import { pureTest, rejection } from "../support/pure.ts";

const ALGORITHMS: readonly SignatureAlgorithm[] = ["ed25519", "ecdsa-p256"];

const bytes = new TextEncoder().encode("{}");

/** Files of a world in memory. */
function files(content: Record<string, string>): Inputs {
  return {
    read: (path) =>
      content[path] === undefined
        ? Promise.reject(new ReleaseError("io", `Cannot read "${path}"`))
        : Promise.resolve(new TextEncoder().encode(content[path])),
    mode: () => Promise.resolve(0o600),
    realPath: () => Promise.resolve(null),
  };
}

/** Opens what these settings sign with, where no command is to be run. */
async function open(
  settings: Partial<ReleaseConfig>,
  { env = {}, inputs = files({}), descriptor = NO_DESCRIPTOR }: Partial<SignerSources> = {},
): Promise<OpenSigner> {
  const hook = () => {
    throw new Error("no command is to be run");
  };
  return await openSigner(validateConfig(settings), { env, inputs, descriptor, hook });
}

const NO_DESCRIPTOR: SignerSources["descriptor"] = (descriptor) =>
  Promise.reject(new Error(`descriptor ${descriptor} is not to be read`));

/** What a signer says of itself. */
const said = ({ algorithm, publicKey, warnings }: ArtifactSigner) => ({ algorithm, publicKey, warnings });

pureTest("openSigner() takes the key from the variable that --sign-key env:NAME names", async () => {
  for (const algorithm of ALGORITHMS) {
    const { pem, publicKey } = await generatePrivateKey(algorithm);
    await using signer = await open({ signKey: "env:KEY" }, { env: { KEY: pem } });
    assertEquals(said(signer), { algorithm, publicKey, warnings: [] });
    const { signature, input } = await signer.sign({ path: "a.json", bytes });
    assertEquals(input, bytes);
    const signed = { algorithm, publicKey: publicKey.bytes, bytes, signature };
    assertEquals(await verifySignature(signed), true);
  }
});

const NO_SECRET = "in CI, the secret is not set, or this job does not get it";

pureTest(
  "openSigner() refuses a variable that is not set or is empty, and what is no name of one",
  async () => {
    for (const signKey of ["env:", "env:*", "env:A=B", "env:AWS_*"]) {
      assertEquals(await rejection(open({ signKey })), {
        kind: "usage",
        message: "--sign-key env: is not followed by the name of a variable",
        hint: "put the key into a variable, and give --sign-key env:NAME",
      });
    }
    for (
      const [signKey, name] of [["env:KEY", "KEY"], ["env:BLANK", "BLANK"], ["env:GONE", "GONE"]] as const
    ) {
      assertEquals(await rejection(open({ signKey }, { env: { KEY: "", BLANK: " \n" } })), {
        kind: "usage",
        message: `Cannot read the signing key: the variable "${name}" is not set, or empty`,
        hint: `set it to the text of the key, or give --sign-key FILE; ${NO_SECRET}`,
      });
    }
  },
);

pureTest(
  "openSigner() takes the key from the descriptor of --sign-key fd:N, and from the one of - for 0",
  async () => {
    const { pem, publicKey } = await generatePrivateKey("ed25519");
    for (const [signKey, number] of [["-", 0], ["fd:3", 3], ["fd:63", 63]] as const) {
      const asked: number[][] = [];
      await using signer = await open({ signKey }, {
        descriptor: (descriptor, most) => {
          asked.push([descriptor, most]);
          return Promise.resolve(new TextEncoder().encode(pem));
        },
      });
      assertEquals([said(signer), asked], [{ algorithm: "ed25519", publicKey, warnings: [] }, [[
        number,
        65536,
      ]]]);
    }
  },
);

pureTest(
  "openSigner() refuses a descriptor that gives nothing or no key, and what is no number of one",
  async () => {
    const given = (text: string) => ({ descriptor: () => Promise.resolve(new TextEncoder().encode(text)) });
    for (const [signKey, name] of [["-", "standard input"], ["fd:3", "descriptor 3"]] as const) {
      // Of a secret that is not there, a here-document makes a newline.
      for (const text of ["", " \n"]) {
        assertEquals(await rejection(open({ signKey }, given(text))), {
          kind: "usage",
          message: `Cannot read the signing key: nothing came from ${name}`,
          hint: `write the text of the key to it; what was read once does not come again; ${NO_SECRET}`,
        });
      }
    }
    for (
      const signKey of ["fd:", "fd:0", "fd:1", "fd:2", "fd:-3", "fd:03", "fd:3 ", "fd:three", "fd:123456"]
    ) {
      assertEquals(await rejection(open({ signKey })), {
        kind: "usage",
        message: "--sign-key fd: is not followed by the number of a descriptor above 2",
        hint: 'as in --sign-key fd:3 3< <(printf %s "$KEY"); standard input is --sign-key -',
      });
    }
  },
);

pureTest("openSigner() refuses another algorithm than that of the key, and takes the same", async () => {
  const others = { "ed25519": "ecdsa-p256", "ecdsa-p256": "ed25519" } as const;
  for (const algorithm of ALGORITHMS) {
    const env = { KEY: (await generatePrivateKey(algorithm)).pem };
    await using signer = await open({ signKey: "env:KEY", signatureAlgorithm: algorithm }, { env });
    assertEquals(signer.algorithm, algorithm);
    const signatureAlgorithm = others[algorithm];
    assertEquals(await rejection(open({ signKey: "env:KEY", signatureAlgorithm }, { env })), {
      kind: "usage",
      message: `The key of --sign-key makes ${algorithm}, not ${signatureAlgorithm} signatures`,
      hint:
        "leave --signature-algorithm (NIXFLEET_SIGNATURE_ALGORITHM) out: the algorithm follows from the key",
    });
  }
});

Deno.test("openSigner() warns of a key file that others can read, and of no other", async () => {
  const { pem, publicKey } = await generatePrivateKey("ed25519");
  const modes: [mode: number, shown?: string][] = [
    [0o600],
    [0o400],
    [0o700],
    [0o644, "0644"],
    [0o640, "0640"],
    [0o604, "0604"],
  ];
  const dir = await Deno.makeTempDir();
  try {
    const signKey = join(dir, "release.pem");
    await Deno.writeTextFile(signKey, pem);
    for (const [mode, shown] of modes) {
      await Deno.chmod(signKey, mode);
      await using signer = await open({ signKey }, { inputs: createInputs(dir) });
      const message =
        `The signing key "${signKey}" can be read by others (mode ${shown}): chmod 600 mends it`;
      const warnings = shown === undefined ? [] : [{ code: "exposed-key", message }];
      assertEquals(said(signer), { algorithm: "ed25519", publicKey, warnings });
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** Everything that an error may show: its texts, its lines, its cause and its stack. */
function everythingIn(error: unknown): string {
  return error instanceof Error
    ? [Deno.inspect(error), error.stack, JSON.stringify(error), everythingIn(error.cause)].join("\n")
    : Deno.inspect(error);
}

pureTest(
  "openSigner() shows no part of a key that it refuses, not in the cause or the stack either",
  async () => {
    const { pem } = await generatePrivateKey("ed25519");
    const body = pem.split("\n")[1]!;
    const [secret, half] = [body.slice(24), body.slice(0, -9)];
    const texts = [
      secret,
      pem.replace("-----END PRIVATE KEY-----", ""),
      pem.replace(body, half),
      pem.replace(body, `${half}!!!`),
      pem.replaceAll("PRIVATE KEY", "EC PRIVATE KEY"),
      pem.replaceAll("PRIVATE KEY", "RSA PRIVATE KEY"),
      pem.replaceAll("PRIVATE KEY", "OPENSSH PRIVATE KEY"),
      pem.replaceAll("PRIVATE KEY", "PUBLIC KEY"),
      `cache:${secret}`,
      `ed25519:${secret}`,
      `${pem}${pem}`,
    ];
    for (const text of texts) {
      const error = await open({ signKey: "env:KEY" }, { env: { KEY: text } }).catch((error: unknown) =>
        error
      );
      if (!(error instanceof ReleaseError)) throw new Error(`not refused: ${texts.indexOf(text)}`);
      assertEquals([error.kind, error.message.startsWith('Cannot use the key "env:KEY": it ')], [
        "usage",
        true,
      ]);
      for (let index = 24; index + 12 <= body.length; index += 4) {
        assertEquals(everythingIn(error).includes(body.slice(index, index + 12)), false, error.message);
      }
    }
  },
);

pureTest("openSigner() gives a refused key's hint on", async () => {
  assertEquals(await rejection(open({ signKey: "env:KEY" }, { env: { KEY: "none" } })), {
    kind: "usage",
    message:
      'Cannot use the key "env:KEY": it is no key in a format that is known, expected PEM, OpenSSH or nix',
    hint: "`fleet-release keygen` makes one",
  });
});

pureTest(
  "openSigner() refuses --sign-agent without an agent, without the file, or with a private key in it",
  async () => {
    const { pem, publicKey } = await generatePrivateKey("ed25519");
    const inputs = files({ "k.pub": `ed25519:${publicKey.bytes.toBase64()}`, "k.pem": pem });
    for (const env of [{}, { SSH_AUTH_SOCK: "" }]) {
      assertEquals(await rejection(open({ signAgent: "k.pub" }, { inputs, env })), {
        kind: "usage",
        message: "There is no ssh-agent to sign with: SSH_AUTH_SOCK is not set",
        hint: "start one with `eval $(ssh-agent)`, and add the key with ssh-add",
      });
    }
    assertEquals(await rejection(open({ signAgent: "gone.pub" }, { inputs })), {
      kind: "io",
      message: 'Cannot read "gone.pub"',
    });
    assertEquals(await rejection(open({ signAgent: "k.pem" }, { inputs })), {
      kind: "usage",
      message: 'Cannot use the key "k.pem": it is a private key, expected a public key',
      hint: "`fleet-release pubkey FILE --format public-key` prints its public part",
    });
  },
);

Deno.test("openSigner() leaves no connection to an agent whose key makes another algorithm", async () => {
  const { publicKey } = await generatePrivateKey("ed25519");
  const dir = await Deno.makeTempDir();
  const listener = Deno.listen({ transport: "unix", path: join(dir, "socket") });
  const connections: Deno.Conn[] = [];
  const ended = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      await connection.read(new Uint8Array(64));
      const key = joinBytes(wireString(publicKeyBlob(publicKey.bytes)), wireString(new Uint8Array()));
      const answer = joinBytes(Uint8Array.of(12), wireNumber(1), key);
      await connection.write(joinBytes(wireNumber(answer.length), answer));
      if (await connection.read(new Uint8Array(64)) !== null) throw new Error("a second request");
    }
  })();
  try {
    const inputs = files({ "k.pub": `ed25519:${publicKey.bytes.toBase64()}` });
    const settings = { signAgent: "k.pub", signatureAlgorithm: "ecdsa-p256" } as const;
    const opened = open(settings, { inputs, env: { SSH_AUTH_SOCK: join(dir, "socket") } });
    assertEquals(
      (await rejection(opened)).message,
      "The key of --sign-agent makes ed25519, not ecdsa-p256 signatures",
    );
    listener.close();
    const state = await Promise.race([
      ended.then(() => "closed"),
      new Promise((resolve) => setTimeout(resolve, 200, "left open")),
    ]);
    assertEquals(state, "closed");
  } finally {
    connections.forEach((connection) => connection.close());
    await Deno.remove(dir, { recursive: true });
  }
});

pureTest("openSigner() has a command sign as the settings say, by default ed25519 in raw bytes", async () => {
  const wanted: [settings: Partial<ReleaseConfig>, hook: SignHook][] = [
    [{}, { command: "sign", algorithm: "ed25519", encoding: "raw" }],
    [{ signatureAlgorithm: "ecdsa-p256" }, { command: "sign", algorithm: "ecdsa-p256", encoding: "raw" }],
    [{ signatureAlgorithm: "ecdsa-p256", signatureEncoding: "der" }, {
      command: "sign",
      algorithm: "ecdsa-p256",
      encoding: "der",
    }],
  ];
  for (const [settings, expected] of wanted) {
    const signed = { signature: new Uint8Array(64), input: bytes };
    const hooks: SignHook[] = [];
    await using signer = await openSigner(validateConfig({ signCmd: "sign", ...settings }), {
      env: {},
      inputs: files({}),
      descriptor: NO_DESCRIPTOR,
      hook: (hook) => {
        hooks.push(hook);
        const sign = () => Promise.resolve(signed);
        return { algorithm: hook.algorithm, publicKey: null, warnings: [], sign };
      },
    });
    assertEquals(hooks, [expected]);
    assertEquals(said(signer), { algorithm: expected.algorithm, publicKey: null, warnings: [] });
    assertEquals(await signer.sign({ path: "a.json", bytes }), signed);
  }
});
