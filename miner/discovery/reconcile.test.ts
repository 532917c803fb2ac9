import { describe, expect, it } from 'vitest';
import { parseNeighbours } from './neighbours.js';
import { type KnownDevice, reconcile } from './reconcile.js';

const A: KnownDevice = { id: 1, address: '10.0.0.1', mac: 'aa:aa:aa:aa:aa:aa' };
const B: KnownDevice = { id: 2, address: '10.0.0.2', mac: 'bb:bb:bb:bb:bb:bb' };
const BARE: KnownDevice = { id: 3, address: '10.0.0.3' };

describe('known devices and what a scan found', () => {
  it('the same place, another place, and new', () => {
    const found = [
      { address: '10.0.0.1', mac: 'aa:aa:aa:aa:aa:aa' },
      { address: '10.0.0.9', mac: 'bb:bb:bb:bb:bb:bb' },
      { address: '10.0.0.3' },
      { address: '10.0.0.4', mac: 'cc:cc:cc:cc:cc:cc' },
    ];
    const result = reconcile([A, B, BARE], found);
    expect(result.seen.map(({ known, found: { address }, moved }) => [known.id, address, moved])).toEqual([
      [1, '10.0.0.1', false],
      [2, '10.0.0.9', true],
      [3, '10.0.0.3', false],
    ]);
    expect(result.added).toEqual([found[3]]);
    expect(result.missed).toEqual([]);
  });

  it('two that changed places keep their names', () => {
    const result = reconcile(
      [A, B],
      [
        { address: '10.0.0.1', mac: 'bb:bb:bb:bb:bb:bb' },
        { address: '10.0.0.2', mac: 'aa:aa:aa:aa:aa:aa' },
      ],
    );
    expect(result.seen.map(({ known, found }) => [known.id, found.address])).toEqual([
      [1, '10.0.0.2'],
      [2, '10.0.0.1'],
    ]);
    expect(result.added).toEqual([]);
  });

  it('another device at the address of a known one is new, and the known one is missed', () => {
    const result = reconcile([A], [{ address: '10.0.0.1', mac: 'dd:dd:dd:dd:dd:dd' }]);
    expect(result.added).toHaveLength(1);
    expect(result.missed).toEqual([A]);
  });

  it('a device that says its MAC for the first time is the one that was at its address', () => {
    const result = reconcile([BARE], [{ address: '10.0.0.3', mac: 'dd:dd:dd:dd:dd:dd' }]);
    expect(result.seen[0]?.known.id).toBe(3);
    expect(reconcile([A], [{ address: '10.0.0.1' }]).seen[0]?.known.id).toBe(1);
  });

  it('one device with two addresses is one: the one that is known is kept', () => {
    const result = reconcile(
      [A],
      [
        { address: '10.0.0.7', mac: 'aa:aa:aa:aa:aa:aa' },
        { address: '10.0.0.1', mac: 'aa:aa:aa:aa:aa:aa' },
      ],
    );
    expect(result.seen.map(({ found, moved }) => [found.address, moved])).toEqual([['10.0.0.1', false]]);
    expect(result.added).toEqual([]);
    expect(result.doubles).toEqual([{ address: '10.0.0.7', mac: 'aa:aa:aa:aa:aa:aa' }]);
  });
});

it('reads the table of neighbours', () => {
  const table = `IP address       HW type     Flags       HW address            Mask     Device
192.168.1.7      0x1         0x2         AA:bb:cc:dd:ee:0f     *        eth0
192.168.1.8      0x1         0x0         00:00:00:00:00:00     *        eth0
`;
  expect([...parseNeighbours(table)]).toEqual([['192.168.1.7', 'aa:bb:cc:dd:ee:0f']]);
});
