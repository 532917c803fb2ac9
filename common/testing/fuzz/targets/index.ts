import type { AnyTarget } from '../target.js';
import { batchTexts } from './batch-text.js';
import { config } from './config.js';
import { hubInbox, spokeInbox } from './inbox.js';
import { liveBytes } from './live-bytes.js';
import { liveContent } from './live-content.js';
import { names } from './names.js';
import { states } from './states.js';

/** Their shares add up to a thousand. */
export const TARGETS: readonly AnyTarget[] = [
  names,
  liveContent,
  batchTexts,
  states,
  config,
  hubInbox,
  spokeInbox,
  liveBytes,
];
