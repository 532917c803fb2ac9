/**
 * Finding miners: a /22 with 461 devices, every other address silent (dropped, not refused). Reading them: 1,000 devices, of
 * which 10 hang. The devices are simulated ones with real servers, in a process of their own, 20 ms away. Crediting them: two
 * weeks by a clock of our own, with restarts, resets and lost replies.
 *
 *     node dist/bench/miners.js [--only discovery|polling|weeks] [--delay 20] [--json]
 *       [--devices 461] [--runs 3] [--hung 0]
 *       [--polled 1000] [--polled-hung 10] [--interval 30] [--rounds 6]
 *       [--days 14] [--each 1] [--seed 1]
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { addressToNumber, numberToAddress } from '../miner/discovery/addresses.js';
import { scan } from '../miner/discovery/scan.js';
import { Fleet } from '../miner/simulate/fleet.js';
import { networkObstacles, setUpNetwork } from './miners/network.js';
import { measurePolling } from './miners/polling.js';
import { measureWeeks } from './miners/weeks.js';
import { median } from './statistics.js';

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '461' },
    runs: { type: 'string', default: '3' },
    delay: { type: 'string', default: '20' },
    /** Of the devices, so many take connections and never answer. */
    hung: { type: 'string', default: '0' },
    only: { type: 'string' },
    polled: { type: 'string', default: '1000' },
    'polled-hung': { type: 'string', default: '10' },
    interval: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '6' },
    days: { type: 'string', default: '14' },
    /** Miners of each kind. */
    each: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    /** The processes that this one starts: `scan` in the new namespace, `fleet` beside it. */
    part: { type: 'string', default: 'all' },
  },
});
const devices = Number(values.devices);
const hung = Number(values.hung);
/** The scanner is .1; every second address behind it is a device. */
const NETWORK = '10.99.0.0/22';
const SCANNER = '10.99.0.1/22';
const FIRST = '10.99.0.2';
const STEP = 2;
const addresses = Array.from({ length: devices }, (_, place) => numberToAddress(addressToNumber(FIRST) + place * STEP));

if (values.part === 'fleet') {
  const fleet = await Fleet.start({
    count: devices,
    first: FIRST,
    step: STEP,
    delay_ms: Number(values.delay),
    faults: { hung },
  });
  process.stdout.write('ready\n');
  process.stdin.resume();
  await once(process.stdin, 'end');
  await fleet.stop();
} else if (values.part === 'scan') {
  await measure();
} else {
  const isWanted = (part: string) => values.only === undefined || values.only === part;
  if (isWanted('discovery')) discover();
  if (isWanted('polling')) await poll();
  if (isWanted('weeks')) await credit();
}

function discover(): void {
  const missing = networkObstacles();
  if (missing.length > 0) {
    process.stderr.write(`This benchmark cannot run here:\n  ${missing.join('\n  ')}\n`);
    process.exit(2);
  }
  const arguments_ = ['-n', process.execPath, import.meta.filename, ...process.argv.slice(2), '--part', 'scan'];
  process.exitCode = spawnSync('unshare', arguments_, { stdio: 'inherit' }).status ?? 1;
}

async function measure(): Promise<void> {
  setUpNetwork(SCANNER, addresses);
  const fleet = spawn(process.execPath, [import.meta.filename, ...process.argv.slice(2), '--part', 'fleet'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(fleet.stdout, 'data');
  const runs: object[] = [];
  let isGood = true;
  for (let run = 1; run <= Number(values.runs); run += 1) {
    const cpu = process.cpuUsage();
    const result = await scan({ networks: [NETWORK] });
    const { user, system } = process.cpuUsage(cpu);
    const found = new Set(result.found.map(({ address }) => address));
    const missed = addresses.filter((address) => !found.has(address));
    isGood &&= missed.length === hung && found.size === devices - hung;
    runs.push({
      run,
      devices,
      hung,
      addresses: result.progress.addresses,
      answering: result.progress.answering,
      found: found.size,
      missed,
      duration_ms: result.duration_ms,
      cpu_ms: Math.round((user + system) / 1_000),
      rss_mb: Math.round(process.memoryUsage().rss / 2 ** 20),
    });
    if (!values.json) {
      process.stdout.write(
        `run ${run}: ${found.size} of ${devices} found among ${result.progress.addresses} addresses, of which ${result.progress.answering} answer at all, in ${(result.duration_ms / 1_000).toFixed(1)} s` +
          ` (${Math.round((user + system) / 1_000)} ms of CPU, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB)` +
          `${missed.length > 0 ? `; not found: ${missed.slice(0, 12).join(' ')}` : ''}\n`,
      );
    }
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ discovery: runs })}\n`);
  fleet.stdin.end();
  await once(fleet, 'exit');
  process.exitCode = isGood ? 0 : 1;
}

/**
 * A round waits a second for a device that hangs, which is asked on beside it, until its time is up. The first one is not one of
 * many: it is shown, and not in the median. Good: every device that answers was read within each, and those that hang are known.
 */
async function poll(): Promise<void> {
  const options = {
    devices: Number(values.polled),
    hung: Number(values['polled-hung']),
    delay_ms: Number(values.delay),
    interval_s: Number(values.interval),
    rounds: Number(values.rounds),
  };
  const rounds = await measurePolling(options, (round, number) => {
    if (values.json) return;
    process.stdout.write(
      `round ${number}: ${round.good} of ${round.asked} read in ${(round.duration_ms / 1_000).toFixed(1)} s, ${round.late} still being asked, ${round.online} online, ${round.failing} failing` +
        ` (${round.cpu_ms} ms of CPU since the one before, ${round.rss_mb} MB, at most ${round.rss_max_mb} MB)\n`,
    );
  });
  const duration_ms = median(rounds.slice(1).map((round) => round.duration_ms));
  if (values.json) process.stdout.write(`${JSON.stringify({ polling: { ...options, duration_ms, rounds } })}\n`);
  else process.stdout.write(`a round takes ${(duration_ms / 1_000).toFixed(1)} s (median of ${rounds.length - 1})\n`);
  const isRead = rounds.every(({ good }) => good === options.devices - options.hung);
  if (!isRead || rounds.at(-1)?.failing !== options.hung) process.exitCode = 1;
}

/** Where counters allow it, what is credited is what was accepted; what they do not show is named. */
async function credit(): Promise<void> {
  const options = { days: Number(values.days), each: Number(values.each), seed: Number(values.seed) };
  const result = await measureWeeks(options);
  if (!result.isGood) process.exitCode = 1;
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ weeks: { ...options, ...result } })}\n`);
    return;
  }
  for (const kind of result.kinds) {
    const { accepted, credited, unseen, hidden, missing } = kind;
    const part = (value: number) => `${((100 * value) / accepted).toFixed(3)} %`;
    const open = hidden === 0 ? '' : `, ${part(hidden)} after resets that nothing shows`;
    process.stdout.write(
      `${kind.kind.padEnd(14)} ${kind.restarts} restarts, ${kind.resets} resets, ${kind.lost_replies} lost replies: accepted ${accepted}, credited ${credited}` +
        ` (mined unseen before a restart or reset ${part(unseen)}${open}); ${kind.is_estimate ? 'an estimate, ' : ''}` +
        `${missing === 0 ? 'exact' : `${part(missing)} missing`}\n`,
    );
  }
  process.stdout.write(
    `${result.readings} readings of ${options.days} days in ${result.duration_s.toFixed(0)} s; ${result.credits} credits in ${result.sent} requests,` +
      ` ${result.held} held; the statement ${result.agrees ? 'agrees' : 'DOES NOT AGREE'} with the site's\n`,
  );
}
