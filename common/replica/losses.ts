/**
 * What this replica has lost and its peers are asked for: a document whose stored state was damaged, or all of
 * them, where a hub found that its state is an old copy or gone. A damaged state is never merged with what peers hold: a flipped digit
 * would make a greater number, and the greater number wins. It is set aside, and the document is out of use (not
 * absorbed, not written to its file) until the peers have told what they hold.
 */
import { ownPart } from '../core/authority.js';
import { type CanonicalText, canonicalText } from '../core/canonical.js';
import { readContent } from '../core/content.js';
import { decodeState, stampAhead } from '../core/decode.js';
import { isDocumentName } from '../core/names.js';
import { viewText } from '../core/render.js';
import { type DocState, EMPTY } from '../core/state.js';
import { showsView, viewOf } from './absorb.js';
import type { Replica } from './replica.js';
import type { DocumentRow, LostRow } from './store.js';

/** In place of a document's name: all of them, whoever contributed to them. */
export const EVERYTHING = '*';
/** In place of a document's name: all of them as `EVERYTHING`, because a person said so while this state is in use. */
export const ALL = '+';
/** In place of a document's name: of all of them, what this site contributed since this copy of its state was made. */
export const OWN = '~';
/** What is asked for with one question about all documents. */
const WHOLES = [EVERYTHING, ALL, OWN] as const;
export type Whole = (typeof WHOLES)[number];

/** The first of these names that stands for all documents, if any does. */
export function wholeIn(names: readonly string[]): Whole | undefined {
  return WHOLES.find((whole) => names.includes(whole));
}

export class Losses {
  readonly #lost = new Map<string, LostRow>();
  /** A document was found damaged. Set by the site. */
  onDamaged: (name: string, isUnsent: boolean) => void = () => {};

  constructor(readonly replica: Replica) {
    for (const row of replica.world.store.lost()) this.#lost.set(row.name, row);
  }

  get size(): number {
    return this.#lost.size;
  }

  /** Documents (or what stands for all of them) that `site` has not been heard about. */
  askedOf(site: string): string[] {
    return [...this.#lost.values()].filter(({ told }) => !told.includes(site)).map(({ name }) => name);
  }

  /** Lost documents that are not in use again. */
  outOfUse(): LostRow[] {
    return [...this.#lost.values()].filter(({ name, released }) => isDocumentName(name) && !released);
  }

  /**
   * Whether a live file must not be absorbed now. While everything was lost and a spoke has not answered, that also holds
   * for files that nobody knows: the spoke may have them, and they would be counted once more as genesis.
   */
  isOutOfUse(name: string, known: DocumentRow | undefined): boolean {
    if (this.#lost.size === 0) return false;
    if (this.#lost.get(name)?.released === false) return true;
    return known === undefined && this.#lost.has(EVERYTHING) && this.replica.unsettled.has(name);
  }

  /** What stands for all documents where `site` has still to be heard about it; of any site where none is named. */
  wholeAskedOf(site?: string): Whole | undefined {
    return WHOLES.find((name) => {
      const row = this.#lost.get(name);
      return row !== undefined && (site === undefined || !row.told.includes(site));
    });
  }

  isEverythingLost(): boolean {
    return this.#lost.has(EVERYTHING);
  }

  /** All peers are to be asked for it. Call inside a commit. */
  lose(name: Whole): void {
    this.#put({ name, unsent: false, released: false, told: [] });
  }

  /** Takes a damaged row out of use. Returns what is left of it: what is certain to be our own, else nothing. */
  setAside(row: DocumentRow): { readonly state: CanonicalText } {
    const { store, files, now, peers } = this.replica.world;
    const own = this.#trustworthy(row);
    const isSent = row.origin !== '' || peers.some((site) => (store.peer(site)?.confirmed ?? 0) >= row.seq);
    const state = canonicalText(own ?? EMPTY);
    const lost: LostRow = { name: row.name, unsent: own === undefined && !isSent, released: false, told: [] };
    store.commit(() => {
      store.putDocument({ ...row, state }, row.id);
      this.#put(lost);
    });
    files.keepConflict(row.name, `damaged-${now()}`, row.state);
    this.onDamaged(row.name, lost.unsent);
    return { state };
  }

  /**
   * Our own part of a damaged state, where the damage shows in nothing that counts: it can be read, and shows exactly what
   * the live file showed when both last agreed. Undefined where that cannot be said.
   */
  #trustworthy(row: DocumentRow): DocState | undefined {
    const { replica } = this;
    const { store, site, now, clockSkewMaxMs } = replica.world;
    const file = store.file(row.id);
    if (file === undefined || file.dirty === 1 || file.shadow === null || !replica.knows(row.name)) return undefined;
    try {
      const state = decodeState(JSON.parse(row.state));
      // Rights that were passed on show in no file.
      if (Object.values(state.counters ?? {}).some(({ given }) => given !== undefined)) return undefined;
      const policies = replica.policiesOf(row.name);
      const shadow = readContent(file.shadow, policies);
      if (shadow.kind === 'invalid' || stampAhead(state, now() + clockSkewMaxMs) !== undefined) return undefined;
      return showsView(shadow, viewOf(state, shadow, policies), policies) ? ownPart(state, site) : undefined;
    } catch {
      return undefined;
    }
  }

  /** `site` has told what it holds of `name`. Call inside a commit, with what it told merged. */
  told(site: string, name: string): void {
    const row = this.#lost.get(name);
    if (row === undefined || row.told.includes(site)) return;
    this.#put({ ...row, told: [...row.told, site] });
  }

  /**
   * Takes a document into use again, as rebuilt. Its file's differences to what was agreed on count from now; it is sent to
   * everybody. `isWhole`: every peer has told, and nothing more is to come.
   */
  release(name: string, isWhole: boolean): void {
    const { store, now, site } = this.replica.world;
    const row = this.#lost.get(name);
    if (row === undefined) return;
    const { unsent } = row;
    this.replica.commit(({ nextSeq }) => {
      const document = row.released ? undefined : store.document(name);
      if (document !== undefined) {
        store.putDocument({ ...document, seq: nextSeq(), origin: '', at: now(), by_site: site }, document.id);
        store.markDirty(document.id);
        // Whoever listens was told nothing of it meanwhile.
        store.journal.move(document.id);
        if (unsent) this.#settleUnsent(document);
      }
      if (isWhole) this.#drop(name);
      else this.#put({ ...row, released: true });
    });
  }

  /**
   * Changes that nobody had been sent are gone from the state; the text that the file was agreed to hold shows their sum.
   * Where nobody knows the document at all, that text is all there is: the file counts as one that was born here. Else what
   * is missing cannot be told from what others did meanwhile: a person decides.
   */
  #settleUnsent(document: DocumentRow): void {
    const { store, files, now } = this.replica.world;
    const { id, name } = document;
    const shadow = store.file(id)?.shadow ?? null;
    if (shadow === null || !this.replica.knows(name)) return;
    const state = this.replica.stateOf(document);
    const view = viewOf(state, undefined, this.replica.policiesOf(name));
    if (view === undefined) {
      store.putFile({ id, print: '', shadow: null, dirty: 1 });
      return;
    }
    files.keepConflict(name, `damaged-file-${now()}`, shadow);
    store.hold({ document: name, reason: 'damaged', live: shadow, view: viewText(view, undefined, state), at: now() });
  }

  #put(row: LostRow): void {
    this.replica.world.store.putLost(row);
    this.#lost.set(row.name, row);
  }

  #drop(name: string): void {
    this.replica.world.store.dropLost(name);
    this.#lost.delete(name);
  }
}
