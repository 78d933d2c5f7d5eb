import { type AgentCode, type AgentError, setupError } from './agent-error.ts';

/** What was given that may be wrong. */
interface Given {
  readonly server: string;
  readonly keyFile: string;
}

/** What was wrong, and what helps. `said` is the words of the server, of TLS or of the module. */
type Text = (said: string, given: Given) => string;

const makeKey = '"tallystick key create" makes one of role client';

const refusedTexts: ReadonlyMap<string, Text> = new Map<string, Text>([
  [
    'unauthenticated',
    (_, { keyFile }) => `the server does not know the API key in ${keyFile}: ${makeKey}`,
  ],
  [
    'forbidden',
    (said, { keyFile }) =>
      `${said} That is for keys of role client, and the one in ${keyFile} is none: ${makeKey}`,
  ],
  [
    'component-unknown',
    (said, { keyFile }) =>
      `${said} "tallystick component" shows and changes which addresses the component of the key in ${keyFile} covers`,
  ],
  ['agent-nonce', notPassedOn],
  ['agent-proof', notPassedOn],
]);

function notPassedOn(said: string, { server }: Given): string {
  return `${said} Whatever stands between this computer and ${server} must pass these headers on`;
}

/** Of what nobody has found better words for than the catalogue's. */
const texts: Readonly<Partial<Record<AgentCode, Text>>> = {
  unreachable: (said) =>
    `nothing answers (${said}): check --server, and whether the server runs and lets this computer through`,
  untrusted: (said) =>
    `the server did not prove by TLS that it is the right one (${said}): name its authority with --ca, or check --server`,
  'server-failed': (said) =>
    `the enrolment did not end (${said}): check that --server is Tallystick and works, then repeat the same command`,
  refused: (said, { server }) =>
    `${server} does not answer as Tallystick does (${said}): check --server`,
};

const deviceText: Text = (said) =>
  `the PKCS#11 module cannot be used (${said}): check module-path, token and pin-source in --module-uri`;

/**
 * What a failed enrolment says. It is read by whoever sets this computer up, who can do what users
 * cannot: so it says what was wrong, and what helps.
 */
export function explainedRefusal(error: AgentError, given: Given): AgentError {
  const { code, shown, reason } = error;
  // What OpenSSL says has line breaks.
  const said = (shown ?? error.message).trim().replaceAll(/\s+/g, ' ');
  const text =
    (code === 'refused' ? refusedTexts.get(reason ?? '') : undefined) ??
    (code === 'device' ? deviceText : undefined) ??
    (shown === null ? texts[code] : undefined);
  return text === undefined ? error : setupError(code, text(said, given), error);
}
