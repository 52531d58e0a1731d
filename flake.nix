{
  description = "Signed releases of Nix fleets";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];

      eachSystem = make: lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});

      packageFor = pkgs: self.packages.${pkgs.stdenv.hostPlatform.system}.fleet-release;
    in
    {
      packages = eachSystem (pkgs: rec {
        fleet-release = pkgs.callPackage ./nix/package.nix { };
        default = fleet-release;
      });

      apps = eachSystem (pkgs: rec {
        release = {
          type = "app";
          program = lib.getExe (packageFor pkgs);
          meta.description = "Release the fleet in the current directory";
        };
        default = release;
      });

      overlays.default = final: _prev: {
        fleet-release = final.callPackage ./nix/package.nix { };
      };

      lib = import ./nix/lib.nix { inherit lib packageFor; };

      flakeModules.default = import ./nix/flake-module.nix {
        inherit packageFor;
        inherit (self.lib) mkReleaseApp;
      };

      checks = eachSystem (
        pkgs:
        import ./nix/checks.nix {
          inherit pkgs;
          package = packageFor pkgs;
        }
      );

      devShells = eachSystem (pkgs: {
        default = pkgs.mkShellNoCC {
          packages = [
            pkgs.deno
            pkgs.git
            pkgs.openssl
          ];
        };
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);

      templates.default = {
        path = ./templates/default;
        description = "A small fleet, and what releases it";
        welcomeText = "README.md has the commands from here to the first release.";
      };
    };
}
