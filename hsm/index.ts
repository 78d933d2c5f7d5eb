/**
 * The door of the room that knows PKCS#11: a module of keys and MACs, not of one-time passwords.
 * Everything that rejects, rejects with a plain `ModuleFailure`.
 */
export { type DeviceModule, openDevice } from './device.ts';
export { initialiseModule } from './init.ts';
export { listObjects, listP11Tokens } from './list.ts';
export { openModule } from './module.ts';
export { readPinSource } from './pin.ts';
export { parsePkcs11Uri } from './uri.ts';
export { createSoftHsmToken, findSoftHsm } from './softhsm.ts';
export type { SoftHsmToken, SoftHsmTokenOptions } from './softhsm.ts';
export { DECOY_SEED_ID } from './types.ts';
export type {
  CallOptions,
  HashName,
  HmacKeyName,
  HsmModule,
  InitialisedModule,
  KnownSeed,
  Lane,
  ListedObject,
  MacJob,
  MacResult,
  ModuleAddress,
  ModuleFailure,
  ModuleFailureKind,
  ModuleOptions,
  ModuleStatus,
  P11TokenInfo,
  PairedSeed,
  PinSource,
  Residency,
  SealKeyName,
  SeedMove,
  SeedReference,
  SeedSpec,
  SignKeyName,
  StoredSeed,
} from './types.ts';
export type { ParsedPkcs11Uri, Pkcs11Uri } from './uri.ts';
