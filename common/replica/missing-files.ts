/** Documents whose live file was found missing, and when: a delete, or a writer between two steps of a save. */
export class MissingFiles {
  readonly #since = new Map<string, number>();
  readonly #counts = new Map<string, number>();

  /** When the file was first found missing: now, unless it already was; by the steady clock. */
  since(name: string, now: number): number {
    const since = this.#since.get(name);
    if (since !== undefined) return since;
    this.#since.set(name, now);
    this.#add(name, 1);
    return now;
  }

  has(name: string): boolean {
    return this.#since.has(name);
  }

  delete(name: string): void {
    if (this.#since.delete(name)) this.#add(name, -1);
  }

  /** How many of a kind. */
  count(kind: string): number {
    return this.#counts.get(kind) ?? 0;
  }

  #add(name: string, n: number): void {
    const kind = name.slice(0, name.lastIndexOf('/'));
    this.#counts.set(kind, this.count(kind) + n);
  }
}
