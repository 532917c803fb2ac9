/** A quarter of an hour of a hub with three sites, made up from a seed: for the picture in the README, and for odd names. */
import { SILENT } from '../../runtime/log.js';
import { Activity } from '../../site/activity.js';
import type { PeerStatus, SiteStatus } from '../../site/status.js';
import { mulberry32 } from '../../testing/random.js';
import type { PageSource } from '../live.js';
import type { HeldRow } from '../view.js';

const USERS = ['1-andy', '2-bob', ...[7, 12, 19, 23, 31, 44].map((n) => `${n}-user${n}`)];

/** Changes a second, and how long they take. */
const RATES = [0.95, 0.6, 0.1];
const TOOK_MS = [16, 21, 58];

export class Sample implements PageSource {
  readonly activity: Activity;
  now = Date.UTC(2026, 10, 21, 14, 32, 8);
  peers: PeerStatus[];
  heldRows: HeldRow[] = [];
  more: Partial<SiteStatus> = {};

  constructor(readonly sites: readonly string[] = ['roflfaucet', 'clickforcharity', 'homeserver']) {
    this.activity = new Activity('directsponsor', SILENT, 'sample', () => this.now);
    this.peers = sites.map((site, n) => ({ site, isUp: true, behind: 0, heard_ms_ago: 700 + n * 1_900 }));
  }

  /** Changes of all sites, a second at a time, up to now. */
  quarterOfAnHour(): this {
    const random = mulberry32(7);
    const { now, activity } = this;
    for (this.now = now - 900_000; this.now < now - 1_000; this.now += 1_000) {
      const age = (now - this.now) / 1000;
      const busy = 0.5 + 0.32 * Math.sin(age / 95) + (age > 300 && age < 350 ? 2.5 : 0);
      for (const [n, from] of this.sites.entries()) {
        if (random() > busy * (RATES[n % 3] ?? 0)) continue;
        const ms = Math.round(
          (TOOK_MS[n % 3] ?? 0) * (0.8 + 0.5 * random()) +
            (random() < 0.03 ? 60 : 0) +
            (age > 300 && age < 350 ? 25 : 0),
        );
        const user = USERS[Math.floor(random() * USERS.length)];
        const kind = random() < 0.85 ? 'balances' : 'profiles';
        activity.log.info('materialised', { document: `${kind}/${user}`, site: 'directsponsor', from, ms });
      }
      if (age === 640)
        activity.log.warn('peer down', {
          site: 'directsponsor',
          peer: 'homeserver',
          code: 'connection-timeout',
          reason: 'ssh: no answer',
          hint: 'Check that the peer is up and that the network and firewall let ssh through.',
        });
      if (age === 610) activity.log.info('peer up', { site: 'directsponsor', peer: 'homeserver' });
      if (age === 4)
        activity.log.warn('repaired', {
          site: 'directsponsor',
          peer: 'homeserver',
          code: 'AXL-REPAIRED',
          how: 'compared',
          count: 2,
          total: 2,
        });
    }
    this.now = now;
    return this;
  }

  status(): SiteStatus {
    return {
      site: 'directsponsor',
      role: 'hub',
      version: '0.1.0',
      replica: 'directsponsor~1',
      phase: 'ready',
      isReady: true,
      userdata: '/var/directsponsor-data/userdata',
      state: '/var/lib/axle/directsponsor',
      started_at: this.now - 9 * 86_400_000 - 4_000_000,
      changed_at: this.now,
      now: this.now,
      documents: 24_817,
      peers: this.peers,
      backlog: { looks: 0, files: 0 },
      held: this.heldRows.length,
      overdrawn: 0,
      repaired: 2,
      arrivals: this.activity.arrivals,
      counts: Object.fromEntries(this.activity.counts),
      troubles: [],
      ...this.more,
    };
  }

  held(limit: number): readonly HeldRow[] {
    return this.heldRows.slice(0, limit);
  }
}
