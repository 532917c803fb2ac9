import { describe, expect, it } from 'vitest';
import { isUser, sessionOf } from './session.js';

const NOW = 1_770_000_000_000;
const look = (keys: Readonly<Record<string, unknown>>) =>
  sessionOf((key) => {
    const value = keys[key];
    return value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value);
  }, NOW);

const ANDY = { username: 'andy', userId: '1', user: '1-andy' };
const NOBODY = { username: null, userId: 'guest', user: 'guest' };

describe('who is signed in', () => {
  it.each([
    [
      'by the shared session',
      { directsponsor_session: { user_id: '1', username: 'andy', combined_user_id: '1-andy', expires: NOW + 1 } },
    ],
    ['without an end', { directsponsor_session: { user_id: 1, username: 'andy' } }],
    ['by the bare keys', { user_id: '1', username: 'andy' }],
    ['by the combined key alone', { combined_user_id: '1-andy' }],
    ['by the bare keys where the session is broken', { directsponsor_session: '{', combined_user_id: '1-andy' }],
  ])('%s', (_how, keys) => {
    expect(look(keys)).toEqual(ANDY);
  });

  it.each([
    ['nothing is there', {}],
    [
      'the session is over',
      { directsponsor_session: { user_id: '1', username: 'andy', expires: NOW - 1 }, combined_user_id: '1-andy' },
    ],
    ['half of it is missing', { username: 'andy' }],
    ['the session is no object', { directsponsor_session: '7' }],
  ])('nobody: %s', (_why, keys) => {
    expect(look(keys)).toEqual(NOBODY);
  });

  it('a name is everything after the first dash', () => {
    expect(look({ user_id: '3', username: 'lightninglova-r' }).user).toBe('3-lightninglova-r');
  });

  it('hazard 6: a dot in a name stays a dot', () => {
    expect(look({ user_id: '7', username: 'j.doe' }).user).toBe('7-j.doe');
  });

  it.each([
    '1-andy.sync-conflict-20260101-120000-ABCDEFG',
    '1-andy_sync-conflict-20260101-120000-ABCDEFG',
    '../balances/1-andy',
    '1-andy/../2-bob',
    'andy',
    '-andy',
    '1-',
    '1-andy\n',
    '',
  ])('hazards 6, 11: %j is nobody', (user) => {
    expect(isUser(user)).toBe(false);
    expect(look({ combined_user_id: user })).toEqual(NOBODY);
  });
});
