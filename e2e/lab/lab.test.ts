import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasCgroups } from './cgroup.js';
import { Lab } from './lab.js';
import { labFolder, mountsUnder } from './mounts.js';
import { namespacesOf } from './network.js';
import { inCgroup, withArgument } from './processes.js';
import { needsLab } from './skip.js';
import { setUpSsh, sshFiles } from './ssh.js';

describe.skipIf(needsLab('the lab itself'))('a lab of two real hosts', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.up({ hosts: ['directsponsor', 'roflfaucet'] });
  }, 90_000);

  afterAll(async () => {
    await lab?.down();
  }, 30_000);

  const hub = () => lab.host('directsponsor');
  const spoke = () => lab.host('roflfaucet');

  it('gives each host its own name, machine id, address and systemd', async () => {
    const ids = new Set<string>();
    for (const host of lab.hosts) {
      const { stdout } = await host.sh('hostname; cat /etc/machine-id; ip -4 -o addr show host0; cat /proc/1/comm');
      const [name, id = '', address, init] = stdout.split('\n');
      expect(name).toBe(host.name);
      expect(address).toContain(`${host.address}/24`);
      expect(init).toBe('systemd');
      ids.add(id);
    }
    expect(ids.size).toBe(2);
  });

  it("counts only a host's own processes as its own", async () => {
    for (const host of lab.hosts) {
      expect((await host.run(['systemctl', 'restart', 'ssh'], { timeoutMs: 10_000 })).code).toBe(0);
      const { stdout } = await host.sh('cat /sys/fs/cgroup/{,unified/,systemd/}system.slice/ssh.service/cgroup.procs');
      // A process of another host would be listed with the pid 0.
      expect(stdout.trim().split('\n')).not.toContain('0');
    }
  });

  it('reports how a command ended, and ends one that takes too long', async () => {
    expect(await spoke().sh('echo out; echo err >&2; exit 3')).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' });
    expect(await spoke().run(['echo', '$(hostname) ; *'])).toMatchObject({ code: 0, stdout: '$(hostname) ; *\n' });
    const late = await spoke().sh('sleep 54321', { timeoutMs: 300 });
    expect(late.code).toBe(137);
    expect((await spoke().run(['pgrep', '-f', 'sleep 54321'])).code).toBe(1);
  });

  it('shares files with this machine both ways, inotify events included', async () => {
    spoke().write('/var/tmp/axle-watch/old.txt', 'old');
    const program = `
      const fs = require('fs'), folder = '/var/tmp/axle-watch';
      fs.watch(folder, (_event, name) => {
        if (fs.readFileSync(folder + '/' + name, 'utf8') === 'from outside') process.exit(7);
      });
      fs.writeFileSync('/var/tmp/axle-watch/ready.txt', 'ready');
      setTimeout(() => process.exit(1), 5000);`;
    const watching = spoke().run([process.execPath, '-e', program], { timeoutMs: 10_000 });
    await expect.poll(() => existsSync(spoke().path('/var/tmp/axle-watch/ready.txt')), { timeout: 5_000 }).toBe(true);
    spoke().write('/var/tmp/axle-watch/new.txt', 'from outside');
    expect((await watching).code).toBe(7);
    expect(existsSync(hub().path('/var/tmp/axle-watch'))).toBe(false);
    expect(() => spoke().path('/run/secret')).toThrow(/not on roflfaucet's disk/);
  });

  it('lets hosts reach each other over ssh with the restricted account only', async () => {
    await setUpSsh(lab);
    const { key, knownHosts } = sshFiles('roflfaucet');
    const ssh = ['ssh', '-i', key, '-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'BatchMode=yes'];
    const cat = await spoke().run([...ssh, `axle@${hub().address}`, 'cat /etc/passwd']);
    expect(cat.stdout).not.toContain('root:');

    const inbox = '/var/lib/axle/directsponsor/inbox';
    hub().write(`${inbox}/.keep`, '');
    await hub().must(['chown', '-R', 'axle:', inbox]);
    const module = `use chroot = no\n[inbox]\n  path = ${inbox}\n  read only = no\n  write only = yes\n`;
    hub().write('/var/lib/axle/directsponsor/rsyncd/roflfaucet.conf', module);
    spoke().write('/var/tmp/batch.1', 'a batch');
    const rsync = ['rsync', '-e', ssh.join(' '), '/var/tmp/batch.1', `axle@${hub().address}::inbox/`];
    expect(await spoke().run(rsync)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(hub().read(`${inbox}/batch.1`)).toBe('a batch');
  });

  it('cuts a host off, lets it come back, and keeps its disk over a reboot', async () => {
    const ping = () => spoke().run(['bash', '-c', `timeout 1 bash -c '</dev/tcp/${hub().address}/22'`]);
    expect((await ping()).code).toBe(0);
    await hub().cut();
    expect((await ping()).code).not.toBe(0);
    await hub().heal();
    await expect.poll(async () => (await ping()).code, { timeout: 10_000 }).toBe(0);

    hub().write('/var/lib/kept.txt', 'kept');
    await hub().powerCycle();
    expect((await hub().run(['cat', '/var/lib/kept.txt'])).stdout).toBe('kept');
    expect((await ping()).code).toBe(0);
    expect(await hub().journal('ssh')).toContain('Server listening');
  }, 120_000);

  it('reboots a host in order: what runs there is told, and it boots again', async () => {
    const boot = async () => (await spoke().must(['cat', '/etc/machine-id', '/proc/1/stat'])).trim();
    const before = await boot();
    spoke().write(
      '/etc/systemd/system/told.service',
      '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/touch /var/lib/told\n',
    );
    await spoke().must(['systemctl', 'daemon-reload']);
    await spoke().must(['systemctl', 'start', 'told.service']);
    await spoke().reboot();
    expect(existsSync(spoke().path('/var/lib/told'))).toBe(true);
    expect(await boot()).not.toBe(before);
  }, 120_000);

  it('leaves another lab alone, and leaves nothing behind', async () => {
    const second = await Lab.up({ hosts: ['directsponsor'] });
    expect(tracesOf(second.id)).not.toEqual(NOTHING);
    await second.down();
    expect(tracesOf(second.id)).toEqual(NOTHING);
    expect((await hub().run(['hostname'])).stdout).toBe('directsponsor\n');
  }, 60_000);

  it('is swept away once the process that owns it has died', async () => {
    const owner = spawn('sleep', ['120'], { stdio: 'ignore' });
    const second = await Lab.up({ hosts: ['directsponsor'], owner: owner.pid ?? 0 });
    expect(await Lab.sweep()).not.toContain(second.id);
    await new Promise((ended) => owner.once('exit', ended).kill());
    // A lab that another test file brings up at this moment may sweep it before we do; it must be gone either way.
    await Lab.sweep();
    await expect.poll(() => tracesOf(second.id), { timeout: 10_000 }).toEqual(NOTHING);
  }, 60_000);
});

const NOTHING = { mounts: [], namespaces: [], processes: [], folder: false, cgroups: false };

/** Everything on this machine that still belongs to a lab of one host. */
function tracesOf(id: string) {
  return {
    mounts: mountsUnder(labFolder(id)),
    namespaces: namespacesOf(id),
    processes: [...withArgument(`--machine=${id}-directsponsor`), ...inCgroup(id)],
    folder: existsSync(labFolder(id)),
    cgroups: hasCgroups(id),
  };
}
