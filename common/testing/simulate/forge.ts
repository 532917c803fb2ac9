/** A batch of a site that claims credits of another: what a hub must not believe. */
import { createHash } from 'node:crypto';
import type { BatchHeader } from '../../core/batch.js';
import type { DocState } from '../../core/state.js';
import { HUB } from './cast.js';

/** The batch with a thousand credits of the hub in every counter, correctly signed. Others come back as they are. */
export function forge(text: string): string {
  const [head, ...lines] = text.trimEnd().split('\n');
  const { digest: _, ...header } = JSON.parse(head as string) as BatchHeader;
  const forged = lines.map((line) => {
    const document = JSON.parse(line) as { s: DocState };
    if (document.s.counters === undefined) return `${line}\n`;
    const counters = Object.fromEntries(
      Object.entries(document.s.counters).map(([path, counter]) => [
        path,
        { ...counter, by: { ...counter.by, [`${HUB}~00000bad`]: ['1000', '0'] } },
      ]),
    );
    return `${JSON.stringify({ ...document, s: { ...document.s, counters } })}\n`;
  });
  const open = JSON.stringify(header);
  const digest = createHash('sha256')
    .update(`${open}\n${forged.join('')}`)
    .digest('hex');
  return `${open.slice(0, -1)},"digest":"${digest}"}\n${forged.join('')}`;
}
