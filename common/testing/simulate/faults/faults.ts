/**
 * Deliberate faults, each a small change of the sources that is made in a copy of them and nowhere else. The simulation
 * must find every one. (Leaving out the check before the rename is not among them: what is then replaced unseen stands
 * in the kept link, and is absorbed as a late write. Two nets, and either alone holds.) A change must match its file exactly once; one that no longer does is a fault of this list.
 */
export type Change = {
  /** Below `common/`. */
  readonly file: string;
  readonly search: string;
  readonly replace: string;
};

export type Fault = { readonly name: string; readonly changes: readonly Change[] };

const fault = (name: string, file: string, search: string, replace: string, ...more: Change[]): Fault => ({
  name,
  changes: [{ file, search, replace }, ...more],
});

export const FAULTS: readonly Fault[] = [
  fault(
    'no intent before the rename',
    'replica/materialise.ts',
    'store.putIntent({ id, inode: temp.print, view, link });',
    'void [id, temp, view, link];',
  ),
  fault(
    'the shadow is committed before the rename',
    'replica/materialise.ts',
    'store.putIntent({ id, inode: temp.print, view, link });',
    "store.putFile({ id, print: temp.print, shadow: view + (link && ''), dirty: 0 });",
  ),
  fault(
    'recovery never believes in the rename',
    'replica/recover.ts',
    'if (files.inode(name) === inode) return true;',
    'if (inode !== undefined) return false;',
  ),
  fault(
    'a batch is added instead of merged',
    'core/merge.ts',
    'const added = larger(a[0], b[0]);',
    "const added = b[0] === a[0] ? a[0] : String(BigInt(a[0].split('.')[0] as string) + BigInt(b[0].split('.')[0] as string));",
  ),
  fault(
    'counters merge by newest',
    'core/merge.ts',
    'const by = mergeRecords(a.by, b.by, laterTotals) ?? a.by;',
    "const by = (b.shape?.[1] ?? '') >= (a.shape?.[1] ?? '') ? b.by : a.by;",
  ),
  fault(
    'genesis by newest instead of earliest',
    'core/merge.ts',
    'if (a[1] !== b[1]) return b[1] < a[1] ? b : a;',
    'if (a[1] !== b[1]) return b[1] > a[1] ? b : a;',
  ),
  fault(
    'the cursor moves before the confirmation',
    'link/conversation.ts',
    'this.#told = message.confirms?.seq ?? -1;',
    'const peer = this.row(); if (peer !== undefined && message.to > peer.confirmed) this.replica.world.store.putPeer({ ...peer, confirmed: message.to }); this.#told = message.confirms?.seq ?? -1;',
  ),
  fault(
    'a gap is confirmed',
    'link/conversation.ts',
    'const applied = gap || !isToUs ? base.applied : Math.max(base.applied, header.to);',
    'const applied = isToUs ? Math.max(base.applied, header.to) : base.applied;',
  ),
  fault(
    'a lower confirmation is ignored',
    'link/conversation.ts',
    'if (!isAnswer) return confirmed;',
    'if (confirmed >= seq) return confirmed;',
  ),
  fault(
    'a fork of the sequence is ignored',
    'site/incarnation.ts',
    'if (!forked) return;',
    'if (forked || !forked) return;',
  ),
  fault(
    'a start without the hub keeps its incarnation',
    'site/incarnation.ts',
    "else this.#newIncarnation('the hub did not answer at start');",
    '',
  ),
  fault(
    'a restored state is accepted',
    'site/open-replica.ts',
    'if (replica.isOlderThanFiles()) {',
    'if (replica.isOlderThanFiles() && replica.id === undefined) {',
  ),
  fault(
    'no check of whose contributions arrive',
    'replica/receive.ts',
    'const foreign = rules.isHub && !isAskedFor(name) ? foreignIn(state, replicaSite(peer.replica)) : undefined;',
    'const foreign = rules.isHub && !isAskedFor(name) ? foreignIn({}, replicaSite(peer.replica)) : undefined;',
  ),
  fault('received documents are not marked dirty', 'replica/receive.ts', 'store.markDirty(id);', 'void id;'),
  fault(
    'temp files are not synced',
    'replica/live-files.ts',
    'await Promise.all(ids.map((id) => syncPath(this.tempOf(id))));',
    '',
  ),
  fault(
    'absorbed files are not synced',
    'replica/absorb.ts',
    'await files.syncNames(found.filter(({ live }) => live !== undefined).map(({ name }) => name));',
    '',
  ),
  fault(
    'the folder is not synced after the rename',
    'replica/materialise.ts',
    "await files.syncFolders(new Set([...written.keys()].map((name) => name.slice(0, name.lastIndexOf('/')))));",
    '',
  ),
  fault(
    'late writes are not read',
    'replica/late-writes.ts',
    "if (row === undefined || !replica.knows(row.name) || look.kind !== 'file' || look.text === shadowText)",
    "if (row === undefined || !replica.knows(row.name) || look.kind !== 'file' || look.text !== undefined)",
  ),
  fault(
    'no lock while files are replaced',
    'replica/materialise.ts',
    'const release = await lockDocuments(replica.world.files.own, names);',
    'const release = await (lockDocuments === undefined ? lockDocuments : async () => {});',
  ),
  fault(
    'live is compared with the view',
    'replica/raw-change.ts',
    'const shadow = valid(change.shadow, policies);',
    'const shadow = change.shadow === null ? undefined : (render(before, policies.kind.delete, live?.kind === "json" ? live.value : undefined) ?? valid(change.shadow, policies));',
  ),
  fault(
    'the last document of a batch is dropped',
    'link/peer-link.ts',
    'const text = encodeBatch(message, lines, sha256);',
    'const text = encodeBatch(message, lines.length > 1 ? lines.slice(0, -1) : lines, sha256);',
  ),
  fault(
    'an empty file counts as zero',
    'core/content.ts',
    'const value = parseJson(text);',
    "const value = parseJson(text === '' && policies.kind.delete === 'restore' ? '{\"balance\":0}' : text);",
  ),
  fault(
    'a missing file is deleted at once',
    'replica/absorb.ts',
    'export const MISSING_MS = 300;',
    'export const MISSING_MS = 0;',
  ),
  fault(
    'a sequence number is given twice',
    'replica/replica.ts',
    'nextSeq: () => ++head,',
    'nextSeq: () => (head === this.#head ? ++head : head),',
  ),
  fault(
    'only the newest incarnation is sent',
    'core/authority.ts',
    'if (replica === GENESIS || replicaSite(replica) !== site) continue;',
    'if (replica === GENESIS || replicaSite(replica) !== site || replica !== Object.keys(from).filter((one) => replicaSite(one) === site).at(-1)) continue;',
  ),
  fault(
    'a debit goes beyond the rights',
    'replica/ledger.ts',
    'compare(subtract(ZERO, amount), this.#free(counter)) > 0) {',
    'compare(subtract(ZERO, amount), counterValue(counter)) > 0) {',
  ),
  fault(
    'a giver forgets the rights that it gave',
    'core/rights.ts',
    'return subtract(subtract(add(added, received(counter, replica)), taken), given);',
    'return subtract(add(added, received(counter, replica)), taken);',
  ),
  fault(
    'a receiver forgets the rights that it was given',
    'core/rights.ts',
    'sum = add(sum, to[replica] ?? ZERO);',
    'sum = add(sum, ZERO);',
  ),
  fault(
    'rights of an earlier incarnation are spent before its last changes came',
    'site/programs.ts',
    'owner !== peer.author && !store.isPassing(ownerSite);',
    'owner !== peer.author;',
  ),
  fault(
    'a credit is answered before it is committed',
    'replica/ledger.ts',
    'if (ready.length > 0) this.#try(ready, () => this.#settle(ready));',
    "for (const { change, resolve } of ready) if (!change.amount.startsWith('-')) resolve({ ok: true, id: 0, amount: change.amount, balance: '0', at: 0, isReplay: false }); await new Promise((then) => setTimeout(then, 1)); if (ready.length > 0) this.#try(ready, () => this.#settle(ready));",
  ),
  fault(
    'a write to zero is not held',
    'replica/guard.ts',
    'if (this.options.zero) {',
    'if (this.options.zero && base === live) {',
  ),
];
