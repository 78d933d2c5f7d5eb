import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** A line between a workstation and a server that can be cut, and remembers every byte that went. */
export class Wire {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port = 0;
  readonly #bytes: Buffer[] = [];
  /** An answer that holds this is lost, and its connection with it. */
  losing: string | null = null;

  constructor(targetPort: number) {
    this.#target = targetPort;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** What went so far, both ways. */
  get bytes(): Buffer {
    return Buffer.concat(this.#bytes);
  }

  /** The port stays its own. */
  async mend(): Promise<void> {
    if (this.#server !== null) return;
    const server = createServer((near) => {
      this.#join(near, connect(this.#target, '127.0.0.1'));
    });
    this.#server = server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  async cut(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  #join(near: Socket, far: Socket): void {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (bytes) => {
        this.#bytes.push(bytes);
        const isLost = this.losing !== null && from === far && bytes.includes(this.losing);
        if (isLost) near.destroy();
      });
      from.on('error', () => to.destroy());
      from.on('close', () => this.#sockets.delete(from));
      from.pipe(to);
    }
  }
}
