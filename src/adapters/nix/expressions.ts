/**
 * The nix code that is evaluated. It is constant: what varies comes in as JSON.
 *
 * @module
 */

/**
 * The outputs of a locked flake: `{ url, info, system }`. Where nix cannot say in a URL all that a flake sees of itself
 * (the commit that a changed tree is based on, say), `info` has it, and the flake is called once more with it. Of the
 * first time its inputs are taken, but for those that see the same: an input within the flake (`path:./sub`, which has a
 * `parent` in the lock file) is of the same source, and one with an input that follows the flake itself has it.
 */
const OPEN = `
  open = { url, info, ... }:
    let
      locked = builtins.getFlake url;
      file = locked.outPath + "/flake.lock";
      none = { root = "root"; nodes.root = { }; };
      lock = if builtins.pathExists file then builtins.fromJSON (builtins.readFile file) else none;
      inputsOf = key: lock.nodes.\${key}.inputs or { };
      keyOf = input: if builtins.isString input then input
        else builtins.foldl' (key: name: keyOf (inputsOf key).\${name}) lock.root input;
      isWithin = key: key == lock.root || (lock.nodes.\${key} ? parent && isWithin (keyOf lock.nodes.\${key}.parent));
      reachedFrom = key: map (node: node.key) (builtins.genericClosure {
        startSet = [ { inherit key; } ];
        operator = node: map (input: { key = keyOf input; }) (builtins.attrValues (inputsOf node.key));
      });
      inputOf = key: input: if key == lock.root then self
        else if builtins.any isWithin (reachedFrom key) then again key input else input;
      again = key: flake:
        let
          source = flake.sourceInfo or flake;
          sourceInfo = if isWithin key then info // { inherit (source) outPath; } else source;
          inputs = builtins.mapAttrs (name: input: inputOf (keyOf input) flake.inputs.\${name}) (inputsOf key);
          outputs = (import (flake.outPath + "/flake.nix")).outputs (inputs // { self = result; });
          result = outputs // sourceInfo
            // builtins.intersectAttrs { _type = null; outPath = null; } flake
            // { inherit inputs outputs sourceInfo; };
        in if lock.nodes.\${key}.flake or true then result else sourceInfo;
      self = again lock.root locked;
    in if info == null then locked.outputs else self.outputs;`;

/**
 * How nix looks an installable up: below `packages` and `legacyPackages` of the system before the outputs themselves,
 * and with a dot in front (the first name is empty) in the outputs alone. Gives a list of what is there, or an empty one.
 */
const LOOK_UP = `${OPEN}
  outputs = open flake;
  walk = value: at: path:
    let name = builtins.head path;
    in if path == [ ] then [ value ]
    else if !builtins.isAttrs value then throw "'\${builtins.concatStringsSep "." at}' is not an attribute set"
    else if value ? \${name} then walk value.\${name} (at ++ [ name ]) (builtins.tail path)
    else [ ];
  lookUp = path:
    if builtins.head path == "" then walk outputs [ ] (builtins.tail path)
    else builtins.foldl' (found: prefix: if found == [ ] then walk outputs [ ] (prefix ++ path) else found) [ ]
      [ [ "packages" flake.system ] [ "legacyPackages" flake.system ] [ ] ];`;

/** What stands at the paths of attributes. */
const VALUES = `
  valueAt = path:
    let found = lookUp path;
    in if found == [ ] then { ok = false; value = null; } else { ok = true; value = builtins.head found; };
  values = builtins.mapAttrs (_: valueAt) attributes;`;

/** Attributes alone: `{ flake, attributes = { KEY = [ PATH ]; } }` to `{ KEY = { ok, value }; }`. */
export const ATTRIBUTES = `
{ flake, attributes }:
let${LOOK_UP}${VALUES}
in values`;

/** Host names and attributes, and no host. */
const INVENTORY_OF = `
  namesIn = set: builtins.concatMap builtins.attrNames (lookUp [ set ]);
  inventory = {
    nixVersion = builtins.nixVersion;
    storeDir = builtins.storeDir;
    hosts = {
      nixos = namesIn "nixosConfigurations";
      darwin = namesIn "darwinConfigurations";
    };
    attributes = values;
  };`;

/** Host names and attributes, and no host: the same to the inventory. */
export const INVENTORY = `
{ flake, attributes }:
let${LOOK_UP}${VALUES}${INVENTORY_OF}
in inventory`;

/**
 * What a host is built by, as `nix build` takes it: of a derivation the output that it says is to be installed, and of a
 * string the one output that it is the path of. A flake may make a derivation by hand, of anything.
 */
const FIELDS = `
  refuse = problem: throw "config.system.build.toplevel \${problem}";
  field = name: value: expected: pattern:
    let is = found: throw "\${name} of config.system.build.toplevel is \${found}, expected \${expected}";
    in if !builtins.isString value then is "of type \${builtins.typeOf value}"
    else if builtins.match pattern value == null then is (builtins.toJSON value)
    else value;
  fields = drvPath: outPath: outputName: [
    (field "drvPath" drvPath "a derivation in the store" "\${builtins.storeDir}/[^/[:space:]]+[.]drv")
    (field "outPath" outPath "a path" "/.+")
    (field "outputName" outputName "the name of an output" "[a-zA-Z0-9+._?=-]+")
  ];
  installed = drv:
    let names = drv.meta.outputsToInstall or [ ];
    in if builtins.compareVersions builtins.nixVersion "2.9" < 0 || drv.outputSpecified or false
    then drv.outputName or "out"
    else if !builtins.isList names then refuse "has a meta.outputsToInstall that is no list"
    else if names == [ ] || builtins.elem "out" names then "out"
    else if builtins.length names == 1 then builtins.head names
    else refuse "has the meta.outputsToInstall \${builtins.toJSON names}, expected one, or out among them";
  ofDerivation = drv:
    let name = installed drv;
    in if name == drv.outputName or "out" then fields drv.drvPath drv.outPath name
    else if builtins.isString name && drv ? \${name} then fields drv.drvPath drv.\${name}.outPath name
    else refuse "has no output \${builtins.toJSON name}";
  ofString = text:
    let
      context = builtins.getContext text;
      drvs = builtins.attrNames context;
      drv = builtins.head drvs;
      outputs = context.\${drv}.outputs or [ ];
      isPath = builtins.match "\${builtins.storeDir}/[^/]+|/[0-9a-z]{52}" text != null;
    in if builtins.length drvs == 1 && builtins.length outputs == 1 && isPath
    then fields drv (builtins.unsafeDiscardStringContext text) (builtins.head outputs)
    else refuse "is a string, expected the path of one output of a derivation";
  fieldsOf = { kind, name }:
    let
      path = [ "\${kind}Configurations" name "config" "system" "build" "toplevel" ];
      found = lookUp path;
      toplevel = builtins.head found;
    in if found == [ ] then throw "flake '\${flake.url}' does not provide attribute '\${builtins.concatStringsSep "." path}'"
    else if builtins.isString toplevel then ofString toplevel
    else if builtins.isAttrs toplevel then ofDerivation toplevel
    else refuse "is of type \${builtins.typeOf toplevel}, expected a derivation";`;

/**
 * Evaluates hosts, a list of `{ kind, name }`, to nothing. What it has to tell it traces behind the mark, as it goes on, by
 * a host's index in the list: `[ 3 ]` before the host is looked at, so that what nix says next is of it, and then
 * `[ 3 [ drvPath outPath outputName ] ]`, or `[ 3 null ]` where its evaluation has thrown, so that one failing host does not
 * hide the others. What `tryEval` cannot catch ends the whole evaluation.
 */
const DERIVE = `
  tell = what: builtins.trace "\${mark} \${builtins.toJSON what}";
  derive = hosts: _: index:
    let
      found = fieldsOf (builtins.elemAt hosts index);
      result = builtins.tryEval (builtins.deepSeq found found);
    in tell [ index ] (tell [ index (if result.success then result.value else null) ] null);
  deriveAll = hosts: builtins.foldl' (derive hosts) null (builtins.genList (index: index) (builtins.length hosts));`;

/** The derivations of hosts: `{ flake, hosts, mark }` to nothing. */
export const HOSTS = `
{ flake, hosts, mark }:
let${LOOK_UP}${FIELDS}${DERIVE}
in deriveAll hosts`;

/**
 * Whether a host is going to be asked for: `isWanted { name, ... }`, of the `inventory`, the `fleet` or null, and what was
 * asked for: `only` is null for all, or has the names as `except` has them, as keys, and `terms` are those of `--hosts`
 * that may be more than names. It is what `enumerateHosts` decides; but where that takes what nix cannot tell, as with
 * names that are not plain and a fleet that another flake has, no host is wanted yet. Hosts with a pin are built from
 * another commit.
 */
export const WANTED = `
  labels = name: (fleet.hosts or null).\${name} or null;
  known = builtins.listToAttrs
    (map (name: { inherit name; value = null; }) (inventory.hosts.nixos ++ inventory.hosts.darwin));
  meant = builtins.partition (term: term.not) (builtins.filter (term: !(known ? \${term.text})) terms);
  isOnlyNot = meant.wrong == [ ] && meant.right != [ ]
    && builtins.length meant.right == builtins.length (builtins.attrNames only);
  isAbout = name: { rest, by, value, ... }:
    let tags = (labels name).tags or null;
    in if known ? \${rest} then name == rest
    else if by == "tag" then builtins.isList tags && builtins.elem value tags
    else if by == "channel" then (labels name).channel or null == value
    else by == "pattern" && value != null && builtins.match value name != null;
  isSure = name: terms == [ ]
    || (fleet != null && builtins.stringLength name < 256 && builtins.match "[ -~]+" name != null);
  isWanted = { name, ... }: isSure name
    && (only == null || only ? \${name} || isOnlyNot || builtins.any (isAbout name) meant.wrong)
    && !(except ? \${name} || builtins.any (isAbout name) meant.right)
    && (labels name).pin or null == null;`;

/**
 * The inventory, and then the derivations of the hosts that are likely to be released, in one evaluation: `{ flake,
 * attributes, only, except, terms, mark }` to nothing. First it tells `[ inventory hosts ]`, the latter as a list.
 *
 * `builtins.toJSON` copies a path to the store where `nix eval --json` prints it as it is; and what is longer than a
 * log's line, or has no form in JSON, is better told by the latter. Then it tells `[ null ]`, and ends.
 */
export const INVENTORY_AND_HOSTS = `
{ flake, attributes, only, except, terms, mark }:
let${LOOK_UP}${VALUES}${INVENTORY_OF}${FIELDS}${DERIVE}
  isPlain = value:
    if builtins.isList value then builtins.all isPlain value
    else if builtins.isAttrs value then !(value ? __toString) &&
      (if value ? outPath then isPlain value.outPath else builtins.all isPlain (builtins.attrValues value))
    else !(builtins.isPath value || builtins.isFunction value);
  fleet = (values.fleet or { }).value or null;${WANTED}
  hosts = builtins.filter isWanted
    (builtins.concatMap (kind: map (name: { inherit kind name; }) inventory.hosts.\${kind}) [ "nixos" "darwin" ]);
  told = builtins.toJSON [ inventory hosts ];
in if !isPlain values || builtins.stringLength told > ${4 << 20} then tell [ null ] null
else builtins.trace "\${mark} \${told}" (deriveAll hosts)`;

/**
 * The source of a flake, without its inputs: what `builtins.fetchTree` is given to where it is in the store, and to all
 * that the flake sees of it, and to what a flake does not see: the system, and whether this nix reads the work tree of a
 * clean checkout, too, where older versions have git write out its commit. A tree with changes has no `rev`.
 */
export const FETCH = `
tree:
let fetched = builtins.fetchTree tree;
in {
  path = "\${fetched}";
  info = removeAttrs fetched [ "outPath" ];
  system = builtins.currentSystem;
  readsWorkTree = builtins.compareVersions builtins.nixVersion "2.20" >= 0;
}`;

/**
 * Nothing, when a flake is locked. The nix that evaluates it looks at the inputs of the flake and at its lock file, and
 * where evaluation is pure it refuses an input that is not locked, before it fetches it.
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

/** One host's derivation, evaluated without a net under it, so that nix says what is wrong. */
export const ONE_HOST = `
{ flake, host }:
let${LOOK_UP}${FIELDS}
in fieldsOf host`;

/**
 * Applies one of the functions above to data. The data is JSON within a nix string, so no name in it can become
 * code: `"`, `\\` and `$` are all that a nix string gives a meaning to.
 */
export function applyTo(expression: string, data: unknown): string {
  const literal = JSON.stringify(JSON.stringify(data)).replaceAll("$", "\\$");
  // On one line, as `-v` shows it.
  return `(${expression.trim().replace(/\s*\n\s*/g, " ")}) (builtins.fromJSON ${literal})`;
}
