/**
 * Dictionaries keyed by names that users choose.
 *
 * A host may be called `constructor` or `__proto__`: these functions never look at a prototype.
 *
 * @module
 */

/** The value under `key`, or undefined when the record has no such key of its own. */
export function lookup<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** A record with the same keys, and each value replaced. */
export function mapRecord<T, U>(
  record: Readonly<Record<string, T>>,
  replace: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, replace(value, key)]));
}

const encoder = new TextEncoder();

/** Orders two texts by their UTF-8 bytes, which differs from JavaScript's own order above U+FFFF. */
export function compareBytes(a: string, b: string): number {
  // ASCII texts order alike in both; only the others pay for being encoded.
  if (isAscii(a) && isAscii(b)) return a < b ? -1 : a > b ? 1 : 0;
  const left = encoder.encode(a);
  const right = encoder.encode(b);
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    if (left[index] !== right[index]) return left[index]! - right[index]!;
  }
  return left.length - right.length;
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /^[\x00-\x7f]*$/.test(text);
}

/**
 * A path into a document, for people: `hosts.web1.tags.0`. A name with a dot in it is quoted, so that the path stays
 * readable: `hosts."web.example.com".tags`.
 */
export function documentPath(keys: readonly (string | number)[]): string {
  return keys.map((key) => typeof key === "number" || /^[\w-]+$/.test(key) ? key : JSON.stringify(key)).join(
    ".",
  );
}
