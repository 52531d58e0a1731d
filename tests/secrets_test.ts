import { assertEquals } from "@std/assert";
import { redactor, signKeyVariable } from "../src/secrets.ts";
import { pureTest } from "./support/pure.ts";

pureTest("signKeyVariable() is the variable of env:NAME alone", () => {
  const variables: [signKey: string | undefined, variable: string | undefined][] = [
    ["env:KEY", "KEY"],
    ["env:", ""],
    ["./env:KEY", undefined],
    ["release.pem", undefined],
    [undefined, undefined],
  ];
  assertEquals(variables.map(([signKey]) => [signKey, signKeyVariable(signKey)]), variables);
});
