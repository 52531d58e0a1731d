# The settings of a release, as a module. Its options are those of the command line: `deno task generate` makes
# options.json from the one table of them.
{ lib, ... }:
let
  inherit (lib) types;

  # A type by its name, or `{ "enum": [ … ] }` for one of these words.
  typeOf = type: if builtins.isAttrs type then types.enum type.enum else named.${type};

  named = {
    switch = types.bool;
    text = types.str;
    # nix and its options have words too where a number is expected, as `auto` is.
    number = types.either types.int types.str;
    # A text with commas is one too, as on the command line.
    list = types.either (types.listOf types.str) types.str;
    pairs = types.attrsOf types.str;
  };

  optionOf =
    {
      flag,
      type,
      description,
      ...
    }@entry:
    lib.mkOption {
      type = types.nullOr (typeOf type);
      default = null;
      description =
        "${description}. The same as `--${flag}`"
        + lib.optionalString (entry ? default) ", by default ${entry.default}"
        + ".";
    };
  add =
    options: entry:
    lib.recursiveUpdate options (
      lib.setAttrByPath (lib.splitString "." entry.name) (optionOf entry)
    );
in
{
  options = lib.foldl' add { } (lib.importJSON ./options.json);
}
