/** What answers look like, for /api/docs. A test holds them to what is really answered. */
import { ErrorAnswer } from './schemas.js';

const AT = '2026-01-31T12:00:00.000Z';
const AT_MS = 1_769_860_800_000;
const AT_S = AT_MS / 1000;
const ADDRESS = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';
const POOL_URL = 'stratum+tcp://solo.ckpool.org:3333';

const miner = {
  id: 1,
  name: 'NerdMiner',
  miner_type: 'nerdminer',
  model: 'ESP32-2432S028R',
  firmware_version: 'v2.1.0',
  ip_address: '192.168.1.77',
  mac_address: 'aa:bb:cc:00:11:22',
  api_port: null,
  seen_by: null,
  status: 'online',
  enabled: true,
  auto_discovered: true,
  has_login: false,
  worker_key: 'aa:bb:cc:00:11:22',
  created_at: AT,
  last_seen: AT,
  hashrate: 50_000_000_000,
  temperature: 45.2,
  error: null,
};
const config = {
  id: 1,
  miner_id: 1,
  wallet_id: 1,
  pool_url: POOL_URL,
  pool_user: `${ADDRESS}.nerdminer01`,
  worker_name: 'nerdminer01',
  active: true,
  linked: 'auto',
  reason: 'same address at Solo CKPool',
  detected_at: AT,
  last_seen: AT,
};
const wallet = {
  id: 1,
  name: 'Savings',
  address: ADDRESS,
  pool: 'ckpool_btc',
  currency: 'BTC',
  created_at: AT,
  miner_ids: [1],
};
const job = {
  job_id: 1,
  state: 'running',
  networks: ['192.168.1.0/24'],
  started_at: AT,
  progress: { addresses: 254, probed: 100, answering: 7, interviewed: 3, found: 3 },
  duration_ms: null,
  error: null,
  follow_url: '/api/miners/scan/1',
  events_url: '/api/miners/scan/1/events',
};
const share = {
  id: 1,
  wallet_id: 1,
  miner_id: null,
  pool_name: 'Solo CKPool',
  worker_name: 'avalon_nano_01',
  count: 1,
  timestamp: AT,
  difficulty: 1_234_567_890.12,
  difficulty_text: '1234567890.12',
  accepted: true,
  manual: true,
};

export const EXAMPLES = {
  miner,
  miners: [miner],
  info: {
    miner_type: 'nerdminer',
    firmware_version: 'v2.1.0',
    hashrate: 50_000_000_000,
    temperature: 45.2,
    pool_url: POOL_URL,
    pool_user: `${ADDRESS}.nerdminer01`,
    status: 'online',
    worker_name: 'nerdminer01',
    wallet_id: 1,
    id: 1,
    name: 'NerdMiner',
    model: 'ESP32-2432S028R',
    hashrate_average: 49_500_000_000,
    power_w: null,
    fan_rpm: null,
    uptime_s: 86_400,
    shares_accepted: 420,
    shares_rejected: 1,
    best_share: 1_234_567,
    at: AT,
  },
  configs: [config],
  linked: { miner_id: 1, wallet_id: 1, configs: [{ ...config, linked: 'manual', reason: 'linked by hand' }] },
  unlinked: { miner_id: 1, configs: [config] },
  minerTypes: [
    {
      miner_type: 'avalon',
      name: 'Avalon Nano, Q, A1x',
      manufacturer: 'Canaan',
      api: 'CGMiner',
      api_port: 4028,
      share_tracking: 'counted',
      aliases: ['avalon_nano', 'avalon_q'],
      auto_discovery: true,
    },
  ],
  job,
  jobs: [job],
  wallet,
  wallets: [wallet],
  pools: [
    {
      id: 'ckpool_btc',
      name: 'Solo CKPool',
      hosts: ['ckpool.org'],
      subdomains: true,
      currency: 'BTC',
      verified_by: 'ckpool',
    },
  ],
  share,
  shares: [share],
  history: {
    resolution: '10m',
    step_s: 600,
    at_s: [AT_S, AT_S + 600],
    hashrate_hps: [50_000_000_000, null],
    temperature_c: [45.2, null],
    power_w: [null, null],
    shares: [3, null],
    rejected: [0, null],
    difficulty: [3072, null],
  },
  workerUser: { worker: 'nerdminer01', user: '1-andy', created_at: AT_MS },
  workerUsers: [{ worker: 'nerdminer01', user: '1-andy', created_at: AT_MS }],
  credits: [
    {
      id: 7,
      miner: 'aa:bb:cc:00:11:22',
      worker: 'nerdminer01',
      user: '1-andy',
      amount: '0.003072',
      difficulty: '3072',
      is_estimate: true,
      from_s: AT_S - 600,
      to_s: AT_S,
      state: 'paid',
      answer_id: '42',
      attempts: 1,
      due_at: AT_MS,
      error: null,
      error_code: null,
      created_at: AT_MS,
      paid_at: AT_MS,
      credits: 1,
    },
  ],
} as const;

/** The `response` of a route's schema: it describes, and changes nothing of what is sent. */
export function answers(example: object, status = 200) {
  const schema = Array.isArray(example)
    ? { type: 'array', items: { type: 'object', additionalProperties: true } }
    : { type: 'object', additionalProperties: true };
  return { [status]: { description: 'done', ...schema, examples: [example] }, '4xx': NOT_DONE };
}

const NOT_DONE = {
  description: 'not done, and why',
  ...ErrorAnswer,
  examples: [{ error: { code: 'not_found', message: 'there is no miner 7' } }],
};
