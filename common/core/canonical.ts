/**
 * One spelling for equal data, so that two replicas can compare what they hold by a digest. Every replica stores its
 * states in it: the order in which a record's keys arrived differs from site to site, and means nothing.
 */
declare const canonical: unique symbol;

/** JSON text as `canonicalText` writes it. */
export type CanonicalText = string & { readonly [canonical]: true };

/** Any JSON value as text, the keys of every object in the order of their code units, nothing between the tokens. */
export function canonicalText(value: unknown): CanonicalText {
  return write(value) as CanonicalText;
}

function write(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    let text = '[';
    for (let i = 0; i < value.length; i++) text += i === 0 ? write(value[i]) : `,${write(value[i])}`;
    return `${text}]`;
  }
  const record = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(record);
  if (keys.length > 1) keys.sort();
  let text = '';
  for (const key of keys) {
    const item = record[key];
    if (item === undefined) continue;
    text += `${text === '' ? '{' : ','}${JSON.stringify(key)}:${write(item)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}
