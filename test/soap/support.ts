import { createApp } from '../../src/http/index.ts';
import { createSoapRouter, soapErrorAnswers } from '../../src/soap/index.ts';
import type { Caller, Service, Sessions } from '../../src/service/api.ts';
import { parseXml, type XmlElement } from '../../src/xml.ts';
import { type RawAnswer, rawExchange, rawRequest } from '../support/raw-http.ts';
import { listening } from '../support/listening.ts';

export const authentication = 'http://www.vasco.com/IdentikeyServer/IdentikeyTypes/Authentication';
export const administration = 'http://www.vasco.com/IdentikeyServer/IdentikeyTypes/Administration';
export const soapEnvelope = 'http://schemas.xmlsoap.org/soap/envelope/';

/** One call that reached the service. */
export interface Reached {
  readonly method: string;
  readonly args: readonly unknown[];
}

type UseCase =
  | 'authenticate'
  | 'issueChallenge'
  | 'synchronise'
  | 'verifySignature'
  | 'changePassword'
  | 'changeBackEndPassword'
  | 'offlineOfUser'
  | 'revokeOfflineOfUser'
  | keyof Sessions;

/** What each use case answers: a value, or an Error to be thrown. */
export type Answers = Partial<Record<UseCase, unknown>>;

export const accepted = {
  outcome: 'accepted',
  userName: 'Jane',
  domainName: 'master',
  organisationalUnit: null,
  serial: 'VT00000001',
  applicationName: 'OTP',
  pinChanged: false,
  by: 'response',
  passwordExpiresAtMs: null,
} as const;

export const session = {
  userName: 'Jane',
  domainName: 'master',
  role: 'helpdesk',
  peerAddress: '127.0.0.1',
  createdAtMs: 0,
  expiresAtMs: 1,
} as const;

export interface SoapAnswer extends RawAnswer {
  /** The one element of the body. */
  readonly content: XmlElement;
}

export interface SoapWorld {
  readonly port: number;
  readonly answers: Answers;
  readonly reached: Reached[];
  readonly unexpected: unknown[];
  readonly failures: { readonly code: string; readonly route: string }[];
  readonly lines: { readonly route: string; readonly outcome: string }[];
  readonly ignored: string[];
  readonly post: (
    body: string | Buffer,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<SoapAnswer>;
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<RawAnswer>;
  readonly stop: () => Promise<boolean>;
}

export interface WorldOptions {
  readonly bodyBytesMax?: number;
  readonly requestsInFlightMax?: number;
}

/** The SOAP edge over a scripted service, listening on loopback. */
export async function startSoap(
  answers: Answers,
  { bodyBytesMax = 65_536, requestsInFlightMax = 100 }: WorldOptions = {},
): Promise<SoapWorld> {
  const reached: Reached[] = [];
  const unexpected: unknown[] = [];
  const failures: { code: string; route: string }[] = [];
  const lines: { route: string; outcome: string }[] = [];
  const ignored: string[] = [];
  const router = createSoapRouter({
    service: scriptedService(answers, reached),
    bodyBytesMax,
    challengeIssuedProfile: 'failure',
    productVersion: '1.2.3',
    hasTls: false,
    onIgnored: ({ attributeIds }) => ignored.push(...attributeIds),
  });
  const app = createApp({
    routers: [router],
    errorAnswers: soapErrorAnswers,
    readiness: () => Promise.resolve({ ready: true, reasons: [] }),
    requestsInFlightMax,
    hasTls: false,
    monotonicMs: () => performance.now(),
    onRequest: ({ route, outcome }) => lines.push({ route, outcome }),
    onUnexpectedError: (_requestId, error) => unexpected.push(error),
    onFailure: ({ code }, { route }) => failures.push({ code, route }),
  });
  const listener = await listening(app);
  const { port } = listener;
  return {
    port,
    answers,
    reached,
    unexpected,
    failures,
    lines,
    ignored,
    post: async (body, headers = {}) => {
      const bytes = rawRequest('POST', '/', {
        headers: { 'Content-Type': 'text/xml; charset=utf-8', ...headers },
        body,
      });
      return withContent(await rawExchange(port, bytes));
    },
    get: (path, headers = {}) => rawExchange(port, rawRequest('GET', path, { headers })),
    stop: () => listener.drain(1000),
  };
}

function scriptedService(answers: Answers, reached: Reached[]): Service & Sessions {
  const keylessCaller = (
    componentType: string,
    peerAddress: string,
    requestId: string,
  ): Caller => ({
    keyId: null,
    keyName: 'none',
    role: 'client',
    componentType,
    domainId: null,
    peerAddress,
    requestId,
  });
  const service = new Proxy({} as Service & Sessions, {
    get: (_target, method) => {
      if (method === 'keylessCaller') return keylessCaller;
      if (method === 'administration') return service;
      return (...args: unknown[]) => {
        reached.push({ method: String(method), args });
        const scripted = answers[method as UseCase];
        return scripted instanceof Error ? Promise.reject(scripted) : Promise.resolve(scripted);
      };
    },
  });
  return service;
}

const limits = {
  bytesMax: 1_000_000,
  depthMax: 64,
  elementsMax: 10_000,
  attributesMax: 64,
  textCharactersMax: 100_000,
};

/** An answer of the edge is always an envelope with one element in its body. */
function withContent(answer: RawAnswer): SoapAnswer {
  const [body] = parseXml(Buffer.from(answer.body), limits).children;
  return { ...answer, content: body!.children[0]! };
}

/** The element at a path of local names. */
export function at(element: XmlElement, ...path: readonly string[]): XmlElement | undefined {
  const [name, ...rest] = path;
  if (name === undefined) return element;
  const child = element.children.find(({ local }) => local === name);
  return child === undefined ? undefined : at(child, ...rest);
}

/** Return name, status name and both numbers of an answer, in the shape of either style. */
export function codesOf({ content }: SoapAnswer): readonly (string | undefined)[] {
  const codes =
    at(content, 'authUserResults', 'results', 'resultCodes') ??
    at(content, 'results', 'resultCodes') ??
    at(content, 'status', 'resultCodes')!;
  const names = ['returnCodeEnum', 'statusCodeEnum', 'returnCode', 'statusCode'];
  return names.map((name) => at(codes, name)?.text);
}

/** The returned attributes by ID. */
export function attributesOf({ content }: SoapAnswer): Record<string, string> {
  const set =
    at(content, 'authUserResults', 'results', 'resultAttribute') ??
    at(content, 'results', 'resultAttribute')!;
  return Object.fromEntries(
    set.children.map((one) => [at(one, 'attributeID')!.text, at(one, 'value')!.text]),
  );
}

/** Fault code and text, or undefined. */
export function faultOf({ content }: SoapAnswer): readonly [string, string] | undefined {
  if (content.local !== 'Fault') return undefined;
  return [at(content, 'faultcode')!.text, at(content, 'faultstring')!.text];
}

export interface EnvelopeParts {
  readonly namespace?: string;
  readonly operation?: string;
  readonly set?: string;
}

/** An envelope as the documentation's samples are. */
export function attributeEnvelope(
  attributes: Readonly<Record<string, string>>,
  {
    namespace = authentication,
    operation = 'authUser',
    set = namespace === authentication ? 'credentialAttributeSet' : 'attributeSet',
  }: EnvelopeParts = {},
): string {
  const inside = Object.entries(attributes).map(
    ([id, value]) =>
      `<attributes><value xsi:type="xsd:string">${value}</value><attributeID>${id}</attributeID></attributes>`,
  );
  return envelope(
    `<a:${operation}><${set}>${inside.join('')}</${set}></a:${operation}>`,
    namespace,
  );
}

export function envelope(body: string, namespace: string = authentication): string {
  return (
    `<soapenv:Envelope xmlns:soapenv="${soapEnvelope}" xmlns:xsd="http://www.w3.org/2001/XMLSchema" ` +
    `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:a="${namespace}">` +
    `<soapenv:Header/><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`
  );
}

export const logonAttributes: Readonly<Record<string, string>> = {
  CREDFLD_USERID: 'jane',
  CREDFLD_PASSWORD: '123456',
  CREDFLD_PASSWORD_FORMAT: '0',
};

export const userAttributes: Readonly<Record<string, string>> = {
  ...logonAttributes,
  CREDFLD_COMPONENT_TYPE: 'SOAP Auth Client',
};
