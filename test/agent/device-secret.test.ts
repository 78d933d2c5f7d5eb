import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type DeviceSecret, fileSecret, memorySecret } from '../../src/agent/device-secret.ts';
import { nodeEnv } from '../../src/agent/env.ts';

const message = Buffer.from('message');

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'agent-secret-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const hexOf = async (secret: DeviceSecret): Promise<string> =>
  (await secret.mac('one', message)).toString('hex');

it('needs the share of the server as well as the part on the disk', async () => {
  const folder = freshFolder();
  const [share, otherShare] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const secret = memorySecret(nodeEnv, folder, share);
  await secret.create('one');
  const mac = await hexOf(secret);
  expect(await hexOf(memorySecret(nodeEnv, folder, share))).toBe(mac);
  expect(await hexOf(memorySecret(nodeEnv, folder, otherShare))).not.toBe(mac);
  expect(await hexOf(fileSecret(nodeEnv, folder))).not.toBe(mac);
  await secret.create('one');
  expect(await hexOf(secret)).not.toBe(mac);
});

it('is gone when it was destroyed, and another after that', async () => {
  const folder = freshFolder();
  const secret = fileSecret(nodeEnv, folder);
  await secret.create('one');
  await secret.destroy('one');
  await secret.destroy('one');
  await expect(secret.mac('one', message)).rejects.toMatchObject({ code: 'damaged' });
  expect(await nodeEnv.files.list(folder)).toEqual([]);
});
