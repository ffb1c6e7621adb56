import { encodePayload } from "../../../src/codec/index.js";
import { jsonLimits } from "../../../src/codec/limits.js";
import { createIds } from "../../../src/envelope/id.js";
import { encodeEnvelope } from "../../../src/envelope/wire.js";
import type { Trust } from "../../../src/identity/types.js";
import type { Link } from "../../../src/link/link-types.js";
import type { Server } from "../../../src/patterns/answering/server-types.js";
import { createDeadLetters, type DeadLettersOptions } from "../../../src/patterns/dead-letters/dead-letters.js";
import type { DeadLetterEvent, DeadLetterOptions, LetterPeer, NewDeadLetter } from "../../../src/patterns/dead-letters/types.js";
import { createTaps } from "../../../src/patterns/taps.js";
import { createVirtualRuntime, type VirtualRuntime } from "../../../src/runtime/virtual.js";
import { openState } from "../../../src/store/state.js";
import type { Store } from "../../../src/store/types.js";

export const storeKey = new Uint8Array(32).fill(7);

export const idOf = (number: number): string => `0190f3c2-7a52-7c3e-9d5a-${number.toString(16).padStart(12, "0")}`;

export const sender: LetterPeer = {
  instance: "AAAAAAAAAAAAAAAAAAAAAA",
  issuer: "i",
  thumbprint: "t",
  permissions: ["call:work"],
  jti: "j",
  issuerKey: "k",
  issuedAt: 1,
  expiresAt: 2,
};

export const envelopeOf = (number: number, payload: unknown = { number }, method = "work"): Uint8Array =>
  encodeEnvelope({ type: "notification", id: idOf(number), timestamp: 5, priority: "normal", method, ttl: 100 }, encodePayload(payload, jsonLimits)).slice();

export const letterOf = (number: number, changes: Partial<NewDeadLetter> = {}): NewDeadLetter => ({
  reason: "handler_failed",
  cause: "it failed",
  side: "receiver",
  peer: "bob",
  method: "work",
  messageId: idOf(number),
  priority: "normal",
  attempts: 1,
  firstAt: 1_000,
  lastAt: 1_000,
  envelope: envelopeOf(number),
  sender,
  ...changes,
});

export interface Office {
  readonly runtime: VirtualRuntime;
  readonly events: DeadLetterEvent[];
  readonly office: Awaited<ReturnType<typeof createDeadLetters>>;
}

/** Dead letters over a store, with a server that does what `serve` says. */
export async function openOffice(
  store: Store,
  options: DeadLetterOptions = {},
  { runtime = createVirtualRuntime({ seed: 1, start: 1_000_000 }), ...rest }: Partial<DeadLettersOptions> & { runtime?: VirtualRuntime } = {},
): Promise<Office> {
  const state = await openState({ store, ...(store.capabilities.durability === "memory" ? {} : { storeKey }), runtime });
  const events: DeadLetterEvent[] = [];
  const office = await createDeadLetters({
    options,
    state,
    runtime,
    taps: createTaps(),
    ids: createIds(runtime),
    json: jsonLimits,
    ownId: "alice",
    trust: { verify: () => Promise.reject(new Error("not asked")), recheck: () => Promise.resolve() } satisfies Trust,
    find: () => undefined,
    connect: () => Promise.reject(new Error("not asked")),
    server: { serve: (_link, delivery) => delivery.settle("ok"), cancel: () => undefined, linkEnded: () => undefined } satisfies Pick<
      Server,
      "serve" | "cancel" | "linkEnded"
    >,
    save: () => Promise.resolve(),
    onEvent: (event) => void events.push(event),
    ...rest,
  });
  return { runtime, events, office };
}

export const linkTo = (id: string, changes: object = {}): Link =>
  ({ peer: { id, limits: { maxMessageBytes: 1_000_000 }, ...changes }, state: "up" }) as unknown as Link;
