import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { describe } from 'vitest';

/** The folder of PostgreSQL's server programs (Debian keeps them out of PATH), newest first. */
export function postgresProgramFolder(): string | undefined {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) {
    return undefined;
  }
  return readdirSync(root)
    .filter((version) => existsSync(`${root}/${version}/bin/initdb`))
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => `${root}/${version}/bin`)[0];
}

/** Path of the SoftHSM library, where Debian and its multi-architecture layouts put it. */
export function softHsmModulePath(): string | undefined {
  return [
    '/usr/lib/softhsm/libsofthsm2.so',
    '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
    '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
    '/usr/lib64/softhsm/libsofthsm2.so',
    '/usr/local/lib/softhsm/libsofthsm2.so',
  ].find((path) => existsSync(path));
}

/** The browser of the distribution; none is ever downloaded. */
export function chromiumPath(): string | undefined {
  return ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
    existsSync(path),
  );
}

/** What a test may need from the machine besides Node. */
export type Layer =
  'postgresql' | 'softhsm' | 'php-soap' | 'zeep' | 'pam' | 'oathtool' | 'chromium';

function isPresent(layer: Layer): boolean {
  switch (layer) {
    case 'postgresql':
      return postgresProgramFolder() !== undefined;
    case 'softhsm':
      return softHsmModulePath() !== undefined;
    case 'php-soap':
      return doesRun('php', ['-r', "exit(class_exists('SoapClient') ? 0 : 1);"]);
    case 'zeep':
      // The distribution's, which is not always the first on the path.
      return doesRun('/usr/bin/python3', ['-c', 'import zeep']);
    case 'oathtool':
      return doesRun('oathtool', ['--version']);
    case 'chromium':
      return chromiumPath() !== undefined;
    case 'pam':
      // Only root may say what a service of PAM asks.
      return process.getuid?.() === 0 && doesRun('sh', ['-c', 'command -v pamtester']);
  }
}

function doesRun(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/**
 * `describe` for tests that need `layer`. Where it is missing the tests are skipped under a name
 * that says so; with CI=true nothing is skipped, so that the missing part shows as failures.
 */
export function describeLayer(layer: Layer, name: string, define: () => void): void {
  const isSkipped = !isPresent(layer) && process.env['CI'] !== 'true';
  const title = isSkipped ? `${name} [needs ${layer}, which is not installed]` : name;
  describe.skipIf(isSkipped)(title, define);
}
