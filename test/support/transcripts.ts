import { readFileSync } from 'node:fs';

/**
 * The transcripts of a page: what is typed after each `$ ` and goes on after `> `, with what stands below
 * it. `...` in an answer stands for anything.
 */
export interface Typed {
  readonly command: string;
  readonly answer: string;
}

/** How the shell says that an answer is complete. */
const mark = '\u0001';

/** @param page Markdown, or a part of it */
export function transcriptsIn(page: string): readonly Typed[] {
  const blocks = [...page.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((one) => {
        const lines = one.trimEnd().split('\n');
        const more = lines.slice(1).findIndex((line) => !line.startsWith('> '));
        const end = more < 0 ? lines.length : more + 1;
        const command = lines.slice(0, end).map((line) => line.replace(/^> /, ''));
        return { command: command.join('\n'), answer: lines.slice(end).join('\n') };
      }),
  );
}

/** A shell script that types all of them and marks where each answer ends. */
export function scriptOf(typed: readonly Typed[]): string {
  return typed
    .map(({ command }) => `{ ${command}\n} 2>&1; printf '${mark}%s${mark}' $?`)
    .join('\n');
}

/** What came of each, as the page would have it. */
export function answersIn(stdout: string, typed: readonly Typed[]): readonly string[] {
  const said = stdout.split(mark);
  return typed.map((_, index) => {
    const came = (said[2 * index] ?? '').trim();
    const code = said[2 * index + 1] ?? 'none';
    return code === '0' ? came : `${came}\n(exit ${code})`.trim();
  });
}

export function patternOf(answer: string): RegExp {
  const escaped = answer.replaceAll(/[\\^$*+?.()|[\]{}]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('\\.\\.\\.', '[^]*?')}$`);
}

/** A page of docs/. */
export function readPage(name: string): string {
  return readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
}
