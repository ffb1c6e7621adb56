import { TightbeamError } from "@tightbeam/core/transport";

export const malformed = (message: string): TightbeamError => new TightbeamError("malformed", message);

export function readU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return ((readU16(bytes, at) << 16) | readU16(bytes, at + 2)) >>> 0;
}

type Latin1 = { latin1Slice?: (from: number, to: number) => string };

/** Printable ASCII, or `malformed`. */
export function ascii(bytes: Uint8Array, from: number, to: number): string {
  for (let i = from; i < to; i++) {
    const code = bytes[i] as number;
    if (code < 0x20 || code > 0x7e) throw malformed("text in a relay frame is not printable ASCII");
  }
  const native = (bytes as Latin1).latin1Slice;
  return native === undefined ? String.fromCharCode(...bytes.subarray(from, to)) : native.call(bytes, from, to);
}

/** A cursor over a body. Every method throws `malformed` instead of reading past the end. */
export function reader(bytes: Uint8Array) {
  let at = 0;
  const take = (length: number): number => {
    if (at + length > bytes.length) throw malformed("a relay frame ends early");
    at += length;
    return at - length;
  };
  return {
    get left() {
      return bytes.length - at;
    },
    u8: () => bytes[take(1)] as number,
    u16: () => readU16(bytes, take(2)),
    u32: () => readU32(bytes, take(4)),
    /** A copy. */
    bytes: (length: number) => {
      const from = take(length);
      return new Uint8Array(bytes.subarray(from, at));
    },
    text: (length: number) => ascii(bytes, take(length), at),
    long(most: number): string {
      const length = this.u16();
      if (length > most) throw malformed("a part of a relay frame is longer than allowed");
      return this.text(length);
    },
    end() {
      if (at !== bytes.length) throw malformed("a relay frame has bytes left over");
    },
  };
}

/** Fills an array of exactly `size` bytes, big-endian; text is ASCII by grammar or becomes `?`. */
export function writer(size: number) {
  const out = new Uint8Array(size);
  let at = 0;
  const self = {
    u8(value: number) {
      out[at++] = value;
      return self;
    },
    u16: (value: number) => self.u8(value >>> 8).u8(value),
    u32: (value: number) => self.u16(value >>> 16).u16(value & 0xffff),
    raw(bytes: Uint8Array) {
      out.set(bytes, at);
      at += bytes.length;
      return self;
    },
    text(text: string) {
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        out[at++] = code < 0x80 ? code : 0x3f;
      }
      return self;
    },
    long: (text: string) => self.u16(text.length).text(text),
    done: () => out,
  };
  return self;
}
