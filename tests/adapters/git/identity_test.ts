import { assert, assertEquals } from "@std/assert";
import { gitContext } from "../../../src/adapters/git/context.ts";
import { checkIdentity, identityEnv } from "../../../src/adapters/git/identity.ts";
import { GIT, gitFleet } from "../../support/git_fleet.ts";
import { pureTest, rejection } from "../../support/pure.ts";

const NOBODY = { name: undefined, email: undefined };

Deno.test("checkIdentity() takes the configured identity, one that is given, and not half of one", async () => {
  await using world = await gitFleet();
  const { fleet, shell, git, commands } = world;
  await checkIdentity(git, fleet.dir, NOBODY);
  assertEquals(commands, [[GIT, "var", "GIT_AUTHOR_IDENT"], [GIT, "var", "GIT_COMMITTER_IDENT"]]);

  const config = {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "user.useConfigOnly",
    GIT_CONFIG_VALUE_0: "true",
  };
  const bare = gitContext(shell, { ...fleet.env(), ...config });
  await checkIdentity(bare, fleet.dir, { name: "ci", email: "ci@example.com" });
  for (const identity of [NOBODY, { name: "ci", email: undefined }]) {
    const { lines, ...refused } = await rejection(checkIdentity(bare, fleet.dir, identity));
    assertEquals(refused, {
      kind: "git",
      message: "Cannot commit: git has no name and address to commit with",
      hint: "give --git-user-name and --git-user-email, or configure user.name and user.email",
    });
    assert(lines!.some((line) => line.includes("no email was given")), lines!.join("\n"));
  }
  const { lines } = await rejection(
    checkIdentity(bare, fleet.dir, { name: undefined, email: "ci@example.com" }),
  );
  assert(lines!.some((line) => line.includes("auto-detection is disabled")), lines!.join("\n"));
});

Deno.test("checkIdentity() takes dates of the environment that git can read, and names one that it cannot", async () => {
  await using world = await gitFleet();
  const { fleet, shell } = world;
  const at = (dates: Record<string, string>) =>
    checkIdentity(gitContext(shell, { ...fleet.env(), ...dates }), fleet.dir, NOBODY);
  await at({ GIT_AUTHOR_DATE: "2026-06-01T12:00:00Z", GIT_COMMITTER_DATE: "1780000000 +0000" });
  for (const name of ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"]) {
    assertEquals(await rejection(at({ [name]: "soon" })), {
      kind: "git",
      message: `Cannot commit: git cannot read ${name} "soon"`,
      hint: "give a date as in 2026-06-01T12:00:00Z, or unset it",
    });
  }
});

pureTest("identityEnv() says who is author and committer, and nothing of what is not given", () => {
  assertEquals([identityEnv(NOBODY), identityEnv({ name: "ci", email: "ci@example.com" })], [{}, {
    GIT_AUTHOR_NAME: "ci",
    GIT_COMMITTER_NAME: "ci",
    GIT_AUTHOR_EMAIL: "ci@example.com",
    GIT_COMMITTER_EMAIL: "ci@example.com",
  }]);
});
