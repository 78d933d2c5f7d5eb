import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import type { DeviceEnv } from '../env.ts';

export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};
const assetBytesMax = 256 * 1024;

/**
 * The files of the page by their paths. The browser's code is compiled; who runs this from its
 * source gets that of the last build.
 *
 * @throws a system error where there is no build
 */
export async function readAssets(files: DeviceEnv['files']): Promise<ReadonlyMap<string, Asset>> {
  const isSource = import.meta.url.endsWith('.ts');
  const built = isSource ? '../../dist/emulator/page/client/' : './client/';
  const folder = fileURLToPath(new URL(built, import.meta.url));
  const assets = new Map<string, Asset>();
  for (const name of await files.list(folder)) {
    const [, extension = ''] = /^[a-z-]+\.([a-z]+)$/.exec(name) ?? [];
    const type = types[extension];
    if (type === undefined) continue;
    const bytes = await files.read(join(folder, name), assetBytesMax);
    assets.set(name === 'index.html' ? '/' : `/${name}`, { type, bytes });
  }
  return assets;
}
