import { createApp } from '../../../src/http/index.ts';
import { createRestRouter } from '../../../src/rest/index.ts';
import { createSoapRouter, soapErrorAnswers } from '../../../src/soap/index.ts';
import type { PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import { type Bench, type BenchOptions, openBench } from '../../support/builders.ts';
import { listening } from '../../support/listening.ts';

/** Both edges over one service: whatever comes through one must come to the same through the other. */
export interface Edges {
  readonly bench: Bench;
  readonly url: string;
  /** A component that both kinds of programs may act for, under a policy with plain answers. */
  component(settings?: PolicySettings): Promise<{ readonly type: string; readonly key: string }>;
  rest(
    key: string,
    path: string,
    body: object,
  ): Promise<{ status: number; code: string; body: Readonly<Record<string, unknown>> }>;
  close(): Promise<void>;
}

export async function openEdges(options: BenchOptions = {}): Promise<Edges> {
  const bench = await openBench(options);
  const { service, admin } = bench;
  const app = createApp({
    routers: [
      createRestRouter({ service, bodyBytesMax: 65_536 }),
      createSoapRouter({
        service,
        bodyBytesMax: 65_536,
        challengeIssuedProfile: 'failure',
        productVersion: 'test',
        hasTls: false,
      }),
    ],
    readiness: () => service.readiness(),
    requestsInFlightMax: 100,
    hasTls: false,
    monotonicMs: () => performance.now(),
    errorAnswers: soapErrorAnswers,
    onRequest: () => undefined,
    onUnexpectedError: (_requestId, error) => {
      throw error;
    },
  });
  const listener = await listening(app);
  let made = 0;
  return {
    bench,
    url: listener.url,
    async component(settings = {}) {
      made += 1;
      const type = `program ${made}`;
      const { administration } = service;
      await administration.savePolicy(
        admin,
        type,
        { parentName: 'Local Authentication', settings: { genericAnswers: false, ...settings } },
        { expectedVersion: null },
      );
      await administration.createComponent(admin, {
        componentType: type,
        location: '127.0.0.1',
        access: 'address',
        policyName: type,
      });
      const { key } = await administration.createApiKey(admin, {
        name: type,
        role: 'client',
        componentType: type,
        domainName: null,
        expiresAtMs: null,
      });
      return { type, key };
    },
    async rest(key, path, body) {
      const response = await fetch(`${listener.url}${path}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      const answered = (await response.json()) as { outcome?: string; code?: string };
      const { outcome, code } = answered;
      return { status: response.status, code: code ?? outcome ?? '', body: answered };
    },
    async close() {
      await listener.drain(1000);
      await bench.close();
    },
  };
}
