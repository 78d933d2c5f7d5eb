import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The checkout, with a slash at its end. */
export const root: string = fileURLToPath(new URL('../../', import.meta.url));

const generated = /^(node_modules|\.git|dist(\..*)?|var|coverage)$/;

function walk(folder: string): string[] {
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) => {
    const path = folder + entry.name;
    if (entry.isDirectory()) {
      return folder === '' && generated.test(entry.name) ? [] : walk(`${path}/`);
    }
    return entry.isFile() ? [path] : [];
  });
}

/** Every file kept by hand, relative to the checkout, except what is recorded by a tool. */
export const files: readonly string[] = walk('').filter((path) => path !== 'package-lock.json');

/** The text of a file of this checkout. */
export function read(path: string): string {
  return readFileSync(root + path, 'utf8');
}

/** The files whose path fits `pattern`. */
export function matching(pattern: RegExp): string[] {
  return files.filter((path) => pattern.test(path));
}
