/** Randomness that a seed decides, the same on every machine. */

/** Tommy Ettinger's mulberry32: uniform in [0, 1), small. */
export function mulberry32(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A stream of choices. Streams of one seed with different names are independent of each other. */
export class Choices {
  readonly next: () => number;

  constructor(seed: number, name: string) {
    let hash = seed ^ 0x9e3779b9;
    for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 0x85ebca6b) ^ (hash >>> 13);
    this.next = mulberry32(hash);
  }

  /** Whole number in [from, to]. */
  within(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  of<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)] as T;
  }

  hex(bytes: number): string {
    let text = '';
    for (let i = 0; i < bytes; i++) text += this.within(0, 255).toString(16).padStart(2, '0');
    return text;
  }
}
