/** What the operator reads of anti-entropy: every repair with its count, every difference once, every loss with its remedy. */
import type { Difference } from '../link/stuck.js';
import type { Log } from '../runtime/log.js';

/** Names in one line of the log. */
const NAMES_MAX = 10;

export class RepairLog {
  /** Documents repaired here since the start. */
  repaired = 0;

  constructor(
    readonly site: string,
    readonly log: Log,
  ) {}

  noteRepaired(peer: string, names: readonly string[], how: 'compared' | 'sent again'): void {
    this.repaired += names.length;
    this.log.warn('repaired', {
      site: this.site,
      peer,
      code: 'AXL-REPAIRED',
      how,
      count: names.length,
      total: this.repaired,
      documents: some(names),
    });
  }

  differs(peer: string, differences: readonly Difference[]): void {
    if (differences.length === 0) return;
    this.log.error('differs', {
      site: this.site,
      peer,
      code: 'AXL-DIFFERS',
      count: differences.length,
      documents: some(differences.map(({ name }) => name)),
      hint: 'both sides sent what they may, and still hold different things: run `axle verify` on both; it is tried again. If the hub was restored and a site is gone that had more, run `axle rebuild` at the hub',
    });
  }

  damaged(name: string, isUnsent: boolean): void {
    this.log.error('damaged', {
      document: name,
      site: this.site,
      code: 'AXL-DAMAGED',
      hint: isUnsent
        ? 'its stored state was damaged before everything in it was sent: it is rebuilt from the peers, and what nobody else had is kept in userdata/.axle/conflicts and listed as held'
        : 'its stored state was damaged: it is rebuilt from the peers, the old text is in userdata/.axle/conflicts. Look at the disk (smartctl, dmesg)',
    });
  }

  rebuilding(waiting: readonly string[], documents: number, told: readonly string[]): void {
    this.log.warn('rebuilding', {
      site: this.site,
      code: 'AXL-HUB-REBUILDING',
      documents,
      told: told.join(', ') || 'nobody yet',
      waiting: waiting.join(', '),
      hint: 'the state of this hub is lost or an old copy: it takes what its spokes hold. If no spoke has a state either, stop all, remove userdata/.axle/replica here, and start again',
    });
  }

  rebuilt(peer: string, repaired: number): void {
    this.repaired += repaired;
    this.log.warn('rebuilt', {
      site: this.site,
      peer,
      code: 'AXL-REPAIRED',
      how: 'rebuilt',
      count: repaired,
      total: this.repaired,
    });
  }
}

function some(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  return names.slice(0, NAMES_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
