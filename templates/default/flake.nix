{
  description = "A fleet";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
  inputs.fleet-release.url = "github:fleet-release/fleet-release";
  # The tool goes by the nixpkgs of the hosts, and never the hosts by the tool's.
  inputs.fleet-release.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    {
      self,
      nixpkgs,
      fleet-release,
    }:
    let
      # The machines that release: CI, and yours.
      eachSystem =
        make:
        nixpkgs.lib.genAttrs [
          "x86_64-linux"
          "aarch64-linux"
          "aarch64-darwin"
        ] (system: make nixpkgs.legacyPackages.${system});
    in
    {
      # What runs on each host, and how a change reaches them.
      nixosConfigurations = import ./hosts.nix { inherit nixpkgs; };
      fleet = import ./fleet.nix;

      # nix run .#release
      apps = eachSystem (pkgs: {
        release = fleet-release.lib.mkReleaseApp {
          inherit pkgs;
          settings = {
            # The key comes with the command line, --sign-key FILE or - for standard input: everyone can read what is here.
            trustFile = "trust.json";
            pinSourceUrl = "."; # a host with a pin is built from that commit of this repository
            git = {
              commit = true;
              userName = "Fleet CI";
              userEmail = "ci@example.com";
            };
            # To bring the closures to a cache, where the hosts find them:
            # pushCmd = ''nix copy --to s3://my-cache "$NIXFLEET_PATH"'';
            # hookEnv = "AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY"; # what the command needs of the environment
          };
        };
      });

      # nix develop
      devShells = eachSystem (pkgs: {
        default = pkgs.mkShellNoCC {
          packages = [
            fleet-release.packages.${pkgs.stdenv.hostPlatform.system}.default
            pkgs.git
          ];
        };
      });
    };
}
