/** Colours where they are wanted, and columns. */

export type Paint = {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
};

export function painter(colour: boolean): Paint {
  const with_ = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { bold: with_(1), dim: with_(2), good: with_(32), warn: with_(33), bad: with_(31) };
}

/** Whether a stream shows colours: a terminal whose owner has not said no. */
export function wantsColour(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true && (process.env.NO_COLOR ?? '') === '';
}

/** What comes from a file or from another machine must not move the cursor. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}

/** Rows in columns, two blanks between them; colours do not count as width. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, plain(cell).length);
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] ?? 0) - plain(cell).length)))
      .join('  ')
      .trimEnd(),
  );
}

function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours are what it is for.
  return text.replace(/\u001b\[\d+m/g, '');
}

/** `1,234` */
export function count(number: number): string {
  return Math.round(number).toLocaleString('en');
}
