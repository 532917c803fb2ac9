/** The conversation as a table of situations: what is heard, what is said next, what is refused. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BatchHeader } from '../core/batch.js';
import { DEFAULT_POLICIES } from '../core/policy.js';
import { DEFAULT_GUARDS } from '../replica/guard.js';
import { LiveFiles } from '../replica/live-files.js';
import { Replica } from '../replica/replica.js';
import { noSteps } from '../replica/steps.js';
import { type PeerRow, Store } from '../replica/store.js';
import { SILENT } from '../runtime/log.js';
import { Conversation } from './conversation.js';

const HUB = 'directsponsor~00000001';
let folder: string;
let replica: Replica;
let now: number;
let heard: string[];
let conversation: Conversation;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'axle-talk-'));
  now = 1_000_000;
  heard = [];
  const files = new LiveFiles({ root: folder, maxFileBytes: 1_000 });
  files.prepare();
  let words = 0;
  replica = new Replica({
    site: 'roflfaucet',
    store: Store.open(path.join(folder, 'state.db')),
    files,
    policies: DEFAULT_POLICIES,
    joinRule: 'hold',
    guards: DEFAULT_GUARDS,
    now: () => now,
    steady: () => now,
    randomHex: (bytes) => (++words).toString(16).padStart(bytes * 2, '0'),
    log: SILENT,
    steps: noSteps,
    clockSkewMaxMs: 60_000,
    peers: [],
  });
  conversation = talk('mine');
});
afterEach(() => {
  replica.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function talk(session: string): Conversation {
  return new Conversation(replica, 'directsponsor', session, {
    onVerified: (confirmed, forked) => heard.push(`verified ${confirmed}${forked ? ' forked' : ''}`),
    onRefused: ({ code }) => heard.push(`refused ${code}`),
    onNewSession: () => {},
  });
}

function header(over: Partial<BatchHeader> = {}): BatchHeader {
  const base = {
    axle: 1 as const,
    replica: HUB,
    to_site: 'roflfaucet',
    session: 'theirs',
    from: 0,
    to: 0,
    head: 0,
    documents: 0,
    digest: '',
    sent_at: now,
  };
  return { ...base, ...over };
}

const confirms = (seq: number, session = 'mine'): Partial<BatchHeader> => ({
  confirms: { replica: replica.id, seq, session },
});

/** Hears a message that must be taken, and stores the row as `receive` does. */
function take(over: Partial<BatchHeader> = {}): PeerRow {
  const result = conversation.hear(header(over));
  if (!result.ok) throw new Error(result.code);
  replica.commit(() => replica.world.store.putPeer(result.peer));
  return result.peer;
}

function change(many = 1): void {
  replica.commit(({ nextSeq }) => {
    for (let i = 0; i < many; i++) nextSeq();
  });
}

/** Delivers what the conversation would send now. */
function send(to = replica.head): ReturnType<Conversation['header']> {
  const message = conversation.header(conversation.range.from, to, false, now);
  conversation.delivered(message, now);
  return message;
}

const next = (maySend = true): ReturnType<Conversation['next']> => conversation.next(maySend, now);

describe('what is said next', () => {
  it('a start: hello at once, and once a second until there is an answer', () => {
    expect(next(false)).toEqual({ kind: 'bare' });
    const hello = send(0);
    expect(hello.confirms).toBeUndefined();
    expect(next(false)).toMatchObject({ kind: 'wait' });
    now += 1_000;
    expect(next(false)).toEqual({ kind: 'bare' });
  });

  it('documents that come again: our confirmation was lost, and is said again, once a second at most', () => {
    take(confirms(0));
    send(0);
    take({ to: 2, head: 2, documents: 2 });
    now += 1_000;
    expect(next()).toEqual({ kind: 'bare' });
    send(0);
    expect(next()).toMatchObject({ kind: 'wait' });
    take({ to: 2, head: 2, documents: 2 });
    expect(next()).toMatchObject({ kind: 'wait', ms: 1_000 });
    now += 1_000;
    expect(next()).toEqual({ kind: 'bare' });
    send(0);
    expect(next()).toMatchObject({ kind: 'wait', ms: 60_000 });
  });

  it('the answer to our session: verified once, and answered once', () => {
    send(0);
    take(confirms(0));
    take(confirms(0));
    expect(heard).toEqual(['verified 0']);
    expect(next()).toEqual({ kind: 'bare' });
    expect(send().confirms).toEqual({ replica: HUB, seq: 0, session: 'theirs' });
    expect(next()).toMatchObject({ kind: 'wait' });
  });

  it('what was said to an earlier start of ours moves no cursor: it may leave out what that one had', () => {
    expect(take({ to: 2, head: 2, documents: 2, ...confirms(0, 'before') }).applied).toBe(0);
    // The peer may have been misled by a late file of that start: it hears of this one at once.
    expect(next()).toEqual({ kind: 'bare' });
    expect(take({ to: 2, head: 2, documents: 2, ...confirms(0) }).applied).toBe(2);
  });

  it('a peer that turns out to be restored is told so first, with words that cover nothing', () => {
    take({ to: 5, head: 5, documents: 5, ...confirms(0) });
    change(3);
    send();
    const result = conversation.hear(header({ session: 'restored', from: 2, to: 2, head: 2 }));
    if (result.ok) throw new Error('it was taken');
    conversation.refuse(result);
    expect(next()).toEqual({ kind: 'bare' });
    expect(conversation.header(conversation.range.from, conversation.range.to, false, now)).toMatchObject({
      from: 0,
      to: 0,
      confirms: { seq: 5, session: 'restored' },
    });
    // Then everything, whatever came from there itself.
    expect(conversation.lostUpTo).toBe(3);
  });

  it('documents beyond a gap: what we have is said again, because the peer believes that we have more', () => {
    take(confirms(0));
    send(0);
    expect(next()).toMatchObject({ kind: 'wait', ms: 60_000 });
    now += 1_000;
    expect(take({ from: 4, to: 5, head: 5, documents: 1, ...confirms(0) }).applied).toBe(0);
    expect(next()).toEqual({ kind: 'bare' });
  });

  it('an answer to an earlier session verifies nothing', () => {
    take(confirms(0, 'before'));
    expect(heard).toEqual([]);
  });

  it('a change: documents at once, and no more until it is confirmed or late', () => {
    take(confirms(0));
    send();
    change(3);
    expect(next()).toEqual({ kind: 'documents', from: 0 });
    expect(next(false)).toMatchObject({ kind: 'wait' });
    send();
    expect(next()).toMatchObject({ kind: 'wait' });
    expect(conversation.isSettled).toBe(false);
    take(confirms(3));
    expect(conversation.isSettled).toBe(true);
  });

  it('I9: no more than 50,000 changes under way: the rest when the peer has confirmed', () => {
    take(confirms(0));
    send();
    change(60_000);
    expect(next()).toEqual({ kind: 'documents', from: 0 });
    send(50_000);
    expect(next()).toMatchObject({ kind: 'wait' });
    take(confirms(2_000));
    expect(next()).toEqual({ kind: 'documents', from: 50_000 });
  });

  /** Seconds from each sending to the next, of a change that is never confirmed. */
  function resends(rounds: number, meanwhile: () => void): number[] {
    take(confirms(0));
    send();
    change();
    send();
    return Array.from({ length: rounds }, () => {
      const start = now;
      while (next().kind !== 'documents') {
        now += 500;
        meanwhile();
      }
      send();
      return Math.round((now - start) / 1_000);
    });
  }

  it('I9: no confirmation of a peer that speaks: sent again after 5 s, then 10 s, once a minute at last', () => {
    const waits = resends(7, () => void take(confirms(0)));
    expect(waits.slice(0, 5)).toEqual([6, 11, 21, 41, 61]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(61);
  });

  it('I9: a daemon that is down for days under a living sshd finds few copies in its inbox', () => {
    const waits = resends(16, () => {});
    expect(waits.slice(0, 6)).toEqual([6, 11, 21, 41, 81, 161]);
    expect(waits.reduce((sum, wait) => sum + wait)).toBeGreaterThan(86_400);
    // It starts at last: what it has not is sent at once.
    take({ ...confirms(0), session: 'new' });
    expect(next()).toEqual({ kind: 'documents', from: 0 });
  });

  it('what was received is confirmed within a second, once, and that is not confirmed', () => {
    take(confirms(0));
    send();
    take({ from: 0, to: 4, head: 4, documents: 1, ...confirms(0) });
    expect(next()).toMatchObject({ kind: 'wait' });
    now += 1_000;
    expect(next()).toEqual({ kind: 'bare' });
    expect(send().confirms?.seq).toBe(4);
    take({ from: 4, to: 4, head: 4, ...confirms(0) });
    now += 10_000;
    expect(next()).toMatchObject({ kind: 'wait' });
  });
});

describe('what is heard', () => {
  it('a gap is seen: documents count, the cursor stays', () => {
    expect(take({ from: 0, to: 2, head: 2 }).applied).toBe(2);
    expect(take({ from: 5, to: 7, head: 7 }).applied).toBe(2);
    expect(take({ from: 2, to: 7, head: 7 }).applied).toBe(7);
    expect(take({ from: 0, to: 3, head: 7 }).applied).toBe(7);
  });

  it('a confirmation that moves backwards in answer to us: sent again from there, whoever it came from', () => {
    take(confirms(0));
    send();
    change(5);
    send();
    take(confirms(5));
    expect(take(confirms(2)).confirmed).toBe(2);
    expect(next()).toEqual({ kind: 'documents', from: 2 });
    expect(conversation.lostUpTo).toBe(5);
  });

  it('a confirmation that moves backwards from an old session is an old file', () => {
    take(confirms(0));
    send();
    change(5);
    send();
    take(confirms(5));
    expect(take(confirms(2, 'before')).confirmed).toBe(5);
    expect(conversation.isSettled).toBe(true);
  });

  it('more confirmed than we ever gave: we are a restored copy, and nothing of it is believed', () => {
    change(2);
    expect(take(confirms(9)).confirmed).toBe(0);
    expect(heard).toEqual(['verified 9 forked']);
  });

  it('I1: what follows from being a restored copy is asked for again where it could not be done', () => {
    let tries = 0;
    conversation = new Conversation(replica, 'directsponsor', 'mine', {
      onNewSession: () => {},
      onVerified: () => {
        tries += 1;
        if (tries === 1) throw Object.assign(new Error('full'), { code: 'SQLITE_FULL' });
      },
      onRefused: () => {},
    });
    expect(() => conversation.hear(header(confirms(7)))).toThrow('full');
    expect(conversation.verified).toBe(false);
    take(confirms(7));
    expect([conversation.verified, tries]).toEqual([true, 2]);
  });

  it('a confirmation of another incarnation of ours says nothing', () => {
    change(2);
    expect(take({ confirms: { replica: 'roflfaucet~ffffffff', seq: 2, session: 'mine' } }).confirmed).toBe(0);
    expect(heard).toEqual([]);
  });

  it('a joining peer is sent everything again, once a session', () => {
    take(confirms(0));
    send();
    change(3);
    send();
    take(confirms(3));
    take({ session: 'again', joining: true });
    expect(next()).toEqual({ kind: 'bare' });
    send(0);
    take({ session: 'again', joining: true, ...confirms(0) });
    expect(next()).toEqual({ kind: 'documents', from: 0 });
    send();
    take({ session: 'again', joining: true, ...confirms(3) });
    expect(next()).not.toMatchObject({ kind: 'documents' });
  });

  it('a new incarnation is a new peer, and the old one is refused from then on', () => {
    take({ from: 0, to: 4, head: 4, ...confirms(0) });
    const row = take({ replica: 'directsponsor~00000002', session: 'other' });
    expect(row).toMatchObject({ replica: 'directsponsor~00000002', applied: 0, confirmed: 0 });
    expect(conversation.hear(header())).toMatchObject({ ok: false, code: 'AXL-RETIRED' });
  });

  it('I9: a new incarnation within a session is answered, though as much of the one before was confirmed', () => {
    take({ from: 0, to: 1, head: 1, ...confirms(0) });
    send();
    take({ replica: 'directsponsor~00000002', from: 0, to: 1, head: 1, ...confirms(0) });
    expect(next()).toEqual({ kind: 'bare' });
    expect(send().confirms).toMatchObject({ replica: 'directsponsor~00000002', seq: 1 });
    now += 10_000;
    expect(next()).toMatchObject({ kind: 'wait' });
  });

  it('I1: hearing alone gives up no incarnation: only what is stored does', () => {
    take({ from: 0, to: 4, head: 4, ...confirms(0) });
    expect(conversation.hear(header({ replica: 'directsponsor~00000002' }))).toMatchObject({ ok: true });
    expect(replica.world.store.isRetired(HUB)).toBe(false);
    take({ replica: 'directsponsor~00000002' });
    expect(replica.world.store.isRetired(HUB)).toBe(true);
  });

  it('what could not be stored is heard anew, as the beginning of a session', () => {
    change(3);
    take(confirms(0));
    send();
    conversation.hear(header({ session: 'later', ...confirms(3) }));
    conversation.forget();
    take({ session: 'later', joining: true, ...confirms(0) });
    expect(next()).toMatchObject({ kind: 'documents', from: 0 });
  });

  it.each([
    ['a batch of another site', { replica: 'clickforcharity~00000001' }, 'AXL-WRONG-SENDER'],
    ['a batch for another site', { to_site: 'clickforcharity' }, 'AXL-WRONG-RECEIVER'],
    ['a restarted peer whose changes go backwards', { session: 'later', head: 3 }, 'AXL-SEQUENCE-BACK'],
  ])('%s is refused', (_what, over, code) => {
    take({ from: 0, to: 4, head: 4 });
    expect(conversation.hear(header(over))).toMatchObject({ ok: false, code });
  });

  it('a refusal is said once, at once', () => {
    take(confirms(0));
    send();
    conversation.refuse({ code: 'AXL-NOT-YOURS', message: 'no' });
    expect(next()).toEqual({ kind: 'bare' });
    expect(send().refused).toEqual({ code: 'AXL-NOT-YOURS', message: 'no' });
    expect(send().refused).toBeUndefined();
    take({ refused: { code: 'AXL-CLOCK-AHEAD', message: 'later' } });
    expect(heard).toContain('refused AXL-CLOCK-AHEAD');
  });

  it('a restart of ours begins at what was confirmed, not at what was sent', () => {
    take(confirms(0));
    send();
    change(5);
    send();
    take(confirms(3));
    conversation = talk('later');
    expect(conversation.range).toEqual({ from: 3, to: 3 });
    expect(next()).toEqual({ kind: 'bare' });
    send(3);
    take(confirms(3, 'later'));
    expect(next()).toEqual({ kind: 'documents', from: 3 });
  });

  it('a restarted peer is sent nothing before it has said what it has of us', () => {
    take(confirms(0));
    send();
    change(2);
    take({ session: 'again' });
    expect(next()).toEqual({ kind: 'bare' });
    send(0);
    expect(next()).toMatchObject({ kind: 'wait' });
    take({ session: 'again', ...confirms(0) });
    expect(next()).toEqual({ kind: 'documents', from: 0 });
  });

  it('an answer that was lost is given again when the peer asks once more', () => {
    take({ hello: true });
    expect(send(0).hello).toBe(true);
    take(confirms(0));
    expect(send(0).hello).toBeUndefined();
    now += 500;
    expect(next()).toMatchObject({ kind: 'wait' });
    take({ hello: true });
    expect(next()).toEqual({ kind: 'bare' });
  });

  it('I1: a number that we skipped, because this state might be a copy, was given by a later one', () => {
    change(3);
    replica.goOnUnverified();
    change(1);
    expect(replica.author).not.toBe(replica.id);
    expect(take(confirms(5)).confirmed).toBe(0);
    expect(heard).toEqual(['verified 5 forked']);
    heard.length = 0;
    conversation = talk('later');
    take({ session: 'again', ...confirms(replica.head, 'later') });
    expect(heard).toEqual([`verified ${replica.head}`]);
  });

  it('a resend that was decided while a message was under way does not count that message', () => {
    take(confirms(0));
    send();
    change(5);
    send();
    take(confirms(5));
    change(2);
    const underWay = conversation.header(5, 7, false, now);
    take(confirms(1));
    conversation.delivered(underWay, now);
    expect(conversation.range).toEqual({ from: 1, to: 1 });
  });
});
