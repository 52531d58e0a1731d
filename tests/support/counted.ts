/**
 * Values that count what is read of them: how the work on something grows is told by that, on any machine.
 *
 * @module
 */

/** A value that stands for another, and how often an element, a field or a method of it has been asked for. */
export function counted<T extends object>(value: T): { readonly value: T; readonly reads: () => number } {
  let reads = 0;
  const get = (target: T, key: PropertyKey, receiver: unknown) => {
    reads++;
    return Reflect.get(target, key, receiver);
  };
  return { value: new Proxy(value, { get }), reads: () => reads };
}
