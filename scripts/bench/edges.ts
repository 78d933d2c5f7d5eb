import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { usersInTurn } from './engine.ts';
import { httpLoad, type LoadRequest, postBytes } from './http-load.ts';
import { type BenchUser, nextResponse } from './installation.ts';
import { alternate, type BenchRow } from './measure.ts';

interface EdgeServer {
  readonly port: number;
  readonly clientKey: string;
  readonly users: readonly { readonly userName: string; readonly seed: string }[];
}

const width = 32;

/**
 * Both edges under 32 connections, each against a bare Express JSON route under the same load plus the
 * engine's floor.
 */
export async function benchEdges(
  engineFloorMicroseconds: number,
  userCount: number,
  count: number,
  rounds: number,
): Promise<readonly BenchRow[]> {
  const edges = start('edge-server', [String(userCount)]);
  const bare = start('express-floor', []);
  try {
    const server = await message<EdgeServer>(edges);
    const floor = await message<{ readonly port: number }>(bare);
    const users: BenchUser[] = server.users.map(({ userName, seed }) => ({
      userName,
      seed: Buffer.from(seed, 'hex'),
      nextCounter: 0n,
    }));
    const nextUser = usersInTurn(users);
    const rest = (): LoadRequest => restRequest(nextUser(), server.clientKey);
    const soap = (): LoadRequest => soapRequest(nextUser());
    const bareRequest = (): LoadRequest =>
      postJson({ user: 'user1', response: '123456' }, server.clientKey);
    const [overRest, overSoap, express] = await alternate(
      [
        { name: 'rest', run: (n) => httpLoad(server.port, width, n, rest) },
        { name: 'soap', run: (n) => httpLoad(server.port, width, n, soap) },
        { name: 'express', run: (n) => httpLoad(floor.port, width, n, bareRequest) },
      ],
      count,
      rounds,
    );
    if (!overRest || !overSoap || !express) throw new Error('no samples');
    const floorMicrosecondsEach = express.microsecondsEach + engineFloorMicroseconds;
    const shared = {
      floorMicrosecondsEach,
      floor: `bare Express (${express.microsecondsEach.toFixed(0)} us) + engine floor`,
    };
    return [
      {
        row: 'REST',
        operation: 'POST /v1/authenticate, 32 connections',
        microsecondsEach: overRest.microsecondsEach,
        ...shared,
        ratio: overRest.microsecondsEach / floorMicrosecondsEach,
        target: '<= 1.25',
      },
      {
        row: 'SOAP',
        operation: 'authUser, 32 connections',
        microsecondsEach: overSoap.microsecondsEach,
        ...shared,
        ratio: overSoap.microsecondsEach / floorMicrosecondsEach,
        target: '<= 1.5',
      },
    ];
  } finally {
    await Promise.all([stopped(edges), stopped(bare)]);
  }
}

function restRequest(user: BenchUser, key: string): LoadRequest {
  return postJson({ user: user.userName, response: nextResponse(user) }, key);
}

function postJson(body: object, key: string): LoadRequest {
  const headers = [`Authorization: Bearer ${key}`, 'Content-Type: application/json'];
  return {
    bytes: postBytes('/v1/authenticate', JSON.stringify(body), headers),
    expectedStatus: 200,
    expectedText: '"accepted"',
  };
}

const types = 'http://www.vasco.com/IdentikeyServer/IdentikeyTypes/Authentication';

function soapRequest(user: BenchUser): LoadRequest {
  const fields = [
    ['string', 'CREDFLD_COMPONENT_TYPE', 'SOAP Auth Client'],
    ['string', 'CREDFLD_USERID', user.userName],
    ['unsignedInt', 'CREDFLD_PASSWORD_FORMAT', '0'],
    ['string', 'CREDFLD_PASSWORD', nextResponse(user)],
  ].map(
    ([type, id, value]) =>
      `<attributes><value xsi:type="xsd:${type}">${value}</value><attributeID>${id}</attributeID></attributes>`,
  );
  const text =
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" ' +
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" ' +
    `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:aut="${types}">` +
    '<soapenv:Header/><soapenv:Body><aut:authUser><credentialAttributeSet>' +
    `${fields.join('')}</credentialAttributeSet></aut:authUser></soapenv:Body></soapenv:Envelope>`;
  return {
    bytes: postBytes('/', text, ['Content-Type: text/xml; charset=utf-8']),
    expectedStatus: 200,
    expectedText: 'RET_SUCCESS',
  };
}

function start(script: string, parameters: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(`${script}.js`, import.meta.url)), parameters, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

async function message<Message>(child: ChildProcess): Promise<Message> {
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`a server of the bench ended with ${String(code)}`);
  });
  const [received] = (await Promise.race([once(child, 'message'), failed])) as [Message];
  failed.catch(() => undefined);
  return received;
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, 'exit');
  if (child.connected) child.disconnect();
  await exited;
}
