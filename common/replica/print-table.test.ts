import { expect, it } from 'vitest';
import { PrintTable } from './print-table.js';

it('confirms what it was told and nothing else, also after it has grown', () => {
  const table = new PrintTable(12_345, 10);
  const count = 50_000;
  for (let i = 0; i < count; i++) table.add(`balances/${i}-a`, `print-${i}`);
  expect(table.size).toBe(count);
  let wrong = 0;
  for (let i = 0; i < count; i += 2) {
    if (!table.confirm(`balances/${i}-a`, `print-${i}`)) wrong++;
    if (table.confirm(`balances/${i}-a`, `print-${i + 1}`)) wrong++;
    if (table.confirm(`profiles/${i}-a`, `print-${i}`)) wrong++;
  }
  for (let i = 0; i < count; i++) if (table.isUnseen(`balances/${i}-a`) !== (i % 2 === 1)) wrong++;
  if (table.isUnseen('profiles/0-a')) wrong++;
  if (table.unseen !== count / 2) wrong++;
  expect(wrong).toBe(0);
});

it('keeps what was seen while it grows', () => {
  const table = new PrintTable(7, 1);
  table.add('balances/first', 'x');
  table.confirm('balances/first', 'x');
  for (let i = 0; i < 1_000; i++) table.add(`balances/${i}-a`, 'x');
  expect([table.isUnseen('balances/first'), table.unseen]).toEqual([false, 1_000]);
});

it('takes the later of two fingerprints for one name', () => {
  const table = new PrintTable(0);
  table.add('balances/1-a', 'old');
  table.add('balances/1-a', 'new');
  expect([table.size, table.confirm('balances/1-a', 'old'), table.confirm('balances/1-a', 'new')]).toEqual([
    1,
    false,
    true,
  ]);
});

it('does not know a name that it was not told', () => {
  const table = new PrintTable(1);
  expect(table.confirm('balances/1-a', '')).toBe(false);
  expect(table.isUnseen('balances/1-a')).toBe(false);
});
