import { expect, it } from 'vitest';
import { framed } from '../../src/offline/bytes.ts';
import { offlineFormat } from '../../src/offline/format.ts';
import { fingerprintOf } from '../../src/offline/keys.ts';
import { openSealed } from '../../src/offline/seal.ts';
import { TestAgent } from '../support/offline-agent.ts';

const agentId = '01890000-0000-7000-8000-000000000001';

it('seals for one agent and one use', async () => {
  const { spki, agree } = new TestAgent();
  const secret = Buffer.from('secret');
  const sealed = offlineFormat.sealTo(spki, 'share', agentId, secret);
  const context = framed('ovp1/share', agentId);
  expect(await openSealed(spki, agree, context, sealed)).toEqual(secret);
  const other = framed('ovp1/log', agentId);
  await expect(openSealed(spki, agree, other, sealed)).rejects.toMatchObject({ code: 'forged' });
});

it('knows a key by its fingerprint, and takes nothing else for one', () => {
  const { spki } = new TestAgent();
  expect(offlineFormat.requireKey(spki)).toBe(fingerprintOf(spki));
  expect(() => offlineFormat.requireKey(Buffer.alloc(91))).toThrow('a P-256 key in DER');
});

it('makes another nonce of each key, time and random part', () => {
  const message = (...[key, time, random]: [string, number, string]): string =>
    Buffer.from(offlineFormat.nonceMessage(key, time, Buffer.from(random))).toString('hex');
  const all = [
    message('k', 1, 'r'),
    message('l', 1, 'r'),
    message('k', 2, 'r'),
    message('k', 1, 's'),
  ];
  expect(new Set(all).size).toBe(4);
});
