import type { GenericSchema } from "valibot";
import { EXIT_USAGE, type Out } from "../command.ts";
import { printable } from "../table.ts";
import type { Question } from "./ask.ts";
import { EXIT } from "./exits.ts";

/** Asks the hub of the last login and hands the answer on; otherwise says why not. Ends with the exit code. */
export async function call<T>(
  question: Question,
  wanted: GenericSchema<unknown, T>,
  out: Out,
  use: (answer: T) => void,
): Promise<number> {
  const { readAccount } = await import("./account.ts");
  const { askHub, explainAsk } = await import("./ask.ts");
  const account = await readAccount(process.env);
  if (!account.ok) {
    out.complain(account.error);
    return EXIT_USAGE;
  }
  const answer = await askHub(account.value, question, wanted);
  if (!answer.ok) {
    out.complain(printable(explainAsk(answer.error)));
    return answer.error.kind === "refused" ? EXIT.refused : EXIT.noAnswer;
  }
  use(answer.value);
  return EXIT.done;
}
