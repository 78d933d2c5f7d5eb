// The cable between a workstation and the server of ./scripts/demo: passes on what comes, until it is
// pulled out, which is to end this program.
//
//   node scripts/demo-cable.mjs URL [PORT]    prints the port of 127.0.0.1 where it listens
import { connect, createServer } from 'node:net';

const [url, port = '0'] = process.argv.slice(2);
const { protocol, hostname, port: given } = new URL(url);
const to = {
  host: hostname.replace(/^\[(.*)\]$/, '$1'),
  port: Number(given || (protocol === 'https:' ? 443 : 80)),
};

const server = createServer((near) => {
  const far = connect(to);
  near.on('error', () => far.destroy()).pipe(far);
  far.on('error', () => near.destroy()).pipe(near);
});
server.listen(Number(port), '127.0.0.1', () => console.log(server.address().port));
