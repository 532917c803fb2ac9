/**
 * Names with their fingerprints, small enough for a million: a scan compares with it instead of asking SQLite for each
 * file. 16 bytes a slot, at most half full: 1,000,000 documents take 36 MB for as long as the scan lasts, where a Map of
 * texts takes over 200, and a SELECT for each file 6.8 µs instead of 1.4 for reading all rows once and keeping them here.
 *
 * Names and fingerprints are kept as 64-bit hashes under a random seed (users choose their names; they must not choose
 * colliding ones). For a million names a collision has odds of 1 in 30 million, and then delays one file's look until
 * its next event.
 */

const FREE_SLOTS_FACTOR = 2;
/** Places within a slot, in 32-bit words. */
const WORD = { nameA: 0, nameB: 1, printA: 2, printB: 3, width: 4 } as const;

export class PrintTable {
  readonly #seed: number;
  #slots: Uint32Array;
  #seen: Uint8Array;
  #used = 0;
  #unseen = 0;

  /** `seed`: a random integer below 2^32. `expected`: how many names will be added; more only cost a rehash. */
  constructor(seed: number, expected = 1_000) {
    this.#seed = seed >>> 0;
    const capacity = powerOfTwo(expected * FREE_SLOTS_FACTOR);
    this.#slots = new Uint32Array(capacity * WORD.width);
    this.#seen = new Uint8Array(capacity);
  }

  get size(): number {
    return this.#used;
  }

  /** Names that `confirm` was not called with: their files may be gone. */
  get unseen(): number {
    return this.#unseen;
  }

  /** Notes what is expected of a name; a second time, anew. */
  add(name: string, print: string): void {
    if ((this.#used + 1) * FREE_SLOTS_FACTOR > this.#seen.length) this.#grow();
    hash(name, this.#seed);
    const [nameA, nameB] = [hashA || 1, hashB];
    const at = this.#find(nameA, nameB);
    if (this.#slots[at] === 0) {
      this.#used++;
      this.#unseen++;
    }
    hash(print, this.#seed);
    this.#slots[at + WORD.nameA] = nameA;
    this.#slots[at + WORD.nameB] = nameB;
    this.#slots[at + WORD.printA] = hashA;
    this.#slots[at + WORD.printB] = hashB;
  }

  /** Marks the name as seen; true if it has exactly this fingerprint. False: new or changed, look at it. */
  confirm(name: string, print: string): boolean {
    hash(name, this.#seed);
    const at = this.#find(hashA || 1, hashB);
    if (this.#slots[at] === 0) return false;
    if (this.#seen[at / WORD.width] === 0) this.#unseen--;
    this.#seen[at / WORD.width] = 1;
    hash(print, this.#seed);
    return this.#slots[at + WORD.printA] === hashA && this.#slots[at + WORD.printB] === hashB;
  }

  /** Whether this is one of the `unseen`. A name that was never added is not. */
  isUnseen(name: string): boolean {
    hash(name, this.#seed);
    const at = this.#find(hashA || 1, hashB);
    return this.#slots[at] !== 0 && this.#seen[at / WORD.width] === 0;
  }

  /** Offset of the name's slot, or of the free one where it belongs. A free slot has 0 for the name's first half. */
  #find(nameA: number, nameB: number): number {
    const mask = this.#seen.length - 1;
    for (let slot = nameB & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORD.width;
      const found = this.#slots[at];
      if (found === 0 || (found === nameA && this.#slots[at + WORD.nameB] === nameB)) return at;
    }
  }

  #grow(): void {
    const [slots, seen] = [this.#slots, this.#seen];
    this.#slots = new Uint32Array(slots.length * 2);
    this.#seen = new Uint8Array(seen.length * 2);
    for (let from = 0; from < slots.length; from += WORD.width) {
      const nameA = slots[from] as number;
      if (nameA === 0) continue;
      const to = this.#find(nameA, slots[from + WORD.nameB] as number);
      this.#slots.set(slots.subarray(from, from + WORD.width), to);
      this.#seen[to / WORD.width] = seen[from / WORD.width] as number;
    }
  }
}

// The two halves of the last hash: two numbers without an object for each of a million calls.
let hashA = 0;
let hashB = 0;

/** Two 32-bit lanes, mixed at the end (the construction of cyrb53, both lanes kept whole). */
function hash(text: string, seed: number): void {
  let a = 0xdeadbeef ^ seed;
  let b = 0x41c6ce57 ^ Math.imul(seed, 0x9e3779b1);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2_654_435_761);
    b = Math.imul(b ^ code, 1_597_334_677);
  }
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909);
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909);
  hashA = a >>> 0;
  hashB = b >>> 0;
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(least, 16)));
}
