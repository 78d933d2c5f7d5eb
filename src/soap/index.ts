/** The SOAP interface: what programs for OneSpan Authentication Server say, on `POST /`. */
export { createSoapRouter, soapErrorAnswers } from './router.ts';
