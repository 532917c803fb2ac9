/**
 * A log entry as text. Pure. One entry is always one line: whatever stands in a document's name, a username or an error
 * of a peer cannot begin a line of its own, or move a terminal's cursor.
 */

export type Level = 'error' | 'warn' | 'info' | 'debug';

/**
 * Well-known fields: `document` leads the line, `code` (AXL-…) names a warning for search, `hint` says what the operator
 * does now and ends the line. Units are in names: `ms`, `bytes`.
 */
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

export type Entry = {
  readonly time: Date;
  readonly level: Level;
  readonly event: string;
  readonly fields: Fields;
};

/** `balances/1-andy materialised from=roflfaucet ms=38 seq=12` */
export function renderLine(entry: Entry): string {
  const { document, hint, ...rest } = entry.fields;
  const parts = document === undefined ? [] : [formatValue(document)];
  parts.push(escapeControls(entry.event));
  for (const [key, value] of Object.entries(rest)) {
    if (value !== undefined) parts.push(`${key}=${formatValue(value)}`);
  }
  if (hint !== undefined) parts.push(`— ${escapeControls(String(hint))}`);
  return parts.join(' ');
}

/** With sd-daemon's priority, which journald takes off again: `<4>balances/1-andy torn code=AXL-TORN`. */
export function renderJournal(entry: Entry): string {
  return `<${PRIORITIES[entry.level]}>${renderLine(entry)}`;
}

/** For people: `14:02:11.042 warn  balances/1-andy torn code=AXL-TORN`. Local time. */
export function renderTerminal(entry: Entry, colour: boolean): string {
  const { time, level } = entry;
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0'));
  const stamp = `${clock.join(':')}.${String(time.getMilliseconds()).padStart(3, '0')}`;
  const line = `${level.padEnd(5)} ${renderLine(entry)}`;
  return colour ? `\u001b[2m${stamp}\u001b[0m ${COLOURS[level]}${line}\u001b[0m` : `${stamp} ${line}`;
}

/** For a file: as for a terminal, but with the whole time in UTC. */
export function renderFile(entry: Entry): string {
  return `${entry.time.toISOString()} ${entry.level.padEnd(5)} ${renderLine(entry)}`;
}

/** For programs: `{"time":"…","level":"info","event":"materialised","document":"balances/1-andy","ms":38}`. */
export function renderJson(entry: Entry): string {
  // The fields come first, so that none of them can replace the time, the level or the event.
  const { time: _time, level: _level, event: _event, ...fields } = entry.fields;
  return JSON.stringify({ time: entry.time.toISOString(), level: entry.level, event: entry.event, ...fields });
}

const PRIORITIES: Readonly<Record<Level, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

const COLOURS: Readonly<Record<Level, string>> = {
  error: '\u001b[31m',
  warn: '\u001b[33m',
  info: '',
  debug: '\u001b[2m',
};

const PLAIN = /^[\p{L}\p{N}_./:@~+,%*-]+$/u;

function formatValue(value: string | number | boolean): string {
  const text = String(value);
  return PLAIN.test(text) ? text : escapeControls(JSON.stringify(text));
}

// C0 and C1 controls, line and paragraph separators, and the marks that turn the direction of text around.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is what it is for.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function escapeControls(text: string): string {
  return text.replace(CONTROLS, (char) => {
    if (char === '\n') return '\\n';
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
