# For flake-parts: each of `perSystem.fleet-release.apps` becomes an app of the flake.
{ packageFor, mkReleaseApp }:
{ lib, flake-parts-lib, ... }:
{
  _file = ./flake-module.nix;
  # By this the module system knows that it has the module already, and declares the options once.
  key = toString ./flake-module.nix;

  options.perSystem = flake-parts-lib.mkPerSystemOption (
    { config, pkgs, ... }:
    let
      inherit (lib) mkOption types;
    in
    {
      options.fleet-release = {
        package = mkOption {
          type = types.package;
          default = packageFor pkgs;
          defaultText = lib.literalMD "the package of the fleet-release flake";
          description = "The program that releases.";
        };
        apps = mkOption {
          type = types.attrsOf (
            types.submodule {
              options = {
                settings = mkOption {
                  type = types.submodule ./settings.nix;
                  default = { };
                  description = "What to release and how.";
                };
                runtimeInputs = mkOption {
                  type = types.listOf types.package;
                  default = [ ];
                  description = "Packages whose programs the push and sign commands call.";
                };
              };
            }
          );
          default = { };
          description = "Apps that release a fleet, by name: `release` is what `nix run .#release` runs.";
        };
      };

      config.apps = lib.mapAttrs (
        _name: app:
        mkReleaseApp {
          inherit pkgs;
          inherit (config.fleet-release) package;
          inherit (app) settings runtimeInputs;
        }
      ) config.fleet-release.apps;
    }
  );
}
