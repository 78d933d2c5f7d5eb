/**
 * Virtual one-time-password tokens. A `VirtualToken` is an immutable value: `press` and `respond`
 * return the token as it is afterwards. Time is always a parameter, in Unix milliseconds; the
 * token's own clock turns true time into what the device believes. `TokenFolder` keeps tokens in
 * files; `responses` makes responses by the thousand without a device around them. `startInbox` is
 * the telephone and the mailbox of people who get one-time passwords sent. `createKeyHost` talks to
 * keys by the OTP HID protocol, `openEmulatedKey` is such a key. `readScenario`, `drawTokens` and
 * `rowsOf` are a fleet of tokens in virtual time, `driveFleet` plays it against a server.
 *
 * ```ts
 * const token = createToken(
 *   { serial: 'VT00000001', profile: profileNamed('one-button-event'), clock: idealClock(0) },
 *   [seed],
 * );
 * const pressed = press(token, nowMs);
 * if (pressed.ok) console.log(pressed.generated?.response); // `pressed.token` is the next state
 * ```
 */
export {
  entraCsvRefusal,
  type KeyFileDevice,
  KeyFileError,
  type KeyFileErrorCode,
  type KeyFileKey,
  type KeyFileKeys,
  type KeyFilePinPolicy,
  type KeyFileRefusal,
  type KeyFileRefusalCode,
  type KeyUsage,
  otpauthRefusal,
  type PskcCiphers,
  type PskcProtection,
  pskcRefusal,
  serialSeedCsvRefusal,
  type ValueFormat,
  writeEntraCsv,
  writeOtpauth,
  writePskc,
  writeSerialSeedCsv,
} from '../src/formats/index.ts';
export {
  type ApplicationMode,
  type ApplicationProgram,
  type DeviceApplication,
  type HostCode,
  parseAlgorithmText,
  parseApplicationText,
} from './device/application.ts';
export {
  changeClock,
  type ClockChange,
  clockErrorMs,
  createDeviceClock,
  type DeviceClock,
  idealClock,
  ratePpmAt,
  withClockEvents,
} from './physics/clock.ts';
export type { ClockEvent, ClockParameters, DrawnFrom } from './physics/clock-parameters.ts';
export type { Ageing, Crystal, Temperature } from './physics/crystal.ts';
export type { Jitter } from './physics/jitter.ts';
export {
  type Battery,
  type BatteryModel,
  type BatteryPolicy,
  batteryStatus,
  type BatteryStatus,
  freshBattery,
  usualBattery,
} from './physics/battery.ts';
export {
  changeBattery,
  displayAt,
  type PoweredDisplay,
  type SwapOptions,
} from './device/operate-battery.ts';
export {
  pressCounts,
  type PressCounts,
  pressesOnDay,
  pressModel,
  type PressModel,
  type PressPreset,
  pressPresets,
  withBurst,
} from './physics/presses.ts';
export {
  drawClock,
  driftBoundMs,
  type DriftPreset,
  driftPresets,
  parseDriftPreset,
} from './physics/presets.ts';
export {
  type Draws,
  keyedRandomness,
  labelledKey,
  labelledRandomness,
  type Randomness,
  type RandomSeed,
} from './physics/random.ts';
export { type DeviceInfo, readInfo } from './device/device-info.ts';
export { type DeviceInput, type DeviceStep, initialState, stepDevice } from './device/device.ts';
export { type DeviceEnv, type Files, nodeEnv, type Processes, type ProcessName } from './env.ts';
export { EmulatorError, type EmulatorErrorCode } from './errors.ts';
export { nodeCiphers } from './export/ciphers.ts';
export { writeKeyFile } from './export/key-file.ts';
export { type KeyLabels, tokenKeys } from './export/token-keys.ts';
export type { Generated, UserInputs } from './device/generate.ts';
export {
  type Countdown,
  countdownOf,
  type Hull,
  type InfoItem,
  type InfoMenu,
} from './device/hull.ts';
export { type InboxFile, openInboxFile } from './inbox/file.ts';
export { type InboxMessage, otpOf } from './inbox/message.ts';
export type { InboxUser } from './inbox/smtp.ts';
export { type Inbox, type InboxOptions, startInbox, type WaitOptions } from './inbox/inbox.ts';
export { rulesOf } from './fleet/check.ts';
export { type ColumnName, columnNames, type OutputFormat, usualColumns } from './fleet/columns.ts';
export { type DrawnApplication, type DrawnToken, drawTokens } from './fleet/draw.ts';
export { driveFleet, type DriveOptions, type DriveResult, type Unexpected } from './fleet/drive.ts';
export type { DriveServer, Owner, Submitted, Verifier } from './fleet/drive-server.ts';
export { type Exchange, type ExchangeOptions, exchangeWith } from './fleet/exchange.ts';
export { createFleet, type Fleet, fleetOf, readFleet } from './fleet/fleet-folder.ts';
export { deviceOf, livesOf, rowsOf } from './fleet/fleet.ts';
export type { Life, LifeMemory } from './fleet/life.ts';
export { RestServer, type RestServerOf } from './fleet/rest-server.ts';
export { type Row, type RowWriter, rowWriter } from './fleet/row.ts';
export { type Counts, FleetRun, type RunMemory } from './fleet/run.ts';
export { readScenario } from './fleet/scenario-file.ts';
export { scenarioJsonSchema } from './fleet/scenario-schema.ts';
export { copiesByCommand, type ServerCopies } from './fleet/server-copies.ts';
export { withSoap } from './fleet/soap-verifier.ts';
export type {
  BatterySpec,
  Behaviour,
  GroupSpec,
  PressSpec,
  Scenario,
  ScenarioEvent,
} from './fleet/scenario.ts';
export {
  type AccountState,
  type ApplicationMemory,
  type Expected,
  type Fact,
  localAuthentication,
  Oracle,
  type OracleMemory,
  type OracleState,
  type Position,
  type Prediction,
  predictionOf,
  type RuleLimit,
  ruleLimits,
  type Rules,
  type Sequence,
  type Subject,
  type SubjectApplication,
  type Typed,
  type Verdict,
} from './fleet/oracle/index.ts';
export { keyCheckValue } from './device/mac.ts';
export {
  pinStatus,
  type PinStatus,
  setPin,
  type SetPinOptions,
  unlock,
} from './device/operate-pin.ts';
export {
  type Operation,
  play,
  press,
  type PressOptions,
  pressTimes,
  respond,
  type RespondOptions,
} from './device/operate.ts';
export { type FieldValues, sign, type SignOptions } from './device/operate-sign.ts';
export {
  type PairBundle,
  type PairRequest,
  pairRequestToJson,
  parsePairBundle,
} from './pairing/pairing-files.ts';
export { acceptBundle, pairRequestOf, requestPairing } from './pairing/pairing.ts';
export type { PinPolicy, PinState, PinVerifier } from './device/pin.ts';
export { type DevicePorts, nodePorts } from './device/ports.ts';
export { type Profile, profileNamed, type ProfileName, profileNames } from './device/profiles.ts';
export { type Refusal, refusalText } from './device/refusal.ts';
export { program, type ProgramOptions } from './device/programming.ts';
export { createResponder, type Responder, responses } from './device/responses.ts';
export {
  countdownAt,
  type Device,
  type DeviceState,
  type Display,
  displayOf,
  type Screen,
} from './device/screens.ts';
export { type EmulatedKey, instantClock, openEmulatedKey } from './hid/emulated-key.ts';
export type { KeyStatus, Slot, SlotStatus } from './hid/frame.ts';
export type { HidDevice } from './hid/hid-device.ts';
export { createKeyHost, type HidClock, type KeyHost, padChallenge } from './hid/host.ts';
export { emptyKey, type KeySlot, type OtpKey, pressSlot, wipeKey } from './hid/key.ts';
export { type KeyFolder, openKeyFolder } from './hid/key-files.ts';
export { listRealKeys, openRealKey, type RealKey } from './hid/real-keys.ts';
export {
  hmacSlotConfig,
  type HmacSlotOptions,
  hotpSlotConfig,
  type HotpSlotOptions,
  otpChallengeSlotConfig,
  type SlotConfig,
} from './hid/slot-config.ts';
export { Secret } from './device/secret.ts';
export type { FieldAlphabet, SignatureField } from './device/signature-fields.ts';
export { openTokenFolder, type TokenFolder, type TokenFolderOptions } from './files/state-file.ts';
export { type StoredToken, tokenFromJson, tokenToJson } from './files/token-json.ts';
export {
  createToken,
  type Pairing,
  type TokenSpec,
  type VirtualToken,
  wipeToken,
} from './device/token.ts';
export type { DeviceEffect } from './device/turn.ts';
export { type PinLock, unlockCode } from './device/unlock.ts';
export type { PinWeakRule } from './device/weak-pins.ts';
