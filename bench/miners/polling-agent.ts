/**
 * The miner agent as it runs, in a process of its own, for as many rounds as asked; says a line of JSON for each.
 *
 *     node dist/bench/miners/polling-agent.js STATE-FOLDER INTERVAL-S ROUNDS < MINERS.json
 */
import fs from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { SILENT } from '../../common/runtime/log.js';
import { parseMinerConfig } from '../../miner/config/config.js';
import { runMiner } from '../../miner/main.js';
import type { Poller, Round } from '../../miner/polling/poller.js';
import type { NewMiner } from '../../miner/store/miners.js';
import { FleetStore } from '../../miner/store/store.js';

const [state = '', interval_s = '30', rounds = '5'] = process.argv.slice(2);
fs.mkdirSync(state, { recursive: true });
const store = FleetStore.open(path.join(state, 'fleet.db'));
for (const miner of JSON.parse(await text(process.stdin)) as NewMiner[]) store.miners.add(miner);
store.close();

const daemon = await runMiner(
  parseMinerConfig(
    `state: ${state}\nscan_interval_s: 0\npoll_interval_s: ${interval_s}\nports: {http: 8080}\n`,
    'miner.yaml',
  ),
  SILENT,
);
const poller = daemon.agent.poller as Poller;
let seen: Round | undefined;
let count = 0;
let cpu = process.cpuUsage();
await new Promise<void>((done) => {
  daemon.agent.follow(() => {
    if (poller.lastRound === seen) return;
    seen = poller.lastRound;
    count += 1;
    const { user, system } = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    const rss_mb = Math.round(process.memoryUsage().rss / 2 ** 20);
    const rss_max_mb = Math.round(process.resourceUsage().maxRSS / 1_024);
    const { miners } = daemon.agent.fleet();
    const online = miners.filter(({ state }) => state === 'online').length;
    const failing = miners.filter(({ error }) => error !== undefined).length;
    const line = { ...seen, online, failing, cpu_ms: Math.round((user + system) / 1_000), rss_mb, rss_max_mb };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    if (count >= Number(rounds)) done();
  });
});
await daemon.stop();
