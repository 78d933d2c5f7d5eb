/** What a server may call the end of an attempt; names of all interfaces fit. */
const wordPattern = /^[A-Za-z0-9_-]{1,64}$/;
const quotedCharactersMax = 300;

/** The word of a server for an attempt: whatever else it sends is not printed, and not counted by its text. */
export function serverWord(value: unknown): string {
  if (typeof value !== 'string') return 'nothing';
  return wordPattern.test(value) ? value : 'no word';
}

/**
 * What a server says, for a message: in one line, not too long, without what moves a cursor, and without what it
 * was sent in confidence.
 *
 * @param secrets keys, seeds, responses and challenges; a server that repeats one would have it printed
 */
export function quoted(text: string, secrets: readonly string[]): string {
  const longestFirst = secrets.filter((one) => one !== '').sort((a, b) => b.length - a.length);
  const hidden = longestFirst.reduce((left, secret) => left.replaceAll(secret, '***'), text);
  const shown = hidden.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
  return shown.length > quotedCharactersMax ? `${shown.slice(0, quotedCharactersMax)}...` : shown;
}
