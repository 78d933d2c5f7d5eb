import { statSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { matching, read, root } from './files.ts';

const fileLinesMax = 400;
const functionLinesMax = 70;

const lineCount = (text: string): number => text.split('\n').length - 1;

/** A function that defines tests is a list of cases, not something to be understood at a glance. */
function definesTests(node: ts.Node, source: ts.SourceFile): boolean {
  if (
    ts.isCallExpression(node) &&
    /^(it|test|describe\w*)\b/.test(node.expression.getText(source))
  ) {
    return true;
  }
  return ts.forEachChild(node, (child) => definesTests(child, source) || undefined) ?? false;
}

function longFunctions(path: string): string[] {
  const source = ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2023);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
      const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
      if (last - first + 1 > functionLinesMax && !definesTests(node, source)) {
        found.push(`${path}:${first + 1} (${last - first + 1} lines)`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe('code', () => {
  const code = matching(/\.(ts|js|cjs|sh)$|^scripts\/[^./]+$/);

  it(`has no file above ${fileLinesMax} lines`, () => {
    expect(code.length).toBeGreaterThan(10);
    expect(code.filter((path) => lineCount(read(path)) > fileLinesMax)).toEqual([]);
  });

  it(`has no function above ${functionLinesMax} lines`, () => {
    expect(matching(/\.ts$/).flatMap(longFunctions)).toEqual([]);
  });

  it('exports by name, except where a tool asks for a default export', () => {
    const asked = ['test/vitest.config.ts', 'scripts/eslint.config.js'];
    const found = matching(/\.(ts|js)$/).filter((path) => /^export default\b/m.test(read(path)));
    expect(found.filter((path) => !asked.includes(path))).toEqual([]);
  });

  it('says why, wherever a lint rule or the compiler is told to look away', () => {
    const directive = /(eslint-disable|@ts-(expect-error|ignore|nocheck)).*$/gm;
    const found = matching(/^(src|hsm|emulator|scripts|test)\/.*\.(ts|js|cjs)$/)
      .filter((path) => !path.startsWith('test/tidy/'))
      .flatMap((path) => [...read(path).matchAll(directive)].map(([text]) => `${path}: ${text}`));
    expect(found.filter((line) => !/ -- \S.{10,}/.test(line))).toEqual([]);
  });
});

describe('scripts', () => {
  it('can be run if and only if they say by what', () => {
    const paths = matching(/^(scripts|\.ci)\//);
    expect(paths).toContain('scripts/test');
    for (const path of paths) {
      const isRunnable = (statSync(root + path).mode & 0o111) !== 0;
      expect.soft(isRunnable, path).toBe(read(path).startsWith('#!'));
    }
  });
});
