import { type Cell, cellText, facts, instantText, wrapped } from './table.ts';
import type {
  ApplicationNowJson,
  AttemptJson,
  AuthenticatorNowJson,
  EventJson,
  StepJson,
  UserExplanationJson,
} from '../rest/explanation.ts';
import { pinStateText } from './pin-commands.ts';

type Row = readonly [string, Cell];
type Facts = EventJson['facts'];

/** An explanation for people at a terminal: the account, each application, then what happened. */
export function explanationText(explanation: UserExplanationJson): string {
  const { authenticators, events } = explanation;
  const blocks = [
    headText(explanation),
    ...authenticators.flatMap((authenticator) =>
      authenticator.kind === 'virtual-mobile'
        ? [virtualMobileText(authenticator)]
        : authenticator.applications.map((one) => applicationText(authenticator, one)),
    ),
    ...events.map(eventText),
    ...(events.length === 0 ? ['Nothing was attempted so far.'] : []),
  ];
  return blocks.join('\n\n');
}

function headText(explanation: UserExplanationJson): string {
  const { user, domain, policy, policyFrom, atMs, account } = explanation;
  const rows: Row[] = [
    ['user', `${user} in domain ${domain}`],
    ['now', secondText(atMs)],
    ['judged by', `the policy ${policy}, ${sourceTexts[policyFrom]}`],
  ];
  if (account === null) return facts([...rows, ['state', 'there is no such user (any more)']]);
  const { lockCount, lockThreshold, unlocksItselfAtMs } = account;
  return facts([
    ...rows,
    ['state', stateTexts[account.state]],
    ...given('locked since', account.lockedAtMs, (at) => secondText(at)),
    ...given('locked by', account.lockedBy, (by) => byText(by, account.lockedByActor)),
    ...given('unlocks itself', unlocksItselfAtMs, (at) => `${secondText(at)} at the earliest`),
    ['failures', lockThreshold === 0 ? lockCount : `${lockCount} of ${lockThreshold}`],
    ...given('password', account.passwordSetAtMs, (at) => passwordText(at, account)),
    ['expires', secondText(account.expiresAtMs)],
    ['last attempt', secondText(account.lastAttemptAtMs)],
    ['last success', secondText(account.lastSuccessAtMs)],
  ]);
}

const sourceTexts: Readonly<Record<UserExplanationJson['policyFrom'], string>> = {
  request: 'as you named it',
  'last-attempt': 'that of the last attempt',
  'own-key': 'that of your key',
};

const stateTexts: Readonly<Record<NonNullable<UserExplanationJson['account']>['state'], string>> = {
  open: 'open',
  'auto-unlock': 'locked; a right response unlocks it now',
  'user-disabled': 'disabled',
  'user-expired': 'expired',
  'user-inactive': 'suspended: inactive for too long',
  'user-locked': 'locked',
};

function byText(by: string, actor: string | null): string {
  return actor === null ? by : `${by}, ${actor}`;
}

type Account = NonNullable<UserExplanationJson['account']>;

function passwordText(setAtMs: number, { isPasswordPermitted }: Account): string {
  const alone = isPasswordPermitted ? 'lets in by itself now' : 'lets nobody in by itself';
  return `set ${secondText(setAtMs)}, ${alone}`;
}

function virtualMobileText(authenticator: AuthenticatorNowJson): string {
  const rows = facts([
    ['authenticator', deviceText(authenticator)],
    ['last used', secondText(authenticator.lastUsedAtMs)],
  ]);
  const heading = `${authenticator.serial}  one-time passwords are sent`;
  return `${cellText(heading)}\n${rows.replace(/^/gm, '  ')}`;
}

function backupText({ mode, endsAtMs, usesLeft }: Backup): string {
  const until = endsAtMs === null ? '' : `, until ${secondText(endsAtMs)}`;
  return `${mode}${until}${usesLeft === null ? '' : `, ${usesLeft} left`}`;
}

/** What unlocks a device shows nothing that could be stood in for. */
function backupShown(
  { backup }: AuthenticatorNowJson,
  mode: ApplicationNowJson['mode'],
): Backup | null {
  return mode === 'unlock' || backup?.mode === 'no' ? null : backup;
}

type Backup = NonNullable<AuthenticatorNowJson['backup']>;

function applicationText(
  authenticator: AuthenticatorNowJson,
  application: ApplicationNowJson,
): string {
  const { driftRate, driftSeconds, isDriftFrozen, mode } = application;
  const rows = facts([
    ['authenticator', deviceText(authenticator)],
    ...given('mode', mode === 'unlock' ? mode : null, () => 'unlock: verifies nobody'),
    ...(application.isDisabled ? ([['state', 'disabled']] as const) : []),
    ...given('server PIN', application.pin === 'off' ? null : application.pin, pinStateText),
    ...given('grace period', authenticator.graceEndsAtMs, (at) => `until ${secondText(at)}`),
    ...given('backup', backupShown(authenticator, mode), backupText),
    ['epoch', application.epoch],
    ...given('next counter', application.nextEventCounter, (counter) => counter),
    ...given('last step', application.last, stepText),
    ...given('expected step', application.expected, stepText),
    ...given('window', application.window, ({ kind, halfWidthSteps, otherCentres }) => {
      const others = otherCentres === 0 ? '' : `; centres besides: ${otherCentres}`;
      return `${halfWidthSteps} steps to each side, ${kind}${others}`;
    }),
    ...given('lowest step', application.floorMs ? application.lowest : null, stepText),
    ...given('drift', driftSeconds, (seconds) => {
      const learned = application.driftAtMs;
      const when = learned === null ? 'not learned yet' : `learned ${secondText(learned)}`;
      return `${seconds} s, ${when}${isDriftFrozen ? ', frozen' : ''}`;
    }),
    ...given('clock rate', driftRate, ({ ratePpm, ratePpmError }) => {
      return `${ratePpm.toFixed(1)} ppm, give or take ${ratePpmError.toFixed(1)}`;
    }),
    ['failures', application.failureCount],
    ...(application.isResponseRemembered
      ? ([['remembered', 'a response that the next one may confirm']] as const)
      : []),
    ...given('reset', application.resetAtMs, secondText),
    ['last used', secondText(application.lastUsedAtMs)],
  ]);
  const heading = `${authenticator.serial}/${application.name}  ${application.algorithm}`;
  return `${cellText(heading)}\n${rows.replace(/^/gm, '  ')}`;
}

function deviceText(authenticator: AuthenticatorNowJson): string {
  const { model, isVirtual, isDisabled, expiresAtMs, assignedAtMs } = authenticator;
  return [
    model,
    ...(isVirtual ? ['virtual'] : []),
    ...(isDisabled ? ['disabled'] : []),
    ...(assignedAtMs === null ? [] : [`assigned ${secondText(assignedAtMs)}`]),
    ...(expiresAtMs === null ? [] : [`expires ${secondText(expiresAtMs)}`]),
  ].join(', ');
}

function eventText(event: EventJson): string {
  const lines = event.kind === 'attempt' ? attemptLines(event) : administrationLines(event);
  return lines
    .flatMap((line, index) => wrapped(line, index === 0 ? '' : '  ', index === 0 ? '  ' : '    '))
    .join('\n');
}

const endings: Readonly<Record<AttemptJson['ending'], string>> = {
  success: '',
  refused: 'refused  ',
  technical: 'technical fault  ',
};

function attemptLines(attempt: AttemptJson): readonly string[] {
  const { atMs, outcome, action, component, policy } = attempt;
  const under = policy === null ? '' : `, policy ${policy}`;
  return [
    `${secondText(atMs)}  ${endings[attempt.ending]}${outcome}`,
    `${action} by the component ${component ?? 'unknown'}${fromText(attempt)}${under}`,
    ...comparedLine(attempt),
    ...factsLine(attempt.facts, attempt.stepsBeginAtMs),
    ...(attempt.ending === 'technical' ? [`request id ${attempt.requestId}`] : []),
    `why: ${attempt.why}`,
    `what helps: ${attempt.whatHelps}`,
  ];
}

function administrationLines(event: Exclude<EventJson, AttemptJson>): readonly string[] {
  const { atMs, action, outcome, subject, actor } = event;
  const ended = outcome === 'done' ? '' : ` (${outcome})`;
  return [
    `${secondText(atMs)}  ${action} of ${subject}${ended}`,
    `by ${actor}${fromText(event)}`,
    ...factsLine(event.facts, {}),
  ];
}

function fromText({ facts: { peerAddress } }: EventJson): string {
  return typeof peerAddress === 'string' ? ` from ${peerAddress}` : '';
}

const centres = ['expectedStep', 'centreStep'] as const;

/** `compared 21 of 21 candidates of VT00000001/TIME around step 59 (2026-11-01 12:00:00Z)` */
function comparedLine({ facts: known, ...attempt }: AttemptJson): readonly string[] {
  const { serial, application, stepsBeginAtMs } = attempt;
  const { candidates, ofCandidates } = known;
  const whose = [serial, application].filter((name) => name !== null).join('/');
  if (candidates === undefined) return whose === '' ? [] : [`about ${whose}`];
  const centre = centres.find((name) => known[name] !== undefined);
  const around =
    centre === undefined ? '' : ` around step ${valueText(centre, known[centre], stepsBeginAtMs)}`;
  const of = whose === '' ? '' : ` of ${whose}`;
  return [`compared ${candidates} of ${String(ofCandidates)} candidates${of}${around}`];
}

/** Facts that the lines above tell. */
const told: ReadonlySet<string> = new Set([
  'peerAddress',
  'candidates',
  'ofCandidates',
  ...centres,
]);

/** Known facts, in the order in which they are told. */
const labels: Readonly<Record<string, string>> = {
  timeStep: 'found at step',
  eventCounter: 'found at counter',
  distance: 'distance',
  driftSecondsBefore: 'drift before',
  driftSecondsAfter: 'drift after',
  followers: 'followed by',
  unlocked: 'unlocked the account',
  secondOtpSync: 'synchronised by a second response',
  driftSeconds: 'drift',
  lowestStep: 'lowest step',
  nextEventCounter: 'next counter',
  windowKind: 'window',
  windowHalfWidthSteps: 'steps to each side',
  windowCentres: 'windows',
  eventWindowSteps: 'counters in the window',
  timeStepSeconds: 'step length',
  isStored: 'challenge kept',
  administratorRole: 'administrator role',
  expiresAtMs: 'expires',
};
const labelled = Object.keys(labels);

/** Where an administrator's change to nothing says something. */
const takenAway: Readonly<Record<string, string>> = {
  administratorRole: 'none',
  expiresAtMs: 'never',
};

/** Whatever else the audit has, under the name that people know it by or its own. */
function factsLine(known: Facts, stepsBeginAtMs: Readonly<Record<string, number>>): string[] {
  const names = new Set([...labelled, ...Object.keys(known)]);
  const pieces = [...names].flatMap((name) => {
    const value = known[name];
    if (told.has(name) || value === undefined || value === '') return [];
    if (value === null && takenAway[name] === undefined) return [];
    return [`${labels[name] ?? spacedName(name)} ${valueText(name, value, stepsBeginAtMs)}`];
  });
  return pieces.length === 0 ? [] : [pieces.join('; ')];
}

/** `windowKind` as `window kind`. */
function spacedName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function valueText(
  name: string,
  value: Facts[string] | undefined,
  stepsBeginAtMs: Readonly<Record<string, number>>,
): string {
  if (value === null) return takenAway[name] ?? '';
  const beginsAtMs = stepsBeginAtMs[name];
  if (beginsAtMs !== undefined) return `${String(value)} (${secondText(beginsAtMs)})`;
  if (typeof value === 'number' && name.endsWith('AtMs')) return secondText(value);
  const unit = /Seconds(?:Before|After)?$/.test(name) ? ' s' : '';
  return `${cellText(value)}${unit}`;
}

function stepText({ step, beginsAtMs }: StepJson): string {
  return `${step}, begins ${secondText(beginsAtMs)}`;
}

/** A row, if there is a value. */
function given<Value>(
  name: string,
  value: Value | null,
  shown: (value: Value) => string,
): readonly Row[] {
  return value === null ? [] : [[name, shown(value)]];
}

/** To the second, as `2026-11-01 12:00:15Z`. */
function secondText(atMs: number | null): string {
  return instantText(atMs)
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}
