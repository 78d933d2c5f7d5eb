import { timingSafeEqual } from 'node:crypto';
import type { ApplicationMode, AuthenticatorWithApplications } from '../../domain/model.ts';
import { TallystickError } from '../../errors.ts';
import { algorithmHash, type ResponseAlgorithm } from '../../oath/index.ts';
import type { Context } from '../deps.ts';
import { fromModule, moduleError, seedReference } from '../module-calls.ts';
import type { SeedReference, SeedSpec, StoredSeed } from '../seed-module.ts';

/** What a planned application says of its seed. */
interface PlannedSeed {
  readonly name: string;
  readonly mode: ApplicationMode;
  readonly algorithm: ResponseAlgorithm;
  readonly seedSpec: SeedSpec;
}

/** An application with its seed, stored or about to be. */
interface Holder {
  readonly serial: string;
  readonly name: string;
  readonly mode: ApplicationMode;
  readonly algorithm: ResponseAlgorithm;
  readonly keyCheckValue: string;
  readonly reference: SeedReference;
}

/** Longer than anything that a response is computed from by an event or a clock. */
const comparedMessage = Buffer.from('tallystick: do these two seeds hold one secret? v1');

/**
 * Refuses a secret that another authenticator has already: each application remembers for itself
 * what was used, so one response of the device would be accepted once for each of them. One device
 * may use a secret for several applications as long as these are of different kinds; what unlocks it,
 * and a key that MACs what it is given, has a secret of its own (`tellsTheOther`). The key check value is short and only finds whom to compare with; the module compares.
 *
 * @param stored what the module made of each planned application, in order
 * @param imported which of them brought their secret along; fresh ones are nobody else's
 * @throws TallystickError `conflict`, reason `seed-in-use`
 */
export async function refuseKnownSeeds(
  context: Context,
  plan: { readonly serial: string; readonly applications: readonly PlannedSeed[] },
  stored: readonly StoredSeed[],
  imported: readonly boolean[],
): Promise<void> {
  const planned = plan.applications.map((application, index) =>
    plannedHolder(plan.serial, application, stored[index]),
  );
  for (const [index, holder] of planned.entries()) {
    if (imported[index] !== true) continue;
    const known = await context.store.authenticatorsByKeyCheckValue(holder.keyCheckValue);
    const others = [...known.flatMap(storedHolders), ...planned.slice(0, index)].filter((other) =>
      mayClash(holder, other),
    );
    const twin = await twinOf(context, holder, others);
    if (twin === undefined) continue;
    throw new TallystickError(
      'conflict',
      `The secret of ${holder.name} is that of ${twin.serial}/${twin.name} already: ` +
        'a response would be accepted for both.',
      { fields: { reason: 'seed-in-use', serial: twin.serial, applicationName: twin.name } },
    );
  }
}

function plannedHolder(
  serial: string,
  { name, mode, algorithm, seedSpec }: PlannedSeed,
  seed: StoredSeed | undefined,
): Holder {
  if (seed === undefined) throw new RangeError('a seed each');
  const { keyCheckValue, blob } = seed;
  const reference = blob === undefined ? seedSpec : { ...seedSpec, blob };
  return { serial, name, mode, algorithm, keyCheckValue, reference };
}

function storedHolders({ authenticator, applications }: AuthenticatorWithApplications): Holder[] {
  return applications.map((application) => ({
    serial: authenticator.serial,
    name: application.name,
    mode: application.mode,
    algorithm: application.algorithm,
    keyCheckValue: application.seed.keyCheckValue,
    reference: seedReference(authenticator, application),
  }));
}

/** With another hash the same secret gives other responses. */
function mayClash(one: Holder, other: Holder): boolean {
  return (
    one.keyCheckValue === other.keyCheckValue &&
    algorithmHash(one.algorithm) === algorithmHash(other.algorithm) &&
    (one.serial !== other.serial || familyOf(one) === familyOf(other) || tellsTheOther(one, other))
  );
}

/** A fixed question could be typed as a challenge: OCRA is one family. */
function familyOf({ algorithm }: Holder): string {
  return 'suite' in algorithm ? 'OCRA' : algorithm.kind;
}

/**
 * Whether one of them tells what the other responds: the help desk is told a code for any challenge,
 * and a key gives whoever asks it the whole MAC of any bytes, the counter of HOTP among them.
 */
function tellsTheOther(...holders: readonly Holder[]): boolean {
  return holders.some(
    ({ mode, algorithm }) => mode === 'unlock' || algorithm.kind === 'hmac-challenge',
  );
}

/** The first of the others whose seed gives the same MAC as this one's. */
async function twinOf(
  { module, background }: Context,
  holder: Holder,
  others: readonly Holder[],
): Promise<Holder | undefined> {
  if (others.length === 0) return undefined;
  const jobs = [holder, ...others].map(({ reference }) => ({
    seed: reference,
    messages: [comparedMessage],
  }));
  const [own, ...rest] = await fromModule(module.mac(jobs, background));
  if (own?.ok !== true) {
    throw own === undefined ? new RangeError('a result each') : moduleError(own.failure);
  }
  const [mac = new Uint8Array()] = own.macs;
  return others.find((_, index) => {
    const result = rest[index];
    // Nothing can be compared with a damaged seed, which may be restored: the check values decide.
    if (result?.ok !== true) return true;
    const [other = new Uint8Array()] = result.macs;
    return other.length === mac.length && timingSafeEqual(other, mac);
  });
}
