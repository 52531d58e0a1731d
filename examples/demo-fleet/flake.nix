{
  description = "A small fleet to try fleet-release on, and to copy as the start of your own";

  # No inputs, so that the demo needs no network. Yours will have nixpkgs here, and nix-darwin if it has Macs.
  outputs =
    { self }:
    let
      configurations = import ./hosts.nix;
    in
    {
      # What fleet-release builds: `<name>.config.system.build.toplevel` of every host in these two sets.
      inherit (configurations) nixosConfigurations darwinConfigurations;

      # What fleet-release signs:
      #   fleet.resolved          the fleet itself
      #   fleet.revocations       with --revocations-attr fleet.revocations
      #   fleet.bootstrapNonces   with --bootstrap-nonces-attr fleet.bootstrapNonces
      fleet = import ./fleet.nix;
    };
}
