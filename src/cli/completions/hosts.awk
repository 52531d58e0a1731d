# What --hosts takes of a fleet, a word a line with a tab and what it is behind it: hosts, @tags and %channels. Records
# end at quotes, so that strings and what is between them take turns.
BEGIN { RS = "\"" }

inside {
  string = string $0
  # The quote is one in the string.
  if (match($0, /\\+$/) && RLENGTH % 2) string = string "\""
  else inside = 0
  next
}

{
  for (i = 1; i <= length($0); i++) {
    mark = substr($0, i, 1)
    if (mark == "{" || mark == "[") depth++
    if (mark == ":") key[depth] = string
    if (mark == "," || mark == "}" || mark == "]") {
      if (key[1] == "hosts" && string != "") {
        if (depth == 3 && key[3] == "channel") channel = string
        if (depth == 4 && key[3] == "tags") tags[++tagged] = string
      }
      if (depth == 3 && mark == "}") {
        if (key[1] == "hosts") host(key[2])
        if (key[1] == "channels") channels[key[2]] += 0
      }
      if (mark != ",") depth--
    }
    if (mark ~ /[][{}:,]/) string = ""
  }
  inside = 1
}

END {
  for (tag in all) offer("@", tag, hosts(all[tag]))
  for (channel in channels) offer("%", channel, hosts(channels[channel]))
}

function host(name, about, i) {
  if (channel != "") channels[channel]++
  about = "on " channel
  for (i = 1; i <= tagged; i++) {
    all[tags[i]]++
    about = about ", " tags[i]
  }
  offer("", name, about)
  channel = ""
  tagged = 0
}

function hosts(count) { return count " host" (count == 1 ? "" : "s") }

# Prints a word, unless it can stand in no list, or on no line of a terminal.
function offer(mark, name, about) {
  name = plain(name)
  if (name != "" && name !~ /^ | $|,/) print mark name "\t" plain(about)
}

# What a string says; nothing when something is in it that acts on a terminal or cannot be seen.
function plain(string, parts, count, i) {
  # Each awk has an idea of its own of a backslash that something is replaced by.
  gsub(/\\\\/, "\001", string)
  if (string ~ /\\[^"]|[\002-\037\177]|\302[\200-\237\255]|\342\200[\213-\217\250-\256]|\342\201[\240-\257]|\357\273\277/) return ""
  gsub(/\\"/, "\"", string)
  count = split(string, parts, "\001")
  string = parts[1]
  for (i = 2; i <= count; i++) string = string "\\" parts[i]
  return string
}
