/**
 * The least that a flake has to say of its fleet.
 *
 * @module
 */

/** The smallest fleet that is valid, as nix code, with all NixOS hosts of the flake on one channel. */
export const SMALLEST_FLEET: readonly string[] = `
fleet.resolved = {
  schemaVersion = 1;
  meta.schemaVersion = 1;
  hosts = builtins.mapAttrs
    (name: host: { system = "x86_64-linux"; channel = "stable"; tags = [ ]; })
    self.nixosConfigurations;
  channels.stable = {
    rolloutPolicy = "all-at-once";
    reconcileIntervalMinutes = 30;
    signingIntervalMinutes = 360;
    freshnessWindow = 1440;
    compliance = { frameworks = [ ]; mode = "disabled"; };
  };
  rolloutPolicies.all-at-once = { strategy = "all-at-once"; waves = [ ]; onHealthFailure = "halt"; };
  waves = { };
};`.trim().split("\n");

const DOCS = "https://github.com/fleet-release/fleet-release/blob/main/docs";

/** Where it is explained. */
export const ADOPTING = `${DOCS}/adopting.md`;

/** Where the fields of all documents are described. */
export const FORM = `${DOCS}/contract.md#normal-form`;
