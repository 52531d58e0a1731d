import { assertEquals } from "@std/assert";
import { programsOf } from "../../src/plan/hook_programs.ts";
import { pureTest } from "../support/pure.ts";

const COMMANDS: [command: string, programs: string[]][] = [
  ["", []],
  ["   \n ", []],
  ['nix copy --to https://x "$NIXFLEET_PATH"', ["nix"]],
  [`A=1 B="x y" ./sign.sh <in >out 2>&1 | openssl x && exec age`, ["./sign.sh", "openssl", "age"]],
  ["a;b&c|d\ne || f", ["a", "b", "c", "d", "e", "f"]],
  [">&2 echo x; <in cat", ["echo", "cat"]],
  ['push "$A" 2>/dev/null', ["push"]],
  ["push push", ["push"]],
  // What the shell puts in is known when it runs, and so is what is in double quotes.
  [`"$TOOL" x; $TOOL; \${TOOL}y; ~/bin/x; *.sh`, []],
  [`"a"b c`, ["ab"]],
  [`'my tool' x; 'tool' y; \\ls`, ["tool", "ls"]],
  ["$(which y) z", ["which"]],
  ['echo $(whoami) "$(secret x)"', ["echo", "whoami"]],
  ["(cd x && make)", ["cd", "make"]],
  ["! foo; { bar; }", ["foo", "bar"]],
  ["if test -f x; then foo; else bar; fi", ["test", "foo", "bar", "fi"]],
  ["while read -r x; do foo; done", ["read", "foo", "done"]],
  ['for x in a b; do zip "$x"; done', ["zip", "done"]],
  // What is a function here is none on PATH.
  ["f() { baz; }; f x; qux", ["baz", "qux"]],
  // What prefixes take before a command is theirs.
  ["command -v foo >/dev/null && nohup bar", ["bar"]],
  ["# hi; there\necho a # b; c\nd#e", ["echo"]],
  // What it asks for it can do without.
  ["if command -v cachix >/dev/null; then cachix push x; fi", ["fi"]],
  ["type -t a || b; which foo && foo; hash bar 2>&- && bar", ["type", "b", "which", "hash"]],
  // What is a path from elsewhere, or on another PATH, cannot be looked for here.
  ["./a; cd x && ./b && c/d && /e", ["./a", "cd", "/e"]],
  ["a; PATH=/x:$PATH b; c", ["a"]],
  ['a; export PATH="$HOME/bin:$PATH"\nb', ["a", "export"]],
  // Sums and lists of values are no commands.
  ["a; n=$((n + 1)); b", ["a"]],
  ["a; n=(1 2); b", ["a"]],
  ['a; echo "$(jq "map(.x); .y" f)"; b', ["a", "echo"]],
  ['a; b"$(c "d")"', ["a"]],
  // From here on only a shell knows.
  ["a; . ./lib.sh; f", ["a"]],
  ['a; eval "$X"; f', ["a"]],
  ["case $1 in a) foo;; b) bar;; esac", []],
  ["cat <<EOF\nfoo\nEOF", ["cat"]],
  [`"open`, ["open"]],
];

for (const [command, programs] of COMMANDS) {
  pureTest(`the programs of ${JSON.stringify(command)}`, () => {
    assertEquals(programsOf(command), programs);
  });
}

pureTest("a long command is read in time that its length tells", () => {
  for (const part of ["a ", "'", '"', "\\", ";", "<", "(", "#", "a=b ", "2>"]) {
    programsOf(part.repeat(50_000));
  }
});
