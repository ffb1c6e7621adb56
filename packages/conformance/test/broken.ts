import type { TransportEnv } from "@tightbeam/conformance/suite";
import {
  type Address,
  address,
  createAddressTable,
  createClosed,
  createInbox,
  createTransportState,
  type Receive,
  type StateChange,
  systemRuntime,
  type Transport,
  TransportError,
} from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";

/** A transport that breaks the contract in one way, and the rules that must notice. */
export interface Broken {
  readonly flaw: string;
  readonly catches: readonly string[];
  create(): TransportEnv;
}

type Wrap = (inner: Transport, id: string) => Partial<Transport>;
const never = new Promise<never>(() => {});
const { timers } = systemRuntime();

/** Memory with some members replaced; `medium()` makes what the transports of one environment share. */
function broken(flaw: string, catches: readonly string[], medium: () => Wrap): Broken {
  return {
    flaw,
    catches,
    create() {
      const hub = createHub();
      const wrap = medium();
      return {
        async connect(id) {
          const inner = await connectMemory(hub);
          const { capabilities, state, closed } = inner;
          const { send, subscribe, close } = inner;
          return { capabilities, state, closed, send, subscribe, close, ...wrap(inner, id) };
        },
        cut: hub.cut,
        restore: hub.restore,
        close: hub.close,
      };
    },
  };
}
const receiving = (change: (receive: Receive) => Receive) => (): Wrap => (inner) => ({
  subscribe: (at, receive, options) => inner.subscribe(at, change(receive), options),
});
const sending = (send: (inner: Transport, to: Address, frame: Uint8Array) => Promise<void>) => (): Wrap => (inner) => ({
  send: (to, frame) => send(inner, to, frame),
});
const given = (send: (frame: Uint8Array) => Uint8Array) => (): Wrap => (inner) => ({
  capabilities: { ...inner.capabilities, frontBytes: 16 },
  send: (to, frame, isGiven) => inner.send(to, isGiven === true ? send(frame) : frame),
});
const telling = (change: (told: StateChange, listener: (told: StateChange) => void) => void) => (): Wrap => (inner) => ({
  state: {
    get current() {
      return inner.state.current;
    },
    subscribe: (listener) => inner.state.subscribe((told) => change(told, listener)),
  },
});
/** Frames between all transports of the environment go through a table of our own, prepared by `prepare` on send and `hand` on delivery. */
const shared = (prepare: (frame: Uint8Array) => Uint8Array, hand: (frame: Uint8Array) => Uint8Array) => (): Wrap => {
  const table = createAddressTable();
  return () => ({
    async send(to, frame) {
      table.route(to, prepare(frame));
    },
    async subscribe(at, receive, { group } = {}) {
      const inbox = createInbox({ at, receive, timers, onDropped: () => {} });
      const remove = table.add(at, { deliver: (frame) => void inbox.push(hand(frame)) }, group);
      return async () => {
        remove();
        inbox.close();
      };
    },
  });
};

const lifecycle: Broken[] = [
  broken("promises too little", ["T1/usable-at-once"], () => () => ({ capabilities: { maxFrameBytes: 1_000, groups: true, fanout: true } })),
  broken("never comes up again", ["T1/comes-back"], () => (inner) => {
    const { state, change } = createTransportState("up");
    inner.state.subscribe((told) => told.type === "down" && change(told));
    return { state };
  }),
  broken("forgets its subscriptions in a cut", ["T1/comes-back", "T1/subscriptions-first"], () => (inner) => ({
    async subscribe(at, receive, options) {
      const unsubscribe = await inner.subscribe(at, receive, options);
      inner.state.subscribe(({ type }) => type === "down" && void unsubscribe());
      return unsubscribe;
    },
  })),
  broken("restores subscriptions after sends succeed", ["T1/subscriptions-first"], () => (inner) => ({
    async subscribe(at, receive, options) {
      let unsubscribe = await inner.subscribe(at, receive, options);
      inner.state.subscribe(async ({ type }) => {
        if (type === "down") await unsubscribe();
        if (type !== "up") return;
        timers.after(20, () => void inner.subscribe(at, receive, options).then((again) => (unsubscribe = again)));
      });
      return () => unsubscribe();
    },
  })),
  broken("lets one listener's error stop the others", ["T1/state-listeners"], () => (inner) => {
    const listeners = new Set<(change: StateChange) => void>();
    inner.state.subscribe((told) => {
      for (const listener of listeners) listener(told);
    });
    const subscribe = (listener: (change: StateChange) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
    return {
      state: {
        get current() {
          return inner.state.current;
        },
        subscribe,
      },
    };
  }),
  broken("says it is up after close", ["T1/closed-is-terminal"], () => (inner) => {
    let ended = false;
    void inner.closed.then(() => {
      ended = true;
    });
    return {
      state: {
        get current() {
          return ended ? "up" : inner.state.current;
        },
        subscribe: inner.state.subscribe,
      },
    };
  }),
  broken("subscribes after its end", ["T1/closed-is-terminal"], () => (inner) => ({
    subscribe: (at, receive, options) => inner.subscribe(at, receive, options).catch(async () => async () => {}),
  })),
  broken("closed never settles", ["T2/close-settles", "T2/close-while-down"], () => () => ({ closed: never })),
  broken("closed gives a cause after close()", ["T2/close-settles", "T2/close-while-down"], () => (inner) => ({
    closed: inner.closed.then(() => new TransportError("failed", "made up")),
  })),
  broken("close() hangs while the medium is gone", ["T2/close-while-down", "T2/pending-rejects"], () => (inner) => {
    let gone = false;
    inner.state.subscribe((told) => {
      gone = told.type === "down" && told.cause !== undefined;
    });
    return { close: () => (gone ? never : inner.close()) };
  }),
  broken("a second close() beside the first hangs", ["T2/close-settles"], () => (inner) => {
    let closing = false;
    return {
      async close() {
        if (closing) await never;
        closing = true;
        await inner.close();
        closing = false;
      },
    };
  }),
  broken("subscribe pretends while the medium is gone", ["T2/pending-rejects"], () => (inner) => ({
    subscribe: async (at, receive, options) => (inner.state.current === "down" ? async () => {} : inner.subscribe(at, receive, options)),
  })),
  broken("a waiting subscribe is forgotten at the end", ["T2/pending-rejects"], () => (inner) => ({
    subscribe: (at, receive, options) => (inner.state.current === "down" ? never : inner.subscribe(at, receive, options)),
  })),
];

const senders: Broken[] = [
  broken(
    "splits frames",
    ["T3/bytes-unchanged", "T3/largest-frame", "T3/too-large"],
    sending(async (inner, to, frame) => {
      for (let at = 0; at === 0 || at < frame.byteLength; at += 8_192) await inner.send(to, frame.subarray(at, at + 8_192));
    }),
  ),
  broken(
    "swallows empty frames",
    ["T3/empty-frame"],
    sending(async (inner, to, frame) => (frame.byteLength === 0 ? undefined : inner.send(to, frame))),
  ),
  broken(
    "refuses the largest frame",
    ["T3/largest-frame"],
    sending(async (inner, to, frame) => {
      if (frame.byteLength >= inner.capabilities.maxFrameBytes) throw new TransportError("too_large", "one too few");
      await inner.send(to, frame);
    }),
  ),
  broken(
    "drops frames that are too large without a word",
    ["T3/too-large"],
    sending(async (inner, to, frame) => (frame.byteLength > inner.capabilities.maxFrameBytes ? undefined : inner.send(to, frame))),
  ),
  broken(
    "dies of a frame that is too large",
    ["T3/too-large"],
    sending(async (inner, to, frame) => {
      if (frame.byteLength > inner.capabilities.maxFrameBytes) await inner.close();
      await inner.send(to, frame);
    }),
  ),
  broken(
    "pretends to send while the medium is gone",
    ["T3/unavailable-at-once"],
    sending(async (inner, to, frame) => (inner.state.current === "down" ? undefined : inner.send(to, frame))),
  ),
  broken("queues while the medium is gone", ["T3/unavailable-at-once"], () => (inner) => ({
    send(to, frame) {
      if (inner.state.current === "up") return inner.send(to, frame);
      return new Promise((resolve, reject) => inner.state.subscribe(({ type }) => type === "up" && inner.send(to, frame).then(resolve, reject)));
    },
  })),
  broken("rejects and sends later all the same", ["T3/unavailable-at-once"], () => (inner) => ({
    async send(to, frame) {
      if (inner.state.current === "down") inner.state.subscribe(({ type }) => type === "up" && void inner.send(to, frame));
      await inner.send(to, frame);
    },
  })),
  broken("complains when nobody listens", ["T3/nobody-listening"], () => {
    const known = new Set<string>();
    return (inner) => ({
      async send(to, frame) {
        if (!known.has(to)) throw new TransportError("failed", "nobody there");
        await inner.send(to, frame);
      },
      subscribe(at, receive, options) {
        known.add(at);
        return inner.subscribe(at, receive, options);
      },
    });
  }),
  broken(
    "never pushes back",
    ["T4/high-water-mark", "T4/flows"],
    sending(async (inner, to, frame) => void inner.send(to, frame)),
  ),
  broken("pushes back for ever", ["T4/flows"], () => {
    let sent = 0;
    return (inner) => ({
      send(to, frame) {
        sent += frame.byteLength;
        const done = inner.send(to, frame);
        return sent > 1024 * 1024 && frame.byteLength === 16 * 1024 ? never : done;
      },
    });
  }),
];

const receivers: Broken[] = [
  broken(
    "does not wait for the receiver's promise",
    ["T5/serial", "T6/bounded", "T7/stalled-receiver"],
    receiving((receive) => (frame) => {
      Promise.resolve(receive(frame)).catch(() => undefined);
    }),
  ),
  broken("delivers inside send", ["T5/not-inside-send"], () => (inner) => {
    const own = new Map<string, Receive>();
    return {
      async send(to, frame) {
        const receive = own.get(to);
        if (receive === undefined) await inner.send(to, frame);
        else await receive(frame);
      },
      subscribe(at, receive, options) {
        own.set(at, receive);
        return inner.subscribe(at, receive, options);
      },
    };
  }),
  broken(
    "stops at a receiver that throws",
    ["T5/receiver-fails"],
    receiving((receive) => {
      let stopped = false;
      return async (frame) => {
        if (stopped) return;
        stopped = true;
        await receive(frame);
        stopped = false;
      };
    }),
  ),
  broken("does not unsubscribe", ["T5/unsubscribe"], () => (inner) => ({
    subscribe: async (at, receive, options) => {
      await inner.subscribe(at, receive, options);
      return async () => {};
    },
  })),
  broken(
    "keeps an unbounded inbox",
    ["T6/bounded", "T7/stalled-receiver"],
    receiving((receive) => {
      let chain: Promise<unknown> = Promise.resolve();
      return (frame) => {
        chain = chain.then(() => receive(frame)).catch(() => undefined);
      };
    }),
  ),
  broken(
    "says nothing of what it drops",
    ["T6/bounded", "T7/stalled-receiver"],
    telling((told, listener) => told.type !== "dropped" && listener(told)),
  ),
  broken(
    "miscounts what it drops",
    ["T6/bounded"],
    telling((told, listener) => listener(told.type === "dropped" ? { ...told, frames: 1 } : told)),
  ),
  broken("drops the oldest frames", ["T6/bounded"], () => (inner) => {
    const { state, change } = createTransportState("up");
    return {
      state,
      subscribe(at, receive, options) {
        const queue: Uint8Array[] = [];
        let busy = false;
        const pump = async () => {
          if (busy) return;
          busy = true;
          for (let frame = queue.shift(); frame !== undefined; frame = queue.shift()) await receive(frame);
          busy = false;
        };
        return inner.subscribe(
          at,
          (frame) => {
            queue.push(frame);
            const oldest = queue.length > 100 ? queue.shift() : undefined;
            if (oldest !== undefined) change({ type: "dropped", at, frames: 1, bytes: oldest.byteLength });
            void pump();
          },
          options,
        );
      },
    };
  }),
  broken("lets a stalled receiver stall the others", ["T7/stalled-receiver"], () => (inner) => {
    let chain: Promise<unknown> = Promise.resolve();
    return {
      subscribe: (at, receive, options) =>
        inner.subscribe(
          at,
          async (frame) => {
            chain = chain.then(() => receive(frame)).catch(() => undefined);
            await chain;
          },
          options,
        ),
    };
  }),
  broken("waits for a stalled receiver in close", ["T7/stalled-receiver"], () => (inner) => {
    const running = new Set<Promise<void>>();
    return {
      subscribe: (at, receive, options) =>
        inner.subscribe(
          at,
          async (frame) => {
            const call = Promise.resolve(receive(frame));
            running.add(call);
            await call.finally(() => running.delete(call));
          },
          options,
        ),
      async close() {
        await Promise.allSettled(running);
        await inner.close();
      },
    };
  }),
];

const carriers: Broken[] = [
  broken(
    "lets small frames overtake large ones",
    ["T8/in-order"],
    sending(async (inner, to, frame) => {
      if (frame.byteLength === 8_192) timers.turn(() => void inner.send(to, frame));
      else await inner.send(to, frame);
    }),
  ),
  broken("sends the last frame again after a cut", ["T8/at-most-once"], () => (inner) => {
    let last: (() => Promise<void>) | undefined;
    inner.state.subscribe(({ type }) => type === "up" && void last?.());
    return {
      send(to, frame) {
        last = () => inner.send(to, frame);
        return inner.send(to, frame);
      },
    };
  }),
  broken("ignores case", ["T9/exact", "T9/full-grammar"], () => (inner) => ({
    send: (to, frame) => inner.send(to.toLowerCase() as Address, frame),
    subscribe: (at, receive, options) => inner.subscribe(at.toLowerCase() as Address, receive, options),
  })),
  broken(
    "delivers below an address too",
    ["T9/exact"],
    sending(async (inner, to, frame) => {
      const segments = to.split("/");
      await inner.send(to, frame);
      if (segments.length === 4) await inner.send(address(...segments.slice(0, 3)), frame);
    }),
  ),
  broken("encodes addresses so that two become one", ["T9/full-grammar"], () => (inner) => ({
    send: (to, frame) => inner.send(to.replaceAll("-", "_") as Address, frame),
    subscribe: (at, receive, options) => inner.subscribe(at.replaceAll("-", "_") as Address, receive, options),
  })),
  broken("takes > for a wildcard", ["T9/no-wildcards"], () => {
    const patterns: { readonly prefix: string; readonly receive: Receive }[] = [];
    return (inner) => ({
      async send(to, frame) {
        await inner.send(to, frame);
        for (const { prefix, receive } of patterns) if (to.startsWith(prefix)) void receive(frame);
      },
      async subscribe(at, receive, options) {
        if (!at.endsWith(">")) return inner.subscribe(at, receive, options);
        patterns.push({ prefix: at.slice(0, -1), receive });
        return async () => {};
      },
    });
  }),
  broken("sends to a pattern", ["T9/no-wildcards"], () => {
    const known = new Set<Address>();
    return (inner) => ({
      async send(to, frame) {
        if (!to.endsWith("/*")) return inner.send(to, frame);
        for (const at of known) if (at.startsWith(to.slice(0, -1))) await inner.send(at, frame);
      },
      subscribe(at, receive, options) {
        known.add(at);
        return inner.subscribe(at, receive, options);
      },
    });
  }),
  broken("gives a frame to every member of a group", ["T10/one-of-group", "T10/plain-besides"], () => (inner) => ({
    subscribe: (at, receive) => inner.subscribe(at, receive),
  })),
  broken("takes subscriptions in groups it does not have", ["T10/one-of-group"], () => (inner) => ({
    capabilities: { ...inner.capabilities, groups: false },
  })),
  broken("keeps giving frames to a member that closed", ["T10/one-of-group"], () => (inner) => {
    const end = createClosed();
    return {
      closed: end.closed,
      subscribe: (at, receive, options) => inner.subscribe(at, (frame) => (end.settled ? undefined : receive(frame)), options),
      async close() {
        end.settle();
      },
    };
  }),
  broken("lets only the first plain subscriber hear", ["T10/fanout"], () => {
    const taken = new Set<string>();
    return (inner) => ({
      async subscribe(at, receive, options) {
        if (options?.group === undefined && taken.has(at)) return async () => {};
        taken.add(at);
        return inner.subscribe(at, receive, options);
      },
    });
  }),
  broken("gives a group's frames to nobody else", ["T10/plain-besides"], () => {
    const grouped = new Set<string>();
    return (inner) => ({
      subscribe(at, receive, options) {
        if (options?.group !== undefined) grouped.add(at);
        return inner.subscribe(at, (frame) => (options?.group === undefined && grouped.has(at) ? undefined : receive(frame)), options);
      },
    });
  }),
  broken(
    "keeps the sender's buffer",
    ["T11/buffer-reuse", "T11/receiver-owns", "T11/view"],
    shared(
      (frame) => frame,
      (frame) => new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength),
    ),
  ),
  broken(
    "gives every receiver the same bytes",
    ["T11/receiver-owns"],
    shared(
      (frame) => new Uint8Array(frame),
      (frame) => frame,
    ),
  ),
  broken("reads a small frame and the large one after it into one buffer", ["T11/receiver-frees"], () => {
    let read = new Uint8Array(0);
    return shared(
      (frame) => new Uint8Array(frame),
      (frame) => {
        if (frame.length === 4) {
          // The rule's large frames are as much longer as their number says.
          read = new Uint8Array(4 + 8_192 + new DataView(frame.buffer).getUint32(0) + 1);
          read.set(frame);
          return read.subarray(0, 4);
        }
        if (frame.length + 4 !== read.length) return new Uint8Array(frame);
        read.set(frame, 4);
        return read.subarray(4);
      },
    )();
  }),
  broken(
    "writes its header over the beginning of a frame that was given",
    ["T11/given"],
    given((frame) => frame.fill(1, 0, 8)),
  ),
  broken(
    "sends what lies before a frame that was given",
    ["T11/given"],
    given((frame) => new Uint8Array(frame.buffer)),
  ),
  broken(
    "sends the whole buffer of a view",
    ["T11/view"],
    sending((inner, to, frame) => inner.send(to, new Uint8Array(frame.buffer))),
  ),
  broken(
    "leaks what is around a view",
    ["T11/view"],
    shared(
      (frame) => new Uint8Array(frame.buffer.slice(0), frame.byteOffset, frame.byteLength),
      (frame) => new Uint8Array(frame.buffer.slice(0), frame.byteOffset, frame.byteLength),
    ),
  ),
  broken("detaches the sender's buffer", ["T11/buffer-reuse", "T11/receiver-owns", "T11/view"], () => (inner) => ({
    async send(to, frame) {
      await inner.send(to, frame);
      structuredClone(frame, { transfer: [frame.buffer] });
    },
  })),
  broken("tells the receiver who sent", ["T12/no-sender"], () => (inner, id) => ({
    subscribe: (at, receive, options) => inner.subscribe(at, (frame) => (receive as (frame: Uint8Array, from: string) => void)(frame, id), options),
  })),
  broken(
    "marks the frame with its sender",
    ["T12/no-sender"],
    receiving((receive) => (frame) => receive(Object.assign(frame, { from: "a" }))),
  ),
];

export const brokenTransports: readonly Broken[] = [...lifecycle, ...senders, ...receivers, ...carriers];
