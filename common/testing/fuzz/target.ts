/** What is fuzzed: where inputs come from, and what must hold for each. */
import type fc from 'fast-check';

export type Target<T> = {
  readonly name: string;
  /** Its part of a campaign's inputs, in thousandths. */
  readonly share: number;
  readonly input: fc.Arbitrary<T>;
  /** A place to run in. Called anew for every stretch of inputs, so that what they leave behind stays bounded. */
  readonly open: () => Check<T>;
};

export type Check<T> = {
  /** Throws (or rejects) where something does not hold. True: the input was accepted as valid. */
  readonly run: (input: T) => boolean | Promise<boolean>;
  readonly close?: () => void;
};

/** For lists of targets of different inputs. */
// biome-ignore lint/suspicious/noExplicitAny: an input meets only the check that was made for it.
export type AnyTarget = Target<any>;
