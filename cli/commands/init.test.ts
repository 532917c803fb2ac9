/** `axle init`: what it writes is what check-config is content with. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadHubConfig, loadSpokeConfig } from '../../common/runtime/config.js';
import { configText } from '../init/config-text.js';
import { sitesHere } from '../init/machine.js';
import { axle } from '../testing/lab.js';

let dir = '';
let out = '';
let common: string[] = [];

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'axle-init-'));
  fs.mkdirSync(path.join(dir, 'userdata'));
  out = path.join(dir, 'etc/axle.yaml');
  common = ['--userdata', `${dir}/userdata`, '--state', `${dir}/state`, '--out', out];
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

describe('axle init', () => {
  it('writes a hub with all ways to reach a spoke', async () => {
    const spokes = ['rf=rofl.example', 'cfc=cfc.example:2222', 'home=pull', 'near=/var/lib/axle/near'];
    const ran = await axle('init', 'hub', '--site', 'ds', ...spokes.flatMap((s) => ['--spoke', s]), ...common);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect((await axle('check-config', out)).out).toBe(`${out}: good, for the hub ds\n`);
    const { spokes: made, state } = loadHubConfig(out);
    expect(made.map(({ site, link }) => [site, link.type])).toEqual([
      ['rf', 'ssh'],
      ['cfc', 'ssh'],
      ['home', 'pull'],
      ['near', 'folder'],
    ]);
    expect(made[1]?.link).toMatchObject({
      host: 'cfc.example',
      port: 2222,
      user: 'axle',
      key: `${state}/ssh/id_ed25519`,
    });
    expect(made[3]?.link).toMatchObject({ inbox: '/var/lib/axle/near/inbox/ds' });
    expect(fs.statSync(out).mode & 0o777).toBe(0o640);
    expect(ran.out).toContain('systemctl enable --now hub-distribute');
  });

  it.skipIf(process.getuid?.() !== 0)('prepares a site whose daemon has no capability', async () => {
    const args = ['init', 'spoke', '--site', 'rf', '--hub', 'ds=hub.example', '--no-keep-owner', ...common];
    fs.chownSync(path.join(dir, 'userdata'), 33, 33);
    const { out: said } = await axle(...args);
    expect(loadSpokeConfig(out).files).toMatchObject({ owner: 'www-data', keep_owner: false });
    expect(said).toContain(
      `runuser -u www-data -- setfacl -R -P -m u:axle:rwX,u:www-data:rwX,d:u:axle:rwX,d:u:www-data:rwX ${dir}/userdata\n`,
    );
    expect(said).toContain(
      `axle check-config --drop-in ${out} > /etc/systemd/system/sync-to-hub.service.d/site.conf\n`,
    );
    const { out: dropIn } = await axle('check-config', '--drop-in', out);
    expect(dropIn).toContain(`ReadWritePaths=-${dir}/userdata`);
    expect(dropIn).not.toContain('AmbientCapabilities=');
  });

  it('makes the key, and shows the line that lets it deliver and nothing else', async () => {
    fs.mkdirSync(path.join(dir, 'logs'));
    const args = ['init', 'spoke', '--site', 'rf', '--hub', 'ds=hub.example', '--pull', '--key', ...common];
    const { code, out: said } = await axle(...args);
    expect(code).toBe(0);
    expect(fs.statSync(path.join(dir, 'state/ssh/id_ed25519')).mode & 0o777).toBe(0o600);
    expect(said).toMatch(
      /restrict,command="rsync --server --daemon --config=\/var\/lib\/axle\/ds\/rsyncd\/rf\.conf \." ssh-ed25519 \S+ axle-rf\n/,
    );
    expect(said).toContain(`ssh-keyscan -t ed25519 -p 22 hub.example >> ${dir}/state/ssh/known_hosts`);
    const config = loadSpokeConfig(out);
    expect(config.hub.pull).toMatchObject({ interval_ms: 1000 });
    expect(config.log_file).toBe(`${dir}/logs/sync-daemon.log`);
    const key = fs.readFileSync(path.join(dir, 'state/ssh/id_ed25519'), 'utf8');
    expect((await axle(...args, '--force')).code).toBe(0);
    expect(fs.readFileSync(path.join(dir, 'state/ssh/id_ed25519'), 'utf8')).toBe(key);
  });

  it('never writes over a config unless it is told to', async () => {
    const args = ['init', 'spoke', '--site', 'rf', '--hub', 'ds=hub.example', ...common];
    await axle(...args);
    fs.writeFileSync(out, 'mine');
    const { code, err } = await axle(...args);
    expect(code).toBe(2);
    expect(err).toContain('--force');
    expect(fs.readFileSync(out, 'utf8')).toBe('mine');
    expect((await axle(...args, '--force')).code).toBe(0);
    loadSpokeConfig(out);
  });

  it('shows it only, with the steps beside it', async () => {
    const ran = await axle(
      'init',
      'spoke',
      '--site',
      'rf',
      '--hub',
      'ds=h',
      '--userdata',
      `${dir}/userdata`,
      '--out',
      '-',
    );
    expect(ran.out).toMatch(/^# A spoke/);
    expect(ran.err).toContain('Next:');
    expect(fs.readdirSync(dir)).toEqual(['userdata']);
  });

  it.each([
    ['neither hub nor spoke', ['peer']],
    ['a hub without spokes', ['hub', '--site', 'ds']],
    ['a spoke without a hub', ['spoke', '--site', 'rf']],
    ['a peer without a host', ['spoke', '--site', 'rf', '--hub', 'ds']],
    ['a bad name', ['spoke', '--site', 'R F', '--hub', 'ds=h']],
    ['a host that is an option', ['spoke', '--site', 'rf', '--hub', 'ds=-oProxyCommand=x']],
    ['a name that would be YAML', ['spoke', '--site', 'rf', '--hub', 'ds\nuserdata: /=h']],
    ['no userdata', ['spoke', '--site', 'rf', '--hub', 'ds=h', '--userdata', '/nowhere']],
  ])('refuses %s, and writes nothing', async (_what, args) => {
    const { code, err } = await axle('init', ...common, ...args);
    expect(code).toBe(2);
    expect(err).not.toBe('');
    expect(fs.existsSync(out)).toBe(false);
  });

  it('finds the sites of this machine', () => {
    for (const name of ['rofl-data/userdata', 'cfc-data', 'other'])
      fs.mkdirSync(path.join(dir, name), { recursive: true });
    expect(sitesHere(dir)).toEqual(['rofl']);
  });

  it('quotes what YAML would read as something else', () => {
    const plan = { role: 'spoke', site: 'no', userdata: '/a b', state: '/s', pull: false } as const;
    const text = configText({
      ...plan,
      peers: [],
      logFile: undefined,
      owner: undefined,
      keepsOwner: true,
      group: undefined,
    });
    expect(text).toContain('site: "no"\nuserdata: "/a b"\n');
  });
});
