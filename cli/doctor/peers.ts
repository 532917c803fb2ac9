/** The way to each peer: host key, our key, and that it can do nothing there but deliver. */
import fs from 'node:fs';
import { failureOf } from '../../common/link/rsync-exit.js';
import { checkPeer, type SshPeer, sshOptions } from '../../common/link/ssh-args.js';
import type { LinkConfig } from '../../common/runtime/config.js';
import { sshPeer } from '../../common/site/compose.js';
import { type Check, type Code, type Finding, fail, firstLine, ok, type Subject, warn } from './finding.js';

export const checkPeers: Check = async (subject) => {
  const findings: Finding[] = [];
  for (const { site, link } of peersOf(subject)) findings.push(...(await checkLink(subject, site, link)));
  return findings;
};

function peersOf({ config }: Subject): readonly { readonly site: string; readonly link: LinkConfig }[] {
  return config.role === 'hub' ? config.config.spokes : [config.config.hub];
}

async function checkLink(subject: Subject, site: string, link: LinkConfig): Promise<Finding[]> {
  // It comes to us.
  if (link.type === 'pull') return [];
  if (link.type === 'ssh') return checkSsh(subject, site, sshPeer(subject.config.config, link));
  try {
    fs.accessSync(link.inbox, fs.constants.W_OK);
    return [ok('AXL-PEER-FOLDER', `${site}: ${link.inbox} can be written`)];
  } catch (error) {
    const remedy = `start the daemon of ${site} once, which makes it, and let this daemon's account write there`;
    return [fail('AXL-PEER-FOLDER', `${site}: ${(error as Error).message}`, remedy)];
  }
}

/** Said by a shell, where a key opens one. */
const WORD = 'axle-doctor-shell';

async function checkSsh(subject: Subject, site: string, peer: SshPeer): Promise<Finding[]> {
  checkPeer(peer);
  const missing = [peer.keyFile, peer.knownHostsFile].filter((file) => !fs.existsSync(file));
  if (missing.length > 0)
    return missing.map((file) =>
      fail(
        'AXL-KEY-MISSING',
        `${site}: ${file} is missing, or may not be looked at`,
        file === peer.keyFile
          ? `make it as the daemon's account: ssh-keygen -t ed25519 -N '' -f ${file}; then give ${file}.pub to ${site}`
          : `pin its key, compared on its console: ssh-keyscan -p ${peer.port} ${peer.host} > ${file}`,
      ),
    );
  const { run } = subject;
  const asked = await run('ssh', [...options(peer), '--', peer.host, 'echo', WORD]);
  const where = `${site} (${peer.user}@${peer.host}:${peer.port ?? 22})`;
  if (asked.stdout.includes(WORD)) return [shellFinding(where, 'runs commands')];
  if (!asked.stdout.startsWith('@RSYNCD:')) return [failureFinding(where, asked)];
  const findings = [ok('AXL-HOST-KEY', `${where}: answers with the pinned host key, and takes our key`)];
  // What `restrict` refuses; where it was left out, the forwarding gets as far as a port that nobody listens on.
  const forward = await run('ssh', [...options(peer), '-W', '127.0.0.1:1', '--', peer.host]);
  const isForwarded = /connect failed|Connection refused/i.test(forward.stderr) && !/prohibited/i.test(forward.stderr);
  findings.push(
    isForwarded
      ? shellFinding(where, 'forwards connections')
      : ok('AXL-FORCED-COMMAND', `${where}: our key can do nothing there but deliver`),
  );
  return findings;
}

/** Told at INFO why a forwarding was refused: the first of two settings counts. */
function options(peer: SshPeer): string[] {
  return ['-o', 'LogLevel=INFO', ...sshOptions(peer, 'none')];
}

function shellFinding(where: string, what: string): Finding {
  return fail(
    'AXL-FORCED-COMMAND',
    `${where}: our key ${what} there: its line in authorized_keys has no restrict,command="…"`,
    'write the line that axle init --out - shows into authorized_keys there, and remove every other one with this key',
  );
}

const CODES: Readonly<Record<string, Code>> = {
  'host-key-changed': 'AXL-HOST-KEY',
  'host-key-unknown': 'AXL-HOST-KEY',
  'key-refused': 'AXL-KEY-REFUSED',
  'key-unreadable': 'AXL-KEY-REFUSED',
  'program-missing': 'AXL-PEER-RSYNC',
};

function failureFinding(where: string, asked: Parameters<typeof failureOf>[0]): Finding {
  const { code, hint } = failureOf(asked, 'ssh');
  const known = CODES[code];
  if (known === undefined && asked.code === 0)
    return warn(
      'AXL-FORCED-COMMAND',
      `${where}: something else than rsync answers our key: ${firstLine(asked)}`,
      'write the line that axle init --out - shows into authorized_keys there',
    );
  return fail(known ?? 'AXL-PEER-UNREACHABLE', `${where}: ${code}: ${firstLine(asked)}`, hint);
}
