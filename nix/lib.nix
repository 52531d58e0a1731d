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

  # Names of nix's own options are the user's, too.
  checked =
    name: value:
    if builtins.isAttrs value then
      lib.mapAttrs (option: checkedOption name option) value
    else if builtins.isList value then
      map (checked name) value
    else if builtins.isString value && looksSecret value then
      refuse name "it looks like a private key or a token"
    else if builtins.isString value && has urlPassword value then
      refuse name "there is a URL with a password in it"
    else if name == "signKey" && value != null && lib.hasPrefix builtins.storeDir value then
      refuse name "\"${value}\" is a file in the store"
    else
      value;

  checkedOption =
    name: option: value:
    if lib.hasSuffix "access-tokens" (checked name option) && value != "" then
      refuse name "${option} holds tokens"
    else
      checked name value;

  refuse =
    name: problem:
    throw ''
      Cannot use the setting "${name}": ${problem}, and everyone can read what is in the store
      hint: keep it out of the flake: --sign-key - reads the key from standard input when the release is made, and hookEnv names variables for hooks'';

  looksSecret =
    text:
    builtins.any (pattern: has pattern text) secrets
    || builtins.any (pattern: has pattern (lib.toLower text)) anyCase
    || has ":[A-Za-z0-9+/]{86}==" (without "(ecdsa-p256|sha512):[A-Za-z0-9+/]{86}==" text);

  # What nobody can mistake for something else; a name of a host or of a file has fewer characters behind it.
  secrets = [
    # PEM, OpenSSH, PGP and PuTTY; the first ones in base64, and what is in an OpenSSH and in an Ed25519 key.
    "---- ?BEGIN [A-Z0-9 ]*PRIVATE KEY"
    "PuTTY-User-Key-File-"
    "LS0tLS1CRUdJTi(BQUklWQVRFIEtF|BPUEVOU1NIIFBSSVZBVEUg|BSU0EgUFJJVkFURSB|BFQyBQUklWQVRFIEtF|BFTkNSWVBURUQgUFJJVkFURSB)"
    "b3BlbnNzaC1rZXktdjE|MC4CAQAwBQYDK2VwBCIEI"
    # GitHub, GitLab, HashiCorp Vault (in its older form with nothing around it), and AWS.
    "gh[pousr]_[A-Za-z0-9]{30}|github_pat_[A-Za-z0-9_]{22}"
    "gl(pat|dt|rt|rtr|cbt|ptt|ft|soat|agent|imt|oas|ffct|wt)-[A-Za-z0-9_.-]{20}"
    "${start}hv[sbr][.][A-Za-z0-9_-]{24}"
    "${start}[sbr][.][A-Za-z0-9]{24}($|[^A-Za-z0-9._-])"
    "${start}(AKIA|ASIA)[0-9A-Z]{16}($|[^0-9A-Za-z])"
    # Slack, npm, PyPI and Docker; and JSON web tokens, which those of Cachix and Attic are.
    "xox[abeoprs]-[0-9A-Za-z-]{20}|xapp-[0-9]-[0-9A-Za-z-]{20}"
    "${start}npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50}|dckr_[a-z]{2,4}_[A-Za-z0-9_-]{20}"
    "eyJ[A-Za-z0-9_-]{10,}[.]eyJ[A-Za-z0-9_-]{10,}[.]"
    # A token in the place of a user's name.
    "://[A-Za-z0-9_-]{32,}@"
  ];

  # The same of lower-cased text: age, AWS, and signing keys of Cachix.
  anyCase = [
    "age-secret-key-(pq-)?1"
    "secret[_-]?access[_-]?key${equals}[a-z0-9/+]{40}"
    "session[_-]?token${equals}[a-z0-9/+=]{60}"
    "signing[_-]?key${equals}[a-z0-9/+]{86}=="
  ];
  equals = "[\"' ]*[=:][\"' ]*";
  start = "(^|[^A-Za-z0-9._-])";

  # `user:password@`. What the shell puts there when the release is made is not there yet.
  urlPassword = "://[^]/?#@:[:space:]\"'[]*:[^]/?#@[:space:]\"'$[][^/?#@[:space:]\"']*@";

  has = pattern: text: builtins.length (builtins.split pattern text) > 1;
  without = pattern: text: lib.concatStrings (builtins.filter builtins.isString (builtins.split pattern text));
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
