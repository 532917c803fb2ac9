/** The demo's pages: one site as a visitor sees it, and both beside each other. Nothing in them is Axle's but the script. */

const LOOKS: Readonly<Record<string, { readonly colour: string; readonly does: string; readonly source: string }>> = {
  roflfaucet: { colour: '#c2410c', does: 'Faucet', source: 'faucet' },
  clickforcharity: { colour: '#1d4ed8', does: 'Watch an ad', source: 'ptc_task_complete' },
};

/** What the demo's users may credit themselves: these, and nothing else. */
export const DEMO_SOURCES = ['faucet', 'ptc_task_complete'];

const STYLE = `
  * { box-sizing: border-box; margin: 0 }
  body { font: 16px/1.5 system-ui, sans-serif; color: #1f2937; background: #f8fafc }
  header { background: var(--colour); color: #fff; padding: .9rem 1.25rem; display: flex; justify-content: space-between; align-items: center }
  header b { font-size: 1.15rem }
  main { max-width: 34rem; margin: 0 auto; padding: 1.25rem }
  .purse { text-align: center; padding: 1.25rem 0 }
  .balance { font-size: 3.5rem; font-weight: 700; line-height: 1.1; color: var(--colour) }
  .row { display: flex; gap: .75rem; justify-content: center; flex-wrap: wrap }
  button { font: inherit; font-weight: 600; border: 0; border-radius: .5rem; padding: .65rem 1.1rem; cursor: pointer; background: var(--colour); color: #fff }
  button.quiet { background: #e2e8f0; color: #334155 }
  header button { background: #fff3; padding: .35rem .8rem }
  #note { min-height: 1.5rem; text-align: center; color: #b91c1c; padding: .5rem }
  table { width: 100%; border-collapse: collapse; font-size: .875rem; background: #fff; border-radius: .5rem; overflow: hidden }
  td { padding: .4rem .7rem; border-bottom: 1px solid #f1f5f9 }
  td:first-child { color: #64748b } td:last-child { text-align: right; font-weight: 600 }
  h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .06em; color: #64748b; margin: .5rem 0 }
  h2 + table + h2 { margin-top: 1rem }
  p.help { color: #64748b; font-size: .875rem; padding-top: 1rem; text-align: center }`;

/** `other`: where the other site is. */
export function sitePage(site: string, other: { readonly site: string; readonly origin: string }): string {
  const { colour = '#334155', does = 'Earn', source = 'faucet' } = LOOKS[site] ?? {};
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${site}</title><style>:root { --colour: ${colour} }${STYLE}</style></head>
<body>
<header><b>${site}</b><span><span id="who"></span> <button id="sign"></button></span></header>
<main>
  <div class="purse"><div class="balance"></div><div class="currency"></div></div>
  <div class="row"><button id="earn">${does}: earn 20</button><button id="spend" class="quiet">Slots: spend 10</button></div>
  <div id="note" role="status"></div>
  <h2>Where it came from</h2>
  <table><tbody id="shares"></tbody></table>
  <h2>What was done here</h2>
  <table><tbody id="changes"></tbody></table>
  <p class="help" id="help"></p>
</main>
<script src="/unified-balance.js" data-sidecar="/axle" data-writes="sidecar"></script>
<script>
  const $ = (id) => document.getElementById(id);
  const say = (text) => { $('note').textContent = text; };
  const tell = (result) => say(result.success ? '' : result.error);
  $('earn').onclick = async () => tell(await addBalance(20, '${source}', '${does}'));
  $('spend').onclick = async () => tell(await subtractBalance(10, 'slots_bet', 'Slots'));
  $('sign').onclick = async () => {
    if (unifiedBalance.isLoggedIn) {
      for (const key of ['directsponsor_session', 'jwt_token']) localStorage.removeItem(key);
    } else {
      const answer = await fetch('/demo/sign-in', { method: 'POST' });
      const { jwt, session } = await answer.json();
      localStorage.setItem('jwt_token', jwt);
      localStorage.setItem('directsponsor_session', JSON.stringify(session));
    }
    unifiedBalance.refreshLoginStatus();
  };
  const fill = (id, rows) => {
    $(id).replaceChildren();
    for (const texts of rows) {
      const row = $(id).insertRow();
      for (const text of texts) row.insertCell().textContent = text;
    }
  };
  const signed = (amount) => (Number(amount) > 0 ? '+' : '') + String(amount).replace('-', '−');
  const sums = (name, added, taken) => [name, 'earned ' + added, 'spent ' + taken];
  async function showChanges() {
    const user = unifiedBalance.getCombinedUserIdFromToken();
    let shares = [];
    let changes = unifiedBalance.getGuestTransactions().reverse().map(({ type, amount, source, timestamp }) =>
      ({ id: '', at: Date.parse(timestamp), source, amount: type === 'spend' ? -amount : amount }));
    if (unifiedBalance.isLoggedIn) {
      const headers = { authorization: 'Bearer ' + localStorage.getItem('jwt_token') };
      const answer = await fetch('/axle/v1/statements/' + user + '?limit=5', { headers });
      if (!answer.ok) return;
      ({ shares, changes } = await answer.json());
    }
    fill('shares', shares.map(({ site, added, taken }) => sums(site, added, taken)));
    const own = changes.filter(({ id }) => id !== null).slice(0, 5);
    fill('changes', own.map(({ at, source, amount }) => [new Date(at).toLocaleTimeString('en-GB'), source, signed(amount)]));
  }
  let soon;
  function show() {
    const member = unifiedBalance.getValidUsername();
    $('who').textContent = member ?? 'guest';
    $('sign').textContent = member ? 'Sign out' : 'Sign in as andy';
    $('help').textContent = member
      ? 'Andy has one balance on both sites: look at ${other.site}.'
      : 'A guest’s tokens stay in this browser until they sign in.';
    clearTimeout(soon);
    soon = setTimeout(showChanges, 150);
  }
  addEventListener('axle:balance', show);
  show();
</script>
</body></html>`;
}

export function bothPage(sites: readonly { readonly site: string; readonly origin: string }[]): string {
  const frames = sites.map(({ site, origin }) => `<iframe src="${origin}/" title="${site}"></iframe>`).join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Axle demo</title>
<style>body { margin: 0; display: flex; gap: 2px; background: #94a3b8; height: 100vh } iframe { flex: 1; border: 0; background: #fff }</style></head>
<body>${frames}</body></html>`;
}
