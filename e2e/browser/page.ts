/** A page as the sites have them: a balance that begins at 0 in the markup, and sign-in by `?jwt=` as their scripts do it. */

/** Everything that the balance has ever shown is in `window.shownEver`. */
const WATCH = `
window.shownEver = [];
addEventListener('DOMContentLoaded', () => {
  const place = document.querySelector('.balance');
  shownEver.push(place.textContent);
  new MutationObserver(() => shownEver.push(place.textContent)).observe(place, { childList: true, characterData: true, subtree: true });
});`;

const SIGN_IN = `
addEventListener('DOMContentLoaded', () => {
  const jwt = new URLSearchParams(location.search).get('jwt');
  if (!jwt) return;
  const { sub, username } = JSON.parse(atob(jwt.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
  const session = { user_id: sub, username, combined_user_id: sub + '-' + username, expires: Date.now() + 2592000000, created: Date.now() };
  localStorage.setItem('directsponsor_session', JSON.stringify(session));
  localStorage.setItem('user_id', sub);
  localStorage.setItem('username', username);
  localStorage.setItem('combined_user_id', session.combined_user_id);
  const query = new URLSearchParams(location.search);
  query.delete('jwt');
  history.replaceState({}, '', location.pathname + '?' + query);
  location.reload();
});`;

/** `attributes`: of the script's tag. */
export function pageText(attributes: string): string {
  return `<!doctype html><meta charset="utf-8"><title>site</title>
<p><span class="balance">0</span> <span class="currency">coins</span></p>
<button id="sync-balance-btn">Sync</button>
<script>${WATCH}</script>
<script src="/unified-balance.js" ${attributes}></script>
<script>${SIGN_IN}</script>`;
}
