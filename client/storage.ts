/** localStorage, or memory for this page alone where the browser refuses it (full, or switched off). */

export interface Box {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  keys(): string[];
}

export class MemoryBox implements Box {
  readonly #values = new Map<string, string>();
  get(key: string): string | null {
    return this.#values.get(key) ?? null;
  }
  set(key: string, value: string): void {
    this.#values.set(key, value);
  }
  remove(key: string): void {
    this.#values.delete(key);
  }
  keys(): string[] {
    return [...this.#values.keys()];
  }
}

export class StorageBox implements Box {
  /** What could not be stored: it is still sent, as long as the page lives. */
  readonly #beside = new MemoryBox();
  readonly #storage: Storage | undefined;

  constructor(storage: () => Storage) {
    try {
      this.#storage = storage();
    } catch {
      this.#storage = undefined;
    }
  }

  get(key: string): string | null {
    return this.#beside.get(key) ?? this.#storage?.getItem(key) ?? null;
  }

  set(key: string, value: string): void {
    try {
      if (this.#storage === undefined) throw new Error('no storage');
      this.#storage.setItem(key, value);
      this.#beside.remove(key);
    } catch {
      this.#beside.set(key, value);
    }
  }

  remove(key: string): void {
    this.#beside.remove(key);
    this.#storage?.removeItem(key);
  }

  keys(): string[] {
    const { length = 0 } = this.#storage ?? {};
    const stored = Array.from({ length }, (_, index) => this.#storage?.key(index) ?? '');
    return [...new Set([...stored, ...this.#beside.keys()])];
  }
}
