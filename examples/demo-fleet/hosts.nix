# What runs on each host.
#
# fleet-release asks one thing of a configuration: `config.system.build.toplevel`, the derivation to build. In
# your fleet that comes from `nixpkgs.lib.nixosSystem { … }` and `nix-darwin.lib.darwinSystem { … }`. Here a file
# of one line stands in for each system, so that all ten are built in a moment and without a download.
let
  kernel = "6.12.40";

  # The stand-ins, Macs too, are built by the machine that runs the demo; real systems by one of their own kind.
  buildSystem = (builtins.fromJSON (builtins.readFile ./build-system.json)).system;

  standIn =
    kind: name: content:
    {
      config.system.build.toplevel = derivation {
        name = "${kind}-system-${name}-26.05";
        system = buildSystem;
        builder = "/bin/sh";
        args = [ "-c" "printf '%s\\n' \"$content\" > $out" ];
        content = builtins.toJSON ({ host = name; } // content);
      };
    };

  nixos = name: services: standIn "nixos" name { inherit kernel services; };
  darwin = name: services: standIn "darwin" name { inherit services; };
in
{
  nixosConfigurations = builtins.mapAttrs nixos {
    gateway-1 = [ "haproxy" "wireguard" ];
    web-1 = [ "nginx" ];
    web-2 = [ "nginx" ];
    web-3 = [ "nginx" ];
    cache-1 = [ "valkey" ];
    db-1 = [ "postgresql" ];
    db-2 = [ "postgresql" ];
    staging-1 = [ "nginx" "postgresql" "valkey" ];
  };

  darwinConfigurations = builtins.mapAttrs darwin {
    mac-build-1 = [ "github-runner" ];
    mac-build-2 = [ "github-runner" ];
  };
}
