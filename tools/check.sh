#!/bin/sh
# `./dev check`: what can be said of the sources without running them. The parts run side by side, and what one says
# is shown only when it fails.
# usage: check.sh DENO [PART…]
set -eu
cd "$(dirname "$0")/.."
deno=$1
shift
export NO_COLOR=1 # what is kept in a file has no colours
parts="format lint types docs scripts generated structure"

usage() {
  cat <<'END_OF_USAGE'
usage: ./dev check [PART…]   every part, or only those named

  format      deno fmt --check
  lint        deno lint, with the rules of tools/lint_plugin.ts
  types       deno check
  docs        deno doc --lint: all that mod.ts exports is documented
  scripts     shellcheck, for the scripts of the shell
  generated   the files that are made of others are up to date
  structure   no circles of imports in src/, and few files at its top
END_OF_USAGE
}

# ── The parts: each is a function, and fails by its status ───────────────────────────────────────────

part_format() { "$deno" fmt --check; }
part_lint() { "$deno" lint --compact; }
part_types() { "$deno" check --quiet --frozen; }
part_docs() { "$deno" doc --lint mod.ts; }
part_structure() { "$deno" task --quiet structure; }

part_generated() {
  status=0
  "$deno" task --quiet jsr-config --check || status=1
  "$deno" task --quiet generate --check || status=1
  return "$status"
}

part_scripts() {
  command -v shellcheck >/dev/null || cannot_run "there is no shellcheck"
  status=0
  shellcheck dev .ci/run tools/*.sh || status=1
  # The script that the docs give to others. What stands there in single quotes is jq's.
  # shellcheck disable=SC2016
  sed -n '/^```sh consumer$/,/^```$/p' docs/consuming.md | sed '1d;$d' | shellcheck --exclude SC2016 - || status=1
  "$deno" run --quiet --no-prompt src/main.ts completions bash | shellcheck - || status=1
  # Nix puts paths in the place of the @names@.
  sed 's|@[a-z]*@|/path|g' nix/wrapper.sh | shellcheck --shell bash - || status=1
  return "$status"
}

# Says why a part says nothing. CI does not do without.
cannot_run() {
  echo "$*"
  [ "${CI:-}" != true ] || exit 1
  exit 75
}

# ── The run ──────────────────────────────────────────────────────────────────────────────────────────

case ${1:-} in -h | --help)
  usage
  exit
  ;;
esac
for part; do
  case " $parts " in
  *" $part "*) ;;
  *)
    echo "no such part: $part" >&2
    usage >&2
    exit 1
    ;;
  esac
done
[ $# = 0 ] || parts=$*

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

for part in $parts; do
  # Without `set -e`, which a part would otherwise lose or have depending on how it is called.
  (
    set +e
    ("part_$part") >"$work/$part" 2>&1
    echo $? >"$work/$part.status"
  ) &
done
wait

result=0
for part in $parts; do
  case $(cat "$work/$part.status") in
  0) printf 'ok       %s\n' "$part" ;;
  75) printf 'skipped  %s: %s\n' "$part" "$(cat "$work/$part")" ;;
  *)
    result=1
    printf 'FAILED   %s\n' "$part"
    sed 's/^/  /' "$work/$part"
    ;;
  esac
done
[ "$result" = 0 ]
