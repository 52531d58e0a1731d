# What `nix flake check` builds. The rest of the tests start nix themselves, which a build cannot: `./dev test`.
{ pkgs, package }:
let
  inherit (pkgs) runCommand;
in
{
  inherit package;

  # It starts with no home, no network and no cache that can be written, and is permitted what it needs alone.
  starts = runCommand "fleet-release-starts" { nativeBuildInputs = [ package ]; } ''
    unset HOME
    [ "$(fleet-release --version)" = "fleet-release ${package.version}" ]
    [ "$(printf '{"b":1,"a":[]}' | fleet-release canonicalize)" = '{"a":[],"b":1}' ]
    [ "$(fleet-release --print-permissions canonicalize)" = --no-prompt ]
    bash -n ${package}/share/bash-completion/completions/fleet-release
    touch "$out"
  '';

  # The tests of what is decided, on this nixpkgs' Deno and the packaged dependencies.
  decisions = runCommand "fleet-release-decisions" { nativeBuildInputs = [ package.deno ]; } ''
    cp -r ${package.app}/. .
    cp -r ${../tests} tests
    DENO_DIR=$TMPDIR/deno deno test --node-modules-dir=manual --cached-only --no-remote --frozen --no-check \
      --quiet --parallel --allow-read tests/contract tests/plan
    touch "$out"
  '';
}
