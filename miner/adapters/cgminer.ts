/** cgminer and its forks, where no other family knows them better: bfgminer, sgminer, Goldshell, Innosilicon. */
import { ask } from '../readers/ask.js';
import type { Adapter } from './adapter.js';
import { boardsOfDevs, commonReading, hottest, megahertz, versionOf, withoutFans } from './cgminer-fields.js';
import { chipCelsius, count, macAddress, percent, positive, text, watts } from './quantities.js';
import { compact, type FanReading, highest, isKnown, type MinerReading } from './reading.js';
import { everyObject, Fields, section } from './replies.js';

export const cgminer: Adapter = {
  key: 'cgminer',
  family: 'cgminer',

  recognises: (replies) =>
    ['SUMMARY', 'VERSION', 'STATS', 'DEVS', 'POOLS'].some((name) => section(replies, name).length > 0),

  parse(replies): MinerReading {
    const version = versionOf(replies);
    const details = section(replies, 'DEVDETAILS')[0] ?? new Fields({});
    const summary = section(replies, 'SUMMARY')[0] ?? new Fields({});
    const records = [...section(replies, 'STATS'), ...section(replies, 'SUMMARY'), ...section(replies, 'DEVS')];
    const boards = boardsOfDevs(replies);
    const first = <T>(read: (record: Fields) => T | undefined) =>
      records.map(read).find((value) => value !== undefined);
    const common = commonReading(replies);
    return compact<MinerReading>({
      ...common,
      family: 'cgminer',
      model: version.read(text, 'Type', 'PROD', 'Model') ?? details.read(text, 'Model', 'Name'),
      mac: everyObject(replies)
        .map((object) => object.read(macAddress, 'MAC', 'macaddr', 'mac_address'))
        .find(Boolean),
      temperature_c:
        highest([hottest(boards), ...records.map((record) => record.read(chipCelsius, 'temp_max'))]) ??
        first((record) => record.read(chipCelsius, 'Temperature', 'temp')),
      power_w: first((record) => record.read(positive, 'Power', 'Watts', 'power_usage')),
      power_limit_w: summary.read(watts, 'Power Limit'),
      frequency_hz: first((record) => megahertz(record.get('frequency', 'freq_avg', 'total_freqavg'))),
      fans: withoutFans(fansOf([...records, ...section(replies, 'FANS')]), common.hashrate_hps),
      boards,
    });
  },

  read: (device) =>
    ask({
      version: () => device.rpc('version'),
      summary: () => device.rpc('summary'),
      pools: () => device.rpc('pools'),
      devs: () => device.rpc('devs'),
      stats: () => device.rpc('stats'),
    }),
};

/** Of `fan1`, `Fan Speed In`, `fan_speed_2`, `Fan0 rpm`, and of the records of `fans`. */
export function fansOf(records: readonly Fields[]): readonly FanReading[] {
  const fans = new Map<string, FanReading>();
  for (const record of records) {
    if (record.has('RPM')) {
      const name = record.read(text, 'FAN', 'ID') ?? String(fans.size);
      fans.set(
        name,
        compact<FanReading>({ name, rpm: record.read(count, 'RPM'), percent: record.read(percent, 'Speed') }),
      );
    }
    for (const key of record.names) {
      const found = /^fan[\s_]*(?:speed[\s_]*)?(\d+|in|out)(?:\s*rpm)?$/i.exec(key);
      const rpm = found === null ? undefined : count(record.source[key]);
      const name = found?.[1]?.toLowerCase() ?? '';
      if (rpm !== undefined && !fans.has(name)) fans.set(name, { name, rpm });
    }
  }
  return [...fans.values()].filter((fan) => isKnown(fan, 'name'));
}
