/** Starting a daemon on a host, and waiting until it says that it is ready. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeployError } from './error.js';
import { placesOf } from './places.js';
import { AGAIN, type Remote } from './remote.js';

const START = `
set -eu
systemctl daemon-reload
systemctl enable --quiet "$1"
systemctl reset-failed "$1" 2>/dev/null || true
systemctl restart --no-block "$1"
`;

const LOOK = `
systemctl show -p ActiveState -p SubState -p StatusText -p NRestarts -p Job "$1"
`;

const JOURNAL = `
journalctl --no-pager -o cat -n 15 -u "$1" 2>/dev/null || true
`;

const APPLIED = `
set -eu
umask 022
printf '%s\\n' "$1" > /opt/axle/applied.new
mv -f /opt/axle/applied.new /opt/axle/applied
`;

const LOOK_MS = 300;

export type StartOptions = {
  /** What is in force from now on; kept on the host. */
  readonly fingerprint?: string;
  readonly ready_ms_max: number;
  readonly say: (text: string) => void;
};

/** Starts or restarts the site's daemon; resolves when it is ready, to the seconds that took. */
export async function startUnit(remote: Remote, options: StartOptions): Promise<number> {
  const { site } = remote.entry;
  const { unit } = placesOf(remote.entry);
  const began = performance.now();
  await remote.must(`starting ${unit}`, START, [unit]);
  let told = '';
  let restarts: number | undefined;
  for (;;) {
    const look = await remote.must(`looking at ${unit}`, LOOK, [unit]);
    const state = new Map(look.split('\n').map((line) => line.split(/=(.*)/s) as [string, string]));
    const isQueued = (state.get('Job') ?? '') !== '';
    if (state.get('ActiveState') === 'active' && !isQueued) break;
    restarts ??= Number(state.get('NRestarts') ?? 0);
    if (state.get('ActiveState') === 'failed' || Number(state.get('NRestarts') ?? 0) > restarts + 1) {
      throw await notStarted(remote, unit, 'it does not start');
    }
    if (performance.now() - began > options.ready_ms_max) {
      const limit = `${Math.round(options.ready_ms_max / 1000)} s`;
      throw await notStarted(remote, unit, `it is not ready after ${limit} (it goes on; --ready-timeout waits longer)`);
    }
    const status = state.get('StatusText') ?? '';
    if (status !== '' && status !== told) options.say(`${site}: ${status}`);
    told = status;
    await sleep(LOOK_MS);
  }
  if (options.fingerprint !== undefined) await remote.must('noting what is in force', APPLIED, [options.fingerprint]);
  return (performance.now() - began) / 1000;
}

async function notStarted(remote: Remote, unit: string, what: string): Promise<DeployError> {
  const { stdout } = await remote.run(JOURNAL, [unit]);
  const lines = stdout.trimEnd().split('\n').join('\n    ');
  return new DeployError(remote.entry.site, `${what}. The end of its journal:\n    ${lines}`, AGAIN);
}
