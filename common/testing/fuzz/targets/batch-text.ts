/** The text of a batch: decoded or refused with a code, never an exception; what is accepted reads the same when sent on. */
import assert from 'node:assert/strict';
import { BATCH_FORMAT, type BatchHeader, decodeBatch, documentLine, encodeBatch } from '../../../core/batch.js';
import { type BatchInput, batchInput, batchText, digest } from '../batches.js';
import type { Target } from '../target.js';

const HEADER = {
  replica: 'roflfaucet~00000001',
  to_site: 'directsponsor',
  session: 'abc123',
  from: 3,
  to: 5,
  head: 9,
  confirms: { replica: 'directsponsor~00000001', seq: 4, session: 'def456' },
  refused: { code: 'AXL-BATCH-TORN', message: 'no header line' },
  joining: false,
  sent_at: 1_770_000_000_000,
};

export const batchTexts: Target<BatchInput> = {
  name: 'batches: text and header',
  share: 190,
  input: batchInput(undefined),
  open: () => ({
    run: (input) => {
      const decoded = decodeBatch(batchText(input, HEADER), digest);
      if (!decoded.ok) {
        assert.match(decoded.code, /^AXL-BATCH-[A-Z]+$/);
        return false;
      }
      const { header, documents } = decoded.batch;
      assert.equal(header.axle, BATCH_FORMAT);
      const lines = documents.map(({ name, state, at, by }) => documentLine(name, JSON.stringify(state), at, by));
      const { axle: _axle, documents: _documents, digest: _digest, ...rest }: BatchHeader = header;
      const again = decodeBatch(encodeBatch(rest, lines, digest), digest);
      assert.ok(again.ok, again.ok ? '' : again.message);
      assert.deepEqual(again.batch.documents, documents);
      return true;
    },
  }),
};
