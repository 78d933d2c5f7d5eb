import { describe, expect, test } from 'vitest';
import { isInNetwork, networkText, parseAddress, parseNetwork } from '../../src/service/address.ts';

describe('networks', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3/32'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::', '::/128'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1/128'],
    ['2001:db8:0:1::/64', '2001:db8:0:1::/64'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7/128'],
    ['::1', '::1/128'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201/128'],
    ['::ffff:10.0.0.1', '10.0.0.1/32'],
  ])('%s is %s', (text, canonical) => {
    const network = parseNetwork(text);
    expect(network === null ? null : networkText(network)).toBe(canonical);
    expect(parseNetwork(canonical)).toEqual(network);
  });

  test.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.1/33',
    '10.0.0.1/8',
    '10.0.0.0/08',
    '10.0.0.0/',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '::12345',
    '::1.2.3',
    '1.2.3.4::',
    '2001:db8::1/64',
    '::/129',
    'fe80::1%eth0/128',
    'localhost',
    '1'.repeat(100),
  ])('%j is none', (text) => {
    expect(parseNetwork(text)).toBeNull();
  });

  test.each([
    ['127.0.0.1', '127.0.0.0/8', true],
    ['::ffff:127.0.0.1', '127.0.0.0/8', true],
    ['128.0.0.1', '127.0.0.0/8', false],
    ['::1', '127.0.0.0/8', false],
    ['10.0.0.1', '::/0', false],
    ['10.0.0.1', '0.0.0.0/0', true],
    ['fe80::1%eth0', 'fe80::/10', true],
    ['2001:db8:1::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
  ])('%s in %s: %s', (address, network, expected) => {
    expect(isInNetwork(parseAddress(address)!, parseNetwork(network)!)).toBe(expected);
  });
});
