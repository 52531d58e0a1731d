/**
 * What one stage hands on to the next while both are at work.
 *
 * @module
 */

/** Things that come one after the other. Each is taken once, by whoever asks first. */
export class Stream<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #taken = 0;
  #hasEnded = false;
  #news = Promise.withResolvers<void>();
  readonly #end = Promise.withResolvers<void>();

  /** One that has ended. */
  static of<T>(items: readonly T[]): Stream<T> {
    const stream = new Stream<T>();
    items.forEach((item) => stream.push(item));
    stream.end();
    return stream;
  }

  /** Resolves when no more come. */
  get ended(): Promise<void> {
    return this.#end.promise;
  }

  /** Hands one on. */
  push(item: T): void {
    this.#items.push(item);
    this.#tell();
  }

  /** No more come. */
  end(): void {
    this.#hasEnded = true;
    this.#end.resolve();
    this.#tell();
  }

  /** Waits for the next one; undefined: none comes any more. */
  async next(): Promise<T | undefined> {
    while (this.#taken === this.#items.length && !this.#hasEnded) await this.#news.promise;
    return this.#taken === this.#items.length ? undefined : this.#items[this.#taken++];
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (let next = await this.next(); next !== undefined; next = await this.next()) yield next;
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
