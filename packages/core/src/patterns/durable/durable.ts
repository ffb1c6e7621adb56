import { decodeEnvelope } from "../../envelope/wire.js";
import type { TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Link } from "../../link/link-types.js";
import { onDemand } from "../../on-demand.js";
import type { State } from "../../store/state.js";
import type { StoreChange } from "../../store/types.js";
import { randomInstance } from "../../transport/instance.js";
import type { Server } from "../answering/server-types.js";
import type { Checkpoints } from "../checkpoints/checkpoints.js";
import type { AgentCheckpoints, CheckpointEvent, RecoveryEvent } from "../checkpoints/types.js";
import type { PatternHost, PatternPart } from "../host.js";
import type { PrepareLetter } from "./out-burial.js";
import { createSender, type Sender } from "./sender.js";
import { createTaker, type Taker } from "./taker.js";
import { createTurns } from "./turns.js";
import type { AgentDurable, DurableEvent, DurableOptions } from "./types.js";
import { createWriter, type Writer } from "./writer.js";

export interface DurableHost extends PatternHost {
  readonly server: Server;
  readonly options: DurableOptions;
  /** Undefined without a store: then nothing durable is sent, and what is taken is remembered for as long as this process lives. */
  readonly kept: { readonly state: State; readonly letters: PrepareLetter | undefined } | undefined;
  readonly onEvent: (event: DurableEvent | CheckpointEvent | RecoveryEvent) => void;
}

/** Both sides of durable messages, once the store was read. */
export interface Durable extends Required<Omit<PatternPart, "stop">>, Pick<Taker, "open" | "take">, AgentDurable {
  readonly notify: Sender["notify"] | undefined;
  /** Undefined without a store. */
  readonly checkpoints: (Checkpoints & Pick<AgentCheckpoints, "recover">) | undefined;
  stop(error: TightbeamError): void;
  /** After `stop`: settles when what was on its way to the store is there. */
  closed(): Promise<void>;
}

const loadCheckpoints = onDemand(() => import("../checkpoints/checkpoints.js"));
const loadRecovery = onDemand(() => import("../checkpoints/recovery.js"));

/** Rejects what the store rejects. */
export async function createDurable(host: DurableHost): Promise<Durable> {
  const { runtime, server, options, kept, onEvent, onRefused } = host;
  const state = kept?.state;
  const onFailed = (error: TightbeamError): void => {
    if (writer.failed === undefined || entries.failed === undefined) onEvent({ type: "durable_failed", error });
    writer.fail(error);
    entries.fail(error);
  };
  const batch = (changes: readonly StoreChange[]): Promise<void> => state?.batch(changes) ?? Promise.resolve();
  const writer: Writer = createWriter({ timers: runtime.timers, batch, onFailed });
  const entries: Writer = createWriter({ timers: runtime.timers, batch, onFailed });
  const written = async (): Promise<void> => {
    await entries.idle();
    await writer.idle();
  };
  const told = new Map<string, TightbeamError>();
  const onDamaged = (key: string, error: TightbeamError): void => {
    if (told.size >= keptLimits.durableDamagedTold || told.has(key)) return;
    told.set(key, error);
    onEvent({ type: "store_damaged", key, error });
  };
  const tellDamaged = (): void => {
    for (const { key, error } of state?.damaged ?? []) if (ownKeys.test(key)) onDamaged(key, error);
  };
  const observe = (link: Link, bytes: Uint8Array): void => {
    if (!host.observed()) return;
    const { header, payload } = decodeEnvelope(bytes);
    host.observe(link, header, payload);
  };
  const checkpoints =
    state === undefined
      ? undefined
      : (await loadCheckpoints()).createCheckpoints({
          runtime,
          state,
          writer,
          json: host.json,
          budget: host.links.budget,
          settled: () => taker.settled(),
          // Each time: whoever restores may not have listened before.
          onDamaged: (key, error) => onEvent({ type: "store_damaged", key, error }),
          onFailed: (name, error) => onEvent({ type: "checkpoint_failed", name, error }),
        });
  const taker = await createTaker({
    runtime,
    writer,
    state,
    letters: kept?.letters,
    save: checkpoints?.commit,
    kept: state !== undefined,
    store: state?.id ?? randomInstance(runtime.random),
    starts: state?.starts ?? [{ incarnation: 1, nonce: randomInstance(runtime.random) }],
    maxDeliveries: options.maxDeliveries ?? keptLimits.maxDeliveries,
    turns: createTurns(),
    taps: host.taps,
    serve: server.serve,
    isOrdered: server.isOrdered,
    onEvent,
    onDamaged,
    onRefused,
  });
  const sender =
    kept === undefined
      ? undefined
      : await createSender({
          ...kept,
          runtime,
          writer,
          entries,
          options,
          ids: host.ids,
          json: host.json,
          budget: host.links.budget,
          system: host.system,
          taps: host.taps,
          links: host.links,
          rebindAfter: options.rebindAfter,
          observe,
          onEvent,
          onDamaged,
        });
  const ready = sender === undefined ? Promise.resolve() : sender.loaded;
  // After whoever made this agent has had time to listen.
  void ready.then(() => runtime.timers.turn(tellDamaged));
  const recovery =
    state === undefined || sender === undefined
      ? undefined
      : (await loadRecovery()).beginRecovery({
          runtime,
          state,
          books: { writer, timers: runtime.timers, random: runtime.random, now: () => runtime.clock.wall() },
          json: host.json,
          durable: { ...taker.known, resumed: sender.resumed, damaged: () => [...told].map(([key, error]) => ({ key, error })) },
          onEvent,
        });

  return {
    notify: sender?.notify,
    open: taker.open,
    take: taker.take,
    linkUp: (link) => sender?.linkUp(link),
    linkSuspect: (link) => sender?.linkSuspect(link),
    linkEnded(link) {
      sender?.linkEnded(link);
      taker.linkEnded(link);
    },
    drain: async () => {
      await taker.idle();
      await written();
    },
    stop(error) {
      checkpoints?.stop(error);
      recovery?.stop(error);
      sender?.stop(error);
      taker.stop();
    },
    async closed() {
      await Promise.all([checkpoints?.idle(), recovery?.ended()]);
      await written();
    },
    checkpoints: checkpoints === undefined || recovery === undefined ? undefined : { ...checkpoints, recover: recovery.report },
    status: () => ({
      store: state?.id,
      incarnation: state?.incarnation ?? 0,
      peers: sender?.peers() ?? [],
      receiving: taker.held,
      damaged: [...told.keys()],
      failed: writer.failed?.code,
    }),
    flush: written,
    idle: async (options = {}) => sender?.idle(options),
    forget: async (peer) => sender?.forget(peer),
  };
}

/** What is in the store for this part. */
const ownKeys = /^(chan|out|over|mark|try)\//;
