import { assertEquals } from "@std/assert";
import { decodeBase64 } from "../../src/crypto/base64.ts";
import { pureTest } from "../support/pure.ts";

const DECODED: [text: string, hex: string][] = [
  // RFC 4648, section 10.
  ["", ""],
  ["Zg==", "66"],
  ["Zm8=", "666f"],
  ["Zm9v", "666f6f"],
  ["Zm9vYg==", "666f6f62"],
  ["Zm9vYmE=", "666f6f6261"],
  ["Zm9vYmFy", "666f6f626172"],
  ["+/+/", "fbffbf"],
];

for (const [text, hex] of DECODED) {
  pureTest(`decodeBase64() decodes ${JSON.stringify(text)}`, () => {
    assertEquals(decodeBase64(text)?.toHex(), hex);
  });
}

const REFUSED: [claim: string, text: string][] = [
  ["no padding", "Zg"],
  ["half of the padding", "Zg="],
  ["too much padding", "Zm9v="],
  ["padding alone", "===="],
  ["padding within", "Zg==Zg=="],
  ["one character of a group", "Zm9vY"],
  ["trailing bits behind one byte", "Zh=="],
  ["trailing bits behind two bytes", "Zm9="],
  ["the alphabet for URLs", "-_-_"],
  ["a character of no alphabet", "Zm9!"],
  ["a letter beyond ASCII", "Zm9\u00e9"],
  ["a full-width letter", "Zm9\uff36"],
  ["a NUL", "Zm9v\0"],
  ["a newline at the end", "Zm9v\n"],
  ["a carriage return at the end", "Zm9v\r"],
  ["a space at the start", " Zm9v"],
  ["a tab within", "Zm\t9v"],
  ["a form feed within", "Zm\f9v"],
  ["a space within the padding", "Zg= ="],
  ["white space alone", " "],
  ["a no-break space", "Zm9v\u00a0"],
];

for (const [claim, text] of REFUSED) {
  pureTest(`decodeBase64() refuses ${claim}`, () => {
    assertEquals(decodeBase64(text), undefined);
  });
}

pureTest("decodeBase64() gives back what was encoded, of any length", () => {
  for (let length = 0; length < 100; length++) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    assertEquals(decodeBase64(bytes.toBase64()), bytes);
  }
});

pureTest("decodeBase64() takes one spelling of every byte", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const decoded = [...alphabet].flatMap((first) =>
    [...alphabet].map((second) => decodeBase64(`${first}${second}==`))
  );
  assertEquals(
    decoded.filter((bytes) => bytes !== undefined).map(([byte]) => byte),
    Array.from({ length: 256 }, (_, byte) => byte),
  );
});
