import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { type Desk, given, pathOf, text } from './commands.ts';
import { usageFailure } from './io.ts';
import { readText } from '../config/index.ts';

/**
 * Pairs a virtual authenticator. The file for the bundle is made before the seeds are: they leave
 * the module once, and must then have a place to go.
 */
export async function issueToken(
  desk: Desk,
  _args: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const request = readRequest(text(options, 'toEmulator') ?? '');
  const out = text(options, 'out') ?? '';
  const bundleFile = createPrivateFile(out);
  let bundle: object;
  try {
    const path = pathOf('authenticators', 'pair');
    bundle = (await desk.client({ method: 'POST', path, body: { request } })).body;
  } catch (error) {
    closeSync(bundleFile);
    rmSync(out, { force: true });
    throw error;
  }
  writeBundle(bundleFile, out, bundle);
  const serial = String((bundle as { serial?: unknown }).serial);
  const user = text(options, 'user');
  if (user !== undefined) {
    const path = pathOf('authenticators', serial, 'assign');
    const body = given({ user, domain: text(options, 'domain') });
    await desk.client({ method: 'POST', path, body });
  }
  desk.show(
    { serial, bundle: out, user: user ?? null },
    `Authenticator ${serial} created${user === undefined ? '' : ` and assigned to ${user}`}. ` +
      `Bundle: ${out}; finish with: vtoken pair --accept ${out}`,
  );
}

function writeBundle(bundleFile: number, out: string, bundle: object): void {
  try {
    writeSync(bundleFile, `${JSON.stringify(bundle, null, 2)}\n`);
    fsyncSync(bundleFile);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw usageFailure(
      `The authenticator was created, but its bundle could not be written to ${out} (${code}): ` +
        'the seeds are lost to the device. Remove it with "tallystick token delete" and pair again.',
    );
  } finally {
    closeSync(bundleFile);
  }
}

function readRequest(file: string): unknown {
  try {
    return JSON.parse(readText(file, 'the pair request')) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw usageFailure(`${file} (the pair request) is not JSON`);
    throw error;
  }
}

function createPrivateFile(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const reason = code === 'EEXIST' ? 'exists already' : `cannot be created (${code})`;
    throw usageFailure(`--out ${path} ${reason}`);
  }
}
