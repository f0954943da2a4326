/** Lines of left-aligned columns, two spaces apart; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of clean) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, Bun.stringWidth(cell));
  }
  return clean
    .map((row) =>
      row
        .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - Bun.stringWidth(cell)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** What a device says must not steer the terminal of whoever reads it. */
export const printable = (cell: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: replacing them is the point
  cell.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
