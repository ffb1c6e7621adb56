import { decodeUtf8, encodeUtf8 } from "../../bytes.js";
import { TightbeamError } from "../../errors.js";
import { numberKey } from "../../store/keys.js";
import type { State } from "../../store/state.js";
import type { StoreChange } from "../../store/types.js";
import { damaged, decodeRows, encodeRows, rowsPerEntry } from "./kept.js";
import type { Route } from "./route.js";

const format = 1;
const headKey = "monitor/head";
const rowsPrefix = "monitor/rows/";

export interface Kept {
  /** Wall clock, ms since 1970. */
  readonly since: number;
  readonly rows: readonly Route[];
}

/** Replaces what was kept, in one batch. */
export async function keep(state: State, { since, rows }: Kept): Promise<void> {
  const changes: StoreChange[] = [];
  for (let at = 0; at < rows.length; at += rowsPerEntry)
    changes.push({ put: rowsPrefix + numberKey(at / rowsPerEntry), value: encodeRows(rows.slice(at, at + rowsPerEntry)) });
  const written = changes.length;
  for await (const [key] of state.scan(rowsPrefix)) if (key >= rowsPrefix + numberKey(written)) changes.push({ remove: key });
  await state.batch([{ put: headKey, value: encodeUtf8(JSON.stringify({ format, since, entries: written })) }, ...changes]);
}

/** What was kept; undefined when there is nothing. `now`: the monotonic clock's. Rejects `store_damaged`, `store_too_new`. */
export async function readKept(state: State, now: number): Promise<Kept | undefined> {
  const bytes = await state.get(headKey);
  if (bytes === undefined) return undefined;
  const { since, entries } = readHead(bytes);
  const rows: Route[] = [];
  for (let entry = 0; entry < entries; entry++) {
    const key = rowsPrefix + numberKey(entry);
    const value = await state.get(key);
    if (value === undefined) throw damaged(key);
    rows.push(...decodeRows(value, key, now));
  }
  return { since, rows };
}

function readHead(bytes: Uint8Array): { readonly since: number; readonly entries: number } {
  let head: { format?: unknown; since?: unknown; entries?: unknown };
  try {
    head = JSON.parse(decodeUtf8(bytes)) as typeof head;
  } catch (cause) {
    throw damaged(headKey, cause);
  }
  if (Number.isSafeInteger(head?.format) && (head.format as number) > format)
    throw new TightbeamError("store_too_new", `A monitor's figures have format ${String(head.format)}, this version of Tightbeam knows ${format}.`);
  const { since, entries } = head ?? {};
  if (head?.format !== format || typeof since !== "number" || !Number.isSafeInteger(entries) || (entries as number) < 0) throw damaged(headKey);
  return { since, entries: entries as number };
}
