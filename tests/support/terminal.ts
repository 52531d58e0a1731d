/**
 * Shells at a terminal, in which keys are pressed.
 *
 * @module
 */
import { find } from "./command.ts";

/** The program that gives a process a terminal; undefined: this machine has none, or one of another kind. */
const SCRIPT = Deno.build.os === "linux" ? find("script") : undefined;

/** Why a shell cannot be tried at a terminal here; undefined: it can. */
export function withoutTerminal(shell: string): string | undefined {
  if (find(shell) === undefined) return `there is no ${shell}`;
  return SCRIPT === undefined ? "there is no script(1) of util-linux" : undefined;
}

/** Ready for a line. The shell is told to write this as its prompt, and a line as it stands in `[[` and `]]`. */
const PROMPT = "READY> ";

/** How a shell is started, so that it reads `setup` and then lines, and shows at ^G what stands in its line. */
const SHELLS: Readonly<
  Record<string, (setup: string) => { files: Record<string, string>; command: string }>
> = {
  bash: (setup) => ({
    files: {
      "rc.bash": `PS1='${PROMPT}'
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
show() { printf '\\n[[%s]]\\n' "$READLINE_LINE"; }
bind -x '"\\C-g": show'
${setup}
`,
    },
    command: "bash --noprofile --rcfile rc.bash -i",
  }),
  zsh: (setup) => ({
    files: {
      ".zshrc": `PS1='${PROMPT}'
unset zle_bracketed_paste
unsetopt beep auto_menu auto_list
show() { print -r -- $'\\n'"[[$BUFFER]]" }
zle -N show
bindkey '^G' show
bindkey '^U' kill-whole-line
${setup}
`,
    },
    command: "zsh -d -i",
  }),
};

/** A shell at a terminal. */
export class Terminal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #screen: ReadableStreamDefaultReader<string>;
  #shown = "";
  /** The part of it that nobody has waited for. */
  #seen = "";

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#keys = child.stdin.getWriter();
    this.#screen = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /**
   * Starts a shell, and waits until it is ready.
   *
   * @param dir Where it is, and where its start-up files go
   * @param setup What it reads first
   */
  static async open(
    shell: "bash" | "zsh",
    { dir, setup }: { dir: string; setup: string },
  ): Promise<Terminal> {
    const { files, command } = SHELLS[shell]!(setup);
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir}/${name}`, text);
    const terminal = new Terminal(
      new Deno.Command(SCRIPT!, {
        args: ["--quiet", "--flush", "--return", "--command", command, "/dev/null"],
        cwd: dir,
        clearEnv: true,
        env: {
          PATH: Deno.env.get("PATH")!,
          HOME: dir,
          ZDOTDIR: dir,
          TERM: "dumb",
          LANG: "C.UTF-8",
          COLUMNS: "1000",
        },
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn(),
    );
    await terminal.#until(PROMPT);
    return terminal;
  }

  /** What stands in the line when it was typed, and a tab behind it. */
  async completed(typed: string): Promise<string> {
    await this.#press(`${typed}\t`);
    await this.#press("\x07");
    const [, line = ""] = await this.#until(/\[\[(.*?)\]\]/);
    await this.#press("\x15");
    return line;
  }

  async #press(keys: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(keys));
  }

  /** Waits for something to be on the screen, and forgets what was there up to its end. */
  async #until(what: string | RegExp): Promise<RegExpExecArray> {
    const pattern = typeof what === "string" ? new RegExp(RegExp.escape(what)) : what;
    for (;;) {
      const found = pattern.exec(this.#seen);
      if (found !== null) {
        this.#seen = this.#seen.slice(found.index + found[0].length);
        return found;
      }
      const { value, done } = await this.#screen.read();
      if (done) throw new Error(`The shell has ended. On its screen was:\n${this.#seen}`);
      this.#shown += value;
      this.#seen += value;
    }
  }

  /** All that was on the screen. */
  get shown(): string {
    return this.#shown;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keys.close();
    await this.#screen.cancel();
    this.#child.kill("SIGHUP");
    await this.#child.status;
  }
}
