import { assertEquals } from "@std/assert";
import { parseBuilders } from "../../src/plan/builders.ts";
import { isOlder } from "../../src/plan/nix_version.ts";
import { pureTest } from "../support/pure.ts";

pureTest("parseBuilders() gives the stores of machines, as nix connects to them, and files with more", () => {
  const text = [
    "# all of ours",
    "@/etc/nix/machines",
    "  mac aarch64-darwin  # the old one",
    "ssh-ng://nix@linux x86_64-linux,i686-linux /home/nix/.ssh/id 8 1 kvm,big-parallel - c3NoLWVk+A=",
    "ssh://other?compress=true - /k; last",
    "third - - 4",
    "/srv/store x86_64-linux; local?root=/srv - /k; daemon; locally",
    "",
  ].join("\n");
  const builder = (name: string, store: string) => ({ builder: { name, store } });
  assertEquals(parseBuilders(text), [
    { file: "/etc/nix/machines" },
    builder("mac", "ssh://mac"),
    builder(
      "ssh-ng://nix@linux",
      "ssh-ng://nix@linux?ssh-key=%2Fhome%2Fnix%2F.ssh%2Fid&base64-ssh-public-host-key=c3NoLWVk%2BA%3D",
    ),
    builder("ssh://other?compress=true", "ssh://other?compress=true&ssh-key=%2Fk"),
    builder("last", "ssh://last"),
    builder("third", "ssh://third"),
    builder("/srv/store", "/srv/store"),
    builder("local?root=/srv", "local?root=/srv&ssh-key=%2Fk"),
    builder("daemon", "daemon"),
    builder("locally", "ssh://locally"),
  ]);
  assertEquals(parseBuilders(""), []);
  assertEquals(parseBuilders(" ; \n#x"), []);
});

pureTest("isOlder() compares versions by their numbers", () => {
  for (const version of ["2.3", "2.3.16", "2.7.99", "1.11", "0"]) {
    assertEquals(isOlder(version, "2.8"), true, version);
  }
  for (const version of ["2.8", "2.8.0", "2.8pre20220512", "2.26.3", "2.91.1", "3", "3.0"]) {
    assertEquals(isOlder(version, "2.8"), false, version);
  }
});
