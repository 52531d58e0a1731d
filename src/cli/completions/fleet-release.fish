# Completions of fleet-release for fish, made by `fleet-release completions fish`.

# The words before the cursor's that come behind the name of the program.
function __fleet_release_words
    set -l words (commandline -opc)
    set -e words[1]
    test "$words[1]" = --print-permissions; and set -e words[1]
    string join0 -- $words
end

# Whether a command comes next.
function __fleet_release_first
    not __fleet_release_words | string length -q
end

# Whether it is this command that is given.
function __fleet_release_is
    set -l words (__fleet_release_words | string split0)
    contains -- "$words[1]" @names@; or set words @default@
    test "$words[1]" = $argv[1]
end

# The value of an option that is given, or else its default.
function __fleet_release_given -a flag value
    set -l words (__fleet_release_words | string split0)
    for index in (seq (count $words))
        switch $words[$index]
            case $flag
                set value $words[(math $index + 1)]
            case "$flag=*"
                set value (string replace -- $flag= '' $words[$index])
        end
    end
    string join0 -- $value
end

# What selects hosts of the last release.
function __fleet_release_hosts
    set -l typed (commandline -ct | string replace -r '^--hosts=' '' | string replace -ar '["\'\\\\]' '')
    string match -qr '[,!]' -- $typed; or printf '%s\t%s\n' auto 'all hosts' auto:exclude= 'all hosts but some'
    set -l dir (__fleet_release_given --release-dir releases | string split0 | string replace -r '^~/' $HOME/)
    set -l artifact (__fleet_release_given --artifact-name @artifact@ | string split0)
    set -l file "$dir/$artifact"
    command -q awk; and test -f "$file" -a -r "$file"; or return
    set -l before (string match -r '^(?:auto:exclude=)?(?:.*,)?' -- $typed)
    # A name may begin with the mark itself.
    set -l heads "$before"
    string match -qr '(^|[,=])!' -- $typed; and set -a heads "$before!"
    for line in (LC_ALL=C command awk @awk@ 2>/dev/null <"$file")
        printf '%s\n' $heads$line
    end
end

# Branches and tags of the repository here.
function __fleet_release_revisions
    echo HEAD
    command -q git; and command git for-each-ref --format='%(refname:strip=2)' refs/heads refs/tags refs/remotes 2>/dev/null
end

# These, or a directory: no revision begins as one does that is given in the place of one.
function __fleet_release_releases
    if string match -qr '^[./~]' -- (commandline -ct)
        __fish_complete_directories
    else
        __fleet_release_revisions
    end
end

complete -c fleet-release -f
complete -c fleet-release -n __fleet_release_first -l print-permissions -d 'print what such a run is permitted'
@commands@
