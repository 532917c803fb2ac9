/** The answers of Whatsminer's API 3. */
import type { Json } from '../../adapters/tolerant-json.js';
import type { MinerState } from '../miner-state.js';

export function whatsminer3Answer(state: MinerState, command: string, parameter: string): Json {
  const answer = (message: Json, code = 0): Json => ({ code, when: state.now_s, msg: message, desc: command });
  if (command === 'get.device.info') {
    return answer({
      network: { ip: '0.0.0.0', proto: 'dhcp', mac: state.mac.toUpperCase(), hostname: state.name },
      miner: { working: 'true', type: state.model.name, 'miner-sn': 'HTM3', pcbsn0: 'B0' },
      system: { api: '3.0.1', fwversion: '20240101.REL', platform: 'H616' },
    });
  }
  if (command !== 'get.miner.status') return answer('invalid command', -2);
  const ths = state.hashrate_hps / 1e12;
  const parts: Readonly<Record<string, Json>> = {
    summary: {
      elapsed: state.uptime_s,
      'hash-realtime': ths,
      'hash-average': state.model.hashrate_hps / 1e12,
      'power-realtime': state.model.power_w,
      'environment-temperature': 25.5,
      'chip-temp-max': state.model.temperature_c,
      'fan-speed-in': state.model.fan_rpm,
      'fan-speed-out': state.model.fan_rpm,
    },
    pools: [
      { id: 1, url: state.pool_url, status: 'alive', account: state.user, 'stratum-active': true, 'reject-rate': 0 },
    ],
    edevs: [0, 1, 2].map((board) => ({
      id: board,
      slot: board,
      'hash-average': ths / 3,
      'effective-chips': 111,
      'chip-temp-max': state.model.temperature_c,
    })),
  };
  const part = parts[parameter];
  return part === undefined ? answer('invalid param', -2) : answer({ [parameter]: part });
}
