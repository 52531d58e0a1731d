#!/bin/sh
# `./dev demo`: releases examples/demo-fleet for real, in a temporary folder, verifies it, and has openssl check what came out.
# usage: demo.sh DENO
set -eu

deno=$1
project=$(cd "$(dirname "$0")/.." && pwd -P)
work=$(mktemp -d "${TMPDIR:-/tmp}/fleet-release-demo.XXXXXX")
work=$(cd "$work" && pwd -P)

cleanup() {
  if [ -n "${KEEP:-}" ]; then
    printf '\nKept: %s\n' "$work"
  else
    rm -rf "$work"
  fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

bold=
dim=
plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
fi
title() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
line() { printf '  %-12s %s\n' "$1" "$2"; }
ok() { printf '  ok  %s\n' "$*"; }
fail() {
  printf '  FAILED  %s\n' "$*"
  exit 1
}

openssl version | grep -q '^OpenSSL [3-9]' ||
  fail "openssl 3 or later is needed to sign with ed25519, found: $(openssl version)"

# The demo does not depend on the user's git settings, and leaves nothing in the user's caches.
for name in $(git rev-parse --local-env-vars); do unset "$name"; done
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 XDG_CACHE_HOME="$work/cache" TMPDIR="$work/tmp"
mkdir "$TMPDIR"

# ── The fleet: a repository with two commits, and a bare remote ──────────────────────────────────────

fleet=$work/fleet
commit() { # commit MESSAGE → the new commit
  git -C "$fleet" add --all
  git -C "$fleet" -c user.name=Demo -c user.email=demo@example.com commit --quiet --message "$1"
  git -C "$fleet" rev-parse HEAD
}
case $(uname -m) in
arm64) machine=aarch64 ;;
*) machine=$(uname -m) ;;
esac

cp -R "$project/examples/demo-fleet" "$fleet"
printf '{ "system": "%s-%s" }\n' "$machine" "$(uname -s | tr '[:upper:]' '[:lower:]')" >"$fleet/build-system.json"
git init --quiet --initial-branch=main --bare "$work/remote.git"
git init --quiet --initial-branch=main "$fleet"
git -C "$fleet" remote add origin "$work/remote.git"
first=$(commit "The fleet")

# The second commit updates the kernel. db-2 is held at the first one; the hold on web-3 is over.
sed 's/kernel = "6.12.40"/kernel = "6.12.41"/' "$fleet/hosts.nix" >"$work/hosts.nix"
mv "$work/hosts.nix" "$fleet/hosts.nix"
cat >"$fleet/pins.json" <<END
{
  "db-2": { "commit": "$first", "reason": "The disk driver of kernel 6.12.41 is slow here" },
  "web-3": { "commit": "$first", "reason": "Load test", "expiresAt": "2025-01-01T00:00:00Z" }
}
END
second=$(commit "Kernel 6.12.41, but not yet on db-2")
git -C "$fleet" push --quiet origin main

# The program as it is packaged: a first stage says what the command line has to be permitted to do, and prints it.
fleet_release() (
  run() { "$deno" run --quiet --no-prompt --frozen --config "$project/deno.json" "$@"; }
  permissions=$(run --allow-read --allow-env "$project/src/main.ts" --print-permissions "$@")
  # One a line, and nothing in it means anything to the shell.
  set -f
  IFS='
'
  # shellcheck disable=SC2086
  run $permissions "$project/src/main.ts" "$@"
)
show() { # show COMMAND…: as one would type it
  printf '%s  $ fleet-release' "$dim"
  for argument; do
    case $argument in
    --git-user-email) printf ' %s' "$argument" ;;
    --*) printf ' \\\n      %s' "$argument" ;;
    *[!A-Za-z0-9_.:/+@-]*) printf " '%s'" "$argument" ;;
    *) printf ' %s' "$argument" ;;
    esac
  done
  printf '%s\n\n' "$plain"
}

fleet_release keygen "$work/release.pem" --format trust-file >"$work/trust.json"
openssl pkey -in "$work/release.pem" -pubout -out "$work/release.pub"

title "fleet-release: a demo"
line fleet "a copy of examples/demo-fleet in a git repository with a bare remote"
line "" "$(git -C "$fleet" log -1 --abbrev=8 --format='%h  %s' "$first")"
line "" "$(git -C "$fleet" log -1 --abbrev=8 --format='%h  %s' "$second")"
line key "an ed25519 key, made for this run by fleet-release keygen; trust.json is its public part"
line hook "pushing only writes down what it would copy to a cache"
line rights "the program may run nix, git and sh, and read and write in the demo's own folder only"

# ── The release: the real program, with no more rights than it needs ─────────────────────────────────

title "Release"
# The variables are for the hook.
# shellcheck disable=SC2016
set -- \
  --revocations-attr fleet.revocations \
  --bootstrap-nonces-attr fleet.bootstrapNonces \
  --pin-source-url "git+file://$fleet" \
  --push-cmd 'echo "$NIXFLEET_HOST $NIXFLEET_PATH" >>../pushed' \
  --sign-key ../release.pem \
  --trust-file ../trust.json \
  --git-user-name 'Fleet CI' --git-user-email ci@example.com \
  --git-push origin:main

show "$@"
cd "$fleet"
fleet_release "$@" 2>&1

# ── The same as a consumer sees it: with the public key, and permission to read alone ────────────────

title "Verify"
show verify releases --trust-file ../trust.json
verify_release() { fleet_release verify releases --trust-file ../trust.json; }
verify_release || fail "a good release is refused"

printf '\n  One letter of the fleet is changed:\n\n'
cp releases/fleet.resolved.json "$work/released.json"
sed 's/"db-2"/"db-3"/' "$work/released.json" >releases/fleet.resolved.json
if verify_release; then fail "a changed fleet is accepted"; fi
cp "$work/released.json" releases/fleet.resolved.json

# ── The checks: what a consumer relies on, asked of other programs than ours ─────────────────────────

title "Check"
cd "$fleet/releases"
files=$(find . -type f | sed 's|^\./||' | LC_ALL=C sort)
artifacts=$(echo "$files" | grep '\.json$')
count() { echo "$1" | grep -c .; }
openssl_verify() { openssl pkeyutl -verify -rawin -pubin -inkey "$work/release.pub" -in "$1" -sigfile "$2"; }
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$2"; }

for file in $artifacts; do
  openssl_verify "$file" "$file.sig" >/dev/null 2>&1 || fail "openssl refuses the signature of $file"
done
ok "openssl accepts all $(count "$artifacts") signatures"

sed 's/"db-2"/"db-3"/' fleet.resolved.json >"$work/changed.json"
if openssl_verify "$work/changed.json" fleet.resolved.json.sig >/dev/null 2>&1; then
  fail "openssl accepts a changed fleet"
fi
ok "openssl refuses a copy in which one letter is changed"

for file in rollouts/*.json; do
  hash=$(openssl dgst -sha256 -r "$file" | cut -c 1-64)
  [ "$file" = "rollouts/$hash.json" ] || fail "$file is not named after its hash"
done
ok "every rollout manifest is named after its SHA-256"

remote() { git -C "$work/remote.git" "$@"; }
[ "$(remote diff-tree -r --no-commit-id --name-only main)" = "$(echo "$files" | sed 's|^|releases/|')" ] ||
  fail "the pushed commit does not hold exactly the released files"
for file in $files; do
  remote cat-file blob "main:releases/$file" | cmp -s - "$file" || fail "the pushed bytes of $file differ"
done
ok "the pushed commit holds these $(count "$files") files, byte for byte, and nothing else"

runs_kernel() { # runs_kernel HOST VERSION
  path=$(sed -n "s/^$1 //p" "$work/pushed")
  grep -q "\"kernel\":\"$2\"" "$path" || fail "$1 was built with another kernel than $2"
}
runs_kernel db-2 6.12.40
runs_kernel web-3 6.12.41
ok "db-2 was built from $(echo "$first" | cut -c 1-8), to which it is pinned; the pin of web-3 is over and gone"
if grep -q 19d4a855 bootstrap-nonces.json; then fail "the expired nonce is still there"; fi
ok "the expired bootstrap nonce is gone too"

title "Released"
echo "  releases/"
for file in $artifacts; do
  size=$(wc -c <"$file" | tr -d ' ')
  case $file in
  rollouts/*)
    name="rollouts/$(basename "$file" | cut -c 1-12)*.json"
    about="what $(field displayName "$file") brings to which host"
    ;;
  fleet.*) name=$file about="the whole fleet, with the store path of every host" ;;
  revocations.*) name=$file about="hosts whose credentials no longer count" ;;
  *) name=$file about="new hosts that may join" ;;
  esac
  printf '    %-27s %6s B  %s\n' "$name" "$size" "$about"
done
printf '    %-27s %6s B  %s\n' "*.json.sig" 64 "beside each: its ed25519 signature, raw"
size=$(wc -c <.gitattributes | tr -d ' ')
printf '    %-27s %6s B  %s\n' .gitattributes "$size" "has git leave all of them as they were signed"
printf '  %s\n' "$(remote log -1 --abbrev=8 --format='commit %h  %s  (%an)' main)"

title "Next"
line "Your fleet" "cp -R examples/demo-fleet ../my-fleet   (its README says what to change)"
line "All options" "./dev deno task release --help"
line "Look around" "KEEP=1 ./dev demo keeps the folder with both repositories"
