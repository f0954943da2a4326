/** What a device's record of a failure says of it; null: nothing. */
export interface Failed {
  readonly reason: string | null;
  readonly message: string | null;
  readonly container: string | null;
  readonly exit: { readonly code: number } | { readonly signal: string | number } | null;
}

/** In one line for people; none when the record says nothing. */
export function whatFailed({ reason, message, container, exit }: Failed): readonly string[] {
  const what = [
    container === null ? null : `container ${container}`,
    reason,
    message,
    exit === null ? null : "code" in exit ? `exit code ${exit.code}` : `killed by signal ${exit.signal}`,
  ].filter((part) => part !== null && part !== "");
  return what.length === 0 ? [] : [what.join(": ")];
}
