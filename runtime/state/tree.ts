/**
 * The keys of a state as a tree of files. Kept sorted with "/" replaced by NUL (which no key may hold), so that everything below a
 * folder follows the folder's own name directly: `a`, `a/b`, `a-b`, where plain order would give `a`, `a-b`, `a/b`.
 */
export class FileTree {
  private readonly sorted: readonly string[];
  private readonly keys: ReadonlySet<string>;

  constructor(keys: readonly string[]) {
    this.keys = new Set(keys);
    this.sorted = keys.map((key) => key.replaceAll("/", "\0")).sort();
  }

  has(key: string): boolean {
    return this.keys.has(key);
  }

  /** Is there a file somewhere below `folder`? */
  hasBelow(folder: string): boolean {
    const prefix = `${folder.replaceAll("/", "\0")}\0`;
    let [low, high] = [0, this.sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.sorted[middle] ?? "") < prefix) low = middle + 1;
      else high = middle;
    }
    return this.sorted[low]?.startsWith(prefix) ?? false;
  }

  /** Pairs of keys of which the first would have to be a file and a folder at once. */
  conflicts(): readonly (readonly [file: string, below: string])[] {
    return this.sorted.flatMap((key, at) => {
      const next = this.sorted[at + 1];
      if (next === undefined || !next.startsWith(`${key}\0`)) return [];
      return [[key.replaceAll("\0", "/"), next.replaceAll("\0", "/")] as const];
    });
  }
}
