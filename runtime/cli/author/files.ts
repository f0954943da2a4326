import { err, ok, type Result } from "../../result.ts";
import { readText } from "../text.ts";

/** All of a file that the user named, as text; `-` is stdin. The error is a sentence. Links and pipes are followed, as usual. */
export async function textOf(path: string, what: string, bytesMax: number): Promise<Result<string, string>> {
  try {
    const text = await readText(path, bytesMax);
    return text === null ? err(`${what} ${path}: it has more than ${bytesMax} bytes, or is no UTF-8`) : ok(text);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return err(`${what} ${path}: it cannot be read (${code ?? String(thrown)})`);
  }
}

export const PEM_BYTES_MAX = 1 << 20;
export const STATE_BYTES_MAX = 1 << 20; // as the runtime has it
