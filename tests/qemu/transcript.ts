/** What a machine said so far, and who waits for it to say more. */

interface Waiter {
  readonly pattern: RegExp;
  readonly resolve: (match: RegExpMatchArray) => void;
}

/** Collects text; waits are for evidence, in order: each match begins where the one before it ended. */
export class Transcript {
  #text = "";
  #cursor = 0;
  #waiter: Waiter | null = null;
  readonly #decoder = new TextDecoder();
  readonly #echo: ((line: string) => void) | undefined;
  #echoed = 0;

  constructor(echo?: (line: string) => void) {
    this.#echo = echo;
  }

  feed(bytes: Uint8Array): void {
    this.#text += this.#decoder.decode(bytes, { stream: true }).replaceAll("\r", "");
    this.#echoLines();
    this.#look();
  }

  get text(): string {
    return this.#text;
  }

  /** The last lines, for people. */
  tail(lines: number): string {
    return this.#text.trimEnd().split("\n").slice(-lines).join("\n");
  }

  /** The first match after the last one waited for. One wait at a time. Never settles if it never comes: race it. */
  next(pattern: RegExp): Promise<RegExpMatchArray> {
    const { promise, resolve } = Promise.withResolvers<RegExpMatchArray>();
    this.#waiter = { pattern, resolve };
    this.#look();
    return promise;
  }

  #look(): void {
    if (this.#waiter === null) return;
    const match = this.#text.slice(this.#cursor).match(this.#waiter.pattern);
    if (match === null) return;
    this.#cursor += (match.index ?? 0) + match[0].length;
    const { resolve } = this.#waiter;
    this.#waiter = null;
    resolve(match);
  }

  #echoLines(): void {
    for (let end = this.#text.indexOf("\n", this.#echoed); end >= 0; end = this.#text.indexOf("\n", this.#echoed)) {
      this.#echo?.(this.#text.slice(this.#echoed, end));
      this.#echoed = end + 1;
    }
  }
}
