/** The floor of the REST row: one bare Express route that reads JSON and answers with JSON. */
import type { AddressInfo } from 'node:net';
import express from 'express';

const app = express();
app.use(express.json());
app.post('/v1/authenticate', (request, response) => {
  const { user } = request.body as { user: string };
  response.json({ outcome: 'accepted', user, domain: 'master', serial: 'X', application: 'EVENT' });
});
const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.once('disconnect', () => process.exit(0));
