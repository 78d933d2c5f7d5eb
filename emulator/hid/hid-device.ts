/**
 * A key as its driver shows it: feature reports of 8 bytes, without a report number. One that is plugged
 * in (`openRealKey`) and one in memory (`openEmulatedKey`) are told apart by nothing behind this.
 */
export interface HidDevice {
  /** The report as it is now. Rejects with an EmulatorError when the key does not answer. */
  getFeatureReport(): Promise<Uint8Array>;
  /** @param report 8 bytes */
  sendFeatureReport(report: Uint8Array): Promise<void>;
  /** Lets go of the key; nothing else works afterwards. */
  close(): Promise<void>;
}

/** Length of a feature report. */
export const reportBytes: number = 8;
