import { describe, expect, it } from 'vitest';
import { Gate } from './gate.js';

describe('the gate', () => {
  it('lets so many in at once, more when all goes well, and half when it does not', async () => {
    let now = 0;
    const gate = new Gate({ start: 2, min: 1, max: 4, now: () => now });
    expect(gate.limit).toBe(2);
    for (let well = 0; well < 10; well += 1) gate.wentWell();
    expect(gate.limit).toBe(4);
    gate.hadTrouble();
    expect(gate.limit).toBe(2);
    // What was under way already has the same trouble: it counts once.
    gate.hadTrouble();
    expect(gate.limit).toBe(2);
    now += 1_000;
    gate.hadTrouble();
    now += 1_000;
    gate.hadTrouble();
    expect(gate.limit).toBe(1);
  });

  it('never runs more at once than the limit, and all in the end', async () => {
    const gate = new Gate({ start: 3, min: 1, max: 3, now: () => 0 });
    let active = 0;
    let most = 0;
    const done = await Promise.all(
      Array.from({ length: 50 }, (_, place) =>
        gate
          .run(async () => {
            active += 1;
            most = Math.max(most, active);
            await new Promise((resolve) => setImmediate(resolve));
            active -= 1;
            if (place === 7) throw new Error('seven');
            return place;
          })
          .catch(() => -1),
      ),
    );
    expect(most).toBe(3);
    expect(done.filter((place) => place >= 0)).toHaveLength(49);
  });
});
