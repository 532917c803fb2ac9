/** Which family a device is of, by what it answers. */
import type { Adapter } from './adapter.js';
import { antminer } from './antminer.js';
import { avalon } from './avalon.js';
import { axeos } from './axeos.js';
import { braiins } from './braiins.js';
import { cgminer } from './cgminer.js';
import { luxos } from './luxos.js';
import { nerdminer } from './nerdminer.js';
import type { MinerReading } from './reading.js';
import type { Replies } from './replies.js';
import { whatsminer, whatsminer3 } from './whatsminer.js';

/**
 * The clearest marks first: Braiins and LuxOS run on Antminers and say so in words, Whatsminers imitate an Antminer's `stats`, and
 * everything that speaks the cgminer protocol is at least that.
 */
export const ADAPTERS: readonly Adapter[] = [
  nerdminer,
  axeos,
  whatsminer3,
  braiins,
  luxos,
  avalon,
  whatsminer,
  antminer,
  cgminer,
];

/** Absent: nothing that is known to be a miner. */
export function identify(replies: Replies): Adapter | undefined {
  return ADAPTERS.find((adapter) => adapter.recognises(replies));
}

/** By its key, as a device was stored with it. */
export function adapterOf(key: string): Adapter | undefined {
  return ADAPTERS.find((adapter) => adapter.key === key);
}

/** What the replies say, read by the family that they come from. */
export function parseReplies(replies: Replies): MinerReading | undefined {
  return identify(replies)?.parse(replies);
}
