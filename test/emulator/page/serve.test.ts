import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ensureBuilt } from '../../support/cli.ts';
import { freshFolder, vtoken } from '../support.ts';

const program = fileURLToPath(new URL('../../../dist/emulator/cli/main.js', import.meta.url));

describe('vtoken serve', () => {
  beforeAll(ensureBuilt);

  it.each(['SIGTERM', 'SIGINT'] as const)('serves until %s', async (signal) => {
    const folder = freshFolder();
    const child = spawn(process.execPath, [program, 'serve', '--port', '0', '--json'], {
      env: { ...process.env, VTOKEN_DIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const closed = once(child, 'close');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { host, port, url } = JSON.parse(line.toString()) as Record<string, string>;
    expect(host).toBe('127.0.0.1');
    expect(url).toMatch(new RegExp(`^http://127.0.0.1:${String(port)}/#[\\w-]{43}$`));
    expect((await fetch(String(url))).status).toBe(200);
    child.kill(signal);
    expect(await closed).toEqual([0, null]);
  });

  it('says which port is taken, and which are allowed', async () => {
    const folder = freshFolder();
    let stop = (): void => undefined;
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    const first = vtoken(folder, ['serve', '--port', '25901'], { stopped });
    await expect
      .poll(() =>
        fetch('http://127.0.0.1:25901/').then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    const second = await vtoken(folder, ['serve', '--port', '25901']);
    expect(second).toMatchObject({ status: 3, out: '' });
    expect(second.err).toMatch(/port 25901 is in use/);
    stop();
    expect(await first).toMatchObject({ status: 0, err: '' });
    expect((await vtoken(folder, ['serve', '--port', '70000'])).status).toBe(2);
  });
});
