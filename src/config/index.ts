/** One JSON configuration: flag over environment over file over default. */
export { type Config, parseConfig, type ParsedConfig } from './config.ts';
export { configJsonSchema, settingsTable, type ShownSetting, shownSettings } from './documents.ts';
export { type Layers, type Source } from './layers.ts';
export {
  connectionStringOf,
  loadConfig,
  readSecretFile,
  readText,
  requirePrivateFile,
} from './load.ts';
export { environmentName, type Setting, settings } from './settings.ts';
