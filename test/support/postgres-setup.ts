import type { TestProject } from 'vitest/node';
import { postgresProgramFolder } from './layers.ts';
import { startPostgres } from './postgres.ts';
import type { PostgresServer } from './postgres.ts';

interface SharedServer {
  server: Promise<PostgresServer>;
  users: number;
}

const sharedKey = Symbol.for('tallystick.test.postgres');
const globalSlot = globalThis as { [sharedKey]?: SharedServer | undefined };

/**
 * Global setup of the projects that use PostgreSQL. Each project loads this file for itself, so the
 * one cluster of the run is kept where all of them find it.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (postgresProgramFolder() === undefined) {
    project.provide('postgres', '');
    return () => Promise.resolve();
  }
  const shared = (globalSlot[sharedKey] ??= { server: startPostgres(), users: 0 });
  shared.users += 1;
  const server = await shared.server;
  project.provide('postgres', server.connectionString);
  return async () => {
    shared.users -= 1;
    if (shared.users === 0) {
      globalSlot[sharedKey] = undefined;
      await server.stop();
    }
  };
}
