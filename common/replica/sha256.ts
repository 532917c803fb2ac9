import { hash } from 'node:crypto';
import type { Digest } from '../core/batch.js';

/** The digest function of this process: batches, documents and buckets. 1 µs for a balance's state. */
export const sha256: Digest = (text) => hash('sha256', text, 'hex');
