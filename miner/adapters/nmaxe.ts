/** NMAxe (from 3) and NMMiner answer where AxeOS does, in parts of their own: `identity`, `miner`, `temps`, `power`. */
import { positive } from './quantities.js';
import { compact } from './reading.js';
import { Fields, findObject, type Replies } from './replies.js';
import type { Json } from './tolerant-json.js';

/** The same under the names of AxeOS; undefined where nothing of this kind is there. */
export function nmInfoOf(replies: Replies): Fields | undefined {
  const info = findObject(replies, (object) => object.has('identity') && object.under('miner').has('hashRate'));
  if (info === undefined) return undefined;
  const [identity, miner, power, temps] = [
    info.under('identity'),
    info.under('miner'),
    info.under('power'),
    info.under('temps'),
  ];
  const [voltage_mv, current_ma] = [power.read(positive, 'vbus'), power.read(positive, 'ibus')];
  return new Fields(
    compact<Record<string, Json>>({
      deviceModel: identity.get('displayName', 'hwModel'),
      version: identity.get('fwVersion'),
      hostname: identity.get('hostName'),
      wifiRSSI: identity.get('rssi'),
      hashRate: miner.get('hashRate'),
      sharesAccepted: miner.get('sAccepted'),
      sharesRejected: miner.get('sRejected'),
      uptimeSeconds: miner.get('uptimeSeconds'),
      bestDiff: miner.get('bestDiffEver'),
      poolDifficulty: miner.get('poolDiff'),
      foundBlocks: miner.get('blkhits'),
      // An NMMiner's chip is its processor.
      temp: temps.get('asic', 'vcore'),
      vrTemp: temps.get('vcore'),
      voltage: voltage_mv,
      power: voltage_mv === undefined || current_ma === undefined ? undefined : (voltage_mv * current_ma) / 1e6,
      asicCount: info.under('asic').get('count'),
      frequency: info.under('asic').get('freqReq'),
      fans: info.get('fans'),
      stratumURL: info.under('stratum').get('url'),
      stratumUser: info.under('stratum').get('user'),
    }),
  );
}
