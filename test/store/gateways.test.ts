import { describe, expect, test } from 'vitest';
import type { Gateway, GatewaySettings } from '../../src/domain/gateway.ts';
import type { RecordChange } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import { anEntry, freshId, insertAll } from './support/records.ts';
import { aGateway } from './support/sent.ts';

const committed = { status: 'committed' };

const smtp: GatewaySettings = {
  kind: 'smtp',
  host: 'mail.example.org',
  port: 465,
  security: 'tls',
  userName: null,
  from: 'Tallystick <otp@example.org>',
  subject: 'Your “one-time” password',
};
const http: GatewaySettings = {
  kind: 'http',
  url: 'https://sms.example.org/send',
  content: 'json',
  body: '{"to":"{to}","text":"{text}"}',
  headers: { authorization: 'Bearer {secret}' },
};

eachDatabase((opened) => {
  const administer = (...changes: RecordChange[]): Promise<unknown> =>
    opened.store.administer(changes, anEntry);
  const insert = (...records: readonly Gateway[]): Promise<void> =>
    insertAll(
      opened.store,
      records.map((record) => ({ change: 'insert', kind: 'gateway', record })),
    );
  const version = async (): Promise<number> => (await opened.store.loadConfiguration()).version;
  const load = async (...ids: readonly string[]): Promise<readonly Gateway[]> =>
    (await opened.store.loadConfiguration()).gateways.filter(({ id }) => ids.includes(id));

  describe('a gateway', () => {
    test('comes back as it went in, with the bytes of its secret', async () => {
      const sealedSecret = Buffer.from([0, 1, 127, 128, 255, 0]);
      const gateways = [
        aGateway({ channel: 'email', settings: smtp, sealedSecret, position: 7 }),
        aGateway({ channel: 'sms', settings: http, isDisabled: true, version: 9 }),
        aGateway({ channel: 'voice', sealedSecret: Buffer.alloc(0) }),
      ];
      await insert(...gateways);
      expect(await load(...gateways.map(({ id }) => id))).toEqual(gateways);
    });

    test('raises the version of the configuration by whatever happens to it', async () => {
      const gateway = aGateway();
      const before = await version();
      await insert(gateway);
      expect(await version()).toBe(before + 1);
      const { id } = gateway;
      const sealedSecret = Buffer.from([9]);
      const set = { position: 5, settings: smtp, sealedSecret, isDisabled: true };
      const row = { kind: 'gateway', id } as const;
      const update = { ...row, change: 'update', set } as const;
      expect(await administer({ ...update, expectedVersion: 1 })).toEqual(committed);
      expect(await version()).toBe(before + 2);
      expect(await load(id)).toEqual([{ ...gateway, ...set, version: 2 }]);
      const removal = { ...row, change: 'delete' } as const;
      for (const stale of [update, removal]) {
        const conflict = { status: 'conflict', index: 0 };
        expect(await administer({ ...stale, expectedVersion: 1 })).toEqual(conflict);
      }
      expect(await version()).toBe(before + 2);
      expect(await administer({ ...removal, expectedVersion: 2 })).toEqual(committed);
      expect(await version()).toBe(before + 3);
      expect(await load(id)).toEqual([]);
      const missing = { status: 'missing', index: 0 };
      expect(await administer({ ...removal, expectedVersion: 2 })).toEqual(missing);
    });

    test('has a name of its own, in whatever case', async () => {
      const name = `Mail-${freshId()}`;
      const [gateway, other] = [aGateway({ name }), aGateway()];
      await insert(gateway, other);
      const record = aGateway({ name: name.toUpperCase(), channel: 'voice' });
      const exists = { status: 'exists', index: 0 };
      expect(await administer({ change: 'insert', kind: 'gateway', record })).toEqual(exists);
      const rename = { change: 'update', kind: 'gateway', expectedVersion: 1 } as const;
      const taken = { ...rename, id: other.id, set: { name: name.toLowerCase() } };
      expect(await administer(taken)).toEqual(exists);
      const same = { ...rename, id: gateway.id, set: { name: name.toUpperCase() } };
      expect(await administer(same)).toEqual(committed);
    });

    test('is refused with a channel that there is not', async () => {
      const channel = 'pigeon' as Gateway['channel'];
      const change = { change: 'insert', kind: 'gateway', record: aGateway({ channel }) } as const;
      await expect(administer(change)).rejects.toMatchObject({ code: 'store-contract' });
    });
  });

  test('gateways come by channel, then position, then name', async () => {
    const suffix = freshId();
    const expected = [
      aGateway({ channel: 'email', position: 2, name: `b ${suffix}` }),
      aGateway({ channel: 'email', position: 10, name: `a ${suffix}` }),
      aGateway({ channel: 'sms', position: -1, name: `c ${suffix}` }),
      aGateway({ channel: 'sms', position: 1, name: `Aa ${suffix}` }),
      aGateway({ channel: 'sms', position: 1, name: `ab ${suffix}` }),
      aGateway({ channel: 'sms', position: 1, name: `Z ${suffix}` }),
      aGateway({ channel: 'voice', position: 0, name: `0 ${suffix}` }),
    ];
    await insert(...[3, 6, 1, 5, 0, 4, 2].map((index) => expected[index] ?? aGateway()));
    expect(await load(...expected.map(({ id }) => id))).toEqual(expected);
  });
});
