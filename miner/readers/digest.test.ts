import { expect, it } from 'vitest';
import { digestAnswer, realmOf } from './digest.js';

it('answers the example of RFC 2617', () => {
  const challenge =
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"';
  const login = { user: 'Mufasa', password: 'Circle Of Life' };
  const answer = digestAnswer(challenge, login, 'GET', '/dir/index.html', () => '0a4f113b');
  expect(answer).toContain('response="6629fae49393a05397450978507c4ef1"');
  expect(answer).toContain('opaque="5ccc069c403ebaf9f0171e9517f40e41"');
});

it('answers nothing but digest with MD5', () => {
  const login = { user: 'root', password: 'root' };
  expect(digestAnswer('Basic realm="x"', login, 'GET', '/')).toBeUndefined();
  expect(digestAnswer('Digest realm="x", nonce="y", algorithm=SHA-256', login, 'GET', '/')).toBeUndefined();
  expect(realmOf('Digest realm="antMiner Configuration", nonce="y"')).toBe('antMiner Configuration');
});
