import { TightbeamError } from "./errors.js";
import { readU8, readU16, readU32, readU48, readU64, tooShort } from "./integers.js";

/** A cursor over bytes from outside. Every method throws `malformed` instead of reading past the end, and moves only on success. */
export interface Reader {
  readonly offset: number;
  readonly remaining: number;
  u8(): number;
  u16(): number;
  u32(): number;
  u48(): number;
  /** Below 2^53, otherwise `malformed`. */
  u64(): number;
  /** The next `length` bytes, as a view of the input. */
  view(length: number): Uint8Array;
  /** The next `length` bytes, as a copy the caller owns. */
  bytes(length: number): Uint8Array;
  /** A view of the rest; afterwards nothing remains. */
  rest(): Uint8Array;
  /** Throws `malformed` when bytes are left over. */
  end(): void;
}

class Cursor implements Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    const value = readU8(this.#bytes, this.#at);
    this.#at += 1;
    return value;
  }

  u16(): number {
    const value = readU16(this.#bytes, this.#at);
    this.#at += 2;
    return value;
  }

  u32(): number {
    const value = readU32(this.#bytes, this.#at);
    this.#at += 4;
    return value;
  }

  u48(): number {
    const value = readU48(this.#bytes, this.#at);
    this.#at += 6;
    return value;
  }

  u64(): number {
    const value = readU64(this.#bytes, this.#at);
    this.#at += 8;
    return value;
  }

  view(length: number): Uint8Array {
    if (!(Number.isInteger(length) && length >= 0 && length <= this.remaining)) throw tooShort(this.#bytes, this.#at, length);
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  bytes(length: number): Uint8Array {
    return new Uint8Array(this.view(length));
  }

  rest(): Uint8Array {
    return this.view(this.remaining);
  }

  end(): void {
    if (this.remaining !== 0) throw new TightbeamError("malformed", `${this.remaining} bytes are left over at offset ${this.#at}`);
  }
}

export const reader = (bytes: Uint8Array): Reader => new Cursor(bytes);
