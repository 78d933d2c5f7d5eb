/**
 * HOTP (RFC 4226), TOTP (RFC 6238), OCRA (RFC 6287) and bare challenge/response without the HMAC: `responseMessage` gives
 * the bytes to be MACed, whoever holds the seed MACs them, `readResponse` reads the result. Pure
 * functions: no keys, no input or output, no clock.
 */
export {
  type AlgorithmInputs,
  algorithmDigits,
  algorithmHash,
  algorithmInputs,
  algorithmText,
  algorithmTimeStepping,
  algorithmToJson,
  algorithmWarnings,
  type ChallengeAlgorithm,
  parseAlgorithmText,
  parseResponseAlgorithm,
  readResponse,
  type ResponseAlgorithm,
  type ResponseAlgorithmJson,
  responseCharacters,
  responseMessage,
} from './algorithm.ts';
export { constantTimeEqualText } from './compare.ts';
export {
  encodeHmacChallenge,
  hmacChallengeBytesMax,
  issuedChallengeBytes,
  survivesPadding,
} from './hmac-challenge.ts';
export {
  type HostCodeExchange,
  hostCodeMessage,
  hostCodeScheme,
  hostCodeSuite,
} from './host-code.ts';
export { decodeOtp, dynamicTruncate, movingFactor } from './hotp.ts';
export { appendLuhn, hasLuhn, luhnCheckDigit } from './luhn.ts';
export { OathError, type OathErrorCode } from './oath-error.ts';
export {
  decodeOcra,
  encodeQuestion,
  mutualQuestions,
  type NumericJoin,
  ocraMessage,
  type OcraQuestion,
  type ResponseInputs,
} from './ocra-message.ts';
export {
  maySign,
  type OcraDataInput,
  type OcraDigits,
  type OcraParseOptions,
  type OcraQuestionSpec,
  type OcraSuite,
  ocraSuiteOf,
  type OcraSuiteParts,
  parseOcraSuite,
  type QuestionFormat,
} from './ocra-suite.ts';
export {
  hexFieldCharactersMax,
  multiModeChallengeCharactersMax,
  signatureFieldsMax,
  signatureScheme,
  signatureText,
  signsFields,
  textFieldCharactersMax,
} from './signature.ts';
export { stepInterval, timeStepAt, type TimeStepping } from './totp.ts';
export {
  digestBytes,
  type Digits,
  type DigitsWarning,
  type EventCounter,
  type HashName,
  movingFactorMax,
  nextEventCounter,
  type Otp,
  parseDigits,
  parseEventCounter,
  parseHashName,
  parseOtp,
  parseTimeStep,
  type TimeStep,
} from './types.ts';
export { chunks, lookAhead, nearestFirst, windowStepsMax } from './window.ts';
