/** The daemon: its unit, whether it answers, and what it says of itself. */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { version } from '../../common/runtime/version.js';
import type { SiteStatus } from '../../common/site/status.js';
import { type Check, type Finding, fail, firstLine, ok, type Subject, unitOf, warn } from './finding.js';

export const checkUnit: Check = async ({ systemd, config, run }) => {
  const unit = unitOf(config);
  if (!fs.existsSync(systemd)) return [ok('AXL-UNIT-INACTIVE', 'no systemd runs this machine: no unit is looked for')];
  const findings: Finding[] = [];
  const active = await run('systemctl', ['is-active', unit]);
  if (active.stdout.trim() === 'active') findings.push(ok('AXL-UNIT-INACTIVE', `${unit} is active`));
  else
    findings.push(
      fail(
        'AXL-UNIT-INACTIVE',
        `${unit} is ${active.stdout.trim() || firstLine(active)}`,
        `see why: systemctl status ${unit}; journalctl -u ${unit} -n 50; then: systemctl restart ${unit}`,
      ),
    );
  const enabled = await run('systemctl', ['is-enabled', unit]);
  const said = enabled.stdout.trim();
  if (said.startsWith('enabled')) findings.push(ok('AXL-UNIT-DISABLED', `${unit} starts at boot`));
  else
    findings.push(
      warn(
        'AXL-UNIT-DISABLED',
        `${unit} does not start at boot: it is ${said || firstLine(enabled)}`,
        said === 'masked' ? `systemctl unmask ${unit} && systemctl enable ${unit}` : `systemctl enable ${unit}`,
      ),
    );
  return findings;
};

export const checkRunning: Check = async ({ status, ask, file, config }) => {
  if (status === undefined) {
    const { code, message, hint } = await ask('status').then(
      () => ({ code: undefined, message: 'it answers only now', hint: undefined }),
      (error: { code?: string; message: string; hint?: string }) => error,
    );
    const start = `systemctl start ${unitOf(config)}, or: axle ${config.role} --config ${file}`;
    const remedy = code === 'AXL-PERMISSION' ? "run axle doctor as root, or as the daemon's account" : (hint ?? start);
    return [fail('AXL-NOT-RUNNING', message, remedy)];
  }
  const findings = [ok('AXL-NOT-RUNNING', `the daemon answers: ${status.site}, version ${status.version}`)];
  if (status.version !== version())
    findings.push(
      warn(
        'AXL-VERSION',
        `the daemon is ${status.version}, installed is ${version()}`,
        `restart it: systemctl restart ${unitOf(config)}`,
      ),
    );
  if (!status.isReady)
    findings.push(
      warn(
        'AXL-NOT-READY',
        `it is ${status.phase === 'ready' ? 'starting' : status.phase}`,
        status.phase === 'joining'
          ? 'it waits for the hub: see the findings about peers'
          : 'wait; if it lasts, see its journal',
      ),
    );
  for (const { code, step, reason, hint } of status.troubles)
    findings.push(fail('AXL-TROUBLE', `${code} at ${step}: ${reason}`, hint));
  return findings;
};

export const checkPeersUp: Check = ({ status }) =>
  (status?.peers ?? []).map(({ site, isUp, behind, failure }) =>
    isUp
      ? ok('AXL-PEER-AWAY', `${site} is up`)
      : fail(
          'AXL-PEER-AWAY',
          `${site} is away, ${behind} documents behind${failure ? `: ${failure.code}: ${failure.message}` : ''}`,
          failure?.hint ?? 'see the findings about its ssh',
        ),
  );

export const checkHeld: Check = ({ status, file }) => {
  if (status === undefined) return [];
  const { held, overdrawn } = status;
  return [
    held === 0
      ? ok('AXL-HELD', 'nothing is held')
      : warn('AXL-HELD', `${held} changes are held and not counted`, `decide: axle held list --config ${file}`),
    overdrawn === 0
      ? ok('AXL-OVERDRAWN', 'nothing is overdrawn')
      : warn(
          'AXL-OVERDRAWN',
          `${overdrawn} documents have less than nothing: files were written on several sites that spent the same money`,
          'let writers use the sidecar; later credits fill it. The journal names them: AXL-OVERDRAWN',
        ),
  ];
};

/** How long what waits has to become less. */
const SHRINK_MS = 3_000;

export const checkBacklog: Check = async ({ status, ask }) => {
  if (status === undefined) return [];
  const before = waiting(status);
  if (before.size === 0) return [ok('AXL-BACKLOG', 'nothing waits')];
  await sleep(SHRINK_MS);
  const after = waiting((await ask('status')) as SiteStatus);
  const stuck = [...before].filter(([what, number]) => (after.get(what) ?? 0) >= number);
  if (stuck.length === 0) return [ok('AXL-BACKLOG', 'what waits becomes less')];
  return stuck.map(([what]) =>
    warn(
      'AXL-BACKLOG',
      `${after.get(what)} ${what}, and no fewer after ${SHRINK_MS / 1000} s`,
      'see axle status and axle tail: a full or slow disk, a lock that is held, a peer that cannot merge, or a very busy minute',
    ),
  );
};

/** Peers that are away are told of by themselves. */
function waiting({ backlog, peers }: SiteStatus): Map<string, number> {
  const all = new Map([
    ['files wait to be looked at', backlog.looks],
    ['files wait to be written', backlog.files],
    ...peers
      .filter(({ isUp }) => isUp)
      .map(({ site, behind }) => [`documents wait for ${site} to confirm them`, behind] as const),
  ]);
  return new Map([...all].filter(([, number]) => number > 0));
}

export const checkWatcher: Check = async ({ status, ask }) => {
  if (status === undefined || !status.isReady) return [];
  const { isAlive, ms } = (await ask('probe')) as { isAlive?: boolean; ms: number };
  if (isAlive) return [ok('AXL-WATCHER', `a new file in each folder was seen within ${ms} ms`)];
  return [
    fail(
      'AXL-WATCHER',
      'a new file in a watched folder was not seen: a watch is dead, a folder missing, or not writable for the daemon',
      'dead watches are replaced by now: run axle doctor again; else see inotify, disk and permissions above',
    ),
  ];
};

export const checkClocks: Check = async (subject) => {
  const { status, config } = subject;
  const max_ms = config.config.max_clock_skew_s * 1000;
  const findings = (status?.peers ?? []).flatMap(({ site, clock_ahead_ms }) =>
    clock_ahead_ms === undefined ? [] : [clockFinding(site, clock_ahead_ms, max_ms)],
  );
  if (Object.keys(status?.counts ?? {}).some((event) => event.includes('AXL-CLOCK-AHEAD')))
    findings.push(
      fail(
        'AXL-CLOCK',
        'a batch was refused since the start: its clock was ahead',
        'set the clocks by NTP on every site',
      ),
    );
  const ntp = await ntpFinding(subject);
  return ntp === undefined ? findings : [...findings, ntp];
};

/** What a message takes on its way is in it. */
const GAP_MS = 2_000;

function clockFinding(site: string, ahead_ms: number, max_ms: number): Finding {
  const gap = Math.abs(ahead_ms);
  const what = `the clock of ${site} is ${(gap / 1000).toFixed(1)} s ${ahead_ms > 0 ? 'ahead of' : 'behind'} ours`;
  const remedy = 'set the clocks by NTP on both: timedatectl set-ntp true';
  if (gap > max_ms) return fail('AXL-CLOCK', `${what}, more than max_clock_skew_s allows`, remedy);
  if (gap > GAP_MS) return warn('AXL-CLOCK', what, remedy);
  return ok('AXL-CLOCK', `the clock of ${site} is within ${gap} ms of ours, the way of a message included`);
}

async function ntpFinding({ systemd, run }: Subject): Promise<Finding | undefined> {
  if (!fs.existsSync(systemd)) return undefined;
  const { stdout } = await run('timedatectl', ['show', '-p', 'NTPSynchronized', '--value']);
  if (stdout.trim() !== 'no') return undefined;
  return warn(
    'AXL-CLOCK',
    'this clock is not kept by NTP',
    'apt-get install systemd-timesyncd; timedatectl set-ntp true',
  );
}

export const checkRoundTrip: Check = async ({ roundTrip, status, ask }) => {
  if (!roundTrip || status === undefined || !status.isReady) return [];
  const trips = (await ask('round-trip')) as { site: string; ms?: number }[];
  return trips.map(({ site, ms }) =>
    ms === undefined
      ? fail(
          'AXL-ROUND-TRIP',
          `${site} did not answer a message`,
          'see the findings about this peer, and its own axle doctor',
        )
      : ok('AXL-ROUND-TRIP', `to ${site} and back: ${ms} ms`),
  );
};
