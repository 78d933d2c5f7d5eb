import { execFile } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import pkcs11 from 'pkcs11js';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openModule } from '../../hsm/index.ts';
import type { HsmModule, KnownSeed, SeedReference } from '../../hsm/index.ts';
import { openLibrary } from '../../hsm/library.ts';
import { describeLayer } from '../support/layers.ts';
import type { SoftHsmToken } from '../support/softhsm.ts';
import {
  freshSpec,
  initialisedSoftHsm,
  macsOf,
  OtherHand,
  pkcs11Tool,
  rejection,
  soon,
} from './support.ts';

const run = promisify(execFile);
const uses = [
  pkcs11.CKA_SIGN,
  pkcs11.CKA_VERIFY,
  pkcs11.CKA_ENCRYPT,
  pkcs11.CKA_DECRYPT,
  pkcs11.CKA_WRAP,
  pkcs11.CKA_UNWRAP,
  pkcs11.CKA_DERIVE,
];
const message = Buffer.from('0000000000000001', 'hex');

/** The synchronous one of two forms. */
type UnwrapKey = (
  session: pkcs11.Handle,
  mechanism: pkcs11.Mechanism,
  unwrappingKey: pkcs11.Handle,
  wrappedKey: Buffer,
  template: pkcs11.Template,
) => pkcs11.Handle;

interface Wrapped {
  readonly known: KnownSeed;
  readonly resident: SeedReference;
  readonly wrapped: SeedReference;
  readonly seed: Buffer;
  readonly mac: string;
}

describeLayer('softhsm', 'the object of a seed that moved', () => {
  let hsm: SoftHsmToken;
  let module: HsmModule;
  let other: OtherHand;

  beforeAll(async () => {
    hsm = await initialisedSoftHsm();
    module = await openModule({ uri: hsm.uri, residency: 'wrapped' });
    other = new OtherHand(hsm);
  });
  afterAll(async () => {
    await module.close();
    await hsm.remove();
  });

  /** As a new process would: from what is on the disk. */
  async function reopen(): Promise<void> {
    await module.close();
    module = await openModule({ uri: hsm.uri, residency: 'wrapped' });
    other = new OtherHand(hsm);
  }

  async function wrappedSeed(): Promise<Wrapped> {
    const resident = freshSpec();
    const seed = randomBytes(20);
    const { blob, ...known } = await module.importSeed(resident, seed, soon);
    if (blob === undefined) throw new Error('no blob');
    const mac = createHmac('SHA1', seed).update(message).digest('hex');
    return { known, resident, wrapped: { ...resident, blob }, seed, mac };
  }

  const idOf = ({ seedId }: SeedReference): Buffer =>
    Buffer.from(seedId.replaceAll('-', ''), 'hex');
  const labelOf = ({ owner }: SeedReference): string => `tallystick-seed ${owner}`;
  const objectsOf = (seed: SeedReference): pkcs11.Handle[] =>
    other.find([{ type: pkcs11.CKA_ID, value: idOf(seed) }]);

  /** What a move that was killed may have left: as ours are, but for what is given. */
  function plant(seed: SeedReference, more: readonly pkcs11.Attribute[]): void {
    const attributes = [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
      { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_GENERIC_SECRET },
      { type: pkcs11.CKA_TOKEN, value: true },
      { type: pkcs11.CKA_PRIVATE, value: true },
      { type: pkcs11.CKA_SENSITIVE, value: true },
      { type: pkcs11.CKA_EXTRACTABLE, value: false },
      { type: pkcs11.CKA_LABEL, value: labelOf(seed) },
      { type: pkcs11.CKA_ID, value: idOf(seed) },
      ...uses.map((type) => ({ type, value: type === pkcs11.CKA_SIGN })),
      // Last, because SoftHSM refuses attributes that come after it.
      { type: pkcs11.CKA_MODIFIABLE, value: false },
    ].map((attribute) => more.find(({ type }) => type === attribute.type) ?? attribute);
    const added = more.filter(({ type }) => attributes.every((each) => each.type !== type));
    other.p11.C_CreateObject(other.session, [...added, ...attributes]);
  }

  /** The module as the next run of a command opens it. */
  async function nextRun<Result>(use: (next: HsmModule) => Promise<Result>): Promise<Result> {
    const next = await openModule({ uri: hsm.uri, residency: 'resident' });
    try {
      return await use(next);
    } finally {
      await next.close();
    }
  }

  async function macBy(from: HsmModule, seed: SeedReference): Promise<string> {
    const [result] = await from.mac([{ seed, messages: [message] }], soon);
    return macsOf(result).join();
  }

  test('is private, sensitive, not extractable, not modifiable, and signs only', async () => {
    const { known, wrapped } = await wrappedSeed();
    await module.moveSeed(wrapped, known, 'resident', soon);
    const [object] = objectsOf(wrapped);
    if (object === undefined) throw new Error('no object');
    const flags = {
      [pkcs11.CKA_TOKEN]: true,
      [pkcs11.CKA_PRIVATE]: true,
      [pkcs11.CKA_SENSITIVE]: true,
      [pkcs11.CKA_EXTRACTABLE]: false,
      [pkcs11.CKA_MODIFIABLE]: false,
      [pkcs11.CKA_COPYABLE]: false,
      ...Object.fromEntries(uses.map((type) => [type, type === pkcs11.CKA_SIGN])),
      // What the module keeps of its history: it came from outside.
      [pkcs11.CKA_NEVER_EXTRACTABLE]: false,
    };
    const read = Object.keys(flags).map((type) => [type, other.flag(object, Number(type))]);
    expect(Object.fromEntries(read)).toEqual(flags);
    expect(() =>
      other.p11.C_GetAttributeValue(other.session, object, [{ type: pkcs11.CKA_VALUE }]),
    ).toThrow(/CKR_ATTRIBUTE_SENSITIVE/);
    const listed = await pkcs11Tool(hsm, '--list-objects', '--type', 'secrkey');
    expect(listed).toContain(labelOf(wrapped));
  });

  const value = { type: pkcs11.CKA_VALUE } as const;
  const leftovers: readonly (readonly [string, (seed: Buffer) => readonly pkcs11.Attribute[]])[] = [
    ['another value', () => [{ ...value, value: randomBytes(20) }]],
    ['a value of the wrong length', () => [{ ...value, value: randomBytes(16) }]],
    [
      'the right value, but extractable',
      (seed) => [
        { ...value, value: seed },
        { type: pkcs11.CKA_EXTRACTABLE, value: true },
      ],
    ],
    [
      'the right value, but modifiable',
      (seed) => [
        { ...value, value: seed },
        { type: pkcs11.CKA_MODIFIABLE, value: true },
      ],
    ],
    [
      'the right value, but another use',
      (seed) => [
        { ...value, value: seed },
        { type: pkcs11.CKA_DERIVE, value: true },
      ],
    ],
  ];

  test.each(leftovers)('takes the place of one with %s', async (_name, of) => {
    const { known, wrapped, resident, seed, mac } = await wrappedSeed();
    plant(wrapped, of(seed));
    await nextRun(async (next) => {
      const move = await next.moveSeed(wrapped, known, 'resident', soon);
      expect(move.outcome).toBe('made');
      const objects = objectsOf(wrapped);
      expect(objects).toHaveLength(1);
      for (const type of [pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_MODIFIABLE, pkcs11.CKA_DERIVE]) {
        expect(other.flag(objects[0]!, type)).toBe(false);
      }
      expect(await macBy(next, resident)).toBe(mac);
    });
  });

  test('is the right one of several that a killed move left', async () => {
    const { known, wrapped, resident, seed, mac } = await wrappedSeed();
    plant(wrapped, [{ ...value, value: randomBytes(20) }]);
    plant(wrapped, [{ ...value, value: seed }]);
    plant(wrapped, [{ ...value, value: seed }]);
    expect(objectsOf(wrapped)).toHaveLength(3);
    await nextRun(async (next) => {
      await next.moveSeed(wrapped, known, 'resident', soon);
      expect(objectsOf(wrapped)).toHaveLength(1);
      expect(await macBy(next, resident)).toBe(mac);
    });
  });

  test('goes with all its twins when the move is undone', async () => {
    const { known, wrapped, seed, mac } = await wrappedSeed();
    plant(wrapped, [{ ...value, value: randomBytes(20) }]);
    plant(wrapped, [{ ...value, value: seed }]);
    await nextRun(async (next) => {
      const move = await next.moveSeed(wrapped, known, 'wrapped', soon);
      expect(move).toEqual({ outcome: 'there', undone: true });
      expect(objectsOf(wrapped)).toEqual([]);
      expect(await macBy(next, wrapped)).toBe(mac);
    });
  });

  test('serves another process that was there before, however many moved', async () => {
    const served = await openModule({ uri: hsm.uri, residency: 'wrapped' });
    try {
      const seeds = await Promise.all(Array.from({ length: 30 }, () => wrappedSeed()));
      for (const { known, wrapped } of seeds) {
        await module.moveSeed(wrapped, known, 'resident', soon);
      }
      for (const { wrapped, resident, mac } of seeds) {
        expect(await macBy(served, wrapped)).toBe(mac);
        expect(await macBy(served, resident)).toBe(mac);
      }
    } finally {
      await served.close();
    }
  });

  /** The largest file that this process may write; SoftHSM keeps an object in a file. */
  const limitFiles = (bytes: string): Promise<unknown> =>
    run('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`]);

  test('is not taken for kept on the word of a library that did not write it', async () => {
    const { known, wrapped, resident, mac } = await wrappedSeed();
    await limitFiles('64');
    try {
      // SoftHSM says that all is well.
      const said = await module.moveSeed(wrapped, known, 'resident', soon);
      expect(said).toMatchObject({ outcome: 'made', isKept: false });
    } finally {
      await limitFiles('unlimited');
    }
    await reopen();
    expect(await macBy(module, wrapped)).toBe(mac);
    const move = (): Promise<unknown> => module.moveSeed(wrapped, known, 'resident', soon);
    expect(await move()).toMatchObject({ outcome: 'made', isKept: false });
    await reopen();
    expect(await move()).toMatchObject({ outcome: 'made', isKept: true });
    expect(await macBy(module, resident)).toBe(mac);
  });

  test('is not made where there is no room for it, and the blob serves on', async () => {
    const { known, wrapped, mac } = await wrappedSeed();
    const library = openLibrary(hsm.modulePath);
    const unwrap: UnwrapKey = library.p11.C_UnwrapKey.bind(library.p11);
    // What SoftHSM answers on a full disk: passing objects are in its memory.
    const refusing: UnwrapKey = (session, mechanism, key, blob, template) => {
      const mustKeep = template.some(({ type, value: set }) => type === pkcs11.CKA_TOKEN && set);
      if (mustKeep) throw new Error('CKR_GENERAL_ERROR:5');
      return unwrap(session, mechanism, key, blob, template);
    };
    vi.spyOn(library.p11, 'C_UnwrapKey').mockImplementation(refusing);
    const failure = await rejection(module.moveSeed(wrapped, known, 'resident', soon));
    vi.restoreAllMocks();
    library.release();
    expect(failure).toMatchObject({ kind: 'capacity' });
    expect(objectsOf(wrapped)).toEqual([]);
    expect(await macBy(module, wrapped)).toBe(mac);
  });
});
