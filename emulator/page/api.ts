import express from 'express';
import type { Desk } from './desk.ts';
import {
  readBatteryGap,
  readClockChange,
  readKey,
  readNewToken,
  readPocket,
  readPreset,
  readTravel,
  readUnlockCode,
  wipeKey,
} from './requests.ts';
import type { Outcome } from './wire.ts';

/** What the page asks of a desk: JSON in, JSON out. */
export function deskRoutes(desk: Desk): express.Router {
  const router = express.Router();
  const change = (
    path: string,
    work: (serial: string, body: unknown) => Promise<Outcome>,
  ): void => {
    router.post(`/tokens/:serial/${path}`, async (request, response) => {
      response.json(await work(request.params.serial, request.body));
    });
  };
  router.get('/desk', async (request, response) => {
    const { search } = request.query;
    response.json(await desk.view(typeof search === 'string' ? search : ''));
  });
  router.get('/choices', (_request, response) => {
    response.json(desk.choices);
  });
  router.get('/inbox', async (_request, response) => {
    response.json(await desk.inbox());
  });
  router.post('/time', (request, response) => {
    desk.travel(readTravel(request.body));
    response.status(204).end();
  });
  router.post('/tokens', async (request, response) => {
    response.status(201).json(await desk.create(readNewToken(request.body)));
  });
  change('keys', async (serial, body) => {
    const key = readKey(body);
    try {
      return await desk.pressKey(serial, key);
    } finally {
      wipeKey(key);
    }
  });
  change('pocket', (serial, body) => desk.pressInPocket(serial, readPocket(body)));
  change('unlock', (serial, body) => desk.unlock(serial, readUnlockCode(body)));
  change('clock', (serial, body) => desk.changeClock(serial, readClockChange(body)));
  change('preset', (serial, body) => desk.replaceClock(serial, readPreset(body)));
  change('battery', (serial, body) => desk.changeBattery(serial, readBatteryGap(body)));
  return router;
}
