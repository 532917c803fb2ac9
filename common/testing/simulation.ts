/** Replicas in memory: what `common/replica` does with files and SQLite, in the fewest words, for properties of core. */
import { type Content, readContent } from '../core/content.js';
import { stampsOf } from '../core/decode.js';
import { diff } from '../core/diff.js';
import { merge } from '../core/merge.js';
import { DEFAULT_POLICIES, PathPolicies } from '../core/policy.js';
import { counterValue, render, viewText } from '../core/render.js';
import { StampClock } from '../core/stamp.js';
import { type DocState, EMPTY } from '../core/state.js';
import { detectStyle } from '../core/style.js';

export type Valid = Exclude<Content, { kind: 'invalid' }>;

export function policiesOf(kind: string): PathPolicies {
  return new PathPolicies(DEFAULT_POLICIES[kind] as (typeof DEFAULT_POLICIES)[string]);
}

const policies = new Map(Object.keys(DEFAULT_POLICIES).map((kind) => [kind, policiesOf(kind)]));

/** One document at one site. The clock is the test's. */
export class TestReplica {
  readonly id: string;
  readonly policies: PathPolicies;
  readonly clock: StampClock;
  state: DocState = EMPTY;
  shadow: string | undefined;

  constructor(
    readonly site: string,
    kind = 'balances',
    incarnation = '00000001',
  ) {
    this.id = `${site}~${incarnation}`;
    this.policies = policies.get(kind) ?? policiesOf(kind);
    this.clock = new StampClock(site, undefined);
  }

  /** A writer leaves `text` in the live file (undefined: removes it), and the site absorbs it. */
  write(text: string | undefined, now = 1_000, isGenesis = false): this {
    const live = text === undefined ? undefined : readContent(text, this.policies);
    if (live?.kind === 'invalid') throw new Error(`${live.reason}: ${text}`);
    const shadow = this.shadow === undefined ? undefined : (readContent(this.shadow, this.policies) as Valid);
    const author = { replica: this.id, stamp: this.clock.next(now), isGenesis };
    this.state = diff(this.state, shadow, live, detectStyle(text ?? '{}'), this.policies, author);
    this.shadow = text;
    return this;
  }

  /** Another site's state arrives; the live file is not written yet. */
  receive(state: DocState): this {
    for (const stamp of stampsOf(state)) this.clock.see(stamp);
    this.state = merge(this.state, state);
    return this;
  }

  /** The text that the live file should have now. */
  get view(): string | undefined {
    const live = this.shadow === undefined ? undefined : readContent(this.shadow, this.policies);
    const view = render(this.state, this.policies.kind.delete, live?.kind === 'json' ? live.value : undefined);
    if (view === undefined) return undefined;
    return viewText(view, live?.kind === 'json' ? detectStyle(this.shadow as string) : undefined, this.state);
  }

  /** The live file is made to show the state. */
  materialise(): this {
    this.shadow = this.view;
    return this;
  }

  /** The live file as a value, after materialising. */
  get json(): unknown {
    return this.materialise().shadow === undefined ? undefined : JSON.parse(this.shadow as string);
  }

  counter(path = '/balance'): string {
    const counter = this.state.counters?.[path];
    return counter === undefined ? '0' : counterValue(counter);
  }
}

/** Everybody receives everybody's state and writes their files. */
export function settleAll(replicas: readonly TestReplica[]): void {
  const all = replicas.map((replica) => replica.state).reduce(merge, EMPTY);
  for (const replica of replicas) replica.receive(all).materialise();
}
