import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { EvaluationWarnings } from "../../../src/adapters/nix/evaluation_warnings.ts";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { nixConfigOf, settingFlags } from "../../../src/adapters/nix/nix_config.ts";
import { lockFlake } from "../../../src/adapters/nix/flake.ts";
import { readInventory } from "../../../src/adapters/nix/inventory.ts";
import { rejection } from "../../support/pure.ts";
import { type NixFleet, nixFleet, NO_FLAGS } from "../../support/nix_fleet.ts";

let world: NixFleet;
Deno.test.beforeAll(async () => {
  world = await nixFleet("{}");
});
Deno.test.afterAll(() => world[Symbol.asyncDispose]());

/** Settings of every kind that a flake can write, and of kinds that it cannot. */
const DECLARED = {
  "extra-substituters": ["https://a", "https://b"],
  "allow-import-from-derivation": false,
  "cores": 4,
  "max-jobs": "2",
  "bash-prompt": "$",
  "commit-lock-file-summary": "lock",
  "extra-flake-registry": "https://registry",
  // Nix has read these before it looks at a flake.
  "pure-eval": false,
  "restrict-eval": false,
  "allow-unsafe-native-code-during-evaluation": true,
  "extra-plugin-files": "./plugin.so",
  "nix-path": "nixpkgs=/etc",
  "broken": { of: "no kind" },
};

const SETTINGS: [string, string][] = [
  ["extra-substituters", "https://a https://b"],
  ["allow-import-from-derivation", "false"],
  ["cores", "4"],
  ["max-jobs", "2"],
];

Deno.test("nixConfigOf() goes by all settings when nix is told to, and by none that is not trusted otherwise", async () => {
  const { nix, shell, fleet } = world;
  const passedOver = SETTINGS.map(([name]) => name);
  assertEquals(await nixConfigOf(nix, DECLARED), { used: [], passedOver });
  const told = (acceptFlakeConfig: boolean, env = fleet.env()) =>
    nixContext(shell, env, { ...NO_FLAGS, acceptFlakeConfig });
  assertEquals(await nixConfigOf(told(true), DECLARED), { used: SETTINGS, passedOver: [] });
  // The operator's own configuration of nix counts, and what is said for the run counts more.
  const { NIX_CONFIG } = fleet.env();
  // Newer versions know the setting only where the configuration has the feature, too.
  const settings = "experimental-features = nix-command flakes\naccept-flake-config = true";
  const configured = { ...fleet.env(), NIX_CONFIG: `${NIX_CONFIG}\n${settings}` };
  const nixOf = nixContext(shell, configured, NO_FLAGS);
  assertEquals(await nixConfigOf(nixOf, DECLARED), { used: SETTINGS, passedOver: [] });
  assertEquals(await nixConfigOf(told(false, configured), DECLARED), { used: [], passedOver });
});

Deno.test("nixConfigOf() goes by the settings that were trusted before, with the value that they had then", async () => {
  const { fleet, shell } = world;
  const trusted = {
    "cores": { "4": true, "8": false },
    "max-jobs": { "1": true },
    "extra-substituters": { "https://a https://b": true },
    "allow-import-from-derivation": { "false": false },
  };
  const places: [file: string, env: Record<string, string>][] = [
    ["home/.local/share/nix/trusted-settings.json", {}],
    ["data/nix/trusted-settings.json", { XDG_DATA_HOME: join(fleet.root, "data") }],
    ["own/trusted-settings.json", { NIX_DATA_HOME: join(fleet.root, "own"), XDG_DATA_HOME: "/none" }],
  ];
  for (const [place, env] of places) {
    const file = join(fleet.root, place);
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeTextFile(file, JSON.stringify(trusted));
    const nix = nixContext(shell, { ...fleet.env(), ...env }, NO_FLAGS);
    assertEquals(await nixConfigOf(nix, DECLARED), {
      used: [SETTINGS[0]!, SETTINGS[2]!],
      passedOver: ["allow-import-from-derivation", "max-jobs"],
    }, place);
    await Deno.remove(file);
  }
});

Deno.test("nixConfigOf() asks nix nothing about a flake that sets nothing", async () => {
  const { nix, commands } = world;
  commands.length = 0;
  const nothing = { used: [], passedOver: [] };
  for (const declared of [{}, { "bash-prompt": "$" }]) {
    assertEquals(await nixConfigOf(nix, declared), nothing);
  }
  assertEquals([commands, settingFlags([])], [[], []]);
});

Deno.test("a flake that needs a feature evaluates when its nixConfig counts, and not otherwise", async () => {
  const { fleet, nix, shell } = world;
  await fleet.write({
    "flake.nix": `{
      nixConfig.extra-experimental-features = [ "fetch-closure" ];
      outputs = _: { nixosConfigurations = builtins.seq builtins.fetchClosure { web = {}; }; };
    }`,
  });
  const passedOver = await lockFlake(nix, fleet.dir);
  assertEquals(passedOver.nixConfig, { used: [], passedOver: ["extra-experimental-features"] });
  assertEquals(
    (await rejection(readInventory(nix, passedOver, new Map(), new EvaluationWarnings()))).kind,
    "evaluation",
  );
  const accepting = nixContext(shell, fleet.env(), { ...NO_FLAGS, acceptFlakeConfig: true });
  const used = await lockFlake(accepting, fleet.dir);
  assertEquals(used.nixConfig.used, [["extra-experimental-features", "fetch-closure"]]);
  assertEquals((await readInventory(accepting, used, new Map(), new EvaluationWarnings())).hosts.nixos, [
    "web",
  ]);
});

Deno.test("a flake whose nixConfig counts runs nothing and reads nothing that nix would not let it", async () => {
  const { fleet, shell } = world;
  const nix = nixContext(shell, fleet.env(), { ...NO_FLAGS, acceptFlakeConfig: true });
  const [ran, secret] = [join(fleet.root, "ran"), join(fleet.root, "secret")];
  await Deno.writeTextFile(secret, "{}");
  const outputs = {
    runs: `builtins.exec [ "/bin/sh" "-c" "touch ${ran}; echo {}" ]`,
    reads: `import ${secret}`,
  };
  for (const code of Object.values(outputs)) {
    await fleet.write({
      "flake.nix": `{
        nixConfig.allow-unsafe-native-code-during-evaluation = true;
        nixConfig.pure-eval = false;
        nixConfig.restrict-eval = false;
        outputs = _: { nixosConfigurations = ${code}; };
      }`,
    });
    const flake = await lockFlake(nix, fleet.dir);
    assertEquals(flake.nixConfig, { used: [], passedOver: [] });
    const refused = await rejection(readInventory(nix, flake, new Map(), new EvaluationWarnings()));
    assertEquals(refused.kind, "evaluation", code);
  }
  assertEquals(await Deno.lstat(ran).then(() => true, () => false), false);
});

Deno.test("a nixConfig that names all features takes none from the commands, and without a home none is trusted", async () => {
  const { fleet, shell } = world;
  await fleet.write({
    "flake.nix": `{
      nixConfig.experimental-features = [ "ca-derivations" ];
      outputs = _: { nixosConfigurations.web = {}; };
    }`,
  });
  const nix = nixContext(shell, fleet.env(), { ...NO_FLAGS, acceptFlakeConfig: true });
  const used = await lockFlake(nix, fleet.dir);
  const { hosts } = await readInventory(nix, used, new Map(), new EvaluationWarnings());
  assertEquals(hosts.nixos, ["web"]);
  const { HOME: _, ...homeless } = fleet.env();
  const passedOver = ["experimental-features"];
  assertEquals(
    await nixConfigOf(nixContext(shell, homeless, NO_FLAGS), { "experimental-features": "x" }),
    { used: [], passedOver },
  );
});
