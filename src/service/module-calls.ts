import { type ErrorCode, TallystickError } from '../errors.ts';
import type { Application, Authenticator } from '../domain/model.ts';
import { seedOwner, seedProfile } from '../domain/names.ts';
import { algorithmHash } from '../oath/index.ts';
import type { ModuleFailure, ModuleFailureKind, SeedReference } from './seed-module.ts';

const codeByKind: Readonly<Record<ModuleFailureKind, ErrorCode>> = {
  unavailable: 'module-unavailable',
  denied: 'module-denied',
  capacity: 'module-capacity',
  damaged: 'seed-damaged',
  contract: 'module-contract',
};

const textByKind: Readonly<Record<ModuleFailureKind, string>> = {
  unavailable: 'The security module does not answer.',
  denied: 'The security module is locked.',
  capacity: 'The security module is full.',
  damaged: 'A seed cannot be used: it is missing, damaged or bound to another application.',
  contract: 'The security module does not do what was asked of it.',
};

/** The error for what the module rejected with; its own words stay inside, as the cause. */
export function moduleError(failure: ModuleFailure): TallystickError {
  return new TallystickError(codeByKind[failure.kind], textByKind[failure.kind], {
    cause: failure,
  });
}

/**
 * Waits for a call of the module.
 *
 * @throws TallystickError for a `ModuleFailure`; anything else passes through
 */
export function fromModule<Result>(call: Promise<Result>): Promise<Result> {
  return call.catch(thrown);
}

function thrown(failure: unknown): never {
  throw isModuleFailure(failure) ? moduleError(failure) : failure;
}

/** The module's own words behind an error, for operators; null when the module said nothing. */
export function moduleWords({ cause }: TallystickError): string | null {
  return isModuleFailure(cause) ? cause.detail : null;
}

/** Which seed an application's responses come from, and what it must be bound to. */
export function seedReference(
  authenticator: Authenticator,
  application: Application,
): SeedReference {
  const { seed, algorithm } = application;
  const reference = {
    seedId: seed.seedId,
    hash: algorithmHash(algorithm),
    owner: seedOwner(authenticator.serial, application.name),
    profile: seedProfile(algorithm),
  };
  return seed.blob === null ? reference : { ...reference, blob: seed.blob };
}

function isModuleFailure(value: unknown): value is ModuleFailure {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    'ckr' in value &&
    'detail' in value &&
    !(value instanceof Error)
  );
}
