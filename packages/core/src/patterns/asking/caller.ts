import { decodePayload, encodePayload } from "../../codec/index.js";
import type { JsonLimits } from "../../codec/limits.js";
import type { EncodedPayload } from "../../codec/types.js";
import { type Method, validate } from "../../contract/index.js";
import { ownPrefix } from "../../contract/standard-schema.js";
import { fromWireError } from "../../envelope/error.js";
import type { Ids } from "../../envelope/id.js";
import type { EnvelopeHeader, EnvelopeType, OutgoingHeader } from "../../envelope/types.js";
import { encodeEnvelope } from "../../envelope/wire.js";
import type { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link, LinkTarget } from "../../link/link-types.js";
import type { Lane, MessageWatch } from "../../link/message.js";
import type { Settler } from "../../resilience/types.js";
import type { Runtime } from "../../runtime/runtime.js";
import { createOwnIdTable } from "../id-table.js";
import type { Announce, AnsweredRequest, Place, Taps } from "../taps.js";
import { Announcement } from "./announcement.js";
import { Call, type CallHost, checkSize, type Moved } from "./call.js";
import { createDeadlines } from "./deadlines.js";
import { checkOperation, laneOf, type NotifyOptions, type OperationOptions, outcomeUnknown, type RequestOptions, timeoutOf } from "./operation.js";

export interface CallerOptions {
  readonly runtime: Runtime;
  readonly ids: Ids;
  readonly taps: Taps;
  readonly json: JsonLimits;
  readonly find: (target: LinkTarget) => Link | undefined;
  /** The same for a request, which may go to any instance. */
  readonly choose: (target: LinkTarget) => Link | undefined;
  readonly connect: (target: LinkTarget, options: { timeout: number; signal?: AbortSignal | undefined }) => Promise<Link>;
  /** Told of every envelope that is sent. */
  readonly observe: ((link: Link, header: OutgoingHeader, payload: EncodedPayload | undefined) => void) | undefined;
  /** Keeps what nobody hears of when its link ends: notifications that their callers were told are on their way. */
  readonly keep?: ((link: Link, header: OutgoingHeader, bytes: Uint8Array) => MessageWatch) | undefined;
  /** A request goes to another instance of its agent. */
  readonly onMoved: (moved: Moved) => void;
}

/** The asking side: requests and notifications on their way out, and the replies that come back. */
export interface Caller {
  request(target: LinkTarget, method: Method, input: unknown, options: OperationOptions): Promise<unknown>;
  notify(target: LinkTarget, method: Method, input: unknown, options: NotifyOptions): Promise<void>;
  /** The input as it travels: validated and encoded, now or when an asynchronous schema has answered. Throws `invalid_input`, `not_serialisable`. */
  encode(method: Method, input: unknown): EncodedPayload | undefined | Promise<EncodedPayload | undefined>;
  /** Attempts under a policy, with options that were checked. */
  requestEncoded(target: LinkTarget, method: Method, payload: EncodedPayload | undefined, options: RequestOptions, settler: Settler<unknown>): void;
  notifyEncoded(target: LinkTarget, method: Method, payload: EncodedPayload | undefined, options: NotifyOptions, settler: Settler<void>): void;
  /** The same on one link, and no other. */
  requestOn(link: Link, method: Method, input: unknown, options: OperationOptions): Promise<unknown>;
  notifyOn(link: Link, method: Method, input: unknown, options: NotifyOptions): Promise<void>;
  /** A response or error arrived on this link. False when nothing waits for it there: late, repeated or forged. */
  answered(link: Link, header: EnvelopeHeader, payload: EncodedPayload | undefined): boolean;
  linkEnded(link: Link, error: TightbeamError): void;
  readonly waiting: number;
  /** Of a request that waits. */
  askedOf(id: string | undefined): AnsweredRequest | undefined;
  /** Answers that nothing waited for. */
  readonly late: number;
  /** Settles when nothing waits any more. */
  idle(): Promise<void>;
}

export function createCaller(options: CallerOptions): Caller {
  const { runtime, ids, json, taps } = options;
  const { clock, timers } = runtime;
  const deadlines = createDeadlines(clock, timers);
  const calls = createOwnIdTable<Call>();
  let idleWaiters: (() => void)[] = [];
  let late = 0;

  const settled = (): void => {
    if (calls.size > 0 || idleWaiters.length === 0) return;
    const waiters = idleWaiters;
    idleWaiters = [];
    for (const waiter of waiters) waiter();
  };

  const host: CallHost = {
    runtime,
    deadlines,
    taps,
    choose: options.choose,
    connect: options.connect,
    onMoved: options.onMoved,
    sendCancel: (link, id) => sendCancel(link, id),
    decline(link) {
      if (link.declines) return;
      link.declines = true;
      timers.after(limits.declinedMs, () => (link.declines = false), { background: true });
    },
    has: (id) => calls.get(id) !== undefined,
    remove(id) {
      const removed = calls.delete(id);
      settled();
      return removed;
    },
  };

  const makeHeader = (type: EnvelopeType, id: string | Uint8Array, timestamp: number, method: Method, operation: OperationOptions, ttl: number | undefined) => {
    const { idempotencyKey, headers, priority = "normal" } = operation;
    const header: { -readonly [name in keyof OutgoingHeader]: OutgoingHeader[name] } = { type, id, timestamp, priority, method: method.name };
    if (ttl !== undefined) header.ttl = ttl;
    if (idempotencyKey !== undefined) header.idempotencyKey = idempotencyKey;
    if (headers !== undefined) header.headers = headers;
    return header;
  };

  const encodeInput: Caller["encode"] = (method, input) => {
    if (method.input === undefined) return encodePayload(input, json);
    // What travels is what the caller gave: the receiver's schema makes its own of it.
    const checked = validate(method.input, input, "input");
    return checked instanceof Promise ? checked.then(() => encodePayload(input, json)) : encodePayload(input, json);
  };

  /** Tells the peer that nobody waits any more, so that the handler's signal fires. */
  const sendCancel = (link: Link, id: string): void => {
    try {
      const timestamp = clock.wall();
      const error = { code: "cancelled", message: "The caller waits no longer.", id } as const;
      const header: OutgoingHeader = { type: "error", id: ids.bytes(timestamp), correlationId: id, timestamp, priority: "normal", error };
      link.send({ bytes: encodeEnvelope(header), lane: 2, intake: false });
    } catch {
      // The link ended, and with it the call; or no id could be made. The caller is told all the same.
    }
  };

  const post = (link: Link, method: Method, payload: EncodedPayload | undefined, operation: OperationOptions, left: number, target: LinkTarget) =>
    new Promise<unknown>((resolve, reject) => place(link, method, payload, operation, left, target, resolve, reject));

  const place: Place = (link, method, payload, operation, left, target, resolve, reject, given) => {
    const now = clock.wall();
    const id = given ?? ids.text(now);
    if (given === undefined && taps.tracing !== undefined) {
      const departure = taps.tracing.begins(id, link, method, payload, operation);
      if (departure !== undefined) return taps.tracing.request(place, departure, id, link, method, payload, operation, left, target, resolve, reject);
    }
    const header = makeHeader("request", id, now, method, operation, operation.ttl ?? Math.ceil(left));
    const call = new Call(host, { id, method, target, options: operation, bytes: encodeEnvelope(header, payload), left }, link, resolve, reject);
    calls.set(id, call);
    options.observe?.(link, header, payload);
    call.watch();
  };

  const announce: Announce = (link, method, payload, operation, left, target, given) => {
    const now = clock.wall();
    if (given === undefined && taps.tracing !== undefined)
      return taps.tracing.notification(announce, ids.text(now), link, method, payload, operation, left, target);
    const header = makeHeader("notification", given ?? ids.bytes(now), now, method, operation, operation.ttl);
    const bytes = encodeEnvelope(header, payload);
    checkSize(link, bytes.length);
    const lane = laneOf(operation, bytes.length);
    if (operation.confirm !== undefined) return announceLater(link, method, header, bytes, lane, payload, operation, left, undefined);
    const keep = options.keep === undefined || method.name.startsWith(ownPrefix) ? undefined : options.keep(link, header, bytes);
    const message = keep === undefined ? { bytes, lane, intake: true } : { bytes, lane, intake: true, kept: true, watch: keep };
    if (taps.messages === undefined ? link.offer(message) : taps.messages.offer(link, header, message)) {
      options.observe?.(link, header, payload);
      return taken;
    }
    return announceLater(link, method, header, bytes, lane, payload, operation, left, keep);
  };

  /** Apart, as are the other functions with closures: what closures share is made when the function around them begins, whether they come to be or not. */
  const announceLater = (
    link: Link,
    method: Method,
    header: OutgoingHeader,
    bytes: Uint8Array,
    lane: Lane,
    payload: EncodedPayload | undefined,
    operation: NotifyOptions,
    left: number,
    keep: MessageWatch | undefined,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      const announcement = new Announcement({ link, method: method.name, operation, resolve, reject, keep, taps });
      const wantsDone = operation.confirm === "done";
      const wantsAck = operation.confirm === "received";
      const message = { bytes, lane, intake: true, kept: keep !== undefined, wantsDone, wantsAck, watch: announcement };
      const sent = taps.messages === undefined ? link.send(message) : taps.messages.send(link, header, message);
      options.observe?.(link, header, payload);
      announcement.begin(sent, deadlines, left, operation.signal);
    });

  type Posting<T> = (link: Link, method: Method, payload: EncodedPayload | undefined, operation: NotifyOptions, left: number, target: LinkTarget) => Promise<T>;

  /** Validate, encode, find or make the link, hand over. Without a promise in between when everything is at hand. */
  const operate = <T>(
    posting: Posting<T>,
    choose: (target: LinkTarget) => Link | undefined,
    target: LinkTarget,
    method: Method,
    input: unknown,
    operation: NotifyOptions,
  ): Promise<T> => {
    try {
      checkOperation(operation, true);
      const timeout = timeoutOf(operation);
      const encoded = encodeInput(method, input);
      const link = choose(target);
      if (link !== undefined && !(encoded instanceof Promise)) return posting(link, method, encoded, operation, timeout, target);
      return operateLater(posting, choose, target, method, encoded, link, operation, timeout);
    } catch (error) {
      return Promise.reject(error);
    }
  };

  /** As `operate` does it, for an attempt under a policy. */
  const settleWith = <T>(settler: Settler<T>, outcome: Promise<T>): void => {
    outcome.then(
      (value) => settler.resolve(value),
      (error: unknown) => settler.reject(error),
    );
  };

  const operateLater = async <T>(
    posting: Posting<T>,
    choose: (target: LinkTarget) => Link | undefined,
    target: LinkTarget,
    method: Method,
    encoded: EncodedPayload | undefined | Promise<EncodedPayload | undefined>,
    link: Link | undefined,
    operation: NotifyOptions,
    timeout: number,
  ): Promise<T> => {
    const start = clock.monotonic();
    const payload = await encoded;
    const connected = link ?? (await options.connect(target, { timeout, signal: operation.signal }));
    const chosen = link ?? choose(target) ?? connected;
    return posting(chosen, method, payload, operation, Math.max(timeout - (clock.monotonic() - start), 1), target);
  };

  return {
    request: (target, method, input, operation) => operate(post, options.choose, target, method, input, operation),
    notify: (target, method, input, operation) => operate(announce, options.find, target, method, input, operation),
    encode: encodeInput,
    requestEncoded(target, method, payload, operation, settler) {
      const link = options.choose(target);
      const timeout = timeoutOf(operation);
      if (link !== undefined) place(link, method, payload, operation, timeout, target, settler, undefined);
      else settleWith(settler, operateLater(post, options.choose, target, method, payload, link, operation, timeout));
    },
    notifyEncoded(target, method, payload, operation, settler) {
      const link = options.find(target);
      const timeout = timeoutOf(operation);
      if (link !== undefined) settleWith(settler, announce(link, method, payload, operation, timeout, target));
      else settleWith(settler, operateLater(announce, options.find, target, method, payload, link, operation, timeout));
    },
    requestOn: (link, method, input, operation) => operate(post, () => link, link.peer, method, input, operation),
    notifyOn: (link, method, input, operation) => operate(announce, () => link, link.peer, method, input, operation),
    answered(link, header, payload) {
      const call = header.correlationId === undefined ? undefined : calls.get(header.correlationId);
      if (call === undefined || call.link !== link) {
        late++;
        return false;
      }
      if (header.error !== undefined) {
        const error = fromWireError(header.error);
        // `overloaded`, again after 0 ms: not here, and nothing was done.
        if (error.code === "overloaded" && error.retryAfter === 0) call.declined(error);
        else call.settle(undefined, error);
        return true;
      }
      try {
        const value = decodePayload(payload, json);
        const { output } = call.method;
        const checked = output === undefined ? value : validate(output, value, "output");
        if (checked instanceof Promise)
          checked.then(
            (valid) => call.settle(valid, undefined),
            (error) => call.settle(undefined, error),
          );
        else call.settle(checked, undefined);
      } catch (error) {
        call.settle(undefined, error as TightbeamError);
      }
      return true;
    },
    linkEnded(link, error) {
      for (const call of calls.values()) {
        if (call.link === link) call.lost(outcomeUnknown(`The link with ${link.peer.id} ended (${error.code})`, {}, error), true);
      }
    },
    askedOf: (id) => (id === undefined ? undefined : calls.get(id)),
    get waiting() {
      return calls.size;
    },
    get late() {
      return late;
    },
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve);
        settled();
      }),
  };
}

/** One for all notifications that go with the next record: they have nothing to wait for. */
const taken: Promise<void> = Promise.resolve();
