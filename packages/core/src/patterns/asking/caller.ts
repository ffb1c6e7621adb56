import { encodePayload } from "../../codec/index.js";
import type { EncodedPayload } from "../../codec/types.js";
import { type Method, validate } from "../../contract/index.js";
import { ownPrefix } from "../../contract/standard-schema.js";
import type { OutgoingHeader } from "../../envelope/types.js";
import { encodeEnvelope } from "../../envelope/wire.js";
import * as limits from "../../limits.js";
import type { Link, LinkTarget } from "../../link/link-types.js";
import type { Lane, MessageWatch } from "../../link/message.js";
import type { Settler } from "../../resilience/types.js";
import { createOwnIdTable } from "../id-table.js";
import type { Announce, Place } from "../taps.js";
import { Announcement } from "./announcement.js";
import { Call, type CallHost, checkSize } from "./call.js";
import type { Caller, CallerOptions } from "./caller-types.js";
import { createDeadlines } from "./deadlines.js";
import { checkOperation, headerOf, laneOf, type NotifyOptions, type OperationOptions, outcomeUnknown, timeoutOf } from "./operation.js";
import { settleReply } from "./reply.js";

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
    const header = headerOf("request", id, now, method, operation, operation.ttl ?? Math.ceil(left));
    const call = new Call(host, { id, method, target, options: operation, bytes: encodeEnvelope(header, payload), left }, link, resolve, reject);
    calls.set(id, call);
    options.observe?.(link, header, payload);
    call.watch();
  };

  const announce: Announce = (link, method, payload, operation, left, target, given) => {
    const now = clock.wall();
    if (given === undefined && taps.tracing !== undefined)
      return taps.tracing.notification(announce, ids.text(now), link, method, payload, operation, left, target);
    const header = headerOf("notification", given ?? ids.bytes(now), now, method, operation, operation.ttl);
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
      settleReply(call, header, payload, json);
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
