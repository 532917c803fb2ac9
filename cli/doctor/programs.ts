/** The programs that Axle needs: Node, rsync, ssh. */
import { type Check, type Finding, fail, firstLine, ok, type Subject, warn } from './finding.js';

const NODE_MIN = [20, 19, 0] as const;
/** From here on, the holes known when this was written are closed; distributions close them in older versions too. */
const RSYNC_SAFE = [3, 5, 0] as const;
/** `--fsync` and what else we say. */
const RSYNC_MIN = [3, 2, 4] as const;

export const checkPrograms: Check = async (subject) => [
  checkNode(subject.nodeVersion),
  await checkRsync(subject),
  await checkSsh(subject),
];

function checkNode(nodeVersion: string): Finding {
  const version = versionIn(nodeVersion);
  if (version !== undefined && !isOlder(version, NODE_MIN)) return ok('AXL-NODE', `Node ${nodeVersion}`);
  return fail(
    'AXL-NODE',
    `Node ${nodeVersion} is too old`,
    `install Node ${NODE_MIN.slice(0, 2).join('.')} or newer, then restart the daemon`,
  );
}

async function checkRsync({ run }: Subject): Promise<Finding> {
  const asked = await run('rsync', ['--version']);
  const version = versionIn(/^rsync\s+version\s+(\S+)/m.exec(asked.stdout)?.[1] ?? '');
  if (version === undefined)
    return fail('AXL-RSYNC', `rsync cannot be run: ${firstLine(asked)}`, 'install it: apt-get install rsync');
  const name = `rsync ${version.join('.')}`;
  const update = 'update it: apt-get update && apt-get install --only-upgrade rsync';
  if (isOlder(version, RSYNC_MIN))
    return fail('AXL-RSYNC', `${name} is too old: ${RSYNC_MIN.join('.')} or newer is needed`, update);
  if (!isOlder(version, RSYNC_SAFE)) return ok('AXL-RSYNC', name);
  // A distribution repairs its own version and keeps the number.
  const installed = (await run('dpkg-query', ['--show', 'rsync'])).stdout.trim().split('\t')[1] ?? '';
  const candidate = /Candidate: (\S+)/.exec((await run('apt-cache', ['policy', 'rsync'])).stdout)?.[1];
  const safe = RSYNC_SAFE.join('.');
  if (installed === '' || candidate === undefined || !installed.includes(version.join('.')))
    return fail(
      'AXL-RSYNC',
      `${name} has known security holes, and is not the distribution's own, which could be repaired`,
      `install ${safe} or newer, or the distribution's package`,
    );
  if (installed !== candidate)
    return fail('AXL-RSYNC', `${name} (${installed}): the distribution has a repaired one, ${candidate}`, update);
  return ok(
    'AXL-RSYNC',
    `${name}, package ${installed}: the newest that apt knows (before ${safe}, so keep it updated)`,
  );
}

async function checkSsh({ run }: Subject): Promise<Finding> {
  const asked = await run('ssh', ['-V']);
  const said = /OpenSSH_\S+/.exec(asked.stderr + asked.stdout)?.[0];
  if (said !== undefined) return ok('AXL-SSH', said);
  const what = `OpenSSH's client cannot be run: ${firstLine(asked)}`;
  return warn('AXL-SSH', what, 'install it: apt-get install openssh-client (folder links need none)');
}

function versionIn(text: string): number[] | undefined {
  const found = /(\d+)\.(\d+)\.(\d+)/.exec(text);
  return found?.slice(1, 4).map(Number);
}

function isOlder(version: readonly number[], than: readonly number[]): boolean {
  const at = than.findIndex((part, i) => version[i] !== part);
  return at >= 0 && (version[at] ?? 0) < (than[at] ?? 0);
}
