import { expect, it } from 'vitest';
import { parseNeighbours } from './neighbours.js';

const table = (...lines: readonly string[]) =>
  ['IP address       HW type     Flags       HW address            Mask     Device', ...lines, ''].join('\n');
const entry = (address: string, mac: string) => `${address}  0x1  0x2  ${mac}  *  eth0`;

it('are not what a router answers for', () => {
  const behind = [1, 2, 3, 4].map((last) => entry(`10.0.0.${last}`, 'aa:bb:cc:00:00:01'));
  const twice = [5, 6].map((last) => entry(`10.0.0.${last}`, 'aa:bb:cc:00:00:02'));
  expect([...parseNeighbours(table(...behind, ...twice)).keys()]).toEqual(['10.0.0.5', '10.0.0.6']);
});
