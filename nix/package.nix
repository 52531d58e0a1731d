# The program: its sources and dependencies, and the wrapper that runs them with nixpkgs' deno, offline and with no
# more permissions than the command line needs.
{
  lib,
  stdenv,
  runCommand,
  runtimeShell,
  callPackage,
  deno,
  gitMinimal,
  nix,
  bash,
  coreutils,
  procps,
  util-linux,
}:
let
  inherit (builtins.fromJSON (builtins.readFile ../deno.json)) version;

  dependencies = callPackage ./deps.nix {
    lockFile = ../deno.lock;
    configFile = ../deno.json;
  };

  # By itself, because Deno writes this path into its cache, encoded: nix would not find its own path there.
  app = runCommand "fleet-release-app-${version}" { } ''
    mkdir "$out"
    cp ${../deno.json} "$out/deno.json"
    cp ${../deno.lock} "$out/deno.lock"
    cp ${../mod.ts} "$out/mod.ts"
    cp -r ${../src} "$out/src"
    cp -r ${../shims} "$out/shims"
    cp -r ${dependencies} "$out/node_modules"
  '';

  wrapper =
    lib.replaceStrings
      [
        "@shell@"
        "@deno@"
        "@app@"
        "@cache@"
        "@path@"
      ]
      [
        runtimeShell
        (lib.getExe deno)
        "${app}"
        "${placeholder "out"}/share/deno"
        (lib.makeBinPath (
          [
            nix
            gitMinimal
            bash
            # What stops what has been started: `sleep`, `ps` and `setsid`. Other systems bring what they have of them.
            coreutils
          ]
          ++ lib.optionals stdenv.hostPlatform.isLinux [
            procps
            util-linux
          ]
        ))
      ]
      (builtins.readFile ./wrapper.sh);
in
lib.throwIf (lib.versionOlder deno.version "2.8.3")
  "fleet-release wants Deno 2.8.3 or later, and this nixpkgs has ${deno.version}"
  (
    runCommand "fleet-release-${version}"
      {
        inherit version wrapper;
        passthru = { inherit app dependencies deno; };
        meta = {
          description = "Turns one commit of a Nix fleet into a signed release";
          license = lib.licenses.mit;
          mainProgram = "fleet-release";
        };
      }
      ''
        mkdir -p "$out/bin" "$out/share/deno"
        ln -s ${app} "$out/share/fleet-release"
        printf '%s' "$wrapper" >"$out/bin/fleet-release"
        chmod +x "$out/bin/fleet-release"

        # What Deno makes of the TypeScript is kept, of every module that a run may load, which takes two thirds off
        # every start. In the place of the databases beside it come directories, so that nobody writes them: not even
        # root, who could where the store is not mounted read-only.
        DENO_DIR=$out/share/deno ${lib.getExe deno} cache --config ${app}/deno.json --node-modules-dir=manual \
          --no-remote --frozen ${app}/src/main.ts
        "$out/bin/fleet-release" help >/dev/null
        rm -f "$out"/share/deno/*-shm "$out"/share/deno/*-wal
        for entry in "$out"/share/deno/*; do
          [ "$entry" = "$out/share/deno/gen" ] || { rm -r "$entry" && mkdir "$entry"; }
        done

        # It prints them itself: where shells and man look for them in every profile.
        mkdir -p "$out/share/man/man1" "$out/share/bash-completion/completions" \
          "$out/share/zsh/site-functions" "$out/share/fish/vendor_completions.d"
        "$out/bin/fleet-release" man >"$out/share/man/man1/fleet-release.1"
        "$out/bin/fleet-release" completions bash >"$out/share/bash-completion/completions/fleet-release"
        "$out/bin/fleet-release" completions zsh >"$out/share/zsh/site-functions/_fleet-release"
        "$out/bin/fleet-release" completions fish >"$out/share/fish/vendor_completions.d/fleet-release.fish"
      ''
  )
