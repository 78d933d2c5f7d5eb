import { Command } from 'commander';
import { AgentError, exitCodes, setupError, texts } from './agent-error.ts';
import type { AgentWorld, CommonOptions, Ended } from './cli-world.ts';
import { counted, logOf } from './cli-administer.ts';
import { openAgent } from './enrol.ts';
import { type Ask, logon, type LogonRequest, type Note, type Outcome } from './logon.ts';
import type { Standing } from './packages.ts';
import { apiOf } from './run.ts';
import { logonBySocket } from './socket.ts';
import { type Status, statusOf } from './status.ts';

interface UserOptions extends CommonOptions {
  readonly domain?: string;
  readonly stdin?: boolean;
}

export function logonCommand(world: AgentWorld, ended: Ended): Command {
  return credentialCommand('logon', world, ended).description(
    'Sign a user on: at the server, or without it where it cannot be reached.',
  );
}

export function updateCommand(world: AgentWorld, ended: Ended): Command {
  return credentialCommand('update', world, ended).description(
    'Renew the offline data of a user: PIN first, then the response, in one line.',
  );
}

function credentialCommand(
  purpose: LogonRequest['purpose'],
  world: AgentWorld,
  ended: Ended,
): Command {
  return new Command(purpose)
    .argument('<user>')
    .option('--domain <name>', 'of the user, where there are several')
    .option('--stdin', 'read what is asked for from standard input, a line each')
    .option('--json', 'print the outcome as JSON')
    .action((user: string, options: UserOptions) => {
      const request = { user, domain: options.domain ?? null, purpose };
      return signOn(world, ended, options, request);
    });
}

/**
 * As `logon`, for a line of PAM such as `auth required pam_exec.so expose_authtok quiet PROGRAM pam`
 * (pam_exec(8)): whom PAM names, by what it hands over on standard input.
 */
export function pamCommand(world: AgentWorld, ended: Ended): Command {
  return new Command('pam')
    .description('Sign on whom PAM names; for pam_exec.so with expose_authtok.')
    .option('--domain <name>', 'of the user, where there are several')
    .action((options: CommonOptions & { readonly domain?: string }) => {
      const { user, type } = world.pam;
      if (user === undefined || user === '' || type !== 'auth') {
        throw setupError('usage', 'pam is for lines of type auth that pam_exec.so runs');
      }
      const request: LogonRequest = { user, domain: options.domain ?? null, purpose: 'logon' };
      return signOn(world, ended, { ...options, stdin: true }, request);
    });
}

async function signOn(
  world: AgentWorld,
  ended: Ended,
  options: UserOptions,
  request: LogonRequest,
): Promise<void> {
  const outcome = await outcomeOf(world, options, request, askOf(world, options));
  if (options.verbose === true) {
    logOf(world, options)(outcome.code, outcome.detail);
  }
  tell(world, options, outcome);
  ended.code = exitCodes[outcome.code];
}

async function outcomeOf(
  world: AgentWorld,
  options: UserOptions,
  request: LogonRequest,
  ask: Ask,
): Promise<Outcome> {
  const agent = await openAgent(world.env, options.state, logOf(world, options));
  try {
    if (agent.config.mode === 'ram') return await logonBySocket(options.state, request, ask);
    return await logon(agent, await apiOf(agent, world.patience), request, ask);
  } finally {
    await agent.keys.close();
  }
}

/** The credential is never an argument: those can be read by everybody on the computer. */
function askOf(world: AgentWorld, { stdin }: UserOptions): Ask {
  if (stdin !== true && !world.isInteractive) {
    throw setupError('usage', 'standard input is no terminal: use --stdin');
  }
  return async ({ kind, message, challenge }) => {
    if (message !== null) world.err(`${message}\n`);
    if (challenge !== null) world.err(`Challenge: ${challenge}\n`);
    const question = kind === 'credential' ? 'PIN and response: ' : 'Response: ';
    const typed = stdin === true ? await world.readLine() : await world.prompt(question);
    if (typed !== null && typed !== '') return typed;
    throw new AgentError('unanswered', 'nothing was typed', {
      ...(kind === 'credential' ? { shown: 'Nothing was typed.' } : {}),
    });
  };
}

function tell(world: AgentWorld, { json }: UserOptions, outcome: Outcome): void {
  const { code, by, shown, standing, note, reason } = outcome;
  if (json === true) {
    world.out(`${JSON.stringify({ outcome: code, by, note, reason, offline: standing })}\n`);
    return;
  }
  if (code !== 'accepted') {
    // Of an update that what was typed was right for: the code's text would say that it was not.
    const isRight = note === 'not-permitted';
    world.err(`${isRight ? noteText(note, standing) : (shown ?? texts[code])}\n`);
    return;
  }
  world.out(`${texts.accepted}${by === 'online' ? '' : ' Offline.'}\n`);
  if (note !== null) world.out(`${noteText(note, standing)}\n`);
  if (standing !== null) world.out(`${leftText(standing)}\n`);
}

const noteTexts: Readonly<Record<Note, string>> = {
  updated: 'The offline data is renewed.',
  'still-current': 'The offline data is still current.',
  'not-permitted': 'No offline data is permitted.',
  'no-password':
    'No offline data: it takes a static password, and the server keeps none of yours. Ask for one to be set.',
  'not-updated': 'The offline data could not be renewed.',
  'pin-changed': 'The PIN was changed: sign in once more to renew the offline data.',
};

/** Where there is data from before, it stays. */
function noteText(note: Note, standing: Standing | null): string {
  return note === 'not-permitted' && standing !== null
    ? 'The offline data is not renewed: it is not permitted.'
    : noteTexts[note];
}

function leftText({ daysLeft, usesLeft, warnings }: Standing): string {
  const left = `Offline: ${counted(daysLeft, 'day')}, ${counted(usesLeft, 'sign-in')} left.`;
  return warnings.length === 0 ? left : `${left} Connect soon.`;
}

export function statusCommand(world: AgentWorld, ended: Ended): Command {
  return new Command('status')
    .description('Show what there is for working offline: days, sign-ins, locks.')
    .argument('[user]')
    .option('--domain <name>', 'of the user')
    .option('--json', 'print it as JSON')
    .action(async (user: string | undefined, options: UserOptions) => {
      const agent = await openAgent(world.env, options.state, logOf(world, options));
      try {
        const status = await statusOf(agent, user ?? null, options.domain ?? null);
        if (options.json === true) world.out(`${JSON.stringify(status)}\n`);
        else world.out(statusText(status));
        if (user !== undefined) ended.code = exitCodes[codeOf(status)];
      } finally {
        await agent.keys.close();
      }
    });
}

/** Of one user: as a logon would end that types everything right. */
function codeOf({ isRevoked, packages }: Status): keyof typeof exitCodes {
  if (isRevoked) return 'revoked';
  const [first] = packages;
  if (first === undefined) return 'no-data';
  const isOpen = packages.some(({ obstacle }) => obstacle === null);
  if (!isOpen) return first.obstacle ?? 'accepted';
  return packages.every(({ state }) => state === 'soft-locked') ? 'emergency-needed' : 'accepted';
}

function statusText(status: Status): string {
  const lines = [
    `agent      ${status.agentId} (${status.name}, ${status.mode})`,
    `server     ${status.server}`,
    `key        ${status.serverKey}`,
    `unreported ${counted(status.unreportedLines, 'line')}`,
    ...(status.isRevoked ? [texts.revoked] : []),
    ...status.packages.map((each) => {
      const { obstacle, state, hasEmergencyCode } = each;
      const blocked = state === 'soft-locked' ? texts['emergency-needed'] : leftText(each);
      const emergency = hasEmergencyCode ? ' There is an emergency code.' : '';
      const text = obstacle === null ? blocked : texts[obstacle];
      return `${each.domain}/${each.user} by ${each.serial}/${each.application}: ${text}${emergency}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}
