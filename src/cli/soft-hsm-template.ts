import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The text of softhsm-config/softhsm2.conf, which ships beside the code, compiled or not. */
export function softHsmTemplate(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(folder, 'softhsm-config', 'softhsm2.conf');
    if (existsSync(file)) return readFileSync(file, 'utf8');
    const above = dirname(folder);
    if (above === folder) throw new Error('softhsm-config/softhsm2.conf is missing');
    folder = above;
  }
}
