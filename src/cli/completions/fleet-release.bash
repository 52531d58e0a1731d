# shellcheck shell=bash
# Completions of fleet-release for bash, made by `fleet-release completions bash`.

# Sets `flags` to the options of a command, and `operands` to what is offered for what is no option.
__fleet_release_command() {
  case $1 in
  @commands@
  esac
}

# Sets `offer` to what is offered behind an option of a command: files, directories, revisions, releases, hosts, words and
# what they are, or nothing; two values stand behind that of a pair. Fails where none stands behind it.
__fleet_release_value() {
  case "$1 $2" in
  @values@
  *) return 1 ;;
  esac
}

# Takes the line apart as the shell would, but for expansions: `before` are the words before the one at the cursor,
# which is `raw` as it is typed, and `word` without its quotes, of which `quote` is still open. What readline leaves in
# its place is `lead`: it puts something new only behind the last character that divides words to it.
__fleet_release_read() {
  local line=$1 char next i started=
  before=() raw='' word='' quote='' lead=''
  for ((i = 0; i < ${#line}; i++)); do
    char=${line:i:1} next=${line:i+1:1}
    if [[ $char == [[:space:]] && -z $quote ]]; then
      [[ -z $started ]] || before+=("$word")
      raw='' word='' lead='' started=
      continue
    fi
    started=yes raw+=$char
    if [[ $char == "$quote" ]]; then
      quote=
    elif [[ $char == [\'\"] && -z $quote ]]; then
      quote=$char lead=$raw
    elif [[ $char == \\ && $quote != \' ]]; then
      [[ -z $quote || $next == [\"\\\$\`] ]] || word+=$char
      raw+=$next word+=$next i=$((i + 1))
    else
      word+=$char
      # It puts `@` there together with what is behind it.
      [[ -n $quote || $COMP_WORDBREAKS != *"$char"* ]] || lead=${raw%@}
    fi
  done
}

# Offers the word $2 where $1 is typed of it. Where it would mean something else to the shell within the quote that is
# open, it is not offered.
__fleet_release_add() {
  local quoted=$2
  case $quote in
  '') printf -v quoted %q "$2" ;;
  \') [[ $2 != *\'* ]] || return 0 ;;
  *) [[ $2 != *[\"\$\`\\!]* ]] || return 0 ;;
  esac
  quoted=${raw%"$1"}$quoted
  [[ $quoted != "$lead"* ]] || COMPREPLY+=("${quoted#"$lead"}")
}

# Offers those of the words $3… that begin as $2, which is typed as $1.
__fleet_release_words() {
  local typed=$1 begin=$2 each
  for each in "${@:3}"; do
    [[ $each != "$begin"* ]] || __fleet_release_add "$typed" "$each"
  done
}

# Offers what selects hosts of the last release, where $2 is typed as $1.
__fleet_release_hosts() {
  local typed=$1 begin=$2 name file=$dir/$artifact
  compopt -o nospace 2>/dev/null
  if [[ $begin != *[,!]* ]]; then __fleet_release_words "$typed" "$begin" auto auto:exclude=; fi
  typed=${typed#auto:exclude=} typed=${typed##*,} begin=${begin#auto:exclude=} begin=${begin##*,}
  [[ -f $file && -r $file ]] || return 0
  while IFS=$'\t' read -r name _; do
    [[ -z $name || $name != "$begin"* ]] || __fleet_release_add "$typed" "$name"
    # A name may begin with the mark itself.
    [[ -z $name || $begin != !* || "!$name" != "$begin"* ]] || __fleet_release_add "$typed" "!$name"
  done <<<"$(LC_ALL=C command awk @awk@ 2>/dev/null <"$file")"
}

# Offers branches and tags of the repository here, where $2 is typed as $1.
__fleet_release_revisions() {
  local name
  __fleet_release_words "$1" "$2" HEAD
  while IFS= read -r name; do
    [[ -z $name ]] || __fleet_release_words "$1" "$2" "$name"
  done <<<"$(command git for-each-ref --format='%(refname:strip=2)' refs/heads refs/tags refs/remotes 2>/dev/null)"
}

# Offers $1 where $3 is typed as $2.
__fleet_release_offer() {
  local typed=${2#"$quote"}
  # Our own words have no blanks in them.
  # shellcheck disable=SC2086
  case $1 in
  files) compopt -o default 2>/dev/null ;;
  directories) compopt -o dirnames 2>/dev/null ;;
  revisions) __fleet_release_revisions "$typed" "$3" ;;
  releases)
    # No revision begins so.
    if [[ $3 == [./~]* ]]; then compopt -o dirnames 2>/dev/null; else __fleet_release_revisions "$typed" "$3"; fi
    ;;
  hosts) __fleet_release_hosts "$typed" "$3" ;;
  words\ *) __fleet_release_words "$typed" "$3" ${1#words } ;;
  esac
}

_fleet_release() {
  local IFS=$' \t\n' raw word quote lead command flags operands offer dir=releases artifact=@artifact@ value
  local -a before
  __fleet_release_read "${COMP_LINE:0:COMP_POINT}"
  COMPREPLY=()

  local at=1 first flag=''
  [[ ${before[1]-} != --print-permissions ]] || at=2
  first=$at command=${before[at]-}
  case $command in
  @names@) at=$((at + 1)) ;;
  *) command=@default@ ;;
  esac
  __fleet_release_command "$command"

  local options=yes
  while ((at < ${#before[@]})) && [[ -n $options ]]; do
    flag=${before[at]} value='' at=$((at + 1))
    case $flag in
    --) options='' flag='' ;;
    --*=*) value=${flag#*=} flag=${flag%%=*} ;;
    *)
      __fleet_release_value "$command" "$flag" || flag=''
      if [[ -n $flag ]]; then
        # What is behind the last word is at the cursor.
        [[ $offer != pair ]] || at=$((at + 1))
        ((at < ${#before[@]})) || break
        value=${before[at]} at=$((at + 1))
      fi
      ;;
    esac
    case $flag in
    --release-dir) dir=${value/#\~\//$HOME/} ;;
    --artifact-name) artifact=$value ;;
    esac
    flag=''
  done

  if [[ -n $flag ]]; then
    __fleet_release_offer "$offer" "$raw" "$word"
  elif [[ -n $options && $word == --*=* ]]; then
    __fleet_release_value "$command" "${word%%=*}" && __fleet_release_offer "$offer" "${raw#*=}" "${word#*=}"
  elif [[ -n $options && $word == -* ]]; then
    # Each is given once.
    for flag in $flags; do
      [[ " ${before[*]} " == *" $flag "* ]] || __fleet_release_words "$raw" "$word" "$flag"
    done
    ((${#before[@]} > 1)) || __fleet_release_words "$raw" "$word" --print-permissions
  elif ((${#before[@]} == first)); then
    __fleet_release_offer 'words @all@' "$raw" "$word"
  else
    __fleet_release_offer "$operands" "$raw" "$word"
  fi
  return 0
}

complete -F _fleet_release fleet-release
