/** The answers of the cgminer family, as each firmware writes them. */
import type { Json } from '../../adapters/tolerant-json.js';
import type { Kind, MinerState } from '../miner-state.js';

/** The answers by command; a command that is not here is answered as unknown. */
export type Answers = Readonly<Record<string, Json>>;

export function rpcAnswers(state: MinerState): Answers | undefined {
  return FAMILIES[state.model.kind]?.(state);
}

const FAMILIES: Partial<Record<Kind, (state: MinerState) => Answers>> = {
  antminer,
  braiins,
  cgminer,
  whatsminer2: whatsminer,
  'avalon-nano3s': avalon,
  'avalon-q': avalon,
  'avalon-1246': avalon,
};

function status(state: MinerState, code: number, message: string, description: string): Json {
  return [{ STATUS: 'S', When: state.now_s, Code: code, Msg: message, Description: description }];
}

/** `prefix`: of the unit of its rates. */
function summary(state: MinerState, prefix: 'KHS' | 'MHS' | 'GHS'): { readonly [key: string]: Json } {
  const scale = { KHS: 1e3, MHS: 1e6, GHS: 1e9 }[prefix];
  return {
    Elapsed: state.uptime_s,
    [`${prefix} 5s`]: rounded(state.hashrate_hps / scale),
    [`${prefix} av`]: rounded(state.model.hashrate_hps / scale),
    'Found Blocks': 0,
    Accepted: state.accepted,
    Rejected: state.rejected,
    Stale: 0,
    'Hardware Errors': 3,
    'Difficulty Accepted': state.difficulty_accepted,
    'Difficulty Rejected': state.rejected * state.difficulty,
    'Best Share': state.best_share,
  };
}

function pools(state: MinerState, more: { readonly [key: string]: Json } = {}): Json {
  return [
    {
      POOL: 0,
      URL: state.pool_url,
      Status: 'Alive',
      Priority: 0,
      Accepted: state.accepted,
      Rejected: state.rejected,
      Stale: 0,
      User: state.user,
      'Last Share Time': state.last_share_at,
      'Difficulty Accepted': state.difficulty_accepted,
      'Difficulty Rejected': state.rejected * state.difficulty,
      'Last Share Difficulty': state.difficulty,
      'Stratum Active': true,
      'Stratum URL': state.pool_url.replace(/^.*:\/\//, '').replace(/:\d+$/, ''),
      'Best Share': state.best_share,
      ...more,
    },
  ];
}

function cgminer(state: MinerState): Answers {
  const text = 'sgminer 5.6.1';
  const rates = summary(state, 'KHS');
  return {
    version: {
      STATUS: status(state, 22, 'SGMiner versions', text),
      VERSION: [{ SGMiner: '5.6.1', API: '4.0' }],
      id: 1,
    },
    summary: { STATUS: status(state, 11, 'Summary', text), SUMMARY: [rates], id: 1 },
    pools: { STATUS: status(state, 7, '1 Pool(s)', text), POOLS: pools(state), id: 1 },
    devs: {
      STATUS: status(state, 9, '1 GPU(s)', text),
      DEVS: [
        {
          GPU: 0,
          Enabled: 'Y',
          Status: 'Alive',
          Temperature: state.model.temperature_c,
          'KHS 5s': rates['KHS 5s'] ?? 0,
        },
      ],
      id: 1,
    },
    stats: {
      STATUS: status(state, 70, 'SGMiner stats', text),
      STATS: [{ STATS: 0, ID: 'GPU0', Elapsed: state.uptime_s }],
      id: 1,
    },
  };
}

function antminer(state: MinerState): Answers {
  const text = 'cgminer 1.0.0';
  const head = {
    BMMiner: '1.0.0',
    Miner: '49.0.1.3',
    CompileTime: 'Tue Dec  6 16:12:30 CST 2022',
    Type: state.model.name,
  };
  const ghs = rounded(state.hashrate_hps / 1e9);
  const boards = [1, 2, 3].map((board) => ({
    [`chain_acn${board}`]: 114,
    [`chain_rate${board}`]: (ghs / 3).toFixed(2),
    [`temp_chip${board}`]: `${state.model.temperature_c}-50-69-${state.model.temperature_c - board}`,
    [`temp_pcb${board}`]: '60-45-55-58',
  }));
  return {
    version: { STATUS: status(state, 22, 'CGMiner versions', text), VERSION: [{ API: '3.1', ...head }], id: 1 },
    summary: { STATUS: status(state, 11, 'Summary', text), SUMMARY: [summary(state, 'GHS')], id: 1 },
    pools: {
      STATUS: status(state, 7, '1 Pool(s)', text),
      POOLS: pools(state, { Diff: '65.5K', 'Last Share Time': '0:00:03', 'Pool Stale%%': 0 }),
      id: 1,
    },
    stats: {
      STATUS: status(state, 70, 'CGMiner stats', text),
      STATS: [
        head,
        {
          STATS: 0,
          ID: 'BTM_SOC0',
          Elapsed: state.uptime_s,
          'GHS 5s': ghs,
          'GHS av': rounded(state.model.hashrate_hps / 1e9),
          rate_unit: 'GH',
          frequency: 525,
          fan_num: 4,
          ...Object.fromEntries([1, 2, 3, 4].map((fan) => [`fan${fan}`, state.model.fan_rpm])),
          ...Object.assign({}, ...boards),
          chain_acn4: 0,
          chain_rate4: '',
          temp_chip4: '0-0-0-0',
        },
      ],
      id: 1,
    },
    devs: {
      STATUS: status(state, 9, '1 ASC(s)', text),
      DEVS: [{ ASC: 0, Name: 'BTM_SOC', 'MHS av': 0, Tenperature: 0 }],
      id: 1,
    },
  };
}

function avalon(state: MinerState): Answers {
  const { kind, name, temperature_c, fan_rpm, power_w } = state.model;
  const text = 'cgminer 4.11.1';
  const product = kind === 'avalon-1246' ? {} : { PROD: name, MODEL: name.replace('Avalon ', '') };
  const version =
    { 'avalon-nano3s': 'Nano3s-25021401_56abae7', 'avalon-q': 'Q-25052801_14a19a2' }[kind as string] ??
    '1246-83-21072802_4ec6bb0';
  const supply =
    { 'avalon-nano3s': `0 0 27541 4 0 3756 ${power_w}`, 'avalon-q': `0 1220 2230 71 1595 2234 ${power_w}` }[
      kind as string
    ] ?? `0 1214 1316 242 ${power_w} 1320 3504`;
  const ghs = (state.hashrate_hps / 1e9).toFixed(2);
  const line = `Ver[${version}] DNA[0201] SYSTEMSTATU[Work: In Work, Hash Board: 1 ] Elapsed[${state.uptime_s}] Temp[30] ITemp[-273] TMax[${temperature_c}] TAvg[${temperature_c - 9}] Fan1[${fan_rpm}] FanR[72%] PS[${supply}] GHSspd[${ghs}] GHSmm[${ghs}] GHSavg[${ghs}] Freq[502.41] MGHS[${ghs}] MTmax[${temperature_c}]`;
  const key = kind === 'avalon-q' ? 'MM ID0:Summary' : 'MM ID0';
  return {
    version: {
      STATUS: status(state, 22, 'CGMiner versions', text),
      VERSION: [{ CGMiner: '4.11.1', API: '3.7', ...product, MAC: state.mac.replaceAll(':', '') }],
      id: 1,
    },
    summary: { STATUS: status(state, 11, 'Summary', text), SUMMARY: [summary(state, 'MHS')], id: 1 },
    pools: { STATUS: status(state, 7, '1 Pool(s)', text), POOLS: pools(state, { 'Last Share Time': 31_279 }), id: 1 },
    stats: {
      STATUS: status(state, 70, 'CGMiner stats', text),
      STATS: [
        { STATS: 0, ID: 'AVALON0', Elapsed: state.uptime_s, [key]: kind === 'avalon-q' ? `'STATS':{${line}}` : line },
      ],
      id: 1,
    },
  };
}

function whatsminer(state: MinerState): Answers {
  const text = 'btminer';
  const said = (message: Json): Json => ({
    STATUS: 'S',
    When: state.now_s,
    Code: 131,
    Msg: message,
    Description: text,
  });
  return {
    summary: {
      STATUS: status(state, 11, 'Summary', text),
      SUMMARY: [
        {
          ...summary(state, 'MHS'),
          'HS RT': rounded(state.hashrate_hps / 1e6),
          Temperature: 80,
          'Chip Temp Max': state.model.temperature_c,
          'Chip Temp Avg': state.model.temperature_c - 8,
          'Fan Speed In': state.model.fan_rpm,
          'Fan Speed Out': state.model.fan_rpm,
          Power: state.model.power_w,
          'Factory GHS': rounded(state.model.hashrate_hps / 1e9),
          'Firmware Version': "'20220101.22.REL'",
          MAC: state.mac.toUpperCase(),
        },
      ],
    },
    pools: {
      STATUS: status(state, 7, '1 Pool(s)', text),
      POOLS: pools(state, { 'Stratum Difficulty': state.difficulty }),
    },
    edevs: {
      STATUS: status(state, 9, '3 ASC(s)', text),
      DEVS: [0, 1, 2].map((board) => ({
        ASC: board,
        Slot: board,
        Temperature: 80,
        'MHS 5s': rounded(state.hashrate_hps / 3e6),
        'Effective Chips': 111,
        'Chip Temp Max': state.model.temperature_c,
      })),
    },
    devdetails: {
      STATUS: status(state, 69, 'Device Details', text),
      DEVDETAILS: [{ DEVDETAILS: 0, Name: 'SM', ID: 0, Driver: 'bitmicro', Model: state.model.name }],
    },
    get_version: said({ api_ver: '2.0.5', fw_ver: '20220101.22.REL', platform: 'H6OS', chip: 'K23' }),
    get_miner_info: said({
      ip: '0.0.0.0',
      proto: 'dhcp',
      mac: state.mac.toUpperCase(),
      hostname: state.name,
      minersn: 'HT1',
    }),
  };
}

function braiins(state: MinerState): Answers {
  const text = 'BOSer boser-openwrt 0.1.0-26ba61b9';
  return {
    version: {
      STATUS: status(state, 22, 'BOSer versions', text),
      VERSION: [{ API: '3.7', BOSer: 'boser-openwrt 0.1.0-26ba61b9' }],
      id: 1,
    },
    summary: { STATUS: status(state, 11, 'Summary', text), SUMMARY: [summary(state, 'MHS')], id: 1 },
    pools: { STATUS: status(state, 7, '1 Pool(s)', text), POOLS: pools(state), id: 1 },
    devs: {
      STATUS: status(state, 9, '1 ASC(s)', text),
      DEVS: [{ ASC: 0, ID: 1, 'MHS 5s': rounded(state.hashrate_hps / 1e6) }],
      id: 1,
    },
    temps: {
      STATUS: status(state, 201, '1 Temp(s)', text),
      TEMPS: [{ TEMP: 0, ID: 1, Board: 55, Chip: state.model.temperature_c }],
      id: 1,
    },
    fans: {
      STATUS: status(state, 202, '1 Fan(s)', text),
      FANS: [{ FAN: 0, ID: 0, RPM: state.model.fan_rpm, Speed: 70 }],
      id: 1,
    },
  };
}

export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
