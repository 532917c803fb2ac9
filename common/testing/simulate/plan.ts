/** What happens in one run, decided by its seed alone: a list of steps, which can be printed, cut down and run again. */
import { Choices } from '../random.js';
import { type DeathKind, FAIR, HUB, JOINER, SPOKES, WAYS, type Way, type Weather } from './cast.js';
import { ANDY, BORN, EVE, LOOSE, PROFILE, SOLO, TOKENS } from './documents.js';

export type Action =
  | {
      readonly do: 'change';
      readonly site: string;
      readonly document: string;
      readonly sign: 1 | -1;
      readonly way: Way;
    }
  | { readonly do: 'create'; readonly site: string; readonly document: string }
  | { readonly do: 'scribble'; readonly site: string }
  | { readonly do: 'remove'; readonly site: string; readonly document: string }
  | { readonly do: 'tear'; readonly site: string; readonly document: string; readonly repairMs: number }
  | { readonly do: 'litter'; readonly site: string }
  | {
      readonly do: 'die';
      readonly site: string;
      readonly how: DeathKind;
      readonly afterSteps: number;
      readonly isBefore: boolean;
      readonly downMs: number;
      readonly aloneMs: number;
    }
  /** `aloneMs`: for so long the network does not reach it. */
  | { readonly do: 'restart'; readonly site: string; readonly downMs: number; readonly aloneMs: number }
  | { readonly do: 'cut off'; readonly site: string; readonly ms: number }
  | { readonly do: 'weather'; readonly weather: Weather }
  | { readonly do: 'set clock'; readonly site: string; readonly aheadMs: number }
  | { readonly do: 'lose hints'; readonly site: string; readonly share: number }
  | { readonly do: 'back up'; readonly site: string }
  | {
      readonly do: 'restore';
      readonly site: string;
      readonly isWholeMachine: boolean;
      readonly downMs: number;
      readonly aloneMs: number;
    }
  | { readonly do: 'lose state'; readonly site: string; readonly isWholeDisk: boolean; readonly downMs: number }
  | { readonly do: 'join'; readonly site: string; readonly isCopy: boolean }
  | { readonly do: 'leave'; readonly site: string }
  /** Everything is mended, everybody waits, everything is checked. */
  | { readonly do: 'quiet' };

export type Step = { readonly waitMs: number } & Action;

const BALANCES = [ANDY, EVE, SOLO, ...BORN];

/** How often each kind of action is taken, beside the others; each run leaves some out altogether. */
const WEIGHTS: Readonly<Record<Exclude<Action['do'], 'quiet'>, number>> = {
  change: 60,
  create: 5,
  scribble: 4,
  remove: 4,
  tear: 3,
  litter: 1,
  die: 12,
  restart: 3,
  'cut off': 4,
  weather: 5,
  'set clock': 3,
  'lose hints': 2,
  'back up': 2,
  restore: 4,
  'lose state': 2,
  join: 2,
  leave: 1,
};

export function planOf(seed: number): Step[] {
  const choices = new Choices(seed, 'plan');
  const kinds = (Object.keys(WEIGHTS) as (keyof typeof WEIGHTS)[]).filter(
    (kind) => kind === 'change' || choices.chance(0.6),
  );
  const bag = kinds.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind));
  // Much on few documents finds races, little on many finds what is forgotten.
  const documents = choices.chance(0.4) ? [choices.of(BALANCES)] : [...BALANCES, PROFILE];
  const steps: Step[] = [];
  const rounds = choices.within(1, 3);
  const backedUp = choices.of([HUB, ...SPOKES, ...SPOKES]);
  for (let round = 0; round < rounds; round++) {
    if (kinds.includes('restore')) steps.push({ waitMs: 0, do: 'back up', site: backedUp });
    for (let left = choices.within(4, 14); left > 0; left--)
      steps.push({ waitMs: wait(choices), ...action(choices.of(bag), choices, documents, backedUp) });
    steps.push({ waitMs: 0, do: 'quiet' });
  }
  return steps;
}

function wait(choices: Choices): number {
  if (choices.chance(0.45)) return choices.within(0, 20);
  return choices.chance(0.8) ? choices.within(20, 400) : choices.within(400, 5_000);
}

function action(kind: keyof typeof WEIGHTS, choices: Choices, documents: readonly string[], backedUp: string): Action {
  const site = choices.of([HUB, ...SPOKES]);
  const spoke = choices.of(SPOKES);
  const anySite = choices.chance(0.1) ? JOINER : site;
  const downMs = choices.chance(0.7) ? choices.within(1, 300) : choices.within(300, 6_000);
  const aloneMs = choices.chance(0.25) ? downMs + choices.within(2_500, 5_000) : 0;
  switch (kind) {
    case 'change': {
      const document = choices.of(documents);
      const sign = document !== PROFILE && choices.chance(0.25) ? -1 : 1;
      const way = choices.of(WAYS);
      // A small amount that comes back after its file was away may have begun at zero: nobody can tell.
      const isBorn = (BORN as readonly string[]).includes(document);
      return { do: 'change', site: anySite, document, sign, way: isBorn && way === 'resave' ? 'rename' : way };
    }
    case 'create':
      return { do: 'create', site: anySite, document: choices.of([...BORN, ...TOKENS]) };
    case 'scribble':
      return { do: 'scribble', site };
    case 'remove':
      return { do: 'remove', site, document: choices.of([LOOSE, ...TOKENS, ANDY, EVE, SOLO]) };
    case 'tear':
      return { do: 'tear', site, document: choices.of([...BALANCES, PROFILE]), repairMs: choices.within(5, 3_000) };
    case 'litter':
      return { do: 'litter', site };
    case 'die': {
      const how = choices.chance(0.5) ? 'kill' : 'cut';
      const afterSteps = choices.chance(0.15) ? 0 : choices.within(1, choices.of([12, 60, 200]));
      return { do: 'die', site: anySite, how, afterSteps, isBefore: choices.chance(0.5), downMs, aloneMs };
    }
    case 'restart':
      return { do: 'restart', site, downMs, aloneMs };
    case 'cut off':
      return { do: 'cut off', site: anySite, ms: choices.within(50, 8_000) };
    case 'weather':
      return { do: 'weather', weather: weather(choices) };
    case 'set clock':
      return { do: 'set clock', site, aheadMs: choices.within(-25_000, 25_000) };
    case 'lose hints':
      return { do: 'lose hints', site, share: choices.of([0.3, 1]) };
    case 'back up':
      return { do: 'back up', site: backedUp };
    case 'restore':
      return { do: 'restore', site: backedUp, isWholeMachine: choices.chance(0.6), downMs, aloneMs };
    case 'lose state':
      return { do: 'lose state', site: spoke, isWholeDisk: choices.chance(0.5), downMs };
    case 'join':
      return { do: 'join', site: JOINER, isCopy: choices.chance(0.6) };
    case 'leave':
      return { do: 'leave', site: choices.of([...SPOKES, JOINER]) };
  }
}

function weather(choices: Choices): Weather {
  const share = (most: number): number => (choices.chance(0.5) ? 0 : choices.next() * most);
  if (choices.chance(0.2)) return FAIR;
  return {
    fail: share(0.5),
    unanswered: share(0.3),
    lose: share(0.4),
    twice: share(0.4),
    late: share(0.3),
    forged: choices.chance(0.1) ? 0.2 : 0,
    delayMs: choices.of([2, 30, 300]),
  };
}

/** One line a step, with its number in the whole plan. */
export function printSteps(steps: readonly Step[], numbers: readonly number[]): string {
  return steps
    .map((step, i) => {
      const { do: what, waitMs, ...rest } = step;
      const details = Object.entries(rest).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
      return `  ${String(numbers[i]).padStart(3)}  after ${String(waitMs).padStart(4)} ms: ${what}  ${details.join(', ')}`;
    })
    .join('\n');
}
