/**
 * How a file spells its JSON: indentation, spaces, escapes, last newline. A site's file keeps its own style when Axle
 * rewrites it, and a new file on another site gets the style of the site where it was born.
 */
import { type Json, parseJson } from './json.js';

export type Style = {
  /** Spaces per level (4 for PHP's JSON_PRETTY_PRINT), "\t" for tabs, 0 for one line. */
  readonly indent: number | '\t';
  /** One-line form: a space after each colon and after each comma. */
  readonly colonSpace: boolean;
  readonly commaSpace: boolean;
  /** `/` is written `\/`, as PHP does unless told otherwise. */
  readonly escapeSlash: boolean;
  /** Characters beyond ASCII are written `\uXXXX`, as PHP does unless told otherwise. */
  readonly escapeUnicode: boolean;
  readonly finalNewline: boolean;
};

/** PHP's json_encode(JSON_PRETTY_PRINT), which wrote nearly every file there is. */
export const PHP_PRETTY: Style = {
  indent: 4,
  colonSpace: true,
  commaSpace: false,
  escapeSlash: true,
  escapeUnicode: true,
  finalNewline: false,
};

// An even number of backslashes before it is so many backslashes in the text, not part of the escape.
const ESCAPED_SLASH = /(?<!\\)(?:\\\\)*\\\//;
const ESCAPED_UNICODE = /(?<!\\)(?:\\\\)*\\u(?!00[01])[0-9a-fA-F]{4}/;

/** Reads the style off a valid JSON text. Where the text does not show one way or the other, PHP's habit is assumed. */
export function detectStyle(text: string): Style {
  const body = text.trimEnd();
  const indented = /^[[{]\s*?\n([ \t]*)/.exec(body);
  const gap = indented?.[1] ?? '';
  const outside = body.replace(/"(?:[^"\\]|\\.)*"/gs, '""');
  return {
    indent: indented === null ? 0 : gap.includes('\t') ? '\t' : gap.length,
    colonSpace: /:\s/.test(outside) || !outside.includes(':'),
    commaSpace: indented === null && /,\s/.test(outside),
    escapeSlash: ESCAPED_SLASH.test(body) || !body.includes('/'),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the range beyond ASCII is what is asked for
    escapeUnicode: ESCAPED_UNICODE.test(body) || !/[^\x00-\x7f]/.test(body),
    finalNewline: text.endsWith('\n'),
  };
}

/** Prints a tree in a style. `parseJson(printJson(x, s))` is x again, for every style. */
export function printJson(value: Json, style: Style): string {
  return print(value, style, '') + (style.finalNewline ? '\n' : '');
}

function print(value: Json, style: Style, gap: string): string {
  if (value.kind === 'scalar') return printScalar(value.text, style);
  const size = value.kind === 'array' ? value.items.length : value.entries.size;
  if (size === 0) return value.kind === 'array' ? '[]' : '{}';
  const inner = style.indent === 0 ? '' : gap + (style.indent === '\t' ? '\t' : ' '.repeat(style.indent));
  const parts: string[] = [];
  if (value.kind === 'array') for (const item of value.items) parts.push(print(item, style, inner));
  else {
    const colon = style.colonSpace ? ': ' : ':';
    for (const [key, item] of value.entries)
      parts.push(printScalar(JSON.stringify(key), style) + colon + print(item, style, inner));
  }
  const [open, close] = value.kind === 'array' ? ['[', ']'] : ['{', '}'];
  if (style.indent === 0) return open + parts.join(style.commaSpace ? ', ' : ',') + close;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${gap}${close}`;
}

function printScalar(text: string, style: Style): string {
  if (text[0] !== '"') return text;
  let out = text;
  if (style.escapeSlash && out.includes('/')) out = out.replaceAll('/', '\\/');
  if (style.escapeUnicode)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the range beyond ASCII is what is asked for
    out = out.replace(/[^\x00-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return out;
}

/** Reads a style from outside (a batch, the store); anything amiss falls back to PHP's. */
export function parseStyle(value: unknown): Style {
  if (typeof value !== 'object' || value === null) return PHP_PRETTY;
  const s = value as Record<string, unknown>;
  const indent =
    s.indent === '\t'
      ? '\t'
      : typeof s.indent === 'number' && s.indent >= 0 && s.indent <= 16
        ? Math.floor(s.indent)
        : 4;
  const flag = (key: keyof Style): boolean =>
    typeof s[key] === 'boolean' ? (s[key] as boolean) : (PHP_PRETTY[key] as boolean);
  return {
    indent,
    colonSpace: flag('colonSpace'),
    commaSpace: flag('commaSpace'),
    escapeSlash: flag('escapeSlash'),
    escapeUnicode: flag('escapeUnicode'),
    finalNewline: flag('finalNewline'),
  };
}

/** Parse and print again in the text's own style; undefined where the text is no JSON. For tests and `axle show`. */
export function reprint(text: string): string | undefined {
  const value = parseJson(text);
  return value === undefined ? undefined : printJson(value, detectStyle(text));
}
