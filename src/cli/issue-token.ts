import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { type Desk, given, pathOf, text } from './commands.ts';
import { CliFailure, usageFailure } from './io.ts';
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
  const user = text(options, 'user');
  const domain = text(options, 'domain');
  // A name mistyped must not cost the seeds, which leave the module once.
  if (user !== undefined) {
    await desk.client({ method: 'GET', path: pathOf('users', user), query: { domain } });
  }
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
  if (user !== undefined) await assign(desk, { serial, user, domain, out });
  desk.show(
    { serial, bundle: out, user: user ?? null },
    `Authenticator ${serial} created${user === undefined ? '' : ` and assigned to ${user}`}. ` +
      `Bundle: ${out}; finish with: vtoken pair --accept ${out}`,
  );
}

interface Assignment {
  readonly serial: string;
  readonly user: string;
  readonly domain: string | undefined;
  readonly out: string;
}

async function assign(desk: Desk, { serial, user, domain, out }: Assignment): Promise<void> {
  const path = pathOf('authenticators', serial, 'assign');
  try {
    await desk.client({ method: 'POST', path, body: given({ user, domain }) });
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    const { exitCode, message, document } = error;
    const inDomain = domain === undefined ? '' : ` --domain ${domain}`;
    throw new CliFailure(
      exitCode,
      `${message}\nAuthenticator ${serial} was created all the same and its bundle is in ${out}; ` +
        `it is not assigned to ${user}. Go on with: ` +
        `tallystick token assign ${serial} ${user}${inDomain}, and vtoken pair --accept ${out}`,
      document === undefined ? undefined : { ...document, serial, bundle: out, user: null },
    );
  }
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
