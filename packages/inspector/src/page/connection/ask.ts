import { tokenHeader } from "../../feed/protocol.js";
import type { FeedAnswer, FeedFields, FeedRequestName } from "../../feed/requests.js";
import { shown } from "../model/shown.js";

/** What a request came to. A refusal is an answer too, with words for whoever asked. */
export type Answer<N extends FeedRequestName> =
  | { readonly ok: true; readonly value: FeedAnswer<N> }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** Asks the server. Never rejects. */
export type Ask = <N extends FeedRequestName>(name: N, fields: FeedFields<N>) => Promise<Answer<N>>;

/** Errors of agents elsewhere are among them. */
const messageMost = 2_000;

const actions: ReadonlySet<FeedRequestName> = new Set(["replay", "discard"]);

export function createAsk(fetch: typeof globalThis.fetch, token: string): Ask {
  return async <N extends FeedRequestName>(name: N, fields: FeedFields<N>): Promise<Answer<N>> => {
    const action = actions.has(name);
    const query = new URLSearchParams(Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])));
    const options: RequestInit = {
      method: action ? "POST" : "GET",
      headers: { [tokenHeader]: token, accept: "application/json", ...(action ? { "content-type": "application/json" } : {}) },
      cache: "no-store",
      credentials: "omit",
      ...(action ? { body: JSON.stringify(fields) } : {}),
    };
    try {
      const response = await fetch(action ? `/api/${name}` : `/api/${name}?${query}`, options);
      const said: unknown = await response.json();
      if (response.ok) return { ok: true, value: said as FeedAnswer<N> };
      const { code = "failed", message = `The inspector answered ${response.status}.` } = (said as { error?: { code?: string; message?: string } }).error ?? {};
      return { ok: false, code, message: shown(message, messageMost) };
    } catch {
      return { ok: false, code: "unavailable", message: "The inspector does not answer. Is the program that serves it still running?" };
    }
  };
}
