import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type KeyFileKey, type PskcProtection, writePskc } from '../../src/formats/index.ts';
import { figureKey, fromHex, keyOf, preSharedKey, seed, textOf } from './support.ts';

/** Programs of others judge our files: the schema of RFC 6030 by pskctool, the contents by pskc2csv. */

const hostile = `"/><x y='z'>&amp;]]>\n\u202E`;
const long = new Uint8Array(64).map((_, index) => index);

const keys: readonly KeyFileKey[] = [
  keyOf('HOTP-SHA1-8', { id: 'A/EVENT', issuer: 'Issuer', eventCounter: 42n }),
  keyOf('TOTP-SHA256-6-60S', { id: 'A/TIME', timeDriftSteps: -3, userId: hostile }),
  keyOf('OCRA-1:HOTP-SHA512-8:C-QN08-PSHA1', {
    id: 'A/CR',
    secret: long,
    usages: ['CR'],
    challengeCheckDigit: true,
    pinPolicy: {
      usageMode: 'Algorithmic',
      maxFailedAttempts: 5,
      minLength: 4,
      maxLength: 8,
      encoding: 'DECIMAL',
    },
  }),
  keyOf('OCRA-1:HOTP-SHA1-8:C-QN08-T30S/00000000', { id: 'A/BOTH', responseCheckDigit: true }),
  keyOf('OCRA-1:HOTP-SHA1-0:QH40', { id: hostile, usages: ['Unlock'], applicationName: hostile }),
];

async function fileOf(
  protection: PskcProtection,
  those: readonly KeyFileKey[] = keys,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'key-file-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'keys.xml');
  writeFileSync(path, await textOf(writePskc(those, protection)));
  return path;
}

function run(program: string, argv: readonly string[]): string {
  return execFileSync(program, argv, { encoding: 'utf8', stdio: 'pipe' });
}

const keyOf256 = fromHex('0f'.repeat(32));
const protections: readonly (readonly [string, PskcProtection, string])[] = [
  ['plain', { kind: 'plain' }, '00'],
  ['AES-128-CBC', preSharedKey(), Buffer.from(figureKey).toString('hex')],
  [
    'AES-256-CBC with HMAC-SHA256',
    preSharedKey({ key: keyOf256, macHash: 'SHA256' }),
    Buffer.from(keyOf256).toString('hex'),
  ],
];

describe('programs of others', () => {
  it.each(protections)('find the file valid: %s', async (_name, protection) => {
    const path = await fileOf(protection);
    expect(run('pskctool', ['--validate', path])).toContain('OK');
  });

  it.each(protections)('read all of it: %s', async (_name, protection, secretHex) => {
    const path = await fileOf(protection);
    const columns =
      'serial,model,secret,counter,time_interval,time_drift,algorithm_suite,response_length,challenge_check,response_check,policy.pin_usage,policy.pin_max_failed_attempts';
    const [, ...rows] = run('pskc2csv', ['-s', secretHex, '-c', columns, path])
      .trim()
      .split('\r\n');
    const short = Buffer.from(seed).toString('hex');
    expect(rows).toEqual([
      `VT00000001,VTGO1,${short},42,,,,8,,,,`,
      `VT00000001,VTGO1,${short},,60,-3,HMAC-SHA256,6,,,,`,
      `VT00000001,VTGO1,${Buffer.from(long).toString('hex')},0,,,OCRA-1:HOTP-SHA512-8:C-QN08-PSHA1,8,True,,Algorithmic,5`,
      `VT00000001,VTGO1,${short},0,30,,OCRA-1:HOTP-SHA1-8:C-QN08-T30S,8,,True,,`,
      `VT00000001,VTGO1,${short},,,,OCRA-1:HOTP-SHA1-0:QH40,40,,,,`,
    ]);
  });

  it('open seeds that were wrapped', async () => {
    const wrapped = [keyOf('HOTP-SHA512-6', { secret: long })];
    const path = await fileOf(preSharedKey({ mode: 'key-wrap' }), wrapped);
    expect(run('pskctool', ['--validate', path])).toContain('OK');
    const keyHex = Buffer.from(figureKey).toString('hex');
    const text = run('pskc2csv', ['-s', keyHex, '-c', 'secret', path]);
    expect(text).toContain(Buffer.from(long).toString('hex'));
  });

  it('find out a value that was changed, and a wrong key', async () => {
    const path = await fileOf(preSharedKey(), keys.slice(0, 1));
    const wrongKey = 'ff'.repeat(16);
    expect(() => run('pskc2csv', ['-s', wrongKey, '-c', 'secret', path])).toThrow(/Decryption/);
    const text = await textOf(writePskc(keys.slice(0, 1), preSharedKey()));
    const [mac = ''] = /<ValueMAC>.{6}/.exec(text) ?? [];
    writeFileSync(path, text.replace(mac, '<ValueMAC>AAAAAA'));
    const keyHex = Buffer.from(figureKey).toString('hex');
    expect(() => run('pskc2csv', ['-s', keyHex, '-c', 'secret', path])).toThrow(/MAC/);
  });
});
