import { expect, it } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { TallystickError } from '../../src/errors.ts';
import { openDesk } from './support.ts';

const desk = openDesk();
const agentId = '01890000-0000-7000-8000-000000000001';

const agent = {
  agentId,
  name: 'pc-1',
  componentType: 'desk',
  fingerprint: 'f00d',
  keyMode: 'hw',
  countsFailures: true,
  state: 'revoked',
  revokedFor: 'stolen',
  enrolledAtMs: 0,
  lastSeenAtMs: 86_400_000,
};
const held = {
  packageId: 'p',
  agentId,
  agentName: 'pc-1',
  componentType: 'desk',
  userName: 'jane',
  domainName: 'master',
  serial: 'VT00000001',
  applicationName: 'APP',
  kind: 'event',
  first: 7n,
  count: 110,
  state: 'installed',
  createdAtMs: 0,
  notBeforeMs: 0,
  notAfterMs: 86_400_000,
  eventsUsed: 3,
  eventsMax: 100,
};
const line = /master\/jane +VT00000001 +APP +pc-1 +installed +3\/100 +1970-01-02/;

it('lists workstations, shows one with what it has, and revokes it', async () => {
  const { reached } = await desk.serve({
    offlineAgents: [agent],
    offlineAgent: { agent, packages: [held] },
    revokeOfflineAgent: undefined,
    acceptOfflineGap: { ...agent, acknowledgedThrough: 12 },
  });
  expect((await desk.run(['offline', 'agents'])).printed).toMatch(/pc-1 +desk +hw +revoked/);
  const { printed } = await desk.run(['offline', 'show-agent', agentId]);
  expect(printed).toMatch(/revoked for +stolen/);
  expect(printed).toMatch(line);
  await desk.run(['offline', 'revoke-agent', agentId, '--reason', 'stolen']);
  expect(reached.at(-1)?.args.slice(1)).toEqual([agentId, 'stolen']);
  await desk.run(['offline', 'revoke-agent', agentId]);
  expect(reached.at(-1)?.args.slice(1)).toEqual([agentId, null]);
  const accept = ['offline', 'accept-gap', agentId];
  expect((await desk.run([...accept, '--reason', 'restored'])).printed).toMatch(/after line 12\./);
  expect(reached.at(-1)?.args.slice(1)).toEqual([agentId, 'restored']);
  expect((await desk.run(accept)).code).toBe(2);
});

it('shows what is out of a user, and makes it worth nothing', async () => {
  const { reached } = await desk.serve({ offlineOfUser: [held], revokeOfflineOfUser: 2 });
  expect((await desk.run(['offline', 'show', 'jane', '--domain', 'sales'])).printed).toMatch(line);
  expect(reached.at(-1)?.args.slice(1)).toEqual(['sales', 'jane', null]);
  const only = ['--agent', agentId, '--serial', 'VT1'];
  expect((await desk.run(['offline', 'delete', 'jane', ...only])).printed).toBe(
    'Packages of jane revoked: 2.',
  );
  expect(reached.at(-1)?.args.slice(1)).toEqual([null, 'jane', { agentId, serial: 'VT1' }]);
});

it('does not end well for a workstation that there is not', async () => {
  const message = 'There is no workstation of this id: "tallystick offline agents" lists them all.';
  await desk.serve({ revokeOfflineOfUser: new TallystickError('not-found', message) });
  const ran = await desk.run(['offline', 'delete', 'jane', '--agent', 'typo']);
  expect(ran).toMatchObject({ code: exitCodes.refused, printed: '' });
  expect(ran.said).toMatch(/no workstation of this id.*\[not-found\]$/);
});

it('tells what is over soon, and which key is pinned', async () => {
  const { reached } = await desk.serve({
    offlinePackagesEnding: [held],
    offlinePackagesSilent: [{ ...held, silentAtMs: 1 }],
    offlineSigningKey: { signingKey: Buffer.from('key'), fingerprint: 'beef' },
  });
  expect((await desk.run(['offline', 'expiring', '--within', '5d'])).printed).toMatch(line);
  expect(reached.at(-1)?.args.slice(1)).toEqual([5]);
  await desk.run(['offline', 'expiring']);
  expect(reached.at(-1)?.args.slice(1)).toEqual([2]);
  expect((await desk.run(['offline', 'expiring', '--within', '5'])).code).toBe(2);
  expect((await desk.run(['offline', 'expiring', '--within', '100d'])).code).not.toBe(0);
  expect((await desk.run(['offline', 'silent'])).printed).toMatch(line);
  expect(reached.at(-1)).toMatchObject({ method: 'offlinePackagesSilent' });
  const { printed } = await desk.run(['offline', 'signing-key', '--json']);
  expect(JSON.parse(printed)).toEqual({ signingKey: 'a2V5', fingerprint: 'beef' });
});
