/** One JSON configuration: flag over environment over file over default. */
export { packageVersion } from './package-version.ts';
export { type Config, isLoopbackHost, parseConfig, type ParsedConfig } from './config.ts';
export { configJsonSchema, settingsTable, shownSettings } from './documents.ts';
export {
  connectionStringOf,
  loadConfig,
  readSecretFile,
  readText,
  requireOwnFolder,
  requirePrivateFile,
} from './load.ts';
export { environmentName, settings } from './settings.ts';
