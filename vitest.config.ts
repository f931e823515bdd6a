import { defineConfig } from 'vitest/config';

/** Most tests wait more than they work, so there are more of them at a time than a small machine has cores. */
const WAITING = { maxWorkers: 3, sequence: { groupOrder: 0 } };

// Packages import each other through their built `dist`, as users do: the scripts run `tsc -b` first.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'examples/*/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 90_000,
          ...WAITING,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 240_000,
          ...WAITING,
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          testTimeout: 600_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 400_000,
          hookTimeout: 240_000,
          ...WAITING,
        },
      },
      {
        test: {
          name: 'packaging',
          include: ['test/packaging/**/*.test.ts'],
          globalSetup: 'test/packaging/setup.ts',
          testTimeout: 400_000,
          hookTimeout: 240_000,
          ...WAITING,
        },
      },
      {
        test: {
          name: 'upgrade',
          include: ['test/upgrade/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          ...WAITING,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          exclude: ['test/chaos/recovery.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 240_000,
          ...WAITING,
        },
      },
      {
        test: {
          name: 'recovery',
          include: ['test/chaos/recovery.test.ts'],
          testTimeout: 600_000,
          // It measures times, and so is alone.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'containers',
          include: ['test/containers/**/*.test.ts'],
          // The library's reaper is an image to be pulled. What a test starts it stops itself.
          env: { TESTCONTAINERS_RYUK_DISABLED: 'true' },
          testTimeout: 300_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'kubernetes',
          include: ['test/kubernetes/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['packages/core/src/**'],
      thresholds: {
        'packages/core/src/**': { lines: 100, functions: 100, branches: 100, statements: 100 },
      },
    },
  },
});
