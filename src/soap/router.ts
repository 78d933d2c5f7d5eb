import type { IncomingMessage, ServerResponse } from 'node:http';
import express from 'express';
import { authUser, getChallenge } from './authentication.ts';
import { readEnvelope } from './envelope.ts';
import { clientFault, type FaultCode, faultCodeOf } from './fault.ts';
import { namespaces } from './namespaces.ts';
import { offlineDataExecute } from './offline-data.ts';
import type { Begun, Call, Operation, Reply, SoapService } from './operation.ts';
import { faultDocument, responseDocument } from './response.ts';
import { type ChallengeIssuedProfile, meaningOfError } from './result-codes.ts';
import { cancelAuthUser, changeBackendPassword, updatePassword } from './passwords.ts';
import { logoff, logon, sessionAlive } from './sessions.ts';
import { authSignature } from './signatures.ts';
import { syncTokenAndHost } from './synchronise.ts';
import { wsdlRouter } from './wsdl.ts';
import { TallystickError } from '../errors.ts';
import {
  type AnswerError,
  contextOf,
  endUnread,
  onlyBy,
  plainAddress,
  readBody,
} from '../http/index.ts';
import type { XmlElement } from '../xml.ts';

export interface SoapOptions {
  readonly service: SoapService;
  readonly bodyBytesMax: number;
  readonly challengeIssuedProfile: ChallengeIssuedProfile;
  /** Shown to administrators' programs. */
  readonly productVersion: string;
  /** Whether the addresses in the WSDLs begin with https. */
  readonly hasTls: boolean;
  /** Attributes that nobody knows: for whoever wonders why they do nothing. */
  readonly onIgnored?: (line: {
    readonly requestId: string;
    readonly operation: string;
    readonly attributeIds: readonly string[];
  }) => void;
}

const operations: readonly Operation[] = [
  authUser,
  getChallenge,
  updatePassword,
  changeBackendPassword,
  cancelAuthUser,
  syncTokenAndHost,
  logon,
  logoff,
  sessionAlive,
  offlineDataExecute,
  authSignature,
];

/**
 * `POST /`, the one address of all operations, and the WSDLs. Broken requests are SOAP 1.1 faults;
 * all else, technical failures included, is a result.
 */
export function createSoapRouter(options: SoapOptions): express.Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  router.post('/', (request, response) => serve(options, request, response));
  router.all('/', onlyBy('/', 'POST', ', by SOAP: see /wsdl/authentication.wsdl'));
  router.use(wsdlRouter(operations, options));
  return router;
}

async function serve(
  options: SoapOptions,
  request: express.Request,
  response: express.Response,
): Promise<void> {
  const context = contextOf(request);
  context.route = 'soap';
  context.answerError = answerFault;
  const element = await readElement(options, request, response);
  const operation = operationOf(element);
  context.route = `soap ${operation.name}`;
  const begun = operation.begin(element);
  context.answerError = (_request, _response, error) =>
    sendFailure(request, response, operation, begun, error);
  const { requestId } = context;
  if (begun.ignored.length > 0) {
    options.onIgnored?.({ requestId, operation: operation.name, attributeIds: begun.ignored });
  }
  sendReply(request, response, operation, await begun.answer(callOf(options, request)));
}

/** For the listener, so that a request which never reaches the router is answered by a fault too. */
export const soapErrorAnswers = (request: express.Request): AnswerError | undefined =>
  request.method === 'POST' && request.path === '/' ? answerFault : undefined;

function callOf(options: SoapOptions, request: express.Request): Call {
  const { service, challengeIssuedProfile, productVersion } = options;
  const context = contextOf(request);
  const { requestId } = context;
  const peerAddress = plainAddress(request.socket.remoteAddress ?? '');
  return {
    service,
    challengeIssuedProfile,
    productVersion,
    peerAddress,
    requestId,
    callerFor: (componentType) => {
      const caller = service.keylessCaller(componentType, peerAddress, requestId);
      context.caller = caller;
      return caller;
    },
    callerOfSession: async (sessionId) => {
      const caller = await service.sessionCaller(sessionId, peerAddress, requestId);
      if (caller !== null) context.caller = caller;
      return caller;
    },
  };
}

async function readElement(
  { bodyBytesMax }: SoapOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<XmlElement> {
  const bytes = await readBody(request, response, bodyBytesMax);
  try {
    return readEnvelope(bytes, bodyBytesMax);
  } finally {
    bytes.fill(0);
  }
}

/** By the qualified name alone: what SOAPAction says differs from program to program. */
function operationOf(element: XmlElement): Operation {
  const operation = operations.find(
    (one) => one.name === element.local && namespaces[one.interface] === element.namespace,
  );
  if (operation === undefined) {
    const known = operations.map((one) => `${one.name} (${namespaces[one.interface]})`);
    throw clientFault(
      `there is no such operation in this namespace; there are ${known.join(', ')}`,
    );
  }
  return operation;
}

/** An error before the operation was read: a fault. */
function answerFault(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const { code, outcome, text } = faultOf(error);
  contextOf(request).outcome = outcome;
  send(request, response, 500, faultDocument(code, text));
}

const ourFaultText = 'The operator finds the cause in the log under the request id.';

function faultOf(error: unknown): { code: FaultCode; outcome: string; text: string } {
  if (!(error instanceof TallystickError)) {
    return { code: 'Server', outcome: 'internal', text: ourFaultText };
  }
  const outcome = error.code;
  const meaning = meaningOfError(outcome);
  if (meaning === 'clients') return { code: faultCodeOf(error), outcome, text: error.message };
  return { code: 'Server', outcome, text: meaning === 'ours' ? ourFaultText : meaning.text };
}

/** An error of an operation that was read: its own response, with the codes of a failure. */
function sendFailure(
  request: IncomingMessage,
  response: ServerResponse,
  operation: Operation,
  begun: Begun,
  error: unknown,
): void {
  const meaning = error instanceof TallystickError ? meaningOfError(error.code) : 'ours';
  if (!(error instanceof TallystickError) || typeof meaning === 'string') {
    answerFault(request, response, error);
    return;
  }
  sendReply(request, response, operation, begun.fail(error.code, meaning));
}

function sendReply(
  request: IncomingMessage,
  response: ServerResponse,
  operation: Operation,
  { outcome, content }: Reply,
): void {
  contextOf(request).outcome = outcome;
  send(request, response, 200, responseDocument(operation.interface, operation.name, content));
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  document: string,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/xml; charset=utf-8');
  endUnread(request, response, document);
}
