/** The header of the file that Microsoft Entra ID reads hardware tokens from. */
export const entraColumns = [
  'upn',
  'serial number',
  'secret key',
  'time interval',
  'manufacturer',
  'model',
] as const;

/** The header of the plain file; a reader of serial and seed finds them first. */
export const serialSeedColumns = [
  'serial',
  'seed',
  'application',
  'algorithm',
  'event counter',
] as const;
