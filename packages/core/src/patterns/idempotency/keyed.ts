import { equalBytes } from "../../bytes.js";
import type { EncodedPayload } from "../../codec/types.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import * as limits from "../../limits.js";
import type { Outcome } from "../../link/message.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Call } from "../answering/running-calls.js";
import { type Archive, createArchive, type Found, type IdempotencyState } from "./archive.js";
import { contentOf, isLasting } from "./content.js";
import { newOperation, type Operation } from "./operation.js";
import { idempotencyBounds } from "./options.js";
import { notKept } from "./record.js";
import type { IdempotencyOptions, KeptReply, KeyedCalls, KeyedHost } from "./types.js";
import { createWaiters } from "./waiters.js";

class CallsByKey implements KeyedPart {
  readonly pruneEveryMs: number;
  readonly #host: KeyedHost;
  readonly #archive: Archive;
  /** By peer agent and key. */
  readonly #operations = new Map<string, Operation>();
  readonly #operationOf = new Map<Call, Operation>();
  /** Of replies in memory that should be in the store. */
  #unkeptBytes = 0;
  readonly #waiters = createWaiters();

  constructor(host: KeyedHost, archive: Archive, pruneEveryMs: number) {
    this.pruneEveryMs = pruneEveryMs;
    this.#host = host;
    this.#archive = archive;
  }

  take(call: Call, payload: EncodedPayload | undefined): void {
    if (call.cancelled !== undefined) return this.#host.drop(call, asError(call.cancelled));
    const peer = call.link.peer.id;
    const key = call.header.idempotencyKey as string;
    const content = contentOf(call, payload);
    const operation = this.#operations.get(nameOf(peer, key));
    if (operation !== undefined) return this.#join(operation, call, content, payload);
    const found = this.#archive.find(peer, key);
    if (found === undefined) return this.#begin(peer, key, content, call, payload);
    if (!(found instanceof Promise)) return this.#repeat(call, found, content);
    this.#host.hold(call);
    found.then(
      (kept) => this.#repeat(call, kept, content),
      (error: unknown) => this.#refuse(call, error),
    );
  }

  ended(call: Call, outcome: Outcome, payload: EncodedPayload | undefined, error: unknown): void {
    const operation = this.#operationOf.get(call);
    this.#operationOf.delete(call);
    if (operation === undefined || operation.runner !== call) return this.#host.conclude(call, outcome, payload, error);
    operation.runner = undefined;
    const failed = outcome !== "ok";
    if (failed && (call.cancelled !== undefined || call.header.type === "notification") && this.#passOn(operation))
      return this.#host.conclude(call, outcome, payload, error);
    if (failed && (call.cancelled !== undefined || !isLasting(call, error))) {
      this.#end(operation);
      this.#archive.forget(operation.peer, operation.key);
      this.#concludeAll(operation, call, outcome, undefined, error);
      return;
    }
    const reply: KeptReply = { outcome: failed ? "failed" : "ok", payload, error: failed ? asError(error) : undefined };
    const flush = this.#archive.finish(operation.peer, operation.key, { content: operation.content, reply });
    if (flush === undefined) {
      this.#end(operation);
      this.#concludeAll(operation, call, outcome, payload, error);
      return;
    }
    operation.flush = flush;
    // Until it is flushed its application may write to what it returned.
    operation.reply = payload === undefined ? reply : { ...reply, payload: { kind: payload.kind, bytes: payload.bytes.slice() } };
    void this.#keep(operation, call);
  }

  /** Replies that could not be kept, and are not asked for any more. */
  prune(): void {
    this.#archive.prune();
    for (const operation of [...this.#operations.values()])
      if (operation.flush !== undefined && !this.#archive.has(operation.peer, operation.key)) this.#end(operation);
  }

  left(call: Call, reason: TightbeamError, closing: boolean): boolean {
    const operation = this.#operationOf.get(call);
    // Its reply is being looked for, and comes in a moment.
    if (operation === undefined) return call.held;
    if (operation.runner === call) {
      if (operation.waiting.size === 0 || closing) return false;
      operation.deserted ??= reason;
      return true;
    }
    // What becomes of a notification matters to nobody but us.
    if (!operation.waiting.has(call) || (call.header.type === "notification" && !closing)) return true;
    this.#leave(operation, call);
    this.#host.drop(call, reason);
    const { runner, deserted } = operation;
    if (runner !== undefined && deserted !== undefined && operation.waiting.size === 0) this.#host.fire(runner, deserted);
    return true;
  }

  #begin(peer: string, key: string, content: Uint8Array, call: Call, payload: EncodedPayload | undefined): void {
    const wait = this.#archive.begin(peer, key);
    if (wait > 0) {
      const message = `${peer} has used so many idempotency keys that there is no room for another one: again in ${Math.ceil(wait)} ms. Nothing was done.`;
      return this.#host.conclude(call, "refused", undefined, new TightbeamError("overloaded", message, { retryAfter: Math.ceil(wait) }));
    }
    const operation = newOperation(peer, key, content, call);
    this.#operations.set(nameOf(peer, key), operation);
    this.#operationOf.set(call, operation);
    this.#host.start(call, payload, false);
  }

  #join(operation: Operation, call: Call, content: Uint8Array, payload: EncodedPayload | undefined): void {
    if (!equalBytes(content, operation.content)) return this.#host.conclude(call, "refused", undefined, conflict());
    if (!this.#waiters.add(operation, call, payload)) {
      const error = new TightbeamError("overloaded", "Too many calls wait for the reply of another one with the same idempotency key.", {
        retryAfter: limits.overloadedMinMs,
      });
      return this.#host.conclude(call, "refused", undefined, error);
    }
    this.#operationOf.set(call, operation);
    this.#host.hold(call);
    if (operation.runner === undefined && operation.flush !== undefined) void this.#keep(operation, undefined);
  }

  #repeat(call: Call, { content, reply }: Found, asked: Uint8Array): void {
    if (!equalBytes(content, asked)) return this.#refuse(call, conflict());
    this.#host.conclude(call, reply.outcome === "ok" ? "ok" : "refused", reply.payload, reply.error);
  }

  #refuse(call: Call, error: unknown): void {
    this.#host.conclude(call, "refused", undefined, asError(error));
  }

  /** The next one that waits runs instead. */
  #passOn(operation: Operation): boolean {
    for (const [next, payload] of operation.waiting) {
      this.#leave(operation, next);
      operation.runner = next;
      operation.deserted = undefined;
      this.#operationOf.set(next, operation);
      // Later: a thousand that fail at once must not stand on one another.
      void Promise.resolve().then(() => this.#host.start(next, payload, true));
      return true;
    }
    return false;
  }

  /** One at a time: who comes meanwhile waits for this one. */
  async #keep(operation: Operation, call: Call | undefined): Promise<void> {
    const { flush, reply } = operation;
    if (flush === undefined || reply === undefined) return;
    operation.flush = undefined;
    const outcome = reply.outcome === "ok" ? "ok" : "refused";
    try {
      await flush();
    } catch (error) {
      this.#unkept(operation, flush);
      // It was done, and nobody would know after a crash: whoever asks again tries to keep it again.
      this.#concludeAll(operation, call, "refused", undefined, asError(error));
      return;
    }
    this.#end(operation);
    this.#concludeAll(operation, call, outcome, reply.payload, reply.error);
  }

  /** It stays in memory until it can be kept; without what it says when that is too much. */
  #unkept(operation: Operation, flush: () => Promise<void>): void {
    const { peer, key, content, reply } = operation;
    const bytes = reply?.payload?.bytes.length ?? 0;
    operation.flush = flush;
    if (operation.unkeptBytes > 0 || bytes === 0) return;
    if (this.#unkeptBytes + bytes <= keptLimits.idempotencyUnkeptBytes) {
      operation.unkeptBytes = bytes;
      this.#unkeptBytes += bytes;
      return;
    }
    operation.reply = notKept;
    operation.flush = this.#archive.finish(peer, key, { content, reply: notKept });
  }

  #concludeAll(operation: Operation, call: Call | undefined, outcome: Outcome, payload: EncodedPayload | undefined, error: unknown): void {
    if (call !== undefined) this.#host.conclude(call, outcome, payload, error);
    for (const waiter of [...operation.waiting.keys()]) {
      this.#leave(operation, waiter);
      this.#host.conclude(waiter, outcome, payload, error);
    }
  }

  #leave(operation: Operation, call: Call): void {
    this.#waiters.remove(operation, call);
    this.#operationOf.delete(call);
  }

  #end(operation: Operation): void {
    this.#operations.delete(nameOf(operation.peer, operation.key));
    this.#unkeptBytes -= operation.unkeptBytes;
    operation.unkeptBytes = 0;
  }
}

/** No agent id has a space in it. */
const nameOf = (peer: string, key: string): string => `${peer} ${key}`;

const conflict = (): TightbeamError =>
  new TightbeamError("idempotency_conflict", "This idempotency key was used before, for another method or payload: use a new one for a new operation.");

const asError = (error: unknown): TightbeamError => (isTightbeamError(error) ? error : new TightbeamError("handler_failed", "The handler failed."));

export interface KeyedOptions {
  readonly runtime: Runtime;
  readonly state: IdempotencyState | undefined;
  readonly options: IdempotencyOptions;
}

export interface KeyedPart extends KeyedCalls {
  /** What is too old goes. */
  prune(): void;
  readonly pruneEveryMs: number;
}

/** Reads what the state has of keys. Rejects what that rejects. */
export async function openKeyedCalls({ runtime, state, options }: KeyedOptions, host: KeyedHost): Promise<KeyedPart> {
  const bounds = idempotencyBounds(options, state !== undefined && state.capabilities.durability !== "memory");
  const pruneEveryMs = Math.min(keptLimits.idempotencyPruneMs, Math.max(bounds.keepMs, keptLimits.idempotencyPruneMinMs));
  return new CallsByKey(host, await createArchive(bounds, runtime.clock, state), pruneEveryMs);
}

export { idempotencyBounds } from "./options.js";
