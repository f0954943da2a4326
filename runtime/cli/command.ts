/** A command is a value: parser, help and tests read the same one (and so will completion). */

/** `texts` may be given several times. */
type FlagKind = "switch" | "text" | "texts";

export interface Flag<Kind extends FlagKind = FlagKind> {
  readonly kind: Kind;
  /** One letter, `-s`. */
  readonly short: string | null;
  readonly summary: string;
}

export const flag = {
  switch: (summary: string, short: string | null = null): Flag<"switch"> => ({ kind: "switch", short, summary }),
  text: (summary: string, short: string | null = null): Flag<"text"> => ({ kind: "text", short, summary }),
  texts: (summary: string, short: string | null = null): Flag<"texts"> => ({ kind: "texts", short, summary }),
} as const;

export interface Operand<Needed extends boolean = boolean, Many extends boolean = boolean> {
  readonly needed: Needed;
  /** Takes every word that is left; stands last. */
  readonly many: Many;
  readonly summary: string;
}

export const operand = {
  needed: (summary: string): Operand<true, false> => ({ needed: true, many: false, summary }),
  optional: (summary: string): Operand<false, false> => ({ needed: false, many: false, summary }),
  many: (summary: string): Operand<false, true> => ({ needed: false, many: true, summary }),
} as const;

type Flags = Readonly<Record<string, Flag>>;
type Operands = Readonly<Record<string, Operand>>;

/** What `run` gets: switches are true or false, a text that was not given is null, texts and an operand of many are lists. */
export type Values<F extends Flags, O extends Operands> = {
  readonly [K in keyof F]: F[K] extends Flag<"switch">
    ? boolean
    : F[K] extends Flag<"texts">
      ? readonly string[]
      : string | null;
} & {
  readonly [K in keyof O]: O[K] extends Operand<boolean, true>
    ? readonly string[]
    : O[K] extends Operand<true>
      ? string
      : string | null;
};

/** The same, before a command's own types are known. */
export type ParsedValues = Readonly<Record<string, string | boolean | null | readonly string[]>>;

/** Where a command writes. */
export interface Out {
  /** A line, or several, for stdout; adds the end of line. */
  print(text: string): void;
  /** The same for stderr. */
  complain(text: string): void;
  /** Bytes as they are for stdout; returns when they are taken. */
  write(bytes: Uint8Array): void;
  /** Shows how far something is in one line that is written again and again; null: stdout is no terminal, so print whole lines. */
  readonly progress: ((line: string) => void) | null;
}

export interface Command {
  readonly kind: "command";
  readonly name: string;
  /** Other names it answers to; help shows the first name only. */
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly example: string;
  readonly flags: Flags;
  /** In the order in which they are given; optional ones come last. */
  readonly operands: Operands;
  /** Exit code → what it means. */
  readonly exits: Readonly<Record<number, string>>;
  /** Ends with the exit code. */
  run(values: ParsedValues, out: Out): Promise<number>;
}

export interface CommandGroup {
  readonly kind: "group";
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly example: string;
  readonly members: readonly (Command | CommandGroup)[];
}

export function command<F extends Flags, O extends Operands>(
  name: string,
  spec: {
    readonly aliases?: readonly string[];
    readonly summary: string;
    readonly example: string;
    readonly flags: F;
    readonly operands: O;
    readonly exits: Readonly<Record<number, string>>;
    readonly run: (values: Values<F, O>, out: Out) => Promise<number>;
  },
): Command {
  return {
    kind: "command",
    name,
    aliases: [],
    ...spec,
    // The parser fills exactly these flags and operands, each in the shape that its kind promises.
    run: (values, out) => spec.run(values as Values<F, O>, out),
  };
}

export const group = (
  name: string,
  spec: {
    readonly aliases?: readonly string[];
    readonly summary: string;
    readonly example: string;
    readonly members: readonly (Command | CommandGroup)[];
  },
): CommandGroup => ({ kind: "group", name, aliases: [], ...spec });

/** Exit code of a command line that names no command, or gives it wrong arguments. */
export const EXIT_USAGE = 2;
