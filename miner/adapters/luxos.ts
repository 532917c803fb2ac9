/**
 * LuxOS: it imitates Bitmain's firmware, down to its version, and has commands of its own for what that does not say
 * (`config`, `power`, `fans`, `temps`). Newer versions say nothing of the boards in `stats`, but in `devs` they are right.
 */
import { ask } from '../readers/ask.js';
import type { Adapter } from './adapter.js';
import { antminer } from './antminer.js';
import { fansOf } from './cgminer.js';
import { boardsOfDevs, description, hottest, versionOf, withoutFans } from './cgminer-fields.js';
import { chipCelsius, count, hashrate, macAddress, positive, text } from './quantities.js';
import { type BoardReading, compact, highest, type MinerReading, sum } from './reading.js';
import { Fields, type Replies, section } from './replies.js';

export const luxos: Adapter = {
  key: 'luxos',
  family: 'antminer',

  recognises: (replies) => versionOf(replies).has('LUXminer') || /\bluxminer\b/.test(description(replies)),

  parse(replies): MinerReading {
    const imitated = antminer.parse(replies);
    const config = section(replies, 'CONFIG')[0] ?? new Fields({});
    const boards = boardsOf(replies, imitated.boards);
    const fans = fansOf(section(replies, 'FANS'));
    const version = versionOf(replies).read(text, 'LUXminer');
    return compact<MinerReading>({
      ...imitated,
      firmware: version === undefined ? imitated.firmware : `LuxOS ${version}`,
      hostname: config.read(text, 'Hostname'),
      mac: config.read(macAddress, 'MACAddr') ?? imitated.mac,
      serial: config.read(text, 'SerialNumber'),
      hashrate_nominal_hps:
        sum(
          section(replies, 'DEVS').map((dev) => dev.read((value) => positive(hashrate(value, 'MH')), 'Nominal MHS')),
        ) ?? imitated.hashrate_nominal_hps,
      temperature_c: hottest(boards) ?? imitated.temperature_c,
      fans: fans.length > 0 ? withoutFans(fans, imitated.hashrate_hps) : imitated.fans,
      boards,
    });
  },

  read: (device) =>
    ask({
      version: () => device.rpc('version'),
      summary: () => device.rpc('summary'),
      stats: () => device.rpc('stats'),
      pools: () => device.rpc('pools'),
      devs: () => device.rpc('devs'),
      temps: () => device.rpc('temps'),
      fans: () => device.rpc('fans'),
      power: () => device.rpc('power'),
      config: () => device.rpc('config'),
    }),
};

/** `devs` and `temps` number them from 0, the imitated `stats` from 1. */
function boardsOf(replies: Replies, imitated: readonly BoardReading[]): readonly BoardReading[] {
  const devs = boardsOfDevs(replies, 'MH');
  if (devs.length === 0) return imitated;
  const temps = section(replies, 'TEMPS');
  return devs.map((dev) => {
    const sensors = temps.find((record) => record.read(count, 'ID') === dev.index) ?? new Fields({});
    return compact<BoardReading>({
      ...imitated.find((board) => board.index === dev.index + 1),
      ...dev,
      chip_c: hottestOf(sensors, /chip/i) ?? dev.chip_c,
      board_c: hottestOf(sensors, /^(?!.*(chip|water|id$|temp$))/i) ?? dev.board_c,
    });
  });
}

/** Each model has names of its own: TopLeft, BottomRightChip, BoardOutlet, WaterInlet. */
function hottestOf(sensors: Fields, names: RegExp): number | undefined {
  return highest(sensors.names.filter((name) => names.test(name)).map((name) => chipCelsius(sensors.source[name])));
}
