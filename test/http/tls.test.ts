import { request } from 'node:https';
import express from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import { createApp, listen, type Listener } from '../../src/http/index.ts';
import { rawExchange, rawRequest } from '../support/raw-http.ts';
import { selfSigned } from '../support/self-signed.ts';

let listener: Listener | undefined;
afterEach(() => listener?.drain(1000));

function start(tls: { certificate: string; privateKey: string }): Promise<Listener> {
  const app = createApp({
    routers: [express.Router()],
    readiness: () => Promise.resolve({ ready: true, reasons: [] }),
    requestsInFlightMax: 10,
    hasTls: true,
    monotonicMs: () => performance.now(),
    onRequest: () => undefined,
    onUnexpectedError: () => undefined,
  });
  return listen({
    app,
    host: '127.0.0.1',
    port: 0,
    tls,
    headersTimeoutMs: 1000,
    requestTimeoutMs: 1000,
    keepAliveMs: 1000,
    connectionsMax: 10,
  });
}

function get(port: number, ca: string): Promise<{ status: number; sts: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: '/healthz', ca }, (response) => {
      const sts = response.headers['strict-transport-security'];
      response.resume().once('end', () => resolve({ status: response.statusCode ?? 0, sts }));
    });
    sent.once('error', reject).end();
  });
}

describe('TLS', () => {
  it('serves with a certificate and speaks no plain HTTP', async () => {
    const tls = selfSigned();
    listener = await start(tls);
    expect(listener.url).toMatch(/^https:/);
    expect(await get(listener.port, tls.certificate)).toEqual({
      status: 200,
      sts: 'max-age=31536000',
    });
    const plain = await rawExchange(listener.port, rawRequest('GET', '/healthz'));
    expect(plain.status).not.toBe(200);
  });

  it('says that certificate and key do not belong together', async () => {
    const tls = { certificate: selfSigned().certificate, privateKey: selfSigned().privateKey };
    await expect(start(tls)).rejects.toMatchObject({ code: 'config-invalid' });
    const text = { certificate: 'no certificate', privateKey: 'no key' };
    await expect(start(text)).rejects.toMatchObject({ code: 'config-invalid' });
  });
});
