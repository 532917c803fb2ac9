/** `axle show` of documents that several sites, programs and guards have had to do with. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DocumentReport } from '../../common/site/show.js';
import { Lab } from '../../common/testing/sites.js';
import { axle, configOf } from '../testing/lab.js';

const ANDY = 'balances/1-andy';

let lab: Lab;
let hub = '';
let spoke = '';

beforeAll(async () => {
  lab = new Lab({ inMemory: true });
  const transaction = { amount: 100, type: 'credit', source: 'start', timestamp: 1_700_000_000 };
  for (const site of lab.sites) site.write(ANDY, { balance: 100, recent_transactions: [transaction] });
  await lab.start();
  hub = configOf(lab, lab.hub);
  spoke = configOf(lab, lab.site('roflfaucet'));
  const [rofl, click] = [lab.site('roflfaucet'), lab.site('clickforcharity')];
  await click.site.change({
    document: ANDY,
    path: '/balance',
    amount: '50',
    source: 'ads',
    description: 'seen\u001b[2J',
  });
  await rofl.site.change({ document: ANDY, path: '/balance', amount: '20', source: 'faucet', description: '' });
  await lab.balance(ANDY, 170);
  await click.site.change({ document: ANDY, path: '/balance', amount: '-10', source: 'shop', description: '' });
  await lab.expectBalance(ANDY, 160);
});
afterAll(() => lab.close());

async function report(document: string, config: string): Promise<DocumentReport> {
  return JSON.parse((await axle('show', document, '--json', '--config', config)).out) as DocumentReport;
}

describe('axle show', () => {
  it("names each site's contributions, and who may spend", async () => {
    const { code, out } = await axle('show', ANDY, '--config', hub);
    expect(code).toBe(0);
    expect(out).toMatch(/^balances\/1-andy at directsponsor\n/);
    expect(out).toContain('balance 160\n');
    expect(out).toMatch(/when it became known +\+100\n/);
    expect(out).toMatch(/clickforcharity +\+50 +−10\n/);
    expect(out).toMatch(/roflfaucet +\+20\n/);
    expect(out).toContain('may be spent now by: directsponsor 100, clickforcharity 40, roflfaucet 20');
    expect(out).toContain('The live file shows this.');
    expect(out).toContain('Every peer that is owed it has confirmed it.');
  });

  it('names what programs changed here, and the entries of the lists with where they were written', async () => {
    const { out } = await axle('show', `${ANDY}.txt`, '--config', configOf(lab, lab.site('clickforcharity')));
    expect(out).toMatch(/Latest changes by program here\n.*−10 +→ 160 +shop/);
    expect(out).toMatch(/\+50 +→ 1[57]0 +ads +seen\?\[2J/);
    const { entries, counters } = await report(ANDY, spoke);
    expect(entries.map(({ amount, sites }) => [amount, sites])).toEqual([
      ['-10', ['clickforcharity']],
      ['20', ['roflfaucet']],
      ['50', ['clickforcharity']],
      ['100', ['before joining']],
    ]);
    expect(counters[0]?.value).toBe('160');
  });

  it('says what is held, and that a peer has not confirmed', async () => {
    const rofl = lab.site('roflfaucet');
    lab.fate = ({ to }) => (to === 'clickforcharity' ? 'fail' : 'pass');
    rofl.credit(ANDY, 5);
    await lab.until('the hub has it', () => lab.hub.balanceOf(ANDY) === 165);
    expect((await report(ANDY, hub)).unconfirmed).toEqual(['clickforcharity']);
    lab.fate = () => 'pass';
    await lab.expectBalance(ANDY, 165);
    rofl.write(ANDY, { balance: 0 });
    await lab.until('it is held', () => rofl.store.countHeld() === 1);
    await lab.balance(ANDY, 165);
    const { out } = await axle('show', ANDY, '--config', spoke);
    expect(out).toMatch(/Held and not counted: zero, balance 165 → 0, .*: axle held show \d+ --config/);
  });

  it('says why a file shows something else', async () => {
    const rofl = lab.site('roflfaucet');
    rofl.write(ANDY, '{"balance": 16');
    const { file, view } = await report(ANDY, spoke);
    expect(file).toMatchObject({ is: 'torn', why: 'the file is not valid JSON' });
    expect(JSON.parse(view ?? '')).toMatchObject({ balance: 165 });
    expect((await axle('show', ANDY, '--config', spoke)).out).toContain(
      'cannot be read as a document: the file is not',
    );
  });

  it.each([
    ['balances/1-anfy', 'did you mean balances/1-andy?'],
    ['profiles/1-andy', 'did you mean balances/1-andy?'],
    ['nothing/1-andy', "nothing is none of this site's kinds: balances"],
    ['../../etc/passwd', 'a document is named by its folder and file'],
    ['balances/%', 'a document is named by its folder and file'],
  ])('of %s says: %s', async (document, hint) => {
    const { code, err } = await axle('show', document, '--config', spoke);
    expect(err).toContain(hint);
    expect(code).toBe(2);
  });
});
