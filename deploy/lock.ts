/** One deploy at a time: a file on the hub's host says who is at it, and since when. */
import { hostname, userInfo } from 'node:os';
import { DeployError } from './error.js';
import type { Remote } from './remote.js';

const FILE = '/opt/axle/deploy.lock';

// noclobber: made only where there is none, in one step.
const TAKE = `
set -u
mkdir -p /opt/axle
umask 022
if (set -C; cat > ${FILE}) 2>/dev/null; then exit 0; fi
cat ${FILE}
exit 7
`;
const RELEASE = `[ "$(cat ${FILE} 2>/dev/null)" = "$1" ] && rm -f ${FILE}; rmdir /opt/axle 2>/dev/null; exit 0`;
const BREAK = `rm -f ${FILE}`;

/** Resolves to the way to give it back. `breaking`: whoever has it has gone. */
export async function takeLock(hub: Remote, what: string, breaking: boolean): Promise<() => Promise<void>> {
  if (breaking) await hub.must('breaking the lock', BREAK);
  const holder = `${plain(userInfo().username)}@${plain(hostname())} ${what} ${new Date().toISOString()} ${process.pid}`;
  const { code, stdout, stderr } = await hub.run(TAKE, [], { stdin: `${holder}\n` });
  if (code === 7) throw takenError(hub, stdout.trim());
  if (code !== 0) throw new DeployError(hub.entry.site, `cannot lock: ${stderr.trim()}`);
  return async () => {
    // A connection that was lost leaves the lock behind: the next deploy says how to break it.
    await hub.run(RELEASE, [holder]).catch(() => undefined);
  };
}

function takenError(hub: Remote, holder: string): DeployError {
  const [who = 'somebody', what = 'deploy', since = ''] = holder.split(' ');
  const minutes = Math.round((Date.now() - Date.parse(since)) / 60_000);
  const ago = Number.isNaN(minutes) ? '' : `, ${minutes} min ago`;
  return new DeployError(
    hub.entry.site,
    `${who} has been at it (axle deploy ${what}) since ${since || 'an unknown time'}${ago}`,
    'Wait for its end. If it was interrupted and nothing is running any more: the same command with --break-lock.',
  );
}

function plain(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '_') || 'unknown';
}
