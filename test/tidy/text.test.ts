import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { matching, read, root } from './files.ts';

/** What must not be found in any text, and why. */
const banned: readonly (readonly [RegExp, string])[] = [
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'do it, or write down the choice in docs/divergences.md'],
  [/(^|[\s"'`(=:])\/(work|root|home)\//m, 'a path of one machine'],
  [/\/tmp\/(brief|bash_jobs)/, 'a path of one machine'],
  [/\bregistry\.[a-z]|\bverdaccio\b|\bartifactory\b/i, 'a registry: any mirror must do'],
  [/\b(assistant|chatbot|claude|anthropic|openai|copilot|subagent)s?\b/i, 'not about the product'],
  [/\b(design|peers|aesthetics|oas-soap)\.md\b/, 'a page that is not in this repository'],
  [/\bissue #?\d/i, 'say the thing itself: numbers of issues mean nothing to a reader'],
  [/console\.log\(['"`](here|debug)/i, 'left over'],
];

const texts = matching(/\.(ts|js|cjs|sh|md|json|conf|ya?ml)$|^scripts\/[^.]+$|^\.ci\//).filter(
  (path) => !path.startsWith('test/tidy/'),
);

describe('texts', () => {
  it('hold no words that have no place in them', () => {
    expect(texts.length).toBeGreaterThan(20);
    for (const path of texts) {
      const text = read(path);
      for (const [pattern, reason] of banned) {
        expect.soft(pattern.exec(text)?.[0], `${path}: ${reason}`).toBeUndefined();
      }
    }
  });

  it('end with one newline and hold no tab or trailing white space', () => {
    const untidy = texts.filter((path) => {
      const text = read(path);
      return text !== '' && (!/[^\n]\n$/.test(text) || /\t|[ \r]+$/m.test(text));
    });
    expect(untidy).toEqual([]);
  });
});

/** The anchor that forges make of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const anchorsOf = (markdown: string): string[] =>
  [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

function brokenLinks(path: string): string[] {
  const prose = read(path).replace(/^```[^]*?^```/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [file = '', anchor] = target.split('#');
      const aim = file === '' ? path : join(dirname(path), file);
      if (!existsSync(root + aim)) {
        return true;
      }
      return anchor !== undefined && !anchorsOf(read(aim)).includes(anchor);
    })
    .map((target) => `${path} -> ${target}`);
}

describe('links between documents', () => {
  it('lead somewhere', () => {
    const documents = matching(/\.md$/);
    expect(documents).toContain('README.md');
    expect(documents.flatMap(brokenLinks)).toEqual([]);
  });

  it('name files of this checkout that are there', () => {
    const named = matching(/\.md$/).flatMap((path) =>
      [...read(path).matchAll(/`((?:src|hsm|emulator|test|scripts|docs)\/[\w./-]+\.\w+)`/g)].map(
        ([, file = '']) => [path, file] as const,
      ),
    );
    expect(named).toContainEqual(['docs/offline.md', 'test/e2e/offline-seeds.test.ts']);
    expect(named.filter(([, file]) => !existsSync(root + file))).toEqual([]);
  });
});
