import { readSync } from "node:fs";

/*
 * Where LMDB (data format 2, little-endian) keeps what. A page: u64 number | u64 transaction | u16 | u16 flags | u16 lower | u16 upper (or u32 pages), then
 * pointers and nodes, counted from the end of this header. A node: u32 size (a branch: the lower part of the child) | u16 flags (its upper part) | u16 key length | key | data.
 */
export const pageHeader = 24;
export const nodeHeader = 8;
export const treeBytes = 48;

export const flags = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
export const nodeFlags = { overflow: 1, tree: 2 } as const;

const magic = 0xbeefc0de;
export const noPage = Number.MAX_SAFE_INTEGER;

export interface Tree {
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
  /** `noPage` when it is empty. */
  readonly root: number;
}

export interface Meta {
  readonly pageBytes: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly transaction: number;
}

/** Below 2^53; all ones, which LMDB takes for "none", and anything else too large gives `noPage`. */
export const u64 = (bytes: Buffer, at: number): number => {
  const high = bytes.readUInt32LE(at + 4);
  return high < 0x20_0000 ? high * 0x1_0000_0000 + bytes.readUInt32LE(at) : noPage;
};

export const treeAt = (bytes: Buffer, at: number): Tree => ({
  depth: bytes.readUInt16LE(at + 6),
  branches: u64(bytes, at + 8),
  leaves: u64(bytes, at + 16),
  overflows: u64(bytes, at + 24),
  entries: u64(bytes, at + 32),
  root: u64(bytes, at + 40),
});

/** The meta page in `bytes`, or undefined when it is none. `version` tells of a format that is not known here. */
export function metaAt(bytes: Buffer): { readonly version: number; readonly meta: Meta } | undefined {
  if (bytes.length < pageHeader + 144 || bytes.readUInt32LE(pageHeader) !== magic || (bytes.readUInt16LE(18) & flags.meta) === 0) return undefined;
  const meta: Meta = {
    pageBytes: bytes.readUInt32LE(pageHeader + 24),
    free: treeAt(bytes, pageHeader + 24),
    main: treeAt(bytes, pageHeader + 72),
    lastPage: u64(bytes, pageHeader + 120),
    transaction: u64(bytes, pageHeader + 128),
  };
  return { version: bytes.readUInt32LE(pageHeader + 4) & 0xffff, meta };
}

export interface Pages {
  /** Pages that the file holds whole. */
  readonly count: number;
  /** Good until the next call. */
  page(number: number): Buffer;
}

const blockBytes = 256 * 1024;
const blocksKept = 64;

/** Reads the file in blocks, and keeps some: pages that belong together seldom lie far apart. */
export function openPages(fd: number, fileBytes: number, pageBytes: number): Pages {
  const blocks = new Map<number, Buffer>();
  const block = (number: number): Buffer => {
    const known = blocks.get(number);
    if (known !== undefined) return known;
    const [oldest] = blocks.keys();
    if (blocks.size >= blocksKept && oldest !== undefined) blocks.delete(oldest);
    const read = Buffer.alloc(blockBytes);
    let have = 0;
    for (let got = 1; got > 0 && have < blockBytes; have += got) got = readSync(fd, read, have, blockBytes - have, number * blockBytes + have);
    blocks.set(number, read);
    return read;
  };
  return {
    count: Math.floor(fileBytes / pageBytes),
    page(number) {
      const at = number * pageBytes;
      const within = at % blockBytes;
      return block((at - within) / blockBytes).subarray(within, within + pageBytes);
    },
  };
}
