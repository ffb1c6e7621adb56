import { createPart, readPartHead } from "../../envelope/part-head.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
import { checkKnown } from "../../known-options.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import { onDemand } from "../../on-demand.js";
import { heldBytes, keepPayload } from "../answering/keep-payload.js";
import { operateLate } from "../asking/late-operation.js";
import { checkOperation } from "../asking/operation.js";
import type { PatternHost } from "../host.js";
import { createLatePart } from "../late-part.js";
import { snapshot } from "../snapshot.js";
import { windowOf } from "./limits.js";
import { LoadingStream } from "./loading-stream.js";
import { refuseOpening } from "./refusal.js";
import type { createStreams, Streams } from "./streams.js";
import type { StreamCallOptions } from "./types.js";

const loadStreams = onDemand(() => import("./streams.js"));

/** An opening that waits, beside its payload. */
const openingCost = 512;
/** No part that its stream can need before its handler has run is longer: of others this much is enough to refuse them by. */
const keptPartBytes = 2_048;
/** Parts that are kept for one stream: before its handler says anything, the caller can end and cancel it. */
const keptParts = 8;

/** A stream that waits to be served. */
interface Held {
  /** That were said in it so far. */
  parts: number;
  /** Of memory that all of it takes. */
  bytes: number;
}

/**
 * Streams, loaded when this agent first opens or handles one, or a peer opens one here. What comes until then waits in order: openings hold
 * their intake credit, and all of it the agent's memory.
 */
export function createStreamsOnDemand(host: PatternHost, server: Parameters<typeof createStreams>[1], load = loadStreams): Streams {
  const { runtime, json, onRefused } = host;
  const held = new Map<Link, Map<number, Held>>();
  const read = createPart();
  let heldCount = 0;
  let refusing: TightbeamError | undefined;

  const late = createLatePart(load, ({ createStreams }) => {
    const streams = createStreams(host, server);
    if (refusing !== undefined) void streams.drain(refusing);
    return streams;
  });

  const letGo = (link: Link, number: number): void => {
    const openings = held.get(link);
    const entry = openings?.get(number);
    if (openings === undefined || entry === undefined) return;
    link.budget.give(entry.bytes);
    heldCount--;
    openings.delete(number);
    if (openings.size === 0) held.delete(link);
  };

  const full = (): TightbeamError => new TightbeamError("overloaded", "This agent is not ready for streams yet, and as many wait as it takes.");

  const holdOpening = (link: Link, delivery: Delivery, header: EnvelopeHeader, payload: Parameters<Streams["opening"]>[3]): void => {
    const { number } = header.stream as NonNullable<typeof header.stream>;
    const openings = held.get(link) ?? new Map<number, Held>();
    const kept = keepPayload(payload);
    const bytes = openingCost + heldBytes(header, kept);
    const refuse = (error: TightbeamError): void => refuseOpening(host, link, delivery, header, error);
    if (refusing !== undefined) return refuse(refusing);
    if (openings.has(number)) {
      delivery.settle("refused");
      return onRefused({ peer: link.peer.id, error: new TightbeamError("invalid_envelope", "A stream of this number is open already.") });
    }
    if (heldCount >= limits.streamsPerLink || !link.budget.take(bytes)) return refuse(full());
    heldCount++;
    openings.set(number, { parts: 0, bytes });
    held.set(link, openings);
    late.use(
      (streams) => {
        letGo(link, number);
        if (link.state !== "ended") streams.opening(link, delivery, header, kept);
      },
      (error) => {
        letGo(link, number);
        refuse(error);
      },
    );
  };

  const holdPart = (link: Link, delivery: Delivery): void => {
    const { bytes, intake } = delivery;
    delivery.settle("ok");
    const entry = !intake && readPartHead(bytes, read) && read.byOpener ? held.get(link)?.get(read.number) : undefined;
    const kept = bytes.slice(0, keptPartBytes);
    if (entry === undefined || entry.parts >= keptParts || !link.budget.take(kept.length))
      return onRefused({ peer: link.peer.id, error: new TightbeamError("invalid_envelope", "Something was said in a stream that is not open.") });
    entry.parts++;
    entry.bytes += kept.length;
    const { size, lane, wantsDone, refused } = delivery;
    late.use((streams) => {
      if (link.state !== "ended") streams.part(link, { bytes: kept, size, lane, intake, wantsDone, refused, settle: nothing });
    }, nothing);
  };

  const openLate = (...[target, contract, input, options]: Parameters<Streams["open"]>): LoadingStream => {
    const stream = new LoadingStream(json);
    const { timeout, window: _, source: __, ...operation } = options;
    try {
      checkOperation(timeout === undefined ? operation : { ...operation, timeout });
    } catch (error) {
      stream.fail(error as TightbeamError);
      return stream;
    }
    const { value } = snapshot(input, json);
    const run = (streams: Streams, left: number): void => {
      const rest: StreamCallOptions = timeout === undefined ? options : { ...options, timeout: left };
      if (!stream.over) stream.become(streams.open(target, contract, value, rest));
    };
    operateLate({ runtime, late, options, run }).catch((error: TightbeamError) => stream.fail(error));
    return stream;
  };

  return {
    open: (target, contract, input, options) =>
      late.ready === undefined ? openLate(target, contract, input, options) : late.ready.open(target, contract, input, options),
    handle(contract, handler, { window, ...unknown } = {}) {
      checkKnown(`handle(stream("${contract.name}"))`, unknown, ["window"]);
      const end = server.handleStream(contract.name, { contract, handler, window: windowOf(window) });
      // Before the first caller comes. What fails is tried again with it.
      late.use(nothing, nothing);
      return end;
    },
    opening(link, delivery, header, payload) {
      if (late.ready === undefined) holdOpening(link, delivery, header, payload);
      else late.ready.opening(link, delivery, header, payload);
    },
    part(link, delivery) {
      if (late.ready === undefined) holdPart(link, delivery);
      else late.ready.part(link, delivery);
    },
    get counts() {
      return late.part?.counts ?? { opened: 0, served: 0 };
    },
    // What waits goes on waiting, and counts: else a peer that reconnects for ever while the code does not come could make more and more wait.
    linkEnded: (link, error) => late.part?.linkEnded(link, error),
    drain(error) {
      refusing ??= error;
      if (late.part === undefined && heldCount === 0) return Promise.resolve();
      return new Promise((resolve) =>
        late.use(
          (streams) => resolve(streams.drain(error)),
          () => resolve(),
        ),
      );
    },
    stop(error) {
      refusing = error;
      late.part?.stop(error);
      late.stop(error);
    },
  };
}

const nothing = (): void => undefined;
