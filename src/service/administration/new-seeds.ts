import { canSign } from '../../domain/application-use.ts';
import type { ApplicationMode, Application, Authenticator } from '../../domain/model.ts';
import { algorithmMode, sequenceOf, unusedState } from '../../domain/application.ts';
import { unsetBackup } from '../../domain/virtual-otp.ts';
import { unlockSuite, unlockSuiteAllowed } from '../../domain/unlock.ts';
import {
  licenceSerial,
  parseApplicationName,
  parseModel,
  parseSerial,
  seedOwner,
  seedProfile,
} from '../../domain/names.ts';
import { type ErrorCode, TallystickError } from '../../errors.ts';
import {
  algorithmHash,
  algorithmInputs,
  parseResponseAlgorithm,
  type ResponseAlgorithm,
} from '../../oath/index.ts';
import { uuidV7 } from '../identifiers.ts';
import { createProblemList, type ProblemList } from '../problems.ts';
import type { SeedSpec, StoredSeed } from '../seed-module.ts';
import type { RecordChange } from '../store.ts';
import { administer, type Desk, doneEntry } from './desk.ts';
import { refuseKnownSeeds } from './known-seeds.ts';
import { checkInstant } from './values.ts';

/** One application of an authenticator to be created, checked. */
export interface ApplicationPlan {
  readonly id: string;
  readonly name: string;
  readonly mode: ApplicationMode;
  readonly algorithm: ResponseAlgorithm;
  readonly eventCounter: bigint;
  readonly seedSpec: SeedSpec;
}

/** An authenticator to be created, checked. */
export interface AuthenticatorPlan {
  readonly serial: string;
  readonly model: string;
  readonly expiresAtMs: number | null;
  readonly isVirtual: boolean;
  readonly applications: readonly ApplicationPlan[];
}

export interface AuthenticatorInput {
  readonly serial: unknown;
  readonly model: unknown;
  readonly expiresAtMs: number | null;
  readonly isVirtual: boolean;
  readonly applications: readonly {
    readonly name: unknown;
    readonly mode: unknown;
    readonly algorithm: unknown;
    readonly eventCounter: bigint;
  }[];
}

const applicationsMax = 8;
/** Counters are 64-bit integers in the database and refused beyond what a number can hold. */
const eventCounterMax = BigInt(Number.MAX_SAFE_INTEGER) - 1n;

/**
 * Checks everything about a new authenticator but its seeds.
 *
 * @throws TallystickError `request-invalid` naming every member that is wrong
 */
export function planAuthenticator(desk: Desk, input: AuthenticatorInput): AuthenticatorPlan {
  const problems = createProblemList();
  const serial = problems.parse('serial', () => parseSerial(input.serial));
  const model = problems.parse('model', () => parseModel(input.model));
  problems.parse('expiresAtMs', () => checkInstant('expiresAtMs', input.expiresAtMs));
  const count = input.applications.length;
  if (count < 1 || count > applicationsMax) {
    problems.add('applications', `must be 1 to ${applicationsMax}`);
  }
  const planned = input.applications
    .slice(0, applicationsMax)
    .map((application, index) =>
      planApplication(desk, application, { serial: serial ?? '', index, problems }),
    );
  const applications = planned.filter((application) => application !== undefined);
  if (new Set(applications.map(({ name }) => name)).size < applications.length) {
    problems.add('applications', 'must have different names');
  }
  if (applications.filter(({ mode }) => mode === 'unlock').length > 1) {
    problems.add('applications', 'must have one of mode unlock at the most');
  }
  problems.throwIfAny();
  if (serial === undefined || model === undefined) {
    throw new RangeError('every member was parsed');
  }
  const { expiresAtMs, isVirtual } = input;
  return { serial, model, expiresAtMs, isVirtual, applications };
}

function planApplication(
  desk: Desk,
  input: AuthenticatorInput['applications'][number],
  at: { readonly serial: string; readonly index: number; readonly problems: ProblemList },
): ApplicationPlan | undefined {
  const { problems } = at;
  const member = (name: string): string => `applications[${at.index}].${name}`;
  const name = problems.parse(member('name'), () => parseApplicationName(input.name));
  const algorithm = problems.parse(member('algorithm'), () =>
    parseResponseAlgorithm(input.algorithm),
  );
  const { mode, eventCounter } = input;
  if (!isMode(mode)) {
    problems.add(member('mode'), `must be ${applicationModes.join(', ')}`);
    return undefined;
  }
  if (eventCounter < 0n || eventCounter > eventCounterMax) {
    problems.add(member('eventCounter'), `must be from 0 to ${eventCounterMax}`);
  }
  if (algorithm === undefined || name === undefined) return undefined;
  checkAlgorithm(algorithm, input, (what, message) => problems.add(member(what), message));
  const context = desk.context;
  return {
    id: uuidV7(desk.nowMs, context.randomBytes),
    name,
    mode,
    algorithm,
    eventCounter,
    seedSpec: {
      seedId: uuidV7(desk.nowMs, context.randomBytes),
      hash: algorithmHash(algorithm),
      owner: seedOwner(at.serial, name),
      profile: seedProfile(algorithm),
    },
  };
}

const applicationModes: readonly ApplicationMode[] = [
  'response-only',
  'challenge-response',
  'signature',
  'multi-mode',
  'unlock',
];
function isMode(mode: unknown): mode is ApplicationMode {
  return applicationModes.some((known) => known === mode);
}

const signingAllowed =
  'must be an OCRA suite of QH40 or longer with C or T and without P and S, such as OCRA-1:HOTP-SHA1-8:QH40-T1M';

/** An application that could never verify anything, or unlock a device, is better refused now. */
function checkAlgorithm(
  algorithm: ResponseAlgorithm,
  { mode, eventCounter }: AuthenticatorInput['applications'][number],
  add: (what: string, message: string) => void,
): void {
  const inputs = algorithmInputs(algorithm);
  if (mode === 'unlock') {
    if (unlockSuite(algorithm) === null) add('algorithm', `must be ${unlockSuiteAllowed}`);
  } else if (mode === 'signature' || mode === 'multi-mode') {
    if (!canSign(algorithm)) add('algorithm', signingAllowed);
  } else {
    if (algorithmMode(algorithm) !== mode) {
      add('mode', `must be ${algorithmMode(algorithm)} for this algorithm`);
    }
    if (sequenceOf(algorithm) === null) {
      add('algorithm', 'must need nothing but a counter, a clock and a challenge');
    }
  }
  if (!inputs.eventCounter && eventCounter !== 0n) {
    add('eventCounter', 'must be 0: the algorithm has no counter');
  }
}

/**
 * Makes the seeds in the module, then inserts the rows. When it is certain that there are no rows,
 * the seeds are destroyed again; when it is not (the database was lost while it committed, a crash),
 * they stay: a seed without a row is harmless and listed by `tallystick hsm list`, a row without
 * its seed would be a login that never works again.
 *
 * @param makeSeed makes one seed in the module
 * @returns what was made, application by application
 * @throws TallystickError `conflict` for a serial in use, or a secret that another application has
 */
export async function insertAuthenticator<Made extends StoredSeed>(
  desk: Desk,
  plan: AuthenticatorPlan,
  action: { readonly name: string; readonly origin: Application['seed']['origin'][] },
  makeSeed: (application: ApplicationPlan, index: number) => Promise<Made>,
  details: Readonly<Record<string, string>> = {},
): Promise<readonly Made[]> {
  const made = await destroyingSeeds(desk, plan, always, async () => {
    const seeds: Made[] = [];
    for (const [index, application] of plan.applications.entries()) {
      seeds.push(await makeSeed(application, index));
    }
    const imported = action.origin.map((origin) => origin === 'imported');
    await refuseKnownSeeds(desk.context, plan, seeds, imported);
    return seeds;
  });
  const changes = recordsOf(desk, plan, action.origin, made);
  await destroyingSeeds(desk, plan, hasNoRows, () =>
    administer(desk, `The authenticator ${plan.serial}`, null, () => ({
      changes,
      audit: doneEntry(desk, action.name, plan.serial, {
        model: plan.model,
        applications: plan.applications.map(({ name }) => name).join(','),
        isVirtual: plan.isVirtual,
        ...details,
      }),
    })),
  );
  return made;
}

type Judge = (desk: Desk, plan: AuthenticatorPlan, error: unknown) => boolean | Promise<boolean>;

const always: Judge = () => true;

/** Passes a failure on, after destroying the seeds if they are nobody's. */
async function destroyingSeeds<Result>(
  desk: Desk,
  plan: AuthenticatorPlan,
  areNobodys: Judge,
  work: () => Promise<Result>,
): Promise<Result> {
  const { module, background } = desk.context;
  try {
    return await work();
  } catch (error) {
    if (await areNobodys(desk, plan, error)) {
      // All of them: a call that failed may have left its seed behind, and unknown ids are no error.
      for (const { seedSpec } of plan.applications) {
        await module.destroySeed(seedSpec.seedId, background).catch(() => undefined);
      }
    }
    throw error;
  }
}

/** The database answered, and said no. */
const definiteRefusals: ReadonlySet<ErrorCode> = new Set([
  'conflict',
  'not-found',
  'store-contract',
  'store-full',
  'store-read-only',
]);

/**
 * True when the rows are certainly not there, and will not be: after a lost connection a commit may
 * still be on its way, so that not to find them means nothing.
 */
async function hasNoRows(
  { context }: Desk,
  { serial, applications }: AuthenticatorPlan,
  error: unknown,
): Promise<boolean> {
  if (!(error instanceof TallystickError && definiteRefusals.has(error.code))) return false;
  try {
    const found = await context.store.authenticatorBySerial(serial);
    const ids = new Set(found?.applications.map(({ id }) => id));
    return !applications.some(({ id }) => ids.has(id));
  } catch {
    return false;
  }
}

function recordsOf(
  desk: Desk,
  plan: AuthenticatorPlan,
  origins: readonly Application['seed']['origin'][],
  seeds: readonly StoredSeed[],
): readonly RecordChange[] {
  const { nowMs } = desk;
  const authenticator = authenticatorRecord(desk, { ...plan, kind: 'device' });
  const applications = plan.applications.map((application, index): RecordChange => {
    const stored = seeds[index];
    const origin = origins[index];
    if (stored === undefined || origin === undefined) throw new RangeError('a seed each');
    return {
      change: 'insert',
      kind: 'application',
      record: applicationRecord(application, authenticator.id, { ...stored, origin }, nowMs),
    };
  });
  return [{ change: 'insert', kind: 'authenticator', record: authenticator }, ...applications];
}

/** An authenticator that is new: of nobody, and in all things as the policy says. */
export function authenticatorRecord(
  { nowMs, context }: Desk,
  made: Pick<Authenticator, 'serial' | 'model' | 'expiresAtMs' | 'isVirtual' | 'kind'>,
): Authenticator {
  return {
    id: uuidV7(nowMs, context.randomBytes),
    serial: made.serial,
    licenceSerial: licenceSerial(made.serial),
    model: made.model,
    isVirtual: made.isVirtual,
    isDisabled: false,
    expiresAtMs: made.expiresAtMs,
    userId: null,
    assignedAtMs: null,
    assignmentVersion: 1,
    lastUsedAtMs: null,
    kind: made.kind,
    graceEndsAtMs: null,
    backup: unsetBackup,
    createdAtMs: nowMs,
    version: 1,
  };
}

function applicationRecord(
  plan: ApplicationPlan,
  authenticatorId: string,
  stored: StoredSeed & { readonly origin: Application['seed']['origin'] },
  nowMs: number,
): Application {
  return {
    id: plan.id,
    authenticatorId,
    name: plan.name,
    mode: plan.mode,
    algorithm: plan.algorithm,
    seed: {
      seedId: plan.seedSpec.seedId,
      residency: stored.residency,
      blob: stored.blob ?? null,
      seedBytes: stored.seedBytes,
      padded: stored.padded,
      keyCheckValue: stored.keyCheckValue,
      origin: stored.origin,
    },
    isDisabled: false,
    ...unusedState,
    nextEventCounter: plan.eventCounter,
    createdAtMs: nowMs,
    version: 1,
  };
}
