/**
 * The machines that nix builds on beside this one.
 *
 * @module
 */

/** A machine that nix hands builds to. */
export interface Builder {
  /** As it is written, for people. */
  readonly name: string;
  /** The URL of its store, with what nix adds to it when it connects. */
  readonly store: string;
}

/** What a part of a list of builders is: a machine, or a file with more of them. */
export type BuilderEntry = { readonly builder: Builder } | { readonly file: string };

/** What nix takes for a store as it stands there, and not for the name of a machine. */
const IS_STORE = /\/|^(?:auto|daemon|local)(?:$|\?)|^\?/;

/**
 * Reads a list of builders, as in nix's setting `builders`, and in a file that it names with an `@`: one on a line, or
 * more with semicolons between them, each with its URL, its systems, and the key to connect with. Pure.
 */
export function parseBuilders(text: string): BuilderEntry[] {
  return text.split(/[\n;]/).flatMap((line): BuilderEntry[] => {
    const [name = "", , key, , , , , hostKey] = line.replace(/#.*$/, "").trim().split(/\s+/);
    if (name === "") return [];
    if (name.startsWith("@")) return [{ file: name.slice(1) }];
    const parameters = Object.entries({ "ssh-key": key, "base64-ssh-public-host-key": hostKey })
      .flatMap(([parameter, value]) =>
        value === undefined || value === "-" ? [] : [`${parameter}=${encodeURIComponent(value)}`]
      );
    const url = IS_STORE.test(name) ? name : `ssh://${name}`;
    const store = [url, ...parameters].reduce((whole, part) =>
      `${whole}${whole.includes("?") ? "&" : "?"}${part}`
    );
    return [{ builder: { name, store } }];
  });
}
