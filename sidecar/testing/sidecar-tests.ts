/** A table of tests of sidecars: each gets three sites of its own, andy with 100 on all of them, and a sidecar at one of them. */
import { labTests } from '../../common/testing/lab-tests.js';
import type { Lab, LabOptions, LabSite } from '../../common/testing/sites.js';
import { LabSidecar } from './sidecars.js';

export const ANDY = 'balances/1-andy';

export type Cast = {
  readonly lab: Lab;
  readonly hub: LabSite;
  readonly faucet: LabSite;
  readonly sidecar: LabSidecar;
};

export type Options = LabOptions & {
  /** Where the sidecar is; a spoke unless another site is named. */
  readonly at?: string;
  /** Of andy's balance file. */
  readonly content?: unknown;
  /** Over the defaults of the sidecar's section. */
  readonly config?: Readonly<Record<string, unknown>>;
};

export function sidecarTests(width: number) {
  const inLab = labTests(width);
  return (title: string, run: (cast: Cast) => Promise<void>, options: Options = {}): void =>
    inLab(
      title,
      async (lab) => {
        for (const site of lab.sites) site.write(ANDY, options.content ?? { balance: 100 });
        await lab.start();
        await lab.settled();
        const faucet = lab.site('roflfaucet');
        const sidecar = await LabSidecar.start(lab, lab.site(options.at ?? faucet.name), options.config);
        try {
          await run({ lab, hub: lab.hub, faucet, sidecar });
        } finally {
          await sidecar.close();
        }
      },
      { inMemory: true, ...options },
    );
}
