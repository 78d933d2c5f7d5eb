/**
 * IP addresses and the networks that components call from. Pure text and numbers: an address that
 * cannot be read matches nothing.
 */

/** An address as a number; an IPv4 address mapped into IPv6 (RFC 4291 section 2.5.5.2) is IPv4. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A network: the first `prefixBits` bits of `value`, the others are zero. */
export interface Network extends Address {
  readonly prefixBits: number;
}

const bitsByFamily = { 4: 32, 6: 128 } as const;
const textLengthMax = 64;
const mappedPrefix = 0xffffn;
const low32Bits = 0xffff_ffffn;

/**
 * Reads dotted IPv4 or IPv6 text, with or without a zone (`fe80::1%eth0`), which is ignored.
 *
 * @returns null for anything else
 */
export function parseAddress(text: string): Address | null {
  if (text.length > textLengthMax) return null;
  const zone = text.indexOf('%');
  const bare = zone === -1 ? text : text.slice(0, zone);
  if (!bare.includes(':')) {
    const value = ipv4Value(bare);
    return value === null ? null : { family: 4, value };
  }
  const value = ipv6Value(bare);
  if (value === null) return null;
  if (value >> 32n === mappedPrefix) return { family: 4, value: value & low32Bits };
  return { family: 6, value };
}

/**
 * Reads a location: `10.1.0.0/16`, `2001:db8::/32`, or a single address.
 *
 * @returns null for malformed text and for a network with bits set behind its prefix
 */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf('/');
  const address = text.includes('%')
    ? null
    : parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === null) return null;
  const bits = bitsByFamily[address.family];
  const prefixBits = slash === -1 ? bits : parsePrefix(text.slice(slash + 1), bits);
  if (prefixBits === null) return null;
  const hostBits = BigInt(bits - prefixBits);
  if ((address.value >> hostBits) << hostBits !== address.value) return null;
  return { ...address, prefixBits };
}

/** Canonical text of a network, equal for equal networks: `127.0.0.0/8`, `::1/128`. */
export function networkText(network: Network): string {
  return `${addressText(network)}/${network.prefixBits}`;
}

/** Canonical text of an address. */
export function addressText({ family, value }: Address): string {
  return family === 4 ? ipv4Text(value) : ipv6Text(value);
}

/** Whether the address lies in the network; families never mix. */
export function isInNetwork(address: Address, network: Network): boolean {
  if (address.family !== network.family) return false;
  const hostBits = BigInt(bitsByFamily[network.family] - network.prefixBits);
  return address.value >> hostBits === network.value >> hostBits;
}

function parsePrefix(text: string, bits: number): number | null {
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(text)) return null;
  const prefixBits = Number(text);
  return prefixBits <= bits ? prefixBits : null;
}

function ipv4Value(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0n;
  for (const part of parts) {
    // No leading zeros: some readers take them for octal, and two readings are one too many.
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return null;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function ipv6Value(text: string): bigint | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const isShortened = halves.length === 2;
  const head = groupsOf(halves[0] ?? '', !isShortened);
  const tail = isShortened ? groupsOf(halves[1] ?? '', true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (isShortened ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** 16-bit groups; the very last may be dotted IPv4 and counts twice (RFC 4291 section 2.2). */
function groupsOf(text: string, mayEndDotted: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (mayEndDotted && index === parts.length - 1 && part.includes('.')) {
      const ipv4 = ipv4Value(part);
      if (ipv4 === null) return null;
      groups.push(Number(ipv4 >> 16n), Number(ipv4 & 0xffffn));
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return null;
    }
  }
  return groups;
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
}

/** RFC 5952: lower case, the longest run of two or more zero groups shortened, the first on a tie. */
function ipv6Text(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start += 1) {
    let end = start;
    while (groups[end] === '0') end += 1;
    if (end - start > best.length) best = { start, length: end - start };
  }
  if (best.length < 2) return groups.join(':');
  const head = groups.slice(0, best.start).join(':');
  return `${head}::${groups.slice(best.start + best.length).join(':')}`;
}
