import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/index.ts';
import { moduleAddress } from '../../src/main.ts';

describe('where a refused PIN is remembered', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tallystick-address-'));
    writeFileSync(join(folder, 'user.pin'), '1234', { mode: 0o600 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const markerFor = (configFile: string, databasePath: string, module: object): unknown => {
    const file = { database: { path: databasePath }, module };
    const { config } = parseConfig(configFile, { file, environment: {}, flags: {} });
    return moduleAddress(config.module, {}).refusedPinMarkerPath;
  };
  const uri = 'pkcs11:token=t?module-path=/m.so';
  const missing = (name: string): string => join(folder, 'missing', name);

  it('is the first place that can be written', () => {
    const here = join(folder, 'user.pin');
    const config = join(folder, 'c.json');
    const database = join(folder, 'd.db');
    const inUri = (path: string): object => ({ uri: `${uri}&pin-source=file:${path}` });
    expect(markerFor(config, database, { uri, pinFile: here })).toBe(`${here}.refused`);
    expect(markerFor(config, database, inUri(here))).toBe(`${here}.refused`);
    expect(markerFor(config, database, inUri(missing('pin')))).toBe(`${config}.pin-refused`);
    const fromVariable = { uri, pinEnvironment: 'P' };
    expect(markerFor(missing('c.json'), database, fromVariable)).toBe(`${database}.pin-refused`);
  });

  it('is named even if none can be written, so that the refusal can name it', () => {
    const module = { uri: `${uri}&pin-source=file:${missing('pin')}` };
    const marker = markerFor(missing('c.json'), missing('d.db'), module);
    expect(marker).toBe(`${missing('pin')}.refused`);
  });
});
