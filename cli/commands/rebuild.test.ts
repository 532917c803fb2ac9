import { describe, expect, it } from 'vitest';
import { textOf } from './rebuild.js';

describe('axle rebuild', () => {
  it('says who has told, who is away, and what it brought', () => {
    expect(textOf({ told: ['roflfaucet'], away: ['clickforcharity'], repaired: 3 })).toBe(
      'roflfaucet has told all it holds\nclickforcharity is away: it is asked when it comes back\n3 documents changed by it\n',
    );
  });
});
