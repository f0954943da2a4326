const PLAIN = /^(?:0|-?[1-9]\d*)$/;
const PARTS = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/**
 * The canonical text of a number that is written as JSON has it (reference authoring 3.2): an integer plainly, whatever else as
 * `D.DDDE<exponent>`. Decimal digits are kept exactly, whether a double holds them or not. Null: it would have more than `charsMax`
 * characters.
 */
export function canonicalNumber(written: string, charsMax: number): string | null {
  if (PLAIN.test(written)) return written.length <= charsMax ? written : null; // as nearly all are
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = PARTS.exec(written) ?? [];
  const significant = (whole + fraction).replace(/^0+/, "");
  if (significant === "") return "0";
  const digits = significant.replace(/0+$/, "");
  const shift = Number(exponent) - fraction.length + (significant.length - digits.length);
  if (!Number.isSafeInteger(shift) || shift > charsMax) return null;
  const text = shift >= 0 ? digits + "0".repeat(shift) : scientific(digits, shift + digits.length - 1);
  return sign.length + text.length <= charsMax ? sign + text : null;
}

const scientific = (digits: string, exponent: number): string => `${digits[0]}.${digits.slice(1) || "0"}E${exponent}`;
