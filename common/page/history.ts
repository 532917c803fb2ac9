/** The last quarter of an hour in pieces of ten seconds: how many changes, and how long those from other sites took. Pure. */
import type { ActivityEntry } from '../site/activity.js';

export const PIECE_MS = 10_000;
export const PIECES = 90;
/** Latencies kept of one piece and site: enough for its middle. */
const SAMPLES_MAX = 200;

/** One piece as it is shown; without `p50_ms` nothing came from another site. */
export type Point = { readonly changes: number; readonly p50_ms?: number };

type Piece = { readonly index: number; readonly changes: Map<string, number>; readonly took: Map<string, number[]> };

export class History {
  #pieces: Piece[] = [];

  constructor(readonly site: string) {}

  note({ at, event, fields }: ActivityEntry): void {
    if (event !== 'absorbed' && event !== 'materialised') return;
    const from = event === 'materialised' && typeof fields.from === 'string' ? fields.from : this.site;
    const piece = this.#pieceOf(Math.floor(at / PIECE_MS));
    piece.changes.set(from, (piece.changes.get(from) ?? 0) + 1);
    if (from === this.site || typeof fields.ms !== 'number') return;
    const took = piece.took.get(from) ?? [];
    if (took.length < SAMPLES_MAX) took.push(fields.ms);
    piece.took.set(from, took);
  }

  /** Oldest first, the piece of `now` last. `from`: only what was changed there. */
  points(now: number, from?: string): Point[] {
    const last = Math.floor(now / PIECE_MS);
    const known = new Map(this.#pieces.map((piece) => [piece.index, piece]));
    return Array.from({ length: PIECES }, (_, n) => pointOf(known.get(last - PIECES + 1 + n), from));
  }

  /** Changes of the last minute. */
  perMinute(now: number, from?: string): number {
    return this.points(now, from)
      .slice(-60_000 / PIECE_MS)
      .reduce((sum, { changes }) => sum + changes, 0);
  }

  #pieceOf(index: number): Piece {
    const known = this.#pieces.findLast((piece) => piece.index === index);
    if (known !== undefined) return known;
    const piece: Piece = { index, changes: new Map(), took: new Map() };
    // A clock that was set back begins again.
    this.#pieces = [...this.#pieces.filter((one) => one.index < index), piece].slice(-PIECES);
    return piece;
  }
}

function pointOf(piece: Piece | undefined, from: string | undefined): Point {
  if (piece === undefined) return { changes: 0 };
  const of = <T>(map: ReadonlyMap<string, T>): T[] =>
    from === undefined ? [...map.values()] : [map.get(from)].filter((one) => one !== undefined);
  const changes = of(piece.changes).reduce((sum, n) => sum + n, 0);
  const p50_ms = middle(of(piece.took).flat());
  return { changes, ...(p50_ms !== undefined && { p50_ms }) };
}

function middle(values: number[]): number | undefined {
  return values.sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}
