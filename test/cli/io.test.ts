import { describe, expect, it } from 'vitest';
import { typedText } from '../../src/cli/io.ts';

describe('what is typed or piped', () => {
  it('is UTF-8, to the byte', () => {
    const text = 'Müller\u{1f511}\ufeff\0';
    expect(typedText(new TextEncoder().encode(text))).toBe(text);
    expect(typedText(new TextEncoder().encode(`\ufeff${text}`))).toBe(`\ufeff${text}`);
  });

  it.each([
    ['Latin-1', [0x4d, 0xfc]],
    ['a character cut short', [0xc3]],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
    ['one character in two spellings', [0xc0, 0x80]],
  ])('is refused as %s, which would be the same as others', (_, bytes) => {
    expect(() => typedText(Uint8Array.from(bytes))).toThrow('not UTF-8');
  });
});
