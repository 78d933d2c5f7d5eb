import type {
  Choices,
  ClockChangeRequest,
  DeskView,
  ErrorView,
  InboxView,
  Key,
  NewToken,
  Outcome,
} from '../wire.ts';

/** Why the server did not answer; `message` is a sentence for people. */
export class ApiError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** All that the page asks of its server. Each rejects with an ApiError. */
export interface Api {
  openSession(key: string): Promise<void>;
  desk(search: string): Promise<DeskView>;
  choices(): Promise<Choices>;
  inbox(): Promise<InboxView>;
  travel(travelMs: number): Promise<void>;
  create(wanted: NewToken): Promise<Outcome>;
  pressKey(serial: string, key: Key): Promise<Outcome>;
  pressInPocket(serial: string, times: number): Promise<Outcome>;
  unlock(serial: string, code: string): Promise<Outcome>;
  changeClock(serial: string, change: ClockChangeRequest): Promise<Outcome>;
  replaceClock(serial: string, preset: string): Promise<Outcome>;
  changeBattery(serial: string, gapMs: number): Promise<Outcome>;
}

export function createApi(): Api {
  const change = (serial: string, what: string, body: object): Promise<Outcome> =>
    send<Outcome>('POST', `/api/tokens/${encodeURIComponent(serial)}/${what}`, body);
  return {
    openSession: (key) => send('POST', '/api/session', { key }),
    desk: (search) => send('GET', `/api/desk?search=${encodeURIComponent(search)}`),
    choices: () => send('GET', '/api/choices'),
    inbox: () => send('GET', '/api/inbox'),
    travel: (travelMs) => send('POST', '/api/time', { travelMs }),
    create: (wanted) => send('POST', '/api/tokens', wanted),
    pressKey: (serial, key) => change(serial, 'keys', key),
    pressInPocket: (serial, times) => change(serial, 'pocket', { times }),
    unlock: (serial, code) => change(serial, 'unlock', { code }),
    changeClock: (serial, clockChange) => change(serial, 'clock', clockChange),
    replaceClock: (serial, preset) => change(serial, 'preset', { preset }),
    changeBattery: (serial, gapMs) => change(serial, 'battery', { gapMs }),
  };
}

async function send<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError('unreachable', 'vtoken serve does not answer: has it ended?');
  }
  if (response.status === 204) return undefined as Answer;
  const answer: unknown = await response.json();
  if (response.ok) return answer as Answer;
  const { error } = answer as ErrorView;
  throw new ApiError(error.code, error.message);
}
