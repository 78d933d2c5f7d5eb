/**
 * Bytes that must not be shown. The only way out has `expose` in its name, so that a search finds
 * every use; printing or serialising a secret shows a placeholder, and a private field stays out of
 * what the debugger's printer shows. JavaScript can promise
 * no more: copies the engine makes on its own are beyond reach.
 */
export class Secret {
  readonly #bytes: Uint8Array;

  /** Takes ownership of `bytes`: the caller neither keeps nor wipes them. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** The bytes themselves, not a copy: neither keep nor change them. */
  exposeSecret(): Uint8Array {
    return this.#bytes;
  }

  /** Overwrites the bytes; the secret is all zeros afterwards. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }
}
