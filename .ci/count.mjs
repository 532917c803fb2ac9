/**
 * Sums vitest's JSON report: `node .ci/count.mjs REPORT EXIT_CODE`. With CI=true a skipped end-to-end test is a failure,
 * so that CI cannot pass by skipping what it is there for.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const [report, exitCode] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let files = [];
try {
  files = JSON.parse(readFileSync(report, 'utf8')).testResults;
} catch {
  console.log('no report: the tests did not run to their end');
}
for (const file of files) {
  const name = relative(process.cwd(), file.name);
  const count = (...statuses) => file.assertionResults.filter(({ status }) => statuses.includes(status)).length;
  passed += count('passed');
  failed += count('failed');
  // A file that could not even be loaded has failed without a test of its own.
  if (file.status === 'failed' && count('failed') === 0) failed += 1;
  const skipped = count('skipped', 'pending', 'todo', 'disabled');
  if (skipped > 0 && name.startsWith('e2e/') && process.env.CI === 'true') {
    console.log(`${name}: ${skipped} skipped, which CI counts as failed`);
    failed += skipped;
  }
}
// Something outside of any test went wrong (set-up, an unhandled rejection): no zero beside a failing exit code.
if (failed === 0 && (exitCode !== '0' || passed === 0)) failed = 1;
process.exitCode = failed === 0 ? 0 : Number(exitCode) || 1;
console.log(`${passed} passed, ${failed} failed`);
