import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{bench,common,hub,spoke,sidecar,deploy,miner,cli,client,php-bridge}/**/*.test.ts'],
          // Half of what they wait for is disks and children: a worker for each core, where Vitest leaves one core idle.
          maxWorkers: '100%',
          testTimeout: 20_000,
          hookTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Real hosts: one file after the other, and not beside the unit tests, whose load would be in the measurements.
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['e2e/deploy/**'],
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // `npm run test:deploy`: bare hosts are made, and a release of 200 MB goes to each.
        test: {
          name: 'deploy',
          include: ['e2e/deploy/**/*.test.ts'],
          maxWorkers: 1,
          testTimeout: 600_000,
          hookTimeout: 900_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
