/**
 * The use cases: the order of effects. Edges call them through `api.ts`; the database, the module
 * and the clock are ports (`store.ts`, `seed-module.ts`, `ports.ts`).
 */
export type * from './api.ts';
export type * from './explanation.ts';
export type * from './drift-views.ts';
export type * from './policy-explanation.ts';
export { createService } from './create-service.ts';
export type { ServiceLimits } from './deps.ts';
export { apiKeySha256, newApiKeyText, sha256Hex, uuidV7 } from './identifiers.ts';
export {
  firstAdministratorKeyName,
  type Installation,
  installationRecords,
  restClientComponentType,
} from './installation.ts';
export { moduleWords } from './module-calls.ts';
export { countSeeds, moveSeeds, type SeedsMoved } from './move-seeds.ts';
