import { execFile } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { softHsmModulePath } from './layers.ts';

export interface SoftHsmToken {
  readonly folder: string;
  readonly modulePath: string;
  readonly tokenLabel: string;
  readonly userPinFile: string;
  readonly soPinFile: string;
  readonly confFile: string;
  /** RFC 7512, with module-path and pin-source. */
  readonly uri: string;
  remove(): Promise<void>;
}

const run = promisify(execFile);

/**
 * Makes a throw-away SoftHSM with one p11Token in a folder of its own and points SOFTHSM2_CONF of
 * this process at it.
 *
 * The library reads that variable with getenv when C_Initialize is called. So: call this before a
 * module is opened, in a process (vitest's pool is `forks`; a thread's environment is a copy that
 * getenv does not see), and close the module before another p11Token is made and opened. Child
 * processes inherit it, or are given `SOFTHSM2_CONF: confFile`.
 *
 * @param tokenLabel at most 32 bytes
 */
export async function freshSoftHsm(
  tokenLabel: string = `test-${randomBytes(4).toString('hex')}`,
): Promise<SoftHsmToken> {
  const modulePath = softHsmModulePath();
  if (modulePath === undefined) {
    throw new Error('SoftHSM is not installed: install the package "softhsm2"');
  }
  const folder = await mkdtemp(join(tmpdir(), 'tallystick-hsm-'));
  const confFile = join(folder, 'softhsm2.conf');
  const userPinFile = join(folder, 'user.pin');
  const soPinFile = join(folder, 'so.pin');
  const tokens = join(folder, 'tokens');
  await mkdir(tokens, { mode: 0o700 });
  const template = new URL('../../softhsm-config/softhsm2.conf', import.meta.url);
  const conf = (await readFile(template, 'utf8')).replaceAll('@TOKEN_FOLDER@', tokens);
  await writeFile(confFile, conf, { mode: 0o600 });
  const userPin = String(randomInt(1e8, 1e9));
  const soPin = String(randomInt(1e8, 1e9));
  await writeFile(userPinFile, `${userPin}\n`, { mode: 0o600 });
  await writeFile(soPinFile, `${soPin}\n`, { mode: 0o600 });
  await run(
    'softhsm2-util',
    ['--init-token', '--free', '--label', tokenLabel, '--so-pin', soPin, '--pin', userPin],
    { env: { ...process.env, SOFTHSM2_CONF: confFile } },
  );
  process.env['SOFTHSM2_CONF'] = confFile;
  return {
    folder,
    modulePath,
    tokenLabel,
    userPinFile,
    soPinFile,
    confFile,
    uri:
      `pkcs11:token=${encodeURIComponent(tokenLabel)}` +
      `?module-path=${modulePath}&pin-source=file:${userPinFile}`,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
