/**
 * What live files showed before: the contents from which a writer may have started that took its time. In memory only;
 * bounded in age and size.
 */
type Former = { readonly text: string; readonly at: number };

export const FORMER_MS = 60_000;
const TEXTS_PER_DOCUMENT = 32;
const CHARACTERS_MAX = 16 * 1024 * 1024;

export class FormerTexts {
  /** Document → its texts, oldest first; documents in the order of their last text. */
  readonly #texts = new Map<string, Former[]>();
  #characters = 0;

  /** The file showed `text` until `at`, milliseconds since 1970. */
  add(name: string, text: string, at: number): void {
    const known = this.#texts.get(name) ?? [];
    this.#drop(name);
    this.#put(name, [...known.filter((one) => one.text !== text), { text, at }].slice(-TEXTS_PER_DOCUMENT));
    for (const [other, texts] of this.#texts) {
      const isOld = at - (texts.at(-1)?.at ?? 0) > FORMER_MS;
      if (!isOld && this.#characters <= CHARACTERS_MAX) break;
      this.#drop(other);
    }
  }

  has(name: string): boolean {
    return this.#texts.has(name);
  }

  /** Newest first. */
  of(name: string, now: number): string[] {
    const texts = this.#texts.get(name) ?? [];
    return texts
      .filter(({ at }) => Math.abs(now - at) <= FORMER_MS)
      .map(({ text }) => text)
      .reverse();
  }

  #put(name: string, texts: Former[]): void {
    this.#texts.set(name, texts);
    for (const { text } of texts) this.#characters += text.length;
  }

  #drop(name: string): void {
    for (const { text } of this.#texts.get(name) ?? []) this.#characters -= text.length;
    this.#texts.delete(name);
  }
}
