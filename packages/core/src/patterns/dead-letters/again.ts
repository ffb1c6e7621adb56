import { ownPrefix } from "../../contract/standard-schema.js";
import type { Ids } from "../../envelope/id.js";
import type { EnvelopeHeader, OutgoingHeader } from "../../envelope/types.js";
import { decodeEnvelope, encodeEnvelope } from "../../envelope/wire.js";
import { TightbeamError } from "../../errors.js";
import type { Trust } from "../../identity/types.js";
import type { Link, LinkTarget } from "../../link/link-types.js";
import type { Delivery, DurableDelivery, NamedCommit, Outcome } from "../../link/message.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Server } from "../answering/server-types.js";
import { Announcement } from "../asking/announcement.js";
import { checkSize } from "../asking/call.js";
import { createDeadlines } from "../asking/deadlines.js";
import { cancelled, laneOfPriority } from "../asking/operation.js";
import { Commitment } from "../durable/commitment.js";
import type { Taps } from "../taps.js";
import type { LetterBody } from "./entry.js";
import { peerOfLetter } from "./peer.js";
import type { DeadLetter } from "./types.js";

export interface AgainOptions {
  readonly runtime: Runtime;
  readonly ids: Ids;
  readonly trust: Trust;
  readonly taps: Taps;
  readonly find: (target: LinkTarget) => Link | undefined;
  readonly connect: (target: LinkTarget, options: { timeout: number; signal?: AbortSignal | undefined }) => Promise<Link>;
  readonly server: Pick<Server, "serve" | "cancel" | "linkEnded">;
  /** Keeps what a handler commits. */
  readonly save: (state: unknown, options: NamedCommit) => Promise<void>;
}

export interface AgainCall {
  readonly newId: boolean;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  /** It succeeded after it had been given up. */
  readonly late: () => void;
}

type DecodedEnvelope = ReturnType<typeof decodeEnvelope>;

/** Tries what was in a letter again. Rejects when it failed. */
export type Again = (letter: DeadLetter, body: LetterBody, call: AgainCall) => Promise<void>;

export function createAgain(options: AgainOptions): Again {
  const { runtime, ids, trust, taps, server } = options;
  const { clock, timers } = runtime;
  const deadlines = createDeadlines(clock, timers);

  /** As a message that was never sent before, by this agent's clock; its payload is untouched. */
  const renew = (decoded: DecodedEnvelope, newId: boolean): { header: EnvelopeHeader; bytes: () => Uint8Array } => {
    const { header, payload } = decoded;
    const { type, id, priority, ttl, idempotencyKey, headers, method } = header;
    if (type !== "notification" || method === undefined)
      throw new TightbeamError("unsupported", "Only notifications can be replayed: nobody waits for an answer.");
    if (method.startsWith(ownPrefix)) throw new TightbeamError("unsupported", "What agents say on their own account is not replayed.");
    const timestamp = clock.wall();
    const renewed: EnvelopeHeader = {
      type,
      id: newId ? ids.text(timestamp) : id,
      timestamp,
      priority,
      method,
      ...(ttl === undefined ? undefined : { ttl }),
      ...(idempotencyKey === undefined ? undefined : { idempotencyKey }),
      ...(headers === undefined ? undefined : { headers }),
    };
    return { header: renewed, bytes: () => encodeEnvelope(renewed satisfies OutgoingHeader, payload) };
  };

  const send = async (letter: DeadLetter, decoded: DecodedEnvelope, { newId, timeout, signal }: AgainCall): Promise<void> => {
    const start = clock.monotonic();
    const link = await options.connect({ id: letter.peer }, { timeout, signal });
    const { header, bytes: encode } = renew(decoded, newId);
    const bytes = encode();
    checkSize(link, bytes.length);
    const { idempotencyKey } = header;
    const operation = { confirm: "done", timeout, ...(idempotencyKey === undefined ? undefined : { idempotencyKey }) } as const;
    await new Promise<void>((resolve, reject) => {
      const announcement = new Announcement({ link, method: letter.method, operation, resolve, reject, taps });
      const message = { bytes, lane: laneOfPriority(header.priority, bytes.length), intake: true, wantsDone: true, watch: announcement };
      const sent = taps.messages === undefined ? link.send(message) : taps.messages.send(link, header, message);
      announcement.begin(sent, deadlines, Math.max(timeout - (clock.monotonic() - start), 1), signal);
    });
  };

  /** Its peer as its newest token says, where there is a link with it; without one as its token said then, if that was not revoked. */
  const peerOf = async (letter: DeadLetter, { sender }: LetterBody): Promise<Link["peer"]> => {
    const linked = options.find({ id: letter.peer });
    if (linked !== undefined) return linked.peer;
    if (sender === undefined) throw new TightbeamError("store_damaged", "The letter does not say who sent it: it is not replayed.");
    return peerOfLetter(letter.peer, sender, trust, clock.wall());
  };

  const run = async (letter: DeadLetter, decoded: DecodedEnvelope, body: LetterBody, call: AgainCall): Promise<void> => {
    const { signal, timeout } = call;
    const link = absentLink(await peerOf(letter, body));
    const { header: renewed } = renew(decoded, call.newId);
    // Whoever replays it wants it to run: its time was over long ago.
    const { ttl: _, ...header } = renewed;
    await new Promise<void>((resolve, reject) => {
      let over = false;
      const end = (error?: unknown): void => {
        if (over) return;
        over = true;
        clear();
        signal?.removeEventListener("abort", abort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const giveUp = (error: TightbeamError): void => {
        end(error);
        server.cancel(link, header.id);
      };
      const abort = (): void => giveUp(cancelled(signal as AbortSignal));
      const clear = timers.after(timeout, () => giveUp(new TightbeamError("timeout", `The handler did not settle within ${timeout} ms.`)), {
        background: true,
      });
      signal?.addEventListener("abort", abort, { once: true });
      let settled = false;
      const commitment = new Commitment();
      const conclude = (outcome: Outcome, error: unknown): void => {
        const handled = outcome === "ok" || commitment.made;
        if (over && handled) call.late();
        end(handled ? undefined : (error ?? new TightbeamError("handler_failed", "The handler failed.")));
      };
      const settle = (outcome: Outcome, error?: unknown): void => {
        if (settled) return;
        settled = true;
        server.linkEnded(link, new TightbeamError("closed", "The replay is over."));
        if (commitment.pending) commitment.afterwards(() => conclude(outcome, error));
        else conclude(outcome, error);
      };
      // Not in one batch with the letter's end: a replay is at least once.
      const durable: DurableDelivery = {
        // The letter counts this one already.
        attempt: letter.attempts,
        begun: () => undefined,
        commit: (state, named) => commitment.make(() => options.save(state, named)),
      };
      const { envelope } = body;
      const lane = laneOfPriority(header.priority, envelope.length);
      const delivery: Delivery = { bytes: envelope, size: envelope.length, lane, intake: true, wantsDone: false, refused: undefined, settle, durable };
      server.serve(link, delivery, header, decoded.payload);
    });
  };

  return async (letter, body, call) => {
    const decoded = decodeEnvelope(body.envelope);
    return letter.side === "sender" ? send(letter, decoded, call) : run(letter, decoded, body, call);
  };
}

/** Stands for the link a letter came over: who was at its other end, and nobody to answer. */
function absentLink(peer: Link["peer"]): Link {
  const gone = (): never => {
    throw new TightbeamError("closed", "The link of a replayed letter has ended.");
  };
  const budget = { take: () => true, give: () => undefined, charge: () => true, discharge: () => undefined, used: 0, most: 0 };
  return {
    peer,
    state: "up",
    awaited: 0,
    declines: false,
    budget,
    clockOffset: () => 0,
    askClock: () => undefined,
    send: gone,
    offer: () => false,
    status: gone,
    close: () => undefined,
    drained: () => Promise.resolve(),
  };
}
