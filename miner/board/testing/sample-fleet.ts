/** A fleet that is not there, for the page: the same at every start, and with everything that can be shown. */
import type { MinerReading } from '../../adapters/reading.js';
import type { FleetMember, MinerState } from '../../fleet/fleet.js';
import { KINDS, MODELS } from '../../simulate/miner-state.js';

export const SAMPLE_NOW = Date.UTC(2026, 4, 14, 12);
export const SAMPLE_WALLETS = [
  { id: 1, name: 'Main', address: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', pool: 'ckpool_btc', currency: 'BTC' },
  { id: 2, name: 'Barn', address: '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2', pool: '2miners_solo_btc', currency: 'BTC' },
];
export const SAMPLE_POOLS = [
  { id: 'ckpool_btc', name: 'Solo CKPool', currency: 'BTC' },
  { id: '2miners_solo_btc', name: '2Miners solo BTC', currency: 'BTC' },
  { id: '2miners_bch', name: '2Miners BCH', currency: 'BCH' },
];

const URLS = ['stratum+tcp://solo.ckpool.org:3333', 'stratum+tcp://solo-btc.2miners.com:4040'];

/** Between −1 and 1, always the same for the same numbers. */
export function wave(...seeds: readonly number[]): number {
  const [a = 0, b = 0] = seeds;
  return (Math.sin(a * 12.9898 + b * 0.37) + Math.sin(a * 3.1 + b * 0.0913) + Math.sin(a + b * 1.7)) / 3;
}

export function sampleMember(id: number, now: number, state: MinerState = 'online'): FleetMember {
  const model = MODELS[KINDS[(id - 1) % KINDS.length] ?? 'bitaxe'];
  const walletPlace = id % 7 === 0 ? undefined : id % 3 === 0 ? 1 : 0;
  const name = `${model.kind.replace(/-.*/, '')}-${String(id).padStart(2, '0')}`;
  const behind_ms = state === 'online' ? (id * 2_711) % 28_000 : state === 'stale' ? 130_000 : 26 * 60_000;
  const at = now - behind_ms;
  const wallet = walletPlace === undefined ? undefined : SAMPLE_WALLETS[walletPlace];
  const hashes = model.hashrate_hps * (1 + 0.02 * wave(id, Math.floor(at / 30_000)));
  const accepted = 4_000 + id * 137 + Math.floor((now - SAMPLE_NOW) / 5_000);
  const reading: MinerReading = {
    family: 'cgminer',
    model: model.name,
    firmware: '2.6.1',
    mac: `02:ae:1e:00:00:${id.toString(16).padStart(2, '0').slice(-2)}`,
    hashrate_hps: hashes,
    hashrate_avg_hps: model.hashrate_hps * 0.997,
    hashrate_nominal_hps: model.hashrate_hps,
    ...(id % 11 === 9 ? {} : { temperature_c: model.temperature_c + 3 * wave(id, at / 60_000) }),
    ...(model.kind === 'antminer' ? {} : { power_w: model.power_w }),
    uptime_s: 86_400 * 3 + id * 977,
    shares_accepted: accepted,
    shares_rejected: id % 4 === 0 ? Math.round(accepted * 0.004) : 0,
    difficulty_accepted: accepted * model.difficulty,
    best_share: 4.29e9 + id,
    pools: [
      {
        url: URLS[walletPlace ?? 0] ?? '',
        user: `${wallet?.address ?? '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy'}.${name}`,
        active: true,
        alive: true,
        shares_accepted: accepted,
      },
      { url: 'stratum+tcp://pool.example:3333', user: `${wallet?.address ?? 'x'}.${name}`, active: false },
    ],
    fans: [{ rpm: model.fan_rpm }, { rpm: model.fan_rpm + 60 }],
    boards: [0, 1, 2].map((index) => ({
      index,
      hashrate_hps: hashes / 3,
      chip_c: model.temperature_c - index,
      chips: 110,
    })),
  };
  return {
    id,
    name,
    miner_type: model.kind,
    model: model.name,
    address: `192.168.1.${20 + id}`,
    mac: reading.mac ?? '',
    state,
    worker: name,
    ...(wallet !== undefined && { wallet_id: wallet.id }),
    ...(state !== 'unknown' && { at, reading }),
    ...(state === 'stale' && { error: 'no answer within 5 s' }),
    ...(state === 'offline' && { error: 'connection refused' }),
  };
}
