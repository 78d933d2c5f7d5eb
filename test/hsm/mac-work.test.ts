import pkcs11 from 'pkcs11js';
import { describe, expect, test } from 'vitest';
import { ModuleFault } from '../../hsm/errors.ts';
import type { Link } from '../../hsm/link.ts';
import { MacWork } from '../../hsm/mac-work.ts';
import { DECOY_SEED_ID } from '../../hsm/types.ts';
import { freshSpec } from './support.ts';

const decoy = { ...freshSpec(), seedId: DECOY_SEED_ID };

/** A module whose C_Sign fails as often as it is told to, and which passes its test or does not. */
function moduleThat(fails: { times: number }, isWell: boolean): { link: Link; tests: string[] } {
  const tests: string[] = [];
  const link = {
    p11: {
      C_SignInit: () => undefined,
      C_Sign: () => {
        fails.times -= 1;
        if (fails.times >= 0) throw new Error(`CKR_GENERAL_ERROR:${pkcs11.CKR_GENERAL_ERROR}`);
      },
    },
    sessions: { withSession: (use: (session: Buffer) => unknown) => use(Buffer.alloc(8)) },
    resident: { find: () => Buffer.alloc(8) },
    decoy: Buffer.alloc(8),
    selfTest: (hash: string) => {
      tests.push(hash);
      if (!isWell) throw new Error('wrong answer');
    },
  };
  return { link: link as unknown as Link, tests };
}

function work(link: Link, seed = freshSpec('SHA256')): MacWork {
  return new MacWork({
    jobs: [{ seed, messages: [Buffer.from('one'), Buffer.from('two')] }],
    link: () => link,
    monotonicMs: () => 0,
    onMac: () => undefined,
  });
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('CKR_GENERAL_ERROR, which says nothing', () => {
  test('once: the module is tested with the hash of the seed, and the job goes on', () => {
    const { link, tests } = moduleThat({ times: 1 }, true);
    const run = work(link);
    expect(run.advance(1)).toBe(true);
    expect(run.result()).toMatchObject([{ ok: true, macs: [{}, {}] }]);
    expect(tests).toEqual(['SHA256']);
  });

  test('again, of a module that is well: the seed is damaged', () => {
    const { link } = moduleThat({ times: 2 }, true);
    const run = work(link);
    expect(run.advance(1)).toBe(true);
    expect(run.result()).toMatchObject([
      { ok: false, failure: { kind: 'damaged', ckr: pkcs11.CKR_GENERAL_ERROR } },
    ]);
  });

  test('of a module that fails its test: the module is to be repaired, no seed is damaged', () => {
    const { link } = moduleThat({ times: 1 }, false);
    const run = work(link);
    expect(thrownBy(() => run.advance(1))).toMatchObject({
      recovery: 'self-test',
      failure: { kind: 'unavailable' },
    });
    expect(run.result()).toEqual([]);
  });

  test('over the decoy: it is no seed that could be damaged', () => {
    const { link, tests } = moduleThat({ times: 1 }, true);
    expect(thrownBy(() => work(link, decoy).advance(1))).toBeInstanceOf(ModuleFault);
    expect(tests).toEqual([]);
  });
});
