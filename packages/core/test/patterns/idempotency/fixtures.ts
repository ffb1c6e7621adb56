import { encodePayload } from "../../../src/codec/index.js";
import { jsonLimits } from "../../../src/codec/limits.js";
import { method } from "../../../src/contract/index.js";
import { createIds } from "../../../src/envelope/id.js";
import type { EnvelopeHeader } from "../../../src/envelope/types.js";
import { decodeEnvelope } from "../../../src/envelope/wire.js";
import { TightbeamError } from "../../../src/errors.js";
import type { Link } from "../../../src/link/link-types.js";
import type { Delivery, OutgoingMessage } from "../../../src/link/message.js";
import { type AdmissionLimits, createAdmission } from "../../../src/patterns/admission/admission.js";
import { createMiddleware } from "../../../src/patterns/answering/middleware.js";
import { createServed } from "../../../src/patterns/answering/served.js";
import { createServer } from "../../../src/patterns/answering/server.js";
import type { IdempotencyState } from "../../../src/patterns/idempotency/archive.js";
import { keyedCallsFor } from "../../../src/patterns/idempotency/idempotency-on-demand.js";
import { checkIdempotency } from "../../../src/patterns/idempotency/load-keyed.js";
import type { IdempotencyOptions } from "../../../src/patterns/idempotency/types.js";
import { createTaps } from "../../../src/patterns/taps.js";
import { createVirtualRuntime, type VirtualRuntime } from "../../../src/runtime/virtual.js";
import { openState } from "../../../src/store/state.js";
import type { Store } from "../../../src/store/types.js";

const storeKey = new Uint8Array(32).fill(5);
const idOf = (number: number): string => `0190f3c2-7a52-7c3e-9d5a-${number.toString(16).padStart(12, "0")}`;

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface Reply {
  readonly type: string;
  readonly payload: unknown;
  readonly code: string | undefined;
  readonly retryAfter: number | undefined;
}

export interface Asked {
  readonly peer?: string;
  readonly key?: string;
  readonly method?: string;
  readonly input?: unknown;
  readonly type?: "request" | "notification";
  readonly link?: Link;
  readonly ttl?: number;
}

/** A server with idempotency, and peers that ask it. */
export async function openDesk({
  store,
  options,
  runtime = createVirtualRuntime({ seed: 1 }),
  limits = {},
}: {
  store?: Store;
  options?: IdempotencyOptions;
  runtime?: VirtualRuntime;
  limits?: AdmissionLimits;
} = {}) {
  const state: IdempotencyState | undefined =
    store === undefined ? undefined : await openState({ store, runtime, ...(store.capabilities.durability === "memory" ? {} : { storeKey }) });
  await checkIdempotency(options);
  const server = createServer({
    runtime,
    taps: createTaps(),
    ids: createIds(runtime),
    json: jsonLimits,
    admission: createAdmission(runtime, undefined, limits),
    middleware: createMiddleware(),
    onFailure: () => undefined,
    served: createServed({ changed: () => undefined, publishes: () => () => undefined }),
    keyed: keyedCallsFor({ runtime, options, state }),
    observe: undefined,
  });
  const replies = new Map<string, (reply: Reply) => void>();
  let used = 0;
  const linkTo = (id: string): Link => {
    const budget = {
      take(bytes: number) {
        if (used + bytes > 1_000_000) return false;
        used += bytes;
        return true;
      },
      give(bytes: number) {
        used -= bytes;
      },
    };
    const send = ({ bytes }: OutgoingMessage): void => {
      const { header, payload } = decodeEnvelope(bytes.slice());
      const text = payload === undefined ? undefined : payload.kind === "json" ? JSON.parse(Buffer.from(payload.bytes).toString()) : payload.bytes;
      replies.get(header.correlationId as string)?.({ type: header.type, payload: text, code: header.error?.code, retryAfter: header.error?.retryAfter });
    };
    const peer = { id, instance: "AAAAAAAAAAAAAAAAAAAAAA", issuer: "i", permissions: [], limits: { maxMessageBytes: 100_000_000 } };
    return { peer, state: "up", clockOffset: () => 0, askClock: () => undefined, send, budget } as unknown as Link;
  };
  const links = new Map<string, Link>();
  let asked = 0;

  return {
    server,
    runtime,
    state,
    linkTo,
    get used() {
      return used;
    },
    handle: (name: string, handler: Parameters<typeof server.handle>[1]) => server.handle(method(name), handler),
    /** The id of the request, and its reply, or the outcome of a notification. */
    ask({ peer = "bob", key, method: name = "work", input = 1, type = "request", link, ttl }: Asked): { id: string; link: Link; reply: Promise<Reply> } {
      const id = idOf(++asked);
      const over = link ?? links.get(peer) ?? linkTo(peer);
      links.set(peer, over);
      const header: EnvelopeHeader = {
        type,
        id,
        timestamp: runtime.clock.wall(),
        priority: "normal",
        method: name,
        ...(key === undefined ? {} : { idempotencyKey: key }),
        ...(ttl === undefined ? {} : { ttl }),
      };
      const reply = new Promise<Reply>((resolve) => {
        replies.set(id, resolve);
        const settle = (outcome: string, error?: unknown): void => {
          if (type === "notification")
            resolve({ type: outcome, payload: undefined, code: error instanceof TightbeamError ? error.code : undefined, retryAfter: undefined });
        };
        server.serve(over, { refused: undefined, settle } as unknown as Delivery, header, encodePayload(input, jsonLimits));
      });
      return { id, link: over, reply };
    },
  };
}
