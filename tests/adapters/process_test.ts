import { assertEquals } from "@std/assert";
import {
  type CommandTrace,
  lastLines,
  lastSaid,
  Shell,
  text,
  withoutGitLocation,
} from "../../src/adapters/process.ts";
import { pureTest, refusal } from "../support/pure.ts";

pureTest("lastSaid() gives the last lines that say something, without colours", () => {
  const lines = ["", "one", "  ", "\x1b[31mtwo\x1b[0m", "\t", "\x1b[0m", "  three", ""];
  assertEquals(lastSaid(lines, 10), ["one", "two", "  three"]);
  assertEquals(lastSaid(lines, 2), ["two", "  three"]);
  assertEquals(lastSaid([], 2), []);
});

pureTest("lastLines() marks them as the words of another", () => {
  assertEquals(lastLines(["error: no", "", "\tat 3"], 10), ["| error: no", "|     at 3"]);
});

pureTest("text() gives what a command printed without its one final newline", () => {
  const printed = (stdout: string) => text({ code: 0, stdout: new TextEncoder().encode(stdout), stderr: [] });
  assertEquals(["a\n", "a\n\n", "a", "", "\n", "ü\nb\n"].map(printed), ["a", "a\n", "a", "", "", "ü\nb"]);
});

pureTest("withoutGitLocation() takes out the variables that say which repository is meant", () => {
  const kept = {
    PATH: "/bin",
    HOME: "/root",
    GITHUB_TOKEN: "t",
    GIT_SSH: "ssh",
    GIT_SSH_COMMAND: "ssh -i key",
    GIT_SSH_VARIANT: "ssh",
    GIT_ASKPASS: "ask",
    GIT_SSL_CAINFO: "ca",
    GIT_SSL_NO_VERIFY: "1",
    GIT_HTTP_USER_AGENT: "x",
    GIT_PROXY_COMMAND: "x",
    GIT_TRACE: "1",
    GIT_TRACE_CURL: "1",
    GIT_CONFIG_GLOBAL: "/c",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "user.name",
    GIT_CONFIG_VALUE_0: "x",
    GIT_AUTHOR_NAME: "a",
    GIT_AUTHOR_EMAIL: "a@example.com",
    GIT_AUTHOR_DATE: "2000-01-01",
    GIT_COMMITTER_NAME: "c",
    GIT_COMMITTER_EMAIL: "c@example.com",
    GIT_COMMITTER_DATE: "2000-01-01",
  };
  const dropped = {
    GIT_DIR: "/other/.git",
    GIT_WORK_TREE: "/other",
    GIT_INDEX_FILE: "/other/index",
    GIT_OBJECT_DIRECTORY: "/other/objects",
    GIT_ALTERNATE_OBJECT_DIRECTORIES: "/other/objects",
    GIT_COMMON_DIR: "/other/.git",
    GIT_NAMESPACE: "other",
    GIT_CEILING_DIRECTORIES: "/",
    GIT_DISCOVERY_ACROSS_FILESYSTEM: "1",
    GIT_PREFIX: "sub/",
    GIT_EDITOR: "vi",
    GIT_EXEC_PATH: "/other",
    GIT_TEMPLATE_DIR: "/other",
    GIT_SHALLOW_FILE: "x",
    GIT_GRAFT_FILE: "x",
    GIT_QUARANTINE_PATH: "x",
  };
  assertEquals(withoutGitLocation({ ...kept, ...dropped }), kept);
});

const SILENT: CommandTrace = { command() {}, output() {} };

pureTest("Shell finds no program in directories that it may not look into, and says what to do", () => {
  const hints = {
    sh: "install sh, or add the directory that it is in to PATH",
    "nix-store": "install Nix (https://nixos.org/download), or add its bin directory to PATH",
  };
  const refused = (dirs: string) => `There is no permission to read ${dirs}, to look there`;
  for (const [program, hint] of Object.entries(hints)) {
    const said = (message: string, lines: string[]) => ({ kind: "io" as const, message, hint, lines });
    const missing = (path: string, beside?: string) =>
      refusal(() => new Shell({ path, cwd: "/", trace: SILENT }).find(program, beside));
    assertEquals(
      missing("/usr/bin:bin:/deno/node_compat_bin:/bin"),
      said(`Cannot find "${program}" on PATH`, [refused('"/usr/bin", "/bin"')]),
    );
    for (const path of ["", ":", "bin:./bin:../bin"]) {
      assertEquals(missing(path), { kind: "io", message: `Cannot find "${program}" on PATH`, hint });
    }
    assertEquals(
      missing("/usr/bin:/bin", "/opt/nix/bin/nix"),
      said(`Cannot find "${program}" beside "/opt/nix/bin/nix" or on PATH`, [
        refused('"/opt/nix/bin", "/usr/bin", "/bin"'),
      ]),
    );
  }
});
