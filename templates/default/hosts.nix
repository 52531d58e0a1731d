# What runs on each host: NixOS configurations, as small as they can be. Put your own in their place.
{ nixpkgs }:
let
  host =
    name:
    nixpkgs.lib.nixosSystem {
      modules = [
        {
          nixpkgs.hostPlatform = "x86_64-linux"; # a Mac builds it with a Linux builder
          networking.hostName = name;
          system.stateVersion = "26.05";
          # No boot loader and no disks, so that this builds as it is. A machine of its own wants both.
          boot.isContainer = true;
        }
      ];
    };
in
{
  web-1 = host "web-1";
  web-2 = host "web-2";
}
