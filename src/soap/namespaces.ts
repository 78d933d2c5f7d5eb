/**
 * The namespaces of the wire and the prefixes that programs written for OneSpan Authentication
 * Server look for: some of them compare the prefixed name as text.
 */

const types = 'http://www.vasco.com/IdentikeyServer/IdentikeyTypes';

type NamespaceName =
  | Interface
  | 'envelope'
  | 'envelope12'
  | 'schema'
  | 'schemaInstance'
  | 'basicTypes'
  | 'credentialTypes';

export const namespaces: Readonly<Record<NamespaceName, string>> = {
  envelope: 'http://schemas.xmlsoap.org/soap/envelope/',
  /** SOAP 1.2: another protocol, named so that the fault can say so. */
  envelope12: 'http://www.w3.org/2003/05/soap-envelope',
  schema: 'http://www.w3.org/2001/XMLSchema',
  schemaInstance: 'http://www.w3.org/2001/XMLSchema-instance',
  authentication: `${types}/Authentication`,
  administration: `${types}/Administration`,
  signature: `${types}/Signature`,
  basicTypes: `${types}/BasicTypes.xsd`,
  credentialTypes: `${types}/CredentialTypes.xsd`,
};

/** Where an operation lives: its namespace, and the prefix of its response. */
export type Interface = 'authentication' | 'administration' | 'signature';

export const interfacePrefixes: Readonly<Record<Interface, string>> = {
  authentication: 'AUTH-TYPES',
  administration: 'ADMIN-TYPES',
  signature: 'SIGNATURE-TYPES',
};
