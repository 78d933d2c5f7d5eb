import { type Files, nodeFiles } from '../../../src/agent/files.ts';

class Crash extends Error {}

const writing = new Set<keyof Files>([
  'makeFolder',
  'writeNew',
  'link',
  'rename',
  'wipe',
  'remove',
  'syncFolder',
]);

/**
 * The computer stops: nothing that comes after happens.
 *
 * @param after how many changes of its disk it lives to make, or `state`: until the state was replaced
 */
export function dyingFiles(after: number | 'state'): { files: Files; changes: () => number } {
  let changes = 0;
  let wasReplaced = false;
  const files = new Proxy(nodeFiles, {
    get: (target, name: keyof Files) => {
      if (!writing.has(name)) return Reflect.get(target, name) as unknown;
      return (...parameters: readonly unknown[]) => {
        changes += 1;
        const isDead = after === 'state' ? wasReplaced : changes > after;
        wasReplaced ||= name === 'rename';
        if (isDead) return Promise.reject(new Crash('the power is off'));
        return (target[name] as (...all: readonly unknown[]) => Promise<unknown>)(...parameters);
      };
    },
  });
  return { files, changes: () => changes };
}
