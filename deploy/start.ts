/** Starting a daemon on a host, and waiting until it says that it is ready. */
import { DeployError } from './error.js';
import { APPLIED, MINER, placesOf } from './places.js';
import { AGAIN, type Remote } from './remote.js';

const START = `
set -eu
systemctl daemon-reload
systemctl enable --quiet "$1"
systemctl reset-failed "$1" 2>/dev/null || true
systemctl restart --no-block "$1"
`;

// Ends with 0 when the daemon is ready, 3 when it does not come up, 4 when that takes too long.
const WAIT = `
unit=$1 limit=$2 told= first=
end=$(($(date +%s) + limit))
while :; do
  state=$(systemctl show -p ActiveState -p StatusText -p NRestarts -p Job "$unit")
  get() { printf '%s\\n' "$state" | sed -n "s/^$1=//p"; }
  active=$(get ActiveState) job=$(get Job) restarts=$(get NRestarts) text=$(get StatusText)
  if [ "$active" = active ]; then [ -n "$job" ] || exit 0; fi
  [ -n "$first" ] || first=\${restarts:-0}
  if [ "$active" = failed ] || [ "\${restarts:-0}" -gt $((first + 1)) ]; then exit 3; fi
  if [ "$active" = activating ] && [ "$text" != "$told" ]; then printf '%s\\n' "$text"; told=$text; fi
  [ "$(date +%s)" -lt "$end" ] || exit 4
  sleep 0.2
done
`;

const JOURNAL = `
journalctl --no-pager -o cat -n 15 -u "$1" 2>/dev/null || true
`;

const NOTE_APPLIED = `
set -eu
umask 022
printf '%s\\n' "$1" > "$2.new"
mv -f "$2.new" "$2"
`;

export type StartOptions = {
  /** The site's daemon, or the miner agent. */
  readonly what: 'site' | 'miner';
  /** What is in force from now on; kept on the host. */
  readonly fingerprint?: string;
  readonly ready_ms_max: number;
  readonly say: (text: string) => void;
};

/** Starts or restarts a unit of the site's host; resolves when it is ready, to the seconds that took. */
export async function startUnit(remote: Remote, options: StartOptions): Promise<number> {
  const { site } = remote.entry;
  const { unit } = options.what === 'miner' ? MINER : placesOf(remote.entry);
  const began = performance.now();
  await remote.must(`starting ${unit}`, START, [unit]);
  const limit_s = Math.ceil(options.ready_ms_max / 1000);
  const { code, stderr } = await remote.run(WAIT, [unit, String(limit_s)], {
    timeout_ms: options.ready_ms_max + 60_000,
    onLine: (status) => options.say(`${site}: ${status}`),
  });
  if (code === 3) throw await notStarted(remote, unit, 'it does not start');
  if (code === 4) {
    throw await notStarted(
      remote,
      unit,
      `it is not ready after ${limit_s} s (it goes on; --ready-timeout waits longer)`,
    );
  }
  if (code !== 0) throw new DeployError(site, `looking at ${unit}: ${stderr.trim()}`, AGAIN);
  if (options.fingerprint !== undefined)
    await remote.must('noting what is in force', NOTE_APPLIED, [options.fingerprint, APPLIED[options.what]]);
  return (performance.now() - began) / 1000;
}

async function notStarted(remote: Remote, unit: string, what: string): Promise<DeployError> {
  const { stdout } = await remote.run(JOURNAL, [unit]);
  const lines = stdout.trimEnd().split('\n').join('\n    ');
  return new DeployError(remote.entry.site, `${what}. The end of its journal:\n    ${lines}`, AGAIN);
}
