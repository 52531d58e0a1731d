#!@shell@
# fleet-release: asks what this command line has to be permitted to do, and then does it with that and no more.
#   fleet-release --print-permissions ARGUMENT…   prints what would be permitted
set -eu

# What the caller has set for Deno is not for this one: some of it widens what is permitted, or writes files. With a
# loader's variable in its environment, Deno starts no program that is permitted by name.
unset "${!DENO_@}" "${!LD_@}" "${!DYLD_@}" OTEL_DENO NODE_OPTIONS
export DENO_DIR=@cache@ DENO_NO_UPDATE_CHECK=1
# Where PATH has no node, Deno would put itself there under that name, in the cache, for the hooks to find.
export DENO_DISABLE_NODE_SHIM=1
# Errors are told, but not on every terminal that the cache cannot be written.
export DENO_LOG=error,deno::cache=off

# Behind what is there: the operator's own nix is the one that matches the daemon.
export PATH="${PATH:+$PATH:}@path@"

# It reads those of its modules alone that it comes to, for which they have to be permitted. A heap that begins small is
# collected a dozen times before a run has done anything.
deno=(
  @deno@ run --config @app@/deno.json --node-modules-dir=manual
  --cached-only --no-remote --frozen --no-code-cache --unstable-lazy-dynamic-imports
  '--v8-flags=--min-semi-space-size=16,--initial-old-space-size=64'
)
# What it prints begins with --no-prompt, too, which older Denos do not take twice.
planner=("${deno[@]}" --no-prompt --allow-read --allow-env @app@/src/main.ts --print-permissions)

if [ "${1-}" = --print-permissions ]; then
  shift
  exec "${planner[@]}" "$@"
fi
case "$*" in
# Nothing has to be permitted for these.
--help | -h | --version | -V) flags=--no-prompt ;;
*)
  flags=$("${planner[@]}" "$@" </dev/null) || {
    code=$?
    # What it has printed in their place is the error, when that is asked for as JSON.
    [ -z "$flags" ] || printf '%s\n' "$flags"
    exit "$code"
  }
  ;;
esac

# One flag a line, and nothing in it means anything to the shell.
set -f
IFS=$'\n'
# shellcheck disable=SC2086
exec "${deno[@]}" --allow-read=@app@ $flags @app@/src/main.ts "$@"
