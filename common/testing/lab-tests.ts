/** A table of lab tests: each gets a lab of its own, which is closed afterwards. */
import { Ahead } from './ahead.js';
import { Lab, type LabOptions } from './sites.js';

export function labTests(
  width: number,
): (title: string, run: (lab: Lab) => Promise<void>, options?: LabOptions) => void {
  const tests = new Ahead(width);
  return (title, run, options = {}) =>
    tests.it(title, async () => {
      const lab = new Lab(options);
      try {
        await run(lab);
      } finally {
        await lab.close();
      }
    });
}
