# The npm packages that the program needs, as deno.lock names them, as a `node_modules` directory.
#
# Each package is a derivation of its own, whose hash is the one in deno.lock. Nothing has to be written here when a
# dependency is added or updated. npm knows where packages come from, so that no registry is named here either.
{
  lib,
  runCommand,
  nodejs,
  cacert,
  lockFile,
  configFile,
}:
let
  lock = builtins.fromJSON (builtins.readFile lockFile);
  config = builtins.fromJSON (builtins.readFile configFile);

  # A key of deno.lock is `name@version`, with `_peer@version…` behind it when the package has peers.
  parse =
    key:
    let
      parts = builtins.match "(@?[^@]+)@([^_]+)(_.*)?" key;
    in
    if parts == null then
      throw "Cannot read the package \"${key}\" in deno.lock: expected NAME@VERSION"
    else
      {
        name = builtins.elemAt parts 0;
        version = builtins.elemAt parts 1;
      };

  packages = lib.mapAttrsToList (
    key: entry:
    parse key
    // {
      inherit (entry) integrity;
      # A name, with its version where it has several.
      dependencies = map (text: builtins.head (builtins.match "(@?[^@]+)(@.*)?" text)) (
        entry.dependencies or [ ]
      );
    }
  ) (lock.npm or { });

  # There is one place in `node_modules` for a name. Two entries that differ in their peers alone are one package.
  oneOf =
    name: found:
    let
      versions = lib.unique (map (package: package.version) found);
    in
    if builtins.length versions == 1 then
      builtins.head found
    else
      throw "Cannot lay out node_modules: deno.lock has ${lib.concatStringsSep " and " versions} of ${name}";

  byName = lib.mapAttrs oneOf (builtins.groupBy (package: package.name) packages);

  # What the program imports, and what that needs. The scopes of deno.json have what tests alone import.
  imported = builtins.concatMap (
    specifier:
    let
      parts = builtins.match "npm:(@?[^@]+)@.*" specifier;
    in
    if parts == null then [ ] else parts
  ) (builtins.attrValues config.imports);

  needed = builtins.genericClosure {
    startSet = map (key: { inherit key; }) imported;
    operator = { key }: map (key: { inherit key; }) byName.${key}.dependencies;
  };

  fetch =
    {
      name,
      version,
      integrity,
      ...
    }:
    let
      # A mirror or a proxy, as the nix daemon's own environment names them: the hash says what may come from there.
      inherited = lib.fetchers.proxyImpureEnvVars ++ [ "NPM_CONFIG_REGISTRY" ];
    in
    runCommand "${lib.replaceStrings [ "@" "/" ] [ "" "-" ] name}-${version}.tgz"
      {
        nativeBuildInputs = [ nodejs ];
        outputHash = integrity;
        outputHashMode = "flat";
        impureEnvVars = inherited;
        NODE_EXTRA_CA_CERTS = "${cacert}/etc/ssl/certs/ca-bundle.crt";
      }
      ''
        # nix sets those that are not there to nothing, and npm would take an empty HTTPS_PROXY for an answer.
        for name in ${lib.concatStringsSep " " inherited}; do
          eval "[ -n \"\''${$name-}\" ]" || unset "$name"
        done
        export HOME=$TMPDIR npm_config_cache=$TMPDIR/npm npm_config_update_notifier=false
        npm pack --loglevel=error ${lib.escapeShellArg "${name}@${version}"} >/dev/null
        mv ./*.tgz "$out"
      '';
in
if lock ? jsr then
  throw "Cannot fetch packages from JSR: deno.lock has ${toString (builtins.attrNames lock.jsr)}"
else
  runCommand "fleet-release-dependencies" { } (
    ''
      mkdir "$out"
    ''
    + lib.concatStrings (
      map (
        { key }:
        ''
          mkdir -p "$out"/${lib.escapeShellArg key}
          tar -xzf ${fetch byName.${key}} -C "$out"/${lib.escapeShellArg key} --strip-components=1
        ''
      ) needed
    )
  )
