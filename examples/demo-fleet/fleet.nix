# The declaration of the fleet: who is in it, and how a change reaches them.
#
# fleet-release evaluates this, fills in what it built (`closureHash`), stamps it (`meta`) and signs it. A control
# plane and the agents on the hosts act on the signed file and on nothing else.
let
  # ── How a change travels ────────────────────────────────────────────────────────────────────────────

  # A channel is a group of hosts that follow one policy.
  channels = {
    production = {
      rolloutPolicy = "careful";
      reconcileIntervalMinutes = 30; # how often a host looks for a change
      signingIntervalMinutes = 60; # how often a fresh release is signed, changed or not
      freshnessWindow = 1440; # minutes after which hosts refuse a release as stale
      compliance = {
        frameworks = [ "nis2" ];
        mode = "enforce";
      };
    };
    staging = {
      rolloutPolicy = "at-once";
      reconcileIntervalMinutes = 5;
      signingIntervalMinutes = 60;
      freshnessWindow = 240;
      compliance = {
        frameworks = [ ];
        mode = "disabled";
      };
    };
  };

  # A host takes the first wave whose selector matches it. A selector may name `tags` (the host has all of them),
  # `tagsAny` (one of them), `hosts`, a `channel`, or `all`.
  rolloutPolicies = {
    careful = {
      strategy = "canary";
      waves = [
        { selector.tags = [ "canary" ]; soakMinutes = 30; }
        { selector.tagsAny = [ "web" "cache" ]; soakMinutes = 60; }
        { selector.all = true; soakMinutes = 0; }
      ];
      # Between waves: no failed systemd unit, and the compliance probes have to pass.
      healthGate = {
        systemdFailedUnits.max = 0;
        complianceProbes.required = true;
      };
      onHealthFailure = "rollback-and-halt";
    };
    at-once = {
      strategy = "all-at-once";
      waves = [ { selector.all = true; soakMinutes = 0; } ];
      healthGate = { };
      onHealthFailure = "halt";
    };
  };

  # ── Who is in the fleet ────────────────────────────────────────────────────────────────────────────

  declaredHosts = {
    gateway-1 = { system = "x86_64-linux"; channel = "production"; tags = [ "gateway" ]; };
    web-1 = { system = "x86_64-linux"; channel = "production"; tags = [ "web" "canary" ]; };
    web-2 = { system = "x86_64-linux"; channel = "production"; tags = [ "web" ]; };
    web-3 = { system = "aarch64-linux"; channel = "production"; tags = [ "web" ]; };
    cache-1 = { system = "aarch64-linux"; channel = "production"; tags = [ "cache" ]; };
    db-1 = { system = "x86_64-linux"; channel = "production"; tags = [ "db" "primary" ]; };
    db-2 = { system = "x86_64-linux"; channel = "production"; tags = [ "db" "replica" ]; };
    staging-1 = { system = "x86_64-linux"; channel = "staging"; tags = [ "web" "db" ]; };
    mac-build-1 = { system = "aarch64-darwin"; channel = "production"; tags = [ "ci" ]; };
    mac-build-2 = { system = "aarch64-darwin"; channel = "staging"; tags = [ "ci" ]; };
  };

  # A pin holds one host at an older commit: { "db-2": { "commit": "…", "reason": "…", "expiresAt": "…" } }.
  # From `expiresAt` on it is ignored; without that, it holds until somebody deletes it. The pins live in a JSON
  # file because they come and go, and a script can write that. The demo writes it between its two commits.
  pins = builtins.fromJSON (builtins.readFile ./pins.json);

  # ── From here on: the complete records that fleet-release reads ────────────────────────────────────

  hosts = builtins.mapAttrs (
    name: host:
    host
    // {
      pubkey = null; # the host's own SSH key, where you have it
      closureHash = null; # fleet-release fills this in
    }
    // (if pins ? ${name} then { pin = pins.${name}; } else { })
  ) declaredHosts;

  matches =
    selector: name:
    let
      host = declaredHosts.${name};
      has = tag: builtins.elem tag host.tags;
      tags = selector.tags or [ ];
    in
    selector.all or false
    || builtins.elem name (selector.hosts or [ ])
    || (selector.channel or null) == host.channel
    || (tags != [ ] && builtins.all has tags)
    || builtins.any has (selector.tagsAny or [ ]);

  # The policy's waves with the names of the channel's hosts in them, each host in the first wave that matches it.
  wavesOf =
    channelName: channel:
    let
      members = builtins.filter (name: hosts.${name}.channel == channelName) (builtins.attrNames hosts);
      step =
        state: wave:
        let
          split = builtins.partition (matches wave.selector) state.waiting;
        in
        {
          waiting = split.wrong;
          waves = state.waves ++ [ { hosts = split.right; inherit (wave) soakMinutes; } ];
        };
      start = { waiting = members; waves = [ ]; };
    in
    (builtins.foldl' step start rolloutPolicies.${channel.rolloutPolicy}.waves).waves;
in
{
  resolved = {
    schemaVersion = 1;
    inherit hosts channels rolloutPolicies;
    waves = builtins.mapAttrs wavesOf channels;

    # Order between two hosts: the gated one waits for the one that gates it.
    edges = [
      { gates = "db-2"; gated = "db-1"; reason = "A bad change meets the replica before the primary"; }
    ];

    # Order between two channels, in the same words.
    channelEdges = [
      { gates = "staging"; gated = "production"; reason = "Every change is tried on staging first"; }
    ];

    # How many hosts may be changing at the same moment. All the budgets that match a host apply to it.
    disruptionBudgets = [
      { selector.tags = [ "db" ]; maxInFlight = 1; }
      { selector.tagsAny = [ "web" "cache" ]; maxInFlight = 2; }
      { selector.hosts = [ "gateway-1" ]; maxInFlight = 1; }
      { selector.channel = "staging"; maxInFlightPct = 50; }
      { selector.all = true; maxInFlightPct = 30; }
    ];

    # fleet-release fills these in.
    meta = {
      schemaVersion = 1;
      signedAt = null;
      ciCommit = null;
    };
  };

  # Hosts whose credentials no longer count when they were issued before `notBefore`: a stolen or retired machine.
  revocations = [
    {
      hostname = "web-0";
      notBefore = "2026-03-14T09:26:53Z";
      reason = "Retired, and its disk went back to the vendor";
      revokedBy = "ops@example.com";
    }
  ];

  # One-time tickets with which a new host may join. An expired one is left out of the signed file.
  bootstrapNonces = [
    {
      nonce = "7b0c2f6e-web-4";
      hostname = "web-4";
      expiresAt = "2099-01-01T00:00:00Z"; # a day or two in real life
      mintedAt = "2026-04-01T12:00:00Z";
      mintedBy = "ops@example.com";
    }
    {
      nonce = "19d4a855-cache-1";
      hostname = "cache-1";
      expiresAt = "2025-01-02T12:00:00Z";
      mintedAt = "2025-01-01T12:00:00Z";
      mintedBy = "ops@example.com";
    }
  ];
}
