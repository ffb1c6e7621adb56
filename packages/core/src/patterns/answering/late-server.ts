import type { EncodedPayload } from "../../codec/types.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import type { OnDemand } from "../../on-demand.js";
import { createLatePart } from "../late-part.js";
import { closingSoon, createFinish } from "./answer.js";
import { createHandlers } from "./handlers.js";
import { heldBytes, keepPayload } from "./keep-payload.js";
import type { serverOf } from "./server.js";
import type { Server, ServingOptions } from "./server-types.js";

/** What a call that waits costs beside its payload. */
const heldCost = 512;

/** A call that waits for what answers it. */
interface Held {
  readonly link: Link;
  readonly header: EnvelopeHeader;
  /** Its caller waits no longer. */
  cancelled: boolean;
}

/**
 * A server whose code is loaded with the first handler of the application, or with what a peer first asks. What comes until then waits in
 * order, up to a number, and in the agent's memory; each holds its intake credit. Names are taken here, at once.
 */
export function createLateServer(options: ServingOptions, load: OnDemand<{ readonly serverOf: typeof serverOf }>): Server {
  const handlers = createHandlers();
  const finish = createFinish(options);
  const waiting = new Set<Held>();
  /** Why nothing is taken any more. */
  let refusing: TightbeamError | undefined;

  const late = createLatePart(load, (code) => {
    const server = code.serverOf({ ...options, handlers });
    // Told while it was loaded, with nothing that waited: what waits is taken before it hears of that.
    if (refusing !== undefined && waiting.size === 0) server.drain();
    return server;
  });
  /** Before the first caller comes. What fails is tried again with it. */
  const prepare = (): void => late.use(nothing, nothing);

  const hold = (link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined): void => {
    const refuse = (error: TightbeamError): void => {
      if (header.type === "request" && link.state === "ended") delivery.settle("refused", error);
      else finish(link, delivery, header, "refused", undefined, error);
    };
    if (refusing !== undefined) return refuse(refusing);
    const kept = keepPayload(payload);
    const bytes = heldCost + heldBytes(header, kept);
    if (waiting.size >= limits.running || !link.budget.take(bytes))
      return refuse(new TightbeamError("overloaded", "This agent is not ready for calls yet, and as many wait as it takes."));
    const held: Held = { link, header, cancelled: false };
    waiting.add(held);
    const over = (): void => {
      waiting.delete(held);
      link.budget.give(bytes);
    };
    late.use(
      (server) => {
        over();
        // Nobody waits for the answer; a notification was for us all the same.
        if (header.type === "request" && (held.cancelled || link.state === "ended")) delivery.settle("refused", cancelled());
        else server.serve(link, delivery, header, kept);
      },
      (error) => {
        over();
        refuse(error);
      },
    );
  };

  return {
    served: options.served,
    members: () => handlers.members(),
    isOrdered: (name) => handlers.get(name)?.ordered === true,
    handle(method, handler, handleOptions) {
      const end = handlers.handle(method, handler, handleOptions);
      prepare();
      return end;
    },
    fallback(handler) {
      const end = handlers.fallback(handler);
      prepare();
      return end;
    },
    handleOwn: (method, handler) => handlers.handleOwn(method, handler),
    handleStream: (name, entry) => handlers.handleStream(name, entry),
    streamOf: (name) => handlers.streamOf(name),
    serve(link, delivery, header, payload) {
      if (late.ready === undefined) hold(link, delivery, header, payload);
      else late.ready.serve(link, delivery, header, payload);
    },
    cancel(link, id) {
      if (late.ready !== undefined) return late.ready.cancel(link, id);
      for (const held of waiting) if (held.link === link && held.header.id === id) held.cancelled = true;
    },
    // What waits goes on waiting, and counts: else a peer that reconnects for ever while the code does not come could make more and more wait.
    linkEnded: (link, error) => late.part?.linkEnded(link, error),
    get running() {
      return late.part?.running ?? 0;
    },
    get queued() {
      return waiting.size + (options.admission.made?.places.queued ?? 0);
    },
    idle() {
      if (late.part === undefined && waiting.size === 0) return Promise.resolve();
      return new Promise((resolve) =>
        late.use(
          (server) => resolve(server.idle()),
          () => resolve(),
        ),
      );
    },
    stop(error) {
      refusing = error;
      late.part?.stop(error);
      late.stop(error);
    },
    drain() {
      refusing ??= closingSoon();
      if (late.part !== undefined || waiting.size > 0) late.use((server) => server.drain(), nothing);
    },
  };
}

const nothing = (): void => undefined;
const cancelled = (): TightbeamError => new TightbeamError("cancelled", "The caller waits no longer.");
