/**
 * The nix code that is evaluated. It is constant: what varies comes in as JSON.
 *
 * @module
 */

/**
 * The outputs of a locked flake: `{ url, info }`. Where nix cannot say in a URL all that a flake sees of itself (the
 * commit that a changed tree is based on, say), `info` has it, and the flake is called once more with it. Only its inputs
 * are taken from the first time.
 */
const OPEN = `
  open = { url, info }:
    let
      locked = builtins.getFlake url;
      sourceInfo = info // { inherit (locked.sourceInfo) outPath; };
      outputs = (import (locked.outPath + "/flake.nix")).outputs (locked.inputs // { inherit self; });
      self = outputs // sourceInfo
        // builtins.intersectAttrs { _type = null; inputs = null; outPath = null; } locked
        // { inherit outputs sourceInfo; };
    in if info == null then locked.outputs else outputs;`;

/** Host names and attributes, and no host: `{ flake, attributes = { KEY = [ PATH ]; } }` to the inventory. */
export const INVENTORY = `
{ flake, attributes }:
let${OPEN}
  outputs = open flake;
  step = found: name:
    if found.ok && builtins.isAttrs found.value && found.value ? \${name}
    then { ok = true; value = found.value.\${name}; }
    else { ok = false; value = null; };
in {
  nixVersion = builtins.nixVersion;
  storeDir = builtins.storeDir;
  hosts = {
    nixos = builtins.attrNames (outputs.nixosConfigurations or {});
    darwin = builtins.attrNames (outputs.darwinConfigurations or {});
  };
  attributes = builtins.mapAttrs (_: builtins.foldl' step { ok = true; value = outputs; }) attributes;
}`;

/** The fields of a derivation that a host is built by. A flake may make it by hand, of anything. */
const FIELDS = `
  field = drv: name: expected: pattern:
    let
      value = drv.\${name};
      refuse = found: throw "\${name} of config.system.build.toplevel is \${found}, expected \${expected}";
    in if !builtins.isString value then refuse "of type \${builtins.typeOf value}"
    else if builtins.match pattern value == null then refuse (builtins.toJSON value)
    else value;
  fieldsOf = drv: [
    (field drv "drvPath" "a derivation in the store" "\${builtins.storeDir}/[^/[:space:]]+[.]drv")
    (field drv "outPath" "a path" "/.+")
    (field ({ outputName = "out"; } // drv) "outputName" "the name of an output" "[a-zA-Z0-9+._?=-]+")
  ];`;

/**
 * The derivations of hosts: `{ flake, hosts = [ { kind, name } ], mark }` to a list in the same order, each
 * `[ drvPath outPath outputName ]` (a set with an `outPath` would turn into a string in JSON). A host whose
 * evaluation throws comes out as null, so that one failing host does not hide the others; what `tryEval` cannot
 * catch fails the whole evaluation. Before each host its name is traced behind the mark: what nix says next is of it.
 */
export const HOSTS = `
{ flake, hosts, mark }:
let${OPEN}${FIELDS}
  outputs = open flake;
  toplevel = { kind, name }: outputs."\${kind}Configurations".\${name}.config.system.build.toplevel;
  derivation = host:
    let
      fields = fieldsOf (toplevel host);
      result = builtins.tryEval (builtins.deepSeq fields fields);
    in builtins.trace "\${mark} \${host.name}" (if result.success then result.value else null);
in map derivation hosts`;

/**
 * The source of a flake, without its inputs: what `builtins.fetchTree` is given to where it is in the store, and to all
 * that the flake sees of it. A tree with changes has no `rev`.
 */
export const FETCH = `
tree:
let fetched = builtins.fetchTree tree;
in { path = "\${fetched}"; info = removeAttrs fetched [ "outPath" ]; }`;

/**
 * Nothing of a locked flake. The nix that evaluates it looks at the inputs of the flake and at its lock file, and where
 * evaluation is pure it refuses an input that is not locked, before it fetches it.
 */
export const LOCKED = `
flake: builtins.seq (builtins.getFlake flake) null`;

/**
 * What a flake declares: the names of the inputs that it has, by its `inputs` and by what its outputs take, its settings
 * for nix, and how it is to be fetched itself (`inputs.self.submodules`, which Nix 2.27 and later go by). Null when there is no flake.nix. For pure evaluation.
 */
export const DECLARED = `
{ path, narHash, dir }:
let
  source = builtins.fetchTree { type = "path"; inherit path narHash; };
  file = "\${source}/\${dir}/flake.nix";
  flake = import file;
in if !builtins.pathExists file then null else {
  inputs = builtins.attrNames
    ((flake.inputs or {}) // removeAttrs (builtins.functionArgs flake.outputs) [ "self" ]);
  nixConfig = flake.nixConfig or {};
  self = builtins.intersectAttrs { submodules = null; lfs = null; } (flake.inputs.self or {});
}`;

/** The settings of flakes that the operator has told nix to trust, which it keeps in a file. */
export const TRUSTED_SETTINGS = `
file: if builtins.pathExists file then builtins.fromJSON (builtins.readFile file) else {}`;

/** One host's derivation, evaluated without a net under it, so that nix says what is wrong. */
export const ONE_HOST = `
{ flake, host }:
let${OPEN}${FIELDS}
in fieldsOf (open flake)."\${host.kind}Configurations".\${host.name}.config.system.build.toplevel`;

/**
 * Applies one of the functions above to data. The data is JSON within a nix string, so no name in it can become
 * code: `"`, `\\` and `$` are all that a nix string gives a meaning to.
 */
export function applyTo(expression: string, data: unknown): string {
  const literal = JSON.stringify(JSON.stringify(data)).replaceAll("$", "\\$");
  // On one line, as `-v` shows it.
  return `(${expression.trim().replace(/\s*\n\s*/g, " ")}) (builtins.fromJSON ${literal})`;
}
