# What other flakes call.
#
#   lib          nixpkgs' library
#   packageFor   the program for a `pkgs`
{ lib, packageFor }:
let
  table = lib.importJSON ./options.json;

  # What the settings say, by the names of the command line. What is null is not said.
  argumentsOf =
    settings:
    lib.filterAttrs (_flag: value: value != null) (
      lib.listToAttrs (map (entry: lib.nameValuePair entry.flag (valueOf entry.name settings)) table)
    );

  valueOf = name: settings: checked name (lib.getAttrFromPath (lib.splitString "." name) settings);

  checked =
    name: value:
    if builtins.isAttrs value then
      lib.mapAttrs (_name: checked name) value
    else if builtins.isList value then
      map (checked name) value
    else if builtins.isString value && looksLikeKey value then
      refuse name "it looks like a private key or a token"
    else if name == "signKey" && value != null && lib.hasPrefix builtins.storeDir value then
      refuse name "\"${value}\" is a file in the store"
    else
      value;

  refuse =
    name: problem:
    throw ''
      Cannot use the setting "${name}": ${problem}, and everyone can read what is in the store
      hint: keep the key out of the flake: signKey = "env:NAME" takes it from a variable when the release is made'';

  # PEM and OpenSSH, nix (64 bytes, where a public key has 32) and age. With 64 bytes too, but public: the one
  # ecdsa-p256 key of `publicKey`.
  looksLikeKey =
    text:
    has "-----BEGIN [A-Z0-9 ]*PRIVATE KEY" text
    || has "AGE-SECRET-KEY-1" text
    # Tokens of GitHub, GitLab and AWS.
    || has "gh[pousr]_[A-Za-z0-9]{30}|glpat-[A-Za-z0-9_-]{20}|AKIA[0-9A-Z]{16}" text
    || (has ":[A-Za-z0-9+/]{86}==" text && !lib.hasPrefix "ecdsa-p256:" text);

  has = pattern: text: builtins.length (builtins.split pattern text) > 1;
in
{
  # An app that releases a fleet with the settings given here. What stands on its command line wins over them, and
  # they win over environment variables.
  #
  #   settings        a module of nix/settings.nix: { signKey = "env:RELEASE_KEY"; git.commit = true; }
  #   runtimeInputs   packages whose programs the push and sign commands call
  #   package         the program, where it is not this flake's own
  mkReleaseApp =
    {
      pkgs,
      settings ? { },
      runtimeInputs ? [ ],
      package ? packageFor pkgs,
    }:
    let
      evaluated = lib.evalModules {
        modules = [
          ./settings.nix
          settings
        ];
      };
      file = pkgs.writeText "fleet-release-settings.json" (
        builtins.toJSON (argumentsOf evaluated.config)
      );
      program = pkgs.writeShellScript "release" ''
        ${lib.optionalString (runtimeInputs != [ ]) ''
          export PATH=${lib.makeBinPath runtimeInputs}''${PATH:+:$PATH}
        ''}
        export FLEET_RELEASE_SETTINGS=${file}
        exec ${lib.getExe package} "$@"
      '';
    in
    {
      type = "app";
      program = "${program}";
      meta.description = "Release the fleet in the current directory";
    };

  # The module of the settings, for those who build options of their own on it.
  settingsModule = ./settings.nix;
}
