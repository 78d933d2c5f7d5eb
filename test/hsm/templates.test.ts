import pkcs11 from 'pkcs11js';
import { describe, expect, test } from 'vitest';
import { KeyMaker, secretKeyTemplate } from '../../hsm/templates.ts';

const shape = { isToken: false, uses: ['sign'], mechanisms: [pkcs11.CKM_SHA_1_HMAC] } as const;
const template = secretKeyTemplate(pkcs11.CKK_GENERIC_SECRET, shape, { bytes: 20 });

type Creation = (wanted?: pkcs11.Attribute[]) => readonly number[];

/** A module that refuses these attributes; what it creates is the list of those it was given. */
function refusing(...refused: readonly number[]): Creation {
  return (wanted = []) => {
    const given = wanted.map(({ type }) => type);
    if (given.some((type) => refused.includes(type))) {
      throw new Error(`CKR_ATTRIBUTE_TYPE_INVALID:${pkcs11.CKR_ATTRIBUTE_TYPE_INVALID}`);
    }
    return given;
  };
}

function omittedBy(maker: KeyMaker, create: Creation): readonly number[] {
  const given = maker.make('C_GenerateKey', [template], create);
  return template.map(({ type }) => type).filter((type) => !given.includes(type));
}

describe('the attributes that a module may refuse', () => {
  test.each([
    ['neither', []],
    ['the allowed mechanisms', [pkcs11.CKA_ALLOWED_MECHANISMS]],
    ['copyable', [pkcs11.CKA_COPYABLE]],
    ['both', [pkcs11.CKA_COPYABLE, pkcs11.CKA_ALLOWED_MECHANISMS]],
  ])('%s: that much is left out, and from then on at once', (_, refused) => {
    const maker = new KeyMaker();
    expect(omittedBy(maker, refusing(...refused)).toSorted()).toEqual(refused.toSorted());
    let tries = 0;
    omittedBy(maker, (wanted = []) => {
      tries += 1;
      return refusing(...refused)(wanted);
    });
    expect(tries).toBe(1);
  });

  test('a creation that fails whatever is left out leaves later keys as narrow as ever', () => {
    const maker = new KeyMaker();
    expect(() => omittedBy(maker, refusing(pkcs11.CKA_SIGN))).toThrow('C_GenerateKey');
    expect(omittedBy(maker, refusing())).toEqual([]);
  });

  test('another failure is passed on at once', () => {
    const maker = new KeyMaker();
    let tries = 0;
    const create = (): never => {
      tries += 1;
      throw new Error(`CKR_DEVICE_MEMORY:${pkcs11.CKR_DEVICE_MEMORY}`);
    };
    expect(() => omittedBy(maker, create)).toThrow('C_GenerateKey');
    expect(tries).toBe(1);
    expect(omittedBy(maker, refusing())).toEqual([]);
  });
});
