/** The real listener and both edges over an installation of its own, for their rows. */
import { createApp, listen } from '../../src/http/index.ts';
import { createRestRouter } from '../../src/rest/index.ts';
import { createSoapRouter, soapErrorAnswers } from '../../src/soap/index.ts';
import { install, realClock } from './installation.ts';

const [userCount] = process.argv.slice(2);
const installation = await install(Number(userCount));
const { service } = installation;
const app = createApp({
  routers: [
    createRestRouter({ service, bodyBytesMax: 65_536 }),
    createSoapRouter({
      service,
      bodyBytesMax: 65_536,
      challengeIssuedProfile: 'failure',
      productVersion: 'bench',
      hasTls: false,
    }),
  ],
  errorAnswers: soapErrorAnswers,
  readiness: () => service.readiness(),
  requestsInFlightMax: 1024,
  hasTls: false,
  monotonicMs: () => realClock.monotonicMs(),
  onRequest: () => undefined,
  onUnexpectedError: (_requestId, error) => console.error(error),
});
const listener = await listen({
  app,
  host: '127.0.0.1',
  port: 0,
  tls: null,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 10_000,
  keepAliveMs: 10_000,
  connectionsMax: 1024,
});
process.send?.({
  port: listener.port,
  clientKey: installation.clientKey,
  users: installation.users.map(({ userName, seed }) => ({
    userName,
    seed: seed.toString('hex'),
  })),
});
process.once('disconnect', () => {
  void listener
    .drain(1000)
    .then(() => installation.remove())
    .finally(() => process.exit(0));
});
