import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { endianness } from "node:os";
import { TightbeamError } from "@tightbeam/core/store";
import { flags, type Meta, metaAt, nodeFlags, nodeHeader, noPage, openPages, type Pages, pageHeader, type Tree, treeAt, treeBytes, u64 } from "./pages.js";

/** A-Z a-z 0-9 _ - /: what keys of stores are made of. */
const inKeys = Uint8Array.from({ length: 256 }, (_, byte) => (/[\w/-]/.test(String.fromCharCode(byte)) ? 1 : 0));

function isKey(bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if (inKeys[bytes[i] as number] === 0) return false;
  return bytes.length > 0;
}

const formatVersion = 2;
const depthMax = 64;

/**
 * Reads the structure of a data file before LMDB maps it: LMDB believes every page, and one flipped bit or a file cut short ends the process, or spoils
 * what is whole. Every page that a tree holds must be in the file, belong there, and be there once; keys must be in order, and what is free must not be
 * in use. Values are not judged: their seals do that. Throws `store_damaged` with the place, `store_too_new`, and errors of the file system.
 */
export function checkFile(file: string): void {
  // LMDB writes numbers as the machine has them.
  if (endianness() !== "LE") return;
  const fd = openSync(file, "r");
  try {
    const { size } = fstatSync(fd);
    if (size > 0) check(fd, size, file);
  } finally {
    closeSync(fd);
  }
}

function check(fd: number, size: number, file: string): void {
  const damaged = (page: number, pageBytes: number, what: string): TightbeamError =>
    new TightbeamError("store_damaged", `The store's file ${file} is damaged at byte ${page * pageBytes}: ${what}. Restore the store from a copy.`);
  const meta = newestMeta(fd, size, file, damaged);
  const pages = openPages(fd, size, meta.pageBytes);
  const bad = (page: number, what: string): TightbeamError => damaged(page, meta.pageBytes, what);
  const walk = createWalk(pages, meta, bad);
  const freed: [first: number, count: number][] = [];
  walk.tree(meta.main, "names", () => {});
  walk.tree(meta.free, "free", (data, page) => {
    const count = data.length < 8 ? noPage : u64(data, 0);
    if (data.length < 8 * (count + 1)) throw bad(page, "a list of free pages is cut");
    // 0: nothing. Below 0: so many pages from the next number on.
    for (let i = 1; i <= count; i++) {
      const length = Number(data.readBigInt64LE(8 * i));
      if (length >= 0) freed.push([length, length === 0 ? 0 : 1]);
      else freed.push([++i <= count ? u64(data, 8 * i) : 0, -length]);
    }
  });
  for (const [first, length] of freed) {
    if (length > 0 && (first < 2 || first + length - 1 > meta.lastPage)) throw bad(0, `page ${first} cannot be free`);
    for (let page = first; page < first + length; page++) if (!walk.take(page)) throw bad(page, "a page is both free and in use, or free twice");
  }
}

type Damaged = (page: number, pageBytes: number, what: string) => TightbeamError;

/** Of the two meta pages, which are written in turn, the one that counts. */
function newestMeta(fd: number, size: number, file: string, damaged: Damaged): Meta {
  const head = Buffer.alloc(Math.min(size, 2 * 65_536));
  readSync(fd, head, 0, head.length, 0);
  const first = metaAt(head);
  if (first === undefined) throw damaged(0, 1, "it does not begin as a data file of LMDB does");
  if (first.version > formatVersion)
    throw new TightbeamError(
      "store_too_new",
      `The store's file ${file} has format ${first.version}, this version knows ${formatVersion}: use the version that wrote it.`,
    );
  const { pageBytes } = first.meta;
  if (first.version !== formatVersion || pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0 || size < 2 * pageBytes)
    throw damaged(0, 1, "its first page makes no sense");
  const second = metaAt(head.subarray(pageBytes));
  if (second === undefined || second.version !== formatVersion || second.meta.pageBytes !== pageBytes) throw damaged(1, pageBytes, "it is no meta page");
  const [a, b] = [first.meta.transaction, second.meta.transaction];
  const newest = b > a ? second.meta : first.meta;
  const begun = a !== 0 || b !== 0;
  if (begun && (Math.abs(a - b) !== 1 || newest.transaction % 2 !== (b > a ? 1 : 0)))
    throw damaged(b > a ? 0 : 1, pageBytes, "the two meta pages do not belong together");
  return newest;
}

function createWalk(pages: Pages, meta: Meta, bad: (page: number, what: string) => TightbeamError) {
  const { pageBytes, lastPage, transaction } = meta;
  const used = new Uint8Array(Math.ceil((Math.max(lastPage, pages.count) + 8) / 8));

  /** False when it was taken before. */
  const take = (page: number): boolean => {
    const bit = 1 << (page & 7);
    const byte = page >>> 3;
    const free = ((used[byte] as number) & bit) === 0;
    used[byte] = (used[byte] as number) | bit;
    return free;
  };

  /** The page, once it is known to be one that belongs where it was named. */
  const claim = (number: number, named: number, count = 1): Buffer => {
    if (number < 2 || number + count - 1 > lastPage) throw bad(named, "it names a page that there cannot be");
    if (number + count > pages.count) throw bad(number, "the file is cut short");
    for (let i = 0; i < count; i++) if (!take(number + i)) throw bad(number + i, "a page is in use twice");
    const page = pages.page(number);
    if (u64(page, 0) !== number) throw bad(number, "it is not the page that should be here");
    if (u64(page, 8) > transaction) throw bad(number, "a page is newer than the store");
    return page;
  };

  function tree(root: Tree, holds: "names" | "entries" | "free", data: (data: Buffer, page: number) => void): void {
    if (root.root === noPage) return;
    if (root.depth < 1 || root.depth > depthMax) throw bad(root.root, "a tree has no depth that makes sense");
    const seen = { branches: 0, leaves: 0, overflows: 0, entries: 0 };
    let lastKey: Buffer | undefined;
    /** No key from here on is below it. */
    let least: Buffer | undefined;
    const named = holds !== "free";
    const order = (a: Buffer, b: Buffer): number => (named ? Buffer.compare(a, b) : u64(a, 0) - u64(b, 0));

    const visit = (number: number, parent: number, depth: number): void => {
      const page = Buffer.from(claim(number, parent));
      const leaf = depth === root.depth;
      if ((page.readUInt16LE(18) & 0xff) !== (leaf ? flags.leaf : flags.branch)) throw bad(number, "a page is of the wrong kind");
      const space = pageBytes - pageHeader;
      const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)];
      if (lower > upper || upper > space || lower % 2 !== 0 || lower === 0) throw bad(number, "the bounds of a page make no sense");
      if (leaf) seen.leaves++;
      else seen.branches++;
      for (let i = 0; i < lower / 2; i++) {
        const at = page.readUInt16LE(pageHeader + 2 * i);
        if (at < upper || at + nodeHeader > space) throw bad(number, "an entry lies outside its page");
        const node = page.subarray(pageHeader + at);
        const keyBytes = node.readUInt16LE(6);
        if (nodeHeader + keyBytes > node.length) throw bad(number, "a key lies outside its page");
        const key = node.subarray(nodeHeader, nodeHeader + keyBytes);
        if (leaf) entry(node, key, number);
        else {
          // The first key of a branch stands for everything below the second, and is not looked at.
          if (i > 0 && lastKey !== undefined && order(lastKey, key) >= 0) throw bad(number, "a branch does not part its keys");
          if (i > 0) least = key;
          visit(node.readUInt32LE(0) + node.readUInt16LE(4) * 0x1_0000_0000, number, depth + 1);
        }
      }
    };

    const entry = (node: Buffer, key: Buffer, number: number): void => {
      if (holds === "free" ? key.length !== 8 : holds === "entries" && !isKey(key)) throw bad(number, "it is no key of a store");
      if ((lastKey !== undefined && order(lastKey, key) >= 0) || (least !== undefined && order(least, key) > 0)) throw bad(number, "keys are out of order");
      lastKey = key;
      seen.entries++;
      const size = node.readUInt32LE(0);
      const kind = node.readUInt16LE(4);
      const from = nodeHeader + key.length;
      const inPage = kind === nodeFlags.overflow ? pageHeader : size;
      if (from + inPage > node.length || ![0, nodeFlags.overflow, nodeFlags.tree].includes(kind)) throw bad(number, "an entry lies outside its page");
      if (kind === nodeFlags.tree) {
        if (size !== treeBytes || holds !== "names") throw bad(number, "a tree within the tree makes no sense");
        tree(treeAt(node, from), "entries", () => {});
      } else if (kind === nodeFlags.overflow) overflow(node.subarray(from), size, number);
      else data(node.subarray(from, from + size), number);
    };

    const overflow = (place: Buffer, size: number, number: number): void => {
      const count = Math.floor((pageHeader - 1 + size) / pageBytes) + 1;
      const first = u64(place, 0);
      if (u64(place, 16) !== count) throw bad(number, "a large value has a wrong number of pages");
      const page = claim(first, number, count);
      if ((page.readUInt16LE(18) & 0xff) !== flags.overflow || page.readUInt32LE(20) !== count)
        throw bad(first, "a page of a large value is of the wrong kind");
      seen.overflows += count;
      if (named) return;
      const whole = Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.from(pages.page(first + i))));
      data(whole.subarray(pageHeader, pageHeader + size), first);
    };

    visit(root.root, root.root, 1);
    for (const name of ["branches", "leaves", "overflows", "entries"] as const)
      if (seen[name] !== root[name]) throw bad(root.root, `a tree has ${seen[name]} ${name}, and says ${root[name]}`);
  }
  return { tree, take };
}
