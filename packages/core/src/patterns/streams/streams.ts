import { encodePayload } from "../../codec/index.js";
import type { EncodedPayload } from "../../codec/types.js";
import { type Stream, validate } from "../../contract/index.js";
import { readPartBody } from "../../envelope/part.js";
import { createPart, readPartHead } from "../../envelope/part-head.js";
import type { OutgoingHeader } from "../../envelope/types.js";
import { encodeEnvelope } from "../../envelope/wire.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link, LinkTarget } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import { callPermission } from "../admission/admission.js";
import { admissionOf } from "../admission/admission-of.js";
import { missing } from "../answering/missing.js";
import type { Taker } from "../answering/receiver.js";
import type { Server } from "../answering/server-types.js";
import { checkSize } from "../asking/call.js";
import { checkOperation, laneOf } from "../asking/operation.js";
import { invalidTarget } from "../asking/target.js";
import type { PatternHost, PatternPart } from "../host.js";
import { windowOf } from "./limits.js";
import { OpenedStream } from "./opened.js";
import { refuseOpening } from "./refusal.js";
import { ServedStream } from "./served.js";
import { createStreamTable, type Place } from "./table.js";
import type { StreamCall, StreamCallOptions, StreamContext, StreamHandleOptions } from "./types.js";

/** Streams of one agent, opened and served. */
export interface Streams extends Required<Omit<PatternPart, "linkUp" | "linkSuspect">> {
  /** `target` undefined: it is none. Never throws: what is wrong is what the stream ends with. */
  open(target: LinkTarget | undefined, contract: Stream, input: unknown, options: StreamCallOptions): StreamCall;
  handle(contract: Stream, handler: (input: unknown, context: StreamContext) => unknown, options?: StreamHandleOptions): () => void;
  /** An opening came. */
  readonly opening: Taker;
  /** What is said in a stream came. */
  part(link: Link, delivery: Delivery): void;
  /** Opened here and served here. */
  readonly counts: { readonly opened: number; readonly served: number };
}

export function createStreams(host: PatternHost, server: Pick<Server, "handleStream" | "streamOf" | "members" | "served">): Streams {
  const { runtime, ids, json, links, taps, onRefused } = host;
  const admission = admissionOf(host.admission);
  const table = createStreamTable();
  const read = createPart();
  let refusing: TightbeamError | undefined;
  let idleWaiters: (() => void)[] = [];

  const settleIdle = (): void => {
    if (idleWaiters.length === 0 || table.serving + table.opened > 0) return;
    const waiters = idleWaiters;
    idleWaiters = [];
    for (const waiter of waiters) waiter();
  };

  const post = (stream: OpenedStream, link: Link, contract: Stream, payload: EncodedPayload | undefined, options: StreamCallOptions): (() => void) => {
    const { priority = "normal", ttl, headers, idempotencyKey } = options;
    const place = table.at(link);
    if (!table.mayOpen(place)) throw new TightbeamError("overloaded", `${limits.streamsPerLink} streams are open on the link with ${link.peer.id} already.`);
    const timestamp = runtime.clock.wall();
    const number = place.next++;
    const id = ids.text(timestamp);
    const { id: peer, instance } = link.peer;
    const departure = taps.tracing?.sending(
      { type: "stream", name: contract.name, id, peer: { id: peer, instance }, bytes: payload?.bytes.length ?? 0, durable: false },
      options,
    );
    const headed = departure?.headers ?? headers;
    const header: OutgoingHeader = {
      type: "stream",
      id,
      timestamp,
      priority,
      method: contract.name,
      stream: { number, credit: stream.credit(link.budget) },
      ...(ttl === undefined ? undefined : { ttl }),
      ...(headed === undefined ? undefined : { headers: headed }),
      ...(idempotencyKey === undefined ? undefined : { idempotencyKey }),
    };
    if (departure !== undefined) afterwards(stream.result, (error) => departure.end(error));
    const bytes = encodeEnvelope(header, payload);
    checkSize(link, bytes.length);
    const lane = laneOf({ priority }, 0);
    place.opened.set(number, stream);
    try {
      const message = { bytes, lane, intake: true, watch: stream };
      const sent = taps.messages === undefined ? link.send(message) : taps.messages.send(link, header, message);
      stream.sent(link, lane, number, sent);
      if (taps.messages !== undefined) afterwards(stream.result, (error) => taps.messages?.settled(sent, error));
    } catch (error) {
      place.opened.delete(number);
      // It ended before this: nobody will end its place.
      if (link.state === "ended") table.end(link, error as TightbeamError);
      throw error;
    }
    host.observe(link, header, payload);
    return () => {
      place.opened.delete(number);
      settleIdle();
    };
  };

  const refusal = (delivery: Delivery, place: Place): TightbeamError | undefined => {
    if (refusing !== undefined) return refusing;
    if (delivery.refused !== undefined) return new TightbeamError(delivery.refused, "What opens the stream is larger than this agent takes now.");
    if (!table.enter(place)) return new TightbeamError("overloaded", "This agent serves as many streams as it takes.");
    return undefined;
  };

  return {
    open(target, contract, input, options) {
      const { timeout, signal, source } = options;
      let close: () => void = nothing;
      let clear: (() => void) | undefined;
      const onAbort = (): void => stream.cancel(signal?.reason);
      const onOver = (): void => {
        close();
        clear?.();
        signal?.removeEventListener("abort", onAbort);
      };
      const stream = new OpenedStream({ host, contract, window: windowOr(options), onOver });
      const begin = async (to: LinkTarget): Promise<void> => {
        if (contract.input !== undefined) await validate(contract.input, input, "input");
        const payload = encodePayload(input, json);
        const link = links.choose(to) ?? (await links.connect(to, { timeout: timeout ?? limits.requestTimeoutMs, signal }));
        if (stream.over) return;
        close = post(stream, links.choose(to) ?? link, contract, payload, options);
      };
      try {
        const { window, source: _, ...operation } = options;
        checkOperation(operation);
        windowOf(window);
        if (target === undefined) throw invalidTarget();
        if (timeout !== undefined)
          clear = runtime.timers.after(timeout, () =>
            stream.fail(new TightbeamError("timeout", `The stream '${contract.name}' took more than ${timeout} ms.`)),
          );
        signal?.addEventListener("abort", onAbort);
        begin(target).catch((error: TightbeamError) => stream.fail(error));
        if (source !== undefined) void stream.saySource(source);
      } catch (error) {
        stream.fail(error as TightbeamError);
      }
      return stream;
    },
    handle: (contract, handler, { window } = {}) => server.handleStream(contract.name, { contract, handler, window: windowOf(window) }),
    opening(link, delivery, header, payload) {
      const place = table.at(link);
      const { number } = header.stream as NonNullable<typeof header.stream>;
      if (place.served.has(number)) {
        delivery.settle("refused");
        return onRefused({ peer: link.peer.id, error: new TightbeamError("invalid_envelope", "A stream of this number is open already.") });
      }
      place.highest = Math.max(place.highest, number);
      const refused = refusal(delivery, place);
      if (refused !== undefined) return refuseOpening(host, link, delivery, header, refused);
      const stream = new ServedStream({
        host,
        missing: (name) => missing(name, server),
        place,
        header,
        onOver: () => place.served.delete(number),
        onSettled: () => {
          taps.messages?.handled(delivery, stream.cancelled);
          taps.tracing?.over(stream, stream.cancelled);
          table.leave(place);
          settleIdle();
        },
      });
      place.served.set(number, stream);
      const method = header.method as string;
      admission.admit(
        { kind: "stream", link, header, permission: callPermission(method), payload },
        (leave, input) => {
          if (!stream.over) stream.run(server.streamOf(method), input);
          delivery.settle("ok");
          leave();
        },
        (error) => {
          stream.fail(error);
          delivery.settle("refused");
        },
      );
    },
    part(link, delivery) {
      const { bytes, intake, refused } = delivery;
      delivery.settle("ok");
      const headed = !intake && readPartHead(bytes, read);
      const place = headed ? table.find(link) : undefined;
      const stream = (read.byOpener ? place?.served : place?.opened)?.get(read.number);
      if (stream === undefined || place === undefined) {
        // What is on its way when a stream ends comes late, and is nobody's.
        if (place !== undefined && (read.byOpener ? read.number <= place.highest : read.number < place.next)) return;
        return onRefused({ peer: link.peer.id, error: new TightbeamError("invalid_envelope", "Something was said in a stream that was never opened.") });
      }
      if (refused !== undefined) return stream.broken(new TightbeamError(refused, "A chunk was larger than this agent takes now."));
      try {
        readPartBody(bytes, read);
      } catch (error) {
        return stream.broken(error as TightbeamError);
      }
      stream.take(read);
    },
    linkEnded(link, error) {
      table.end(link, error);
      settleIdle();
    },
    stop(error) {
      refusing = error;
      for (const { served } of table.places) for (const stream of [...served.values()]) stream.linkEnded(error);
    },
    drain(error) {
      refusing ??= error;
      return new Promise((resolve) => {
        idleWaiters.push(resolve);
        settleIdle();
      });
    },
    get counts() {
      return { opened: table.opened, served: table.serving };
    },
  };
}

const nothing = (): void => undefined;

/** A wrong one is refused a moment later, as the stream's error. */
const windowOr = ({ window }: StreamCallOptions): number => (typeof window === "number" ? window : limits.streamWindowBytes);

/** Without an error where it came to its end. */
const afterwards = (result: Promise<unknown>, run: (error: unknown) => void): void => void result.then(() => run(undefined), run);
