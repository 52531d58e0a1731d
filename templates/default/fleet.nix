# Who is in the fleet, and how a change reaches them. fleet-release fills in what it built and when, and signs it.
let
  host = {
    system = "x86_64-linux";
    channel = "stable";
    tags = [ "web" ];
    pubkey = null;
    closureHash = null;
  };
in
{
  resolved = {
    schemaVersion = 1;

    hosts = {
      web-1 = host;
      web-2 = host;
    };

    channels.stable = {
      rolloutPolicy = "canary";
      reconcileIntervalMinutes = 30; # how often a host looks for a change
      signingIntervalMinutes = 360; # how old an unchanged release may get before it is signed anew
      freshnessWindow = 1440; # minutes after which hosts refuse a release as stale
      compliance = {
        frameworks = [ ];
        mode = "disabled";
      };
    };

    # web-1 first, and web-2 when all is well for half an hour.
    rolloutPolicies.canary = {
      strategy = "canary";
      waves = [
        {
          selector.hosts = [ "web-1" ];
          soakMinutes = 30;
        }
        {
          selector.all = true;
          soakMinutes = 0;
        }
      ];
      healthGate = { };
      onHealthFailure = "rollback-and-halt";
    };
    waves.stable = [
      {
        hosts = [ "web-1" ];
        soakMinutes = 30;
      }
      {
        hosts = [ "web-2" ];
        soakMinutes = 0;
      }
    ];

    edges = [ ];
    channelEdges = [ ];
    disruptionBudgets = [ ];
    meta = {
      schemaVersion = 1;
      signedAt = null;
      ciCommit = null;
    };
  };
}
