/**
 * JSON as miners send it: NUL at the end, commas missing or too many, bare nan and inf, raw newlines, cut off at 64 kB.
 *
 * Read token by token and never by blind replacing: the "nan" of a pool called binance is no number. What a reply was cut
 * in is dropped and not completed, which is why no general repairer is used here: `"Accepted":40` of `4057` would look
 * like a restarted counter, and count shares twice.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Deeper nesting than any miner's; deeper text is treated as cut off there. */
const DEPTH_MAX = 64;

/** What the text holds; absent when it holds no object and no list (HTML, words, nothing). */
export function parseTolerant(text: string | Uint8Array): Json | undefined {
  const decoded = typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
  try {
    const value: unknown = JSON.parse(decoded.replace(/\0+\s*$/, ''));
    return isContainer(value) && !decoded.includes('"__proto__"') ? value : repairJson(decoded);
  } catch {
    return repairJson(decoded);
  }
}

/** The slow way of `parseTolerant`, for every text. */
export function repairJson(text: string): Json | undefined {
  const reader = new Reader(text);
  const value = reader.document();
  if (reader.isCut && isContainer(value)) cutOff.add(value);
  return value;
}

const cutOff = new WeakSet<object>();

/** That the text of this value ended within something: a list in it may have had more entries. */
export function wasCut(value: Json): boolean {
  return isContainer(value) && cutOff.has(value);
}

function isContainer(value: unknown): value is Exclude<Json, null | boolean | number | string> {
  return typeof value === 'object' && value !== null;
}

/** Text that stands for no value: nan, inf, an unfinished token. */
const ABSENT = Symbol('absent');
type Read = Json | typeof ABSENT;

const SPACE = /[\s\0\ufeff]/;
/** Where a word without quotes ends. */
const WORD_END = /[\s\0,:{}[\]"]/;
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const NOT_A_VALUE = /^([-+]?(nan|inf|infinity)|null|none|undefined)$/i;

class Reader {
  readonly #text: string;
  #at = 0;
  /** The text ended within something: nothing that is still open may be completed. */
  #cut = false;

  constructor(text: string) {
    this.#text = text;
  }

  get isCut(): boolean {
    return this.#cut;
  }

  document(): Json | undefined {
    this.#skip(false);
    const first = this.#peek();
    // Some firmware loses the first bytes: `,"STATUS":…}` and `"STATUS":…}` are the inside of an object.
    if (first === ',' || first === '"') return this.#some(this.#object(1));
    if (first === '<' || first === '') return undefined;
    const start = this.#text.slice(this.#at).search(/[{[]/);
    if (start < 0) return undefined;
    this.#at += start;
    return this.#some(this.#value(0));
  }

  #some(read: Read): Json | undefined {
    return read === ABSENT || !isContainer(read) || Object.keys(read).length === 0 ? undefined : read;
  }

  #value(depth: number): Read {
    this.#skip(false);
    const next = this.#peek();
    if (next === '{' || next === '[') {
      if (depth >= DEPTH_MAX) {
        this.#cut = true;
        return ABSENT;
      }
      this.#at += 1;
      return next === '{' ? this.#object(depth + 1) : this.#list(depth + 1);
    }
    return next === '"' ? this.#string() : this.#word();
  }

  /** Its members, the opening brace being read. */
  #object(depth: number): Read {
    const members: Record<string, Json> = {};
    for (;;) {
      this.#skip(true);
      const next = this.#peek();
      if (next === '') {
        this.#cut = true;
        return members;
      }
      if (next === '}') {
        this.#at += 1;
        return members;
      }
      // A list is closed that this object stands in: it was never closed itself.
      if (next === ']') return members;
      if (next === '{' || next === '[' || next === ':') {
        // A value without a name.
        if (next === ':') this.#at += 1;
        this.#value(depth);
        if (this.#cut) return members;
        continue;
      }
      const key = this.#key();
      if (key === ABSENT) return members;
      this.#skip(false);
      let value: Read = null;
      if (this.#peek() === ':') {
        this.#at += 1;
        value = this.#value(depth);
      } else if (this.#peek() === '') {
        this.#cut = true;
        return members;
      }
      // An own member of that name would be somebody's prototype later.
      if (value !== ABSENT && key !== '__proto__') members[key] = value;
      if (this.#cut) return members;
    }
  }

  #key(): string | typeof ABSENT {
    if (this.#peek() === '"') return this.#string();
    const start = this.#at;
    while (this.#at < this.#text.length && !WORD_END.test(this.#peek())) this.#at += 1;
    const word = this.#text.slice(start, this.#at);
    // `""temp0":35`: the quote behind belongs to this name.
    if (this.#peek() === '"') this.#at += 1;
    if (this.#at >= this.#text.length) {
      this.#cut = true;
      return ABSENT;
    }
    return word;
  }

  #list(depth: number): Read {
    const items: Json[] = [];
    for (;;) {
      this.#skip(true);
      const next = this.#peek();
      if (next === '') {
        this.#cut = true;
        return items;
      }
      if (next === ']') {
        this.#at += 1;
        return items;
      }
      if (next === '}') return items;
      if (next === ':') {
        this.#at += 1;
        continue;
      }
      const item = this.#value(depth);
      this.#skip(false);
      if (typeof item === 'string' && !this.#cut && this.#peek() === ':') {
        // A list shaped like a dict: `["110":"2023-01-01"]`.
        this.#at += 1;
        const value = this.#value(depth);
        if (value !== ABSENT && item !== '__proto__') items.push({ [item]: value });
      } else if (item !== ABSENT) {
        items.push(item);
      } else if (!this.#cut) {
        // Its neighbours keep their places.
        items.push(null);
      }
      if (this.#cut) return items;
    }
  }

  #string(): string | typeof ABSENT {
    this.#at += 1;
    let text = '';
    for (;;) {
      const stop = this.#next('"', '\\');
      text += this.#text.slice(this.#at, stop);
      this.#at = stop + 1;
      if (stop >= this.#text.length) break;
      if (this.#text[stop] === '"') return text;
      text += this.#escape();
    }
    this.#cut = true;
    return ABSENT;
  }

  /** The place of the first of two characters, or the end of the text. */
  #next(one: string, other: string): number {
    for (let at = this.#at; at < this.#text.length; at += 1) {
      if (this.#text[at] === one || this.#text[at] === other) return at;
    }
    return this.#text.length;
  }

  /** What an escape stands for; one that JSON does not know stands for itself. */
  #escape(): string {
    const letter = this.#peek();
    this.#at += 1;
    if (letter === 'u') {
      const code = this.#text.slice(this.#at, this.#at + 4);
      if (!/^[0-9a-f]{4}$/i.test(code)) return letter;
      this.#at += 4;
      return String.fromCharCode(Number.parseInt(code, 16));
    }
    return { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }[letter] ?? letter;
  }

  #word(): Read {
    const start = this.#at;
    while (this.#at < this.#text.length && !WORD_END.test(this.#peek())) this.#at += 1;
    if (this.#at >= this.#text.length) {
      this.#cut = true;
      return ABSENT;
    }
    const word = this.#text.slice(start, this.#at);
    if (word === 'true') return true;
    if (word === 'false') return false;
    if (word === 'null') return null;
    if (NUMBER.test(word)) return Number.isFinite(Number(word)) ? Number(word) : ABSENT;
    return word === '' || NOT_A_VALUE.test(word) ? ABSENT : word;
  }

  #skip(commas: boolean): void {
    while (this.#at < this.#text.length) {
      const next = this.#peek();
      if (!SPACE.test(next) && !(commas && next === ',')) return;
      this.#at += 1;
    }
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }
}
