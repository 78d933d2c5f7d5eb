import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp, type Listener } from '../../../src/http/index.ts';
import { createSoapRouter, soapErrorAnswers } from '../../../src/soap/index.ts';
import { hotp6, totp6 } from '../../support/builders.ts';
import { describeLayer } from '../../support/layers.ts';
import { listening } from '../../support/listening.ts';
import { type OfflineBench, openOfflineBench } from '../../service/offline/support.ts';
import { attributesOf, type Call, codesOf, type Judge, judges } from './judges.ts';

/** What workstations have of a user, as programs see and delete it that have nothing but the WSDL. */

let offline: OfflineBench;
let listener: Listener;
let wsdl = '';

beforeAll(async () => {
  offline = await openOfflineBench();
  const { service, admin } = offline.bench;
  await service.administration.createComponent(admin, {
    componentType: 'Administration Program',
    location: '127.0.0.1',
    access: 'address',
    policyName: 'Administration Logon',
  });
  const router = createSoapRouter({
    service,
    bodyBytesMax: 65_536,
    challengeIssuedProfile: 'failure',
    productVersion: '1.2.3',
    hasTls: false,
  });
  const app = createApp({
    routers: [router],
    errorAnswers: soapErrorAnswers,
    readiness: () => service.readiness(),
    requestsInFlightMax: 100,
    hasTls: false,
    monotonicMs: () => performance.now(),
    onRequest: () => undefined,
    onUnexpectedError: (_id, error) => {
      throw error;
    },
  });
  listener = await listening(app);
  wsdl = `http://127.0.0.1:${listener.port}/wsdl/administration.wsdl`;
});

afterAll(async () => {
  await listener.drain(1000);
  await offline.bench.close();
});

async function logon(judge: Judge, role: 'helpdesk' | 'auditor'): Promise<string> {
  const { bench } = offline;
  const { userName, device } = await offline.owner(totp6);
  const given = { administratorRole: role };
  const anyVersion = { expectedVersion: null };
  await bench.service.administration.updateUser(bench.admin, null, userName, given, anyVersion);
  const [on] = await judge(wsdl, [
    {
      operation: 'logon',
      set: 'attributeSet',
      attributes: {
        CREDFLD_USERID: userName,
        CREDFLD_PASSWORD_FORMAT: '0',
        CREDFLD_PASSWORD: device.response({ nowMs: bench.clock.nowMs() }),
      },
    },
  ]);
  return attributesOf(on)['CREDFLD_SESSION_ID'] ?? '';
}

function offlineData(
  sessionID: string,
  command: 'VIEW' | 'DELETE',
  attributes: Readonly<Record<string, string>>,
): Call {
  const cmd = `OFFLINEDATACMD_${command}`;
  const set = Object.entries(attributes).map(([id, value]) => ({
    value,
    attributeID: `OFFLINEDATAFLD_${id}`,
  }));
  return {
    operation: 'offlinedataExecute',
    arguments: { sessionID, cmd, attributeSet: { attributes: set } },
  };
}

for (const [name, layer, judge] of judges) {
  const define = (): void => {
    it('shows and deletes what a workstation has of a user', async () => {
      const { userName, device } = await offline.owner(hotp6);
      const [one, other] = [await offline.agent(), await offline.agent()];
      await offline.install(one, userName, device.response({ counter: 0n }));
      await offline.install(other, userName, device.response({ counter: 1n }));
      const { bench } = offline;
      const { agent } = await bench.service.administration.offlineAgent(bench.admin, one.id);
      const desk = await logon(judge, 'helpdesk');
      const auditor = await logon(judge, 'auditor');
      const only = {
        USERID: userName.toUpperCase(),
        COMPONENT_LOCATION: agent.name.toUpperCase(),
        SERIALNO: device.serial,
      };
      const [seen, forbidden, deleted, again, left, none] = await judge(wsdl, [
        offlineData(auditor, 'VIEW', only),
        offlineData(auditor, 'DELETE', only),
        offlineData(desk, 'DELETE', only),
        offlineData(desk, 'DELETE', only),
        offlineData(desk, 'VIEW', { USERID: userName }),
        offlineData(desk, 'VIEW', { USERID: 'nobody' }),
      ]);
      const success = ['RET_SUCCESS', 'STAT_SUCCESS'];
      expect(codesOf(seen)).toEqual(success);
      expect(attributesOf(seen)).toMatchObject({
        OFFLINEDATAFLD_USERID: userName,
        OFFLINEDATAFLD_DOMAIN: 'master',
        OFFLINEDATAFLD_COMPONENT_TYPE: offline.caller.componentType,
        OFFLINEDATAFLD_COMPONENT_LOCATION: agent.name,
        OFFLINEDATAFLD_SERIALNO: device.serial,
        OFFLINEDATAFLD_EVENT_WINDOW: '100',
        OFFLINEDATAFLD_EVENT_COUNTER: '1',
      });
      expect(codesOf(forbidden)).toEqual(['RET_FAILURE', 'STAT_PERMISSION']);
      expect(codesOf(deleted)).toEqual(success);
      for (const answer of [again, none]) {
        expect(codesOf(answer)).toEqual(['RET_FAILURE', 'STAT_NOT_FOUND']);
      }
      expect(attributesOf(left)['OFFLINEDATAFLD_COMPONENT_LOCATION']).not.toBe(agent.name);
      expect((await offline.report(one)).packageIds).toEqual([]);
      expect((await offline.report(other)).packageIds).toHaveLength(1);
    });
  };
  if (layer === null) describeLayer('softhsm', `${name}, from the served WSDL`, define);
  else describeLayer(layer, `${name}, from the served WSDL`, define);
}
