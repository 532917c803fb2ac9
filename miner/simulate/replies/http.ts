/** The pages of firmware with a web server, as each writes them. */
import type { Json } from '../../adapters/tolerant-json.js';
import type { Login } from '../../readers/device.js';
import { digestAnswer } from '../../readers/digest.js';
import type { MinerState } from '../miner-state.js';

export interface Page {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export const SOLD_WITH: Login = { user: 'root', password: 'root' };

/** Absent: this kind has no web server. */
export function httpAnswer(state: MinerState, asked: Asked, login: Login = SOLD_WITH): Page | undefined {
  switch (state.model.kind) {
    case 'bitaxe':
    case 'nerdqaxe':
      return asked.path === '/api/system/info' ? json(axeos(state)) : WEB_PAGE;
    case 'nerdminer':
      return asked.path === '/api/axehub/v1/info' && asked.headers['x-axehub-compat'] === '1'
        ? json(axehub(state))
        : { status: 404, body: '' };
    case 'antminer':
      return antminer(state, asked, login);
    case 'braiins':
      return braiins(state, asked, login);
    case 'whatsminer2':
    case 'avalon-1246':
    case 'avalon-nano3s':
    case 'avalon-q':
      return WEB_PAGE;
    default:
      return undefined;
  }
}

const WEB_PAGE: Page = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<html><body>{"not":"json"}</body></html>',
};

function json(value: Json, status = 200): Page {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

function hostOf(url: string): readonly [string, number] {
  const [, host = url, port = '3333'] = /^(?:.*:\/\/)?([^:]+)(?::(\d+))?$/.exec(url) ?? [];
  return [host, Number(port)];
}

function axeos(state: MinerState): Json {
  const [host, port] = hostOf(state.pool_url);
  const isQuad = state.model.kind === 'nerdqaxe';
  return {
    power: state.model.power_w,
    voltage: isQuad ? 12_050 : 5_175,
    current: 1_500,
    temp: state.model.temperature_c,
    vrTemp: 50,
    hashRate: state.hashrate_hps / 1e9,
    hashRate_1h: state.model.hashrate_hps / 1e9,
    bestDiff: isQuad ? state.best_share : suffixed(state.best_share),
    bestSessionDiff: '0',
    poolDifficulty: state.difficulty,
    isUsingFallbackStratum: 0,
    frequency: 525,
    ssid: 'shed',
    macAddr: state.mac.toUpperCase(),
    hostname: state.name,
    wifiRSSI: -57,
    sharesAccepted: state.accepted,
    sharesRejected: state.rejected,
    uptimeSeconds: state.uptime_s,
    asicCount: isQuad ? 4 : 1,
    ASICModel: 'BM1370',
    deviceModel: state.model.name,
    stratumURL: host,
    stratumPort: port,
    stratumUser: state.user,
    fallbackStratumURL: '',
    fallbackStratumPort: 0,
    fallbackStratumUser: '',
    version: 'v2.9.0',
    fanspeed: 60,
    fanrpm: state.model.fan_rpm,
  };
}

function suffixed(value: number): string {
  return value >= 1e9 ? `${(value / 1e9).toFixed(2)}G` : value >= 1e6 ? `${(value / 1e6).toFixed(2)}M` : String(value);
}

function axehub(state: MinerState): Json {
  const [host, port] = hostOf(state.pool_url);
  return {
    firmware: { name: 'NerdMiner', version: 'V1.8.7', axehub_compat: 'v1' },
    device: { mac: state.mac.toUpperCase(), hostname: state.name, board: state.model.name, chip: 'ESP32' },
    hashing: {
      current_khs: state.hashrate_hps / 1e3,
      average_5m_khs: state.model.hashrate_hps / 1e3,
      expected_khs: null,
      shares_accepted: state.accepted,
      shares_rejected: state.rejected,
      best_diff: state.best_share,
      valid_blocks: 0,
    },
    pool: {
      primary: { url: host, port, user: state.user, active: true, difficulty: state.difficulty },
      fallback: { url: '', port: 0, user: '', active: false, difficulty: 0 },
    },
    hardware: {
      temp_asic_c: null,
      temp_board_c: state.model.temperature_c,
      uptime_s: state.uptime_s,
      power_consumption_w: null,
    },
  };
}

const CHALLENGE = 'Digest realm="antMiner Configuration", nonce="5d1a", qop="auth"';

function antminer(state: MinerState, asked: Asked, login: Login): Page {
  const given = String(asked.headers.authorization ?? '');
  const nonceOfClient = /cnonce="([^"]*)"/.exec(given)?.[1] ?? '';
  const right = digestAnswer(CHALLENGE, login, asked.method, asked.path, () => nonceOfClient) ?? '';
  if (responseOf(given) !== responseOf(right)) {
    return {
      status: 401,
      headers: { 'www-authenticate': CHALLENGE, 'content-type': 'text/html' },
      body: '<h1>401</h1>',
    };
  }
  if (asked.path !== '/cgi-bin/get_system_info.cgi') return { status: 404, body: '' };
  return json({
    minertype: state.model.name,
    macaddr: state.mac.toUpperCase(),
    hostname: state.name,
    serinum: 'SIM',
    system_filesystem_version: 'FR-1.12',
  });
}

/** What proves that the client knows the password; the rest may be written in many ways. */
function responseOf(authorization: string): string | undefined {
  return /\bresponse="([0-9a-f]*)"/.exec(authorization)?.[1];
}

function braiins(state: MinerState, asked: Asked, login: Login): Page {
  if (asked.path === '/api/v1/auth/login' && asked.method === 'POST') {
    const isRight = asked.body === JSON.stringify({ username: login.user, password: login.password });
    return isRight ? json({ token: 'simulated', timeout_s: 3_600 }) : { status: 401, body: '' };
  }
  if (asked.headers.authorization !== 'simulated') return { status: 401, body: '' };
  const rate = { gigahash_per_second: state.hashrate_hps / 1e9 };
  switch (asked.path) {
    case '/api/v1/miner/details':
      return json({
        miner_identity: { brand: 'Antminer', miner_model: state.model.name },
        bos_version: { current: '25.03' },
        hostname: state.name,
        mac_address: state.mac,
        bosminer_uptime_s: state.uptime_s,
      });
    case '/api/v1/miner/stats':
      return json({
        miner_stats: { real_hashrate: { last_5s: rate } },
        pool_stats: { accepted_shares: state.accepted },
        power_stats: { approximated_consumption: { watt: state.model.power_w } },
      });
    case '/api/v1/miner/hw/hashboards':
      return json({
        hashboards: [
          { id: '1', chips_count: 114, highest_chip_temp: { temperature: { degree_c: state.model.temperature_c } } },
        ],
      });
    case '/api/v1/cooling/state':
      return json({ fans: [{ position: 1, rpm: state.model.fan_rpm, target_speed_ratio: 0.7 }] });
    default:
      return { status: 404, body: '' };
  }
}
