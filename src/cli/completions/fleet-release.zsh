#compdef fleet-release
# Completions of fleet-release for zsh, made by `fleet-release completions zsh`.

# What selects hosts of the last release.
_fleet-release-hosts() {
  local dir=${(Q)opt_args[--release-dir]:-releases} artifact=${(Q)opt_args[--artifact-name]:-@artifact@}
  local file=${dir/#\~\//$HOME/}/$artifact tab=$'\t' mark
  local -a names shown marks=('')
  [[ $PREFIX == *[,!]* ]] || compadd -S '' -- auto auto:exclude=
  compset -P 'auto:exclude='
  compset -P '*,'
  # A name may begin with the mark itself.
  [[ $PREFIX != (\\|)!* ]] || marks+=(!)
  [[ -f $file && -r $file ]] || return
  local -a lines=(${(f)"$(LC_ALL=C command awk @awk@ 2>/dev/null <$file)"})
  for mark in "$marks[@]"; do
    names+=($mark${^lines%%$tab*})
    shown+=($mark${^lines/$tab/  -- })
  done
  compadd -S '' -l -d shown -a -- names
}

# Branches and tags of the repository here.
_fleet-release-revisions() {
  local -a names=(HEAD ${(f)"$(command git for-each-ref --format='%(refname:strip=2)' refs/heads refs/tags refs/remotes 2>/dev/null)"})
  compadd -a -- names
}

# These, or a directory: no revision begins as one does that is given in the place of one.
_fleet-release-releases() {
  if [[ $PREFIX == [./~]* ]]; then _files -/; else _fleet-release-revisions; fi
}

_fleet-release() {
  local curcontext=$curcontext state line name=@default@
  local -A opt_args
  local -a all=(
    @descriptions@
  )
  if [[ $words[2] == --print-permissions ]] && ((CURRENT > 2)); then
    shift words
    ((CURRENT--))
  fi
  if ((CURRENT == 2)) && [[ $PREFIX != -* ]]; then
    _describe -t commands command all
    return
  fi
  if ((CURRENT > 2)) && [[ $words[2] == (@names@) ]]; then
    name=$words[2]
    shift words
    ((CURRENT--))
  fi
  case $name in
  @commands@
  esac
}

if [[ $funcstack[1] == _fleet-release ]]; then
  _fleet-release "$@"
else
  compdef _fleet-release fleet-release
fi
