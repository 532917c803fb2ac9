/** Takes Axle away from every host. The sites' files are theirs and stay; the state stays, too, unless it is to go. */
import { sitesOf } from './inventory.js';
import { takeLock } from './lock.js';
import { MINER, placesOf, unitsOf } from './places.js';
import { GO_ON } from './remote.js';
import type { Session } from './session.js';

// With authorized_keys goes the right of other sites to deliver anything.
const UNINSTALL = `
set -eu
for unit in "$@"; do
  systemctl disable --now "$unit" 2>/dev/null || true
  rm -rf "/etc/systemd/system/$unit" "/etc/systemd/system/$unit.d"
done
rm -f /etc/sysusers.d/axle.conf /etc/tmpfiles.d/axle.conf /var/lib/axle/.ssh/authorized_keys
# Sessions of other sites that are open still could deliver.
for process in /proc/[0-9]*; do
  if [ "$(stat -c %U "$process" 2>/dev/null)" = axle ]; then kill "\${process#/proc/}" 2>/dev/null || true; fi
done
systemctl daemon-reload
systemctl reset-failed "$@" 2>/dev/null || true
[ "$(readlink /usr/local/bin/axle || true)" = /opt/axle/current/bin/axle ] && rm -f /usr/local/bin/axle
rm -rf /run/axle
for release in /opt/axle/releases/*; do
  dpkg-query -S "$release" >/dev/null 2>&1 || rm -rf "$release"
done
rm -f /opt/axle/current /opt/axle/previous /opt/axle/applied /opt/axle/applied-miner
rmdir /opt/axle/releases /opt/axle 2>/dev/null || true
`;

// With the marker beside the files, a hub without state would wait for its spokes to give it back.
const PURGE = `
set -eu
if [ ! -L "$1/.axle" ]; then rm -f "$1/.axle/replica"; fi
rm -rf /etc/axle /var/lib/axle
for try in 1 2 3 4 5 6 7 8 9 10; do
  getent passwd axle >/dev/null || break
  userdel axle 2>/dev/null || sleep 0.5
done
if getent passwd axle >/dev/null; then echo "the account axle is in use by something else and stays" >&2; exit 1; fi
if getent group axle >/dev/null; then groupdel axle; fi
`;

const LEFT = `
for path in "$@" /etc/axle /var/lib/axle; do
  if [ -e "$path" ]; then echo "$path ($(find "$path" -type f | wc -l) files)"; fi
done
`;

export type UninstallOptions = {
  readonly session: Session;
  readonly purgeState: boolean;
  readonly breakLock: boolean;
  readonly agrees: () => Promise<boolean>;
  /** Once aborted, nothing new is begun. */
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
};

/** The spokes first: the hub hears the last of them. */
export async function uninstall(options: UninstallOptions): Promise<'declined' | 'done'> {
  const { session, purgeState, say } = options;
  const release = await takeLock(session.remote(session.inventory.hub), 'uninstall', options.breakLock);
  try {
    if (!(await options.agrees())) return 'declined';
    for (const entry of sitesOf(session.inventory).toReversed()) {
      if (options.signal.aborted) throw new Error(`Interrupted before: ${entry.site}\n${GO_ON}`);
      const remote = session.remote(entry);
      const { unit, userdata, logs } = placesOf(entry);
      await remote.must('uninstalling', UNINSTALL, [unit, MINER.unit]);
      if (purgeState) await remote.must('removing the state', PURGE, [userdata]);
      const left = await remote.must('looking at what is left', LEFT, [userdata, logs]);
      say(`${entry.site}: Axle is gone. Left: ${left.trim().split('\n').join(', ')}`);
    }
    return 'done';
  } finally {
    await release();
  }
}

/** What a person is told before. */
export function uninstallText(session: Session, purgeState: boolean): string {
  const lines = sitesOf(session.inventory).map((entry) => {
    const { userdata, logs, state } = placesOf(entry);
    const gone = [
      '/opt/axle',
      ...unitsOf(entry),
      'forced commands',
      ...(purgeState ? ['/etc/axle', '/var/lib/axle', 'account axle'] : []),
    ];
    const stays = [userdata, logs, ...(purgeState ? [] : ['/etc/axle', state, ...(entry.miner ? [MINER.state] : [])])];
    return `${entry.site}\n  - ${gone.join(', ')}\n  stays: ${stays.join(', ')}`;
  });
  return `${lines.join('\n')}\n`;
}
