import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseHubConfig, parseSpokeConfig } from './config.js';
import { sharedAcl, siteDropIn, siteDropInPath, UNITS } from './units.js';

const ROOT = join(import.meta.dirname, '..', '..');

function ofSpoke(more: string): string {
  const text = `site: roflfaucet\nuserdata: /var/roflfaucet-data/userdata\n${more}`;
  return siteDropIn({ role: 'spoke', config: parseSpokeConfig(text, 'spoke.yaml') });
}

const HUB = 'hub: { site: directsponsor, link: { type: ssh, host: hub.example.org } }\n';

describe("a site's drop-in", () => {
  it('opens the live files and the folder of the log, and nothing that the unit opens by itself', () => {
    const text = ofSpoke(`log_file: /var/roflfaucet-data/logs/sync-daemon.log\nsidecar: {}\n${HUB}`);
    expect(text).toContain('\nReadWritePaths=-/var/roflfaucet-data/userdata -/var/roflfaucet-data/logs\n');
    expect(text).toContain('\nRequiresMountsFor=/var/roflfaucet-data/userdata /var/roflfaucet-data/logs\n');
    expect(text).not.toContain('ProtectHome');
    expect(siteDropInPath('spoke')).toBe('/etc/systemd/system/sync-to-hub.service.d/site.conf');
  });

  it('opens a state, a socket and an inbox that lie elsewhere', () => {
    const config = `site: directsponsor
userdata: /srv/data
state: /srv/state
sidecar: { socket: /srv/sockets/axle.sock }
spokes:
  - { site: roflfaucet, link: { type: folder, inbox: /srv/rofl/inbox/directsponsor } }
`;
    const text = siteDropIn({ role: 'hub', config: parseHubConfig(config, 'hub.yaml') });
    expect(text).toContain('\nReadWritePaths=-/srv/data -/srv/state -/srv/sockets -/srv/rofl/inbox/directsponsor\n');
  });

  it('shows of all homes only the folders that are the site’s', () => {
    const text = ofSpoke(`log_file: /home/rofl/logs/sync.log\n${HUB}`);
    expect(text).toContain('\nProtectHome=tmpfs\nBindPaths=/home/rofl/logs\n');
  });

  it('gives three capabilities to keep the owner of files, and none where that is not wanted', () => {
    expect(ofSpoke(`files: { owner: www-data }\n${HUB}`)).toMatch(/^AmbientCapabilities=CAP_CHOWN CAP_DAC_OVERRIDE/m);
    const text = ofSpoke(`files: { owner: www-data, keep_owner: false }\n${HUB}`);
    expect(text).not.toMatch(/^(?:AmbientCapabilities|CapabilityBoundingSet|SystemCallFilter)=/m);
    expect(sharedAcl('www-data')).toBe('u:axle:rwX,u:www-data:rwX,d:u:axle:rwX,d:u:www-data:rwX');
    expect(() => ofSpoke(`files: { keep_owner: false }\n${HUB}`)).toThrow('files.keep_owner: needs files.owner');
  });

  it('writes paths that systemd takes as they are', () => {
    const text = ofSpoke(`log_file: '/srv/100% "ours"/\\log'\n${HUB}`);
    expect(text).toContain('"-/srv/100%% \\"ours\\""\n');
  });
});

describe('the units', () => {
  it.each(Object.values(UNITS))(
    '%s starts what is installed, and gives a reason above each line of its hardening',
    (unit) => {
      const text = readFileSync(join(ROOT, 'systemd', unit), 'utf8');
      expect(text).toMatch(
        /\nExecStart=\/opt\/axle\/current\/bin\/axle (hub|spoke|miner) --config \/etc\/axle\/\1\.yaml\n/,
      );
      const hardening = text.slice(text.indexOf('# --- What it may do'), text.indexOf('[Install]')).split('\n');
      const bare = hardening.filter((line, index) => {
        if (!/^\w+=/.test(line)) return false;
        // A reason may stand above two lines that belong together.
        const above = hardening.slice(Math.max(0, index - 2), index);
        return !above.some((one) => one.startsWith('#'));
      });
      expect(bare).toEqual([]);
    },
  );
});
