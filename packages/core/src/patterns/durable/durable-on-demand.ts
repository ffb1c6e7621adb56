import type { Method } from "../../contract/index.js";
import { TightbeamError } from "../../errors.js";
import { onDemand } from "../../on-demand.js";
import { isAgentId } from "../../transport/address.js";
import type { Taker } from "../answering/receiver.js";
import type { NotifyOptions } from "../asking/operation.js";
import type { Route } from "../asking/target.js";
import type { PatternPart } from "../host.js";
import type { Durable, DurableHost } from "./durable.js";
import { openingName } from "./opening-name.js";
import type { AgentDurable } from "./types.js";

const loadDurable = onDemand(() => import("./durable.js"));

/** Durable messages as an agent has them: loaded at once where there is a store, else when a peer first sends one. */
export interface DurableOnDemand extends Required<PatternPart> {
  readonly api: AgentDurable;
  notify(target: Route | undefined, method: Method, input: unknown, operation: NotifyOptions): Promise<void>;
  readonly take: Taker;
  readonly checkpoints: Durable["checkpoints"];
  /** Settles when what the store remembers was read. Rejects what the store rejects. */
  ready(): Promise<void>;
  /** After `stop`: settles when what was on its way to the store is there. */
  closed(): Promise<void>;
}

export function createDurableOnDemand(host: DurableHost, load = loadDurable): DurableOnDemand {
  let part: Durable | undefined;
  let making: Promise<Durable> | undefined;
  let stopped: TightbeamError | undefined;

  const make = (): Promise<Durable> => {
    making ??= load()
      .then(({ createDurable }) => createDurable(host))
      .then(
        (made) => {
          if (stopped !== undefined) made.stop(stopped);
          part = made;
          return made;
        },
        (error: unknown) => {
          making = undefined;
          throw error;
        },
      );
    return making;
  };
  host.system.handle(openingName, (link, value) => (part === undefined ? make().then((made) => made.open(link, value)) : part.open(link, value)));

  return {
    api: {
      status: () => part?.status() ?? { store: undefined, incarnation: 0, peers: [], receiving: 0, damaged: [], failed: undefined },
      flush: async () => part?.flush(),
      idle: async (options) => part?.idle(options),
      async forget(peer) {
        if (!isAgentId(peer)) throw new TightbeamError("invalid_argument", "An agent id is [realm/]name, each part 1 to 64 of A-Z a-z 0-9 _ -.");
        await part?.forget(peer);
      },
    },
    notify(target, method, input, operation) {
      if (part?.notify === undefined) return Promise.reject(noStore());
      if (target === undefined) return Promise.reject(new TightbeamError("invalid_argument", "A durable message goes to one agent: give its id."));
      return part.notify(target, method, input, operation);
    },
    take(link, delivery, header, payload) {
      if (part !== undefined) return part.take(link, delivery, header, payload);
      delivery.settle("refused");
      host.onRefused({ peer: link.peer.id, error: new TightbeamError("flow", "A durable message came before its sender said what store it is of.") });
    },
    ready: async () => {
      if (host.kept !== undefined) await make();
    },
    linkUp: (link) => part?.linkUp(link),
    linkSuspect: (link) => part?.linkSuspect(link),
    linkEnded: (link, error) => part?.linkEnded(link, error),
    drain: async (error) => part?.drain(error),
    stop(error) {
      stopped = error;
      part?.stop(error);
    },
    closed: async () => part?.closed(),
    get checkpoints() {
      return part?.checkpoints;
    },
  };
}

const noStore = (): TightbeamError => new TightbeamError("invalid_argument", "Durable messages are kept in a store: createAgent({ store, storeKey, ... }).");
