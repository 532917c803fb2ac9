/** What the daemons log as JSON lines, as far as the demo shows it. */

export type DemoEvent = {
  readonly level: string;
  readonly event: string;
  /** The site whose daemon said it. */
  readonly site: string;
  readonly document?: string;
  /** For `materialised`: where the change came from. */
  readonly from?: string;
  /** For `materialised`: from the change at its site to the live file here. */
  readonly ms?: number;
  readonly code?: string;
  readonly hint?: string;
  /** Everything, to be passed on as it was said. */
  readonly raw: Readonly<Record<string, unknown>>;
};

/** One line of a daemon's stdout; undefined where it is no log entry. */
export function parseEvent(line: string, site: string): DemoEvent | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return undefined;
  const fields = raw as Record<string, unknown>;
  if (typeof fields.event !== 'string' || typeof fields.level !== 'string') return undefined;
  return {
    level: fields.level,
    event: fields.event,
    site,
    ...text(fields, 'document'),
    ...text(fields, 'from'),
    ...text(fields, 'code'),
    ...text(fields, 'hint'),
    ...(typeof fields.ms === 'number' ? { ms: fields.ms } : {}),
    raw: { ...fields, site },
  };
}

function text<K extends string>(fields: Record<string, unknown>, key: K): { [P in K]?: string } {
  const value = fields[key];
  return (typeof value === 'string' ? { [key]: value } : {}) as { [P in K]?: string };
}
