/** Keys in their order, to be walked while they come and go. A list of short sorted lists: a change moves at most `most` of them. */
export interface OrderedKeys {
  readonly size: number;
  has(key: string): boolean;
  add(key: string): void;
  delete(key: string): void;
  /** Up to `count` keys that begin with `prefix`, after (or, in reverse, before) `from`. */
  page(prefix: string, from: string | undefined, reverse: boolean, count: number): string[];
}

const most = 512;
/** Above every character of a key. */
const above = "~";

export function createOrderedKeys(): OrderedKeys {
  const lists: string[][] = [];
  let size = 0;

  /** The list that has or would have the key: the last whose first key is not above it. */
  const listOf = (key: string): number => Math.max(0, firstWhere(lists.length, (at) => (lists[at]?.[0] ?? "") > key) - 1);
  const placeIn = (list: readonly string[], key: string): number => firstWhere(list.length, (at) => (list[at] ?? "") >= key);
  const has = (key: string): boolean => {
    const list = lists[listOf(key)];
    return list !== undefined && list[placeIn(list, key)] === key;
  };

  return {
    get size() {
      return size;
    },
    has,
    add(key) {
      const at = listOf(key);
      const list = lists[at];
      if (list === undefined) {
        lists.push([key]);
        size += 1;
        return;
      }
      const place = placeIn(list, key);
      if (list[place] === key) return;
      size += 1;
      list.splice(place, 0, key);
      // Keys that only grow fill each list: its end goes to the next one, not its half.
      if (list.length > most) lists.splice(at + 1, 0, list.splice(place === most ? most : most >> 1));
    },
    delete(key) {
      const at = listOf(key);
      const list = lists[at];
      if (list === undefined) return;
      const place = placeIn(list, key);
      if (list[place] !== key) return;
      size -= 1;
      list.splice(place, 1);
      if (list.length === 0) lists.splice(at, 1);
    },
    page(prefix, from, reverse, count) {
      const keys: string[] = [];
      const start = reverse ? (from !== undefined && from < prefix + above ? from : prefix + above) : from !== undefined && from > prefix ? from : prefix;
      let at = listOf(start);
      let place = placeIn(lists[at] ?? [], start);
      if (reverse) place -= 1;
      else if (from === start && lists[at]?.[place] === start) place += 1;
      while (keys.length < count) {
        const list = lists[at];
        if (list === undefined) break;
        const key = list[place];
        if (key === undefined) {
          at += reverse ? -1 : 1;
          place = reverse ? (lists[at]?.length ?? 0) - 1 : 0;
          continue;
        }
        if (!key.startsWith(prefix)) break;
        keys.push(key);
        place += reverse ? -1 : 1;
      }
      return keys;
    },
  };
}

/** The least index for which it holds, when it holds for all after it; `length` when for none. */
function firstWhere(length: number, holds: (at: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
