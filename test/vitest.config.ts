import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import type { TestProjectInlineConfiguration, ViteUserConfig } from 'vitest/config';

// Nothing may depend on the zone of the machine; workers inherit this.
process.env['TZ'] = 'UTC';

const postgresSetup = fileURLToPath(new URL('support/postgres-setup.ts', import.meta.url));

/**
 * Rooms that need a module, a database or a server, or whose tests are people's days: whole agents,
 * fleets, browsers. All others are the unit layer, which is soon over.
 */
const layers = {
  hsm: ['hsm/**', 'regressions/hsm/**', 'agent/hardware/**'],
  store: ['store/**'],
  e2e: [
    ...['e2e/**', 'service/**', 'rest/**', 'cli/**', 'regressions/service/**', 'agent'],
    ...['emulator/page/**', 'emulator/fleet/**'],
  ],
} as const;

const filesOf = (rooms: readonly string[]): string[] =>
  rooms.map((room) => `test/${room}/*.test.ts`);

function layer(
  name: string,
  include: string[],
  more: NonNullable<TestProjectInlineConfiguration['test']> = {},
): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: { name, include, ...more },
  };
}

const config: ViteUserConfig = defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    // SoftHSM reads its configuration from the environment of the process: forks, never threads.
    pool: 'forks',
    unstubEnvs: true,
    restoreMocks: true,
    projects: [
      layer('unit', ['test/**/*.test.ts'], {
        testTimeout: 30_000,
        exclude: filesOf(Object.values(layers).flat()),
        // They share nothing but the clock of the machine: both cores, and each module read once.
        maxWorkers: 2,
        isolate: false,
        // After all others: groups of workers are not mixed.
        sequence: { groupOrder: 1 },
      }),
      layer('hsm', filesOf(layers.hsm), { testTimeout: 60_000, hookTimeout: 60_000 }),
      layer('store', filesOf(layers.store), {
        testTimeout: 60_000,
        hookTimeout: 60_000,
        globalSetup: [postgresSetup],
      }),
      layer('e2e', filesOf(layers.e2e), {
        testTimeout: 120_000,
        hookTimeout: 120_000,
        // Browsers and servers share the machine with whatever else runs on it.
        expect: { poll: { timeout: 10_000 } },
        globalSetup: [postgresSetup],
      }),
    ],
    coverage: {
      provider: 'v8',
      include: ['src/oath/**/*.ts', 'src/domain/**/*.ts', 'src/offline/**/*.ts'],
      reportsDirectory: 'coverage/unit',
      reporter: ['text', 'json-summary'],
      thresholds: {
        'src/oath/**/*.ts': { statements: 100, branches: 100 },
        'src/domain/**/*.ts': { statements: 100, branches: 100 },
        'src/offline/**/*.ts': { statements: 100, branches: 100 },
      },
    },
  },
});

export default config;
