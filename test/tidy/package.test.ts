import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { files, read, root } from './files.ts';

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
  readonly exports: Record<string, string | Record<string, string>>;
  readonly bin: Record<string, string>;
}

const manifest = JSON.parse(read('package.json')) as Manifest;

describe('package.json', () => {
  it('names exact versions', () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const versions = { ...dependencies, ...devDependencies, ...optionalDependencies };
    const loose = Object.entries(versions).filter(([, text]) => !/^\d+\.\d+\.\d+$/.test(text));
    expect(loose).toEqual([]);
  });

  it('exports and runs only what is compiled from a source', () => {
    const targets = [...Object.values(manifest.exports), ...Object.values(manifest.bin)]
      .flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)))
      .map((target) => target.replace(/^\.\//, ''))
      .filter((target) => target.startsWith('dist/'));
    expect(targets.length).toBeGreaterThan(4);
    const sources = targets.map((t) => t.slice('dist/'.length).replace(/(\.d\.ts|\.js)$/, '.ts'));
    expect(sources.filter((source) => !files.includes(source))).toEqual([]);
  });
});

describe('package-lock.json', () => {
  const lockfile = readFileSync(`${root}package-lock.json`, 'utf8');

  it('records a hash of every package and no download address', () => {
    const { packages } = JSON.parse(lockfile) as {
      packages: Record<string, { resolved?: string; integrity?: string }>;
    };
    const entries = Object.entries(packages).filter(([path]) => path !== '');
    expect(entries.length).toBeGreaterThan(100);
    expect(entries.filter(([, entry]) => entry.resolved !== undefined)).toEqual([]);
    expect(entries.filter(([, entry]) => entry.integrity === undefined)).toEqual([]);
  });
});
