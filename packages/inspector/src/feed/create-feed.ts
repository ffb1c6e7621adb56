import { TightbeamError } from "@tightbeam/core";
import type { Runtime } from "@tightbeam/core/runtime";
import type { InspectionSource, SourceUpdate } from "../source/types.js";
import type { Feed } from "./feed.js";
import { idOf, readMessageKey } from "./keys.js";
import { createKnownMessages, type KnownMessage, messageView } from "./known-messages.js";
import { createKnownNetwork } from "./known-network.js";
import { createPoints } from "./points.js";
import { batchEvery, batchLimits, keptLimits, latencyBounds } from "./protocol.js";
import type { FeedAnswer, FeedFields, FeedRequestName, TraceSummary, TracesQuery, TraceView } from "./requests.js";
import { createShare } from "./share.js";
import { traceOf, tracesOf } from "./trace-of-messages.js";
import type { EventView, FeedBatch, MessageView, RatePoint, SecurityView } from "./types.js";

export interface FeedOptions {
  readonly sources: readonly InspectionSource[];
  readonly runtime: Runtime;
  /** What pages are told: whether the server takes actions. */
  readonly actions: boolean;
  readonly traces?: FeedTraces | undefined;
}

/** Traces from elsewhere than the messages in memory. */
export interface FeedTraces {
  list(query: TracesQuery): Promise<readonly TraceSummary[]>;
  /** Undefined: there is none of this id. */
  get(id: string): Promise<TraceView | undefined>;
}

export interface RunningFeed extends Feed {
  close(): void;
}

/** ms between two looks while no page is open: for the history that a page begins with. */
const idleEvery = 1_000;

/** One network out of what the sources tell, from now on until it is closed; it closes its sources. */
export function createFeed({ sources, runtime, actions, traces }: FeedOptions): RunningFeed {
  const { clock, timers } = runtime;
  const network = createKnownNetwork(sources.length);
  const messages = createKnownMessages(keptLimits.messages);
  const points = createPoints();
  const share = createShare(batchLimits.messages);
  const listeners = new Set<(batch: FeedBatch) => void>();
  const security: SecurityView[] = [];
  const events: EventView[] = [];
  const keys = new Map<InspectionSource, string>();
  let sequence = 0;
  let noted = 0;
  let totalAt = clock.monotonic();
  let closed = false;
  let cancel = (): void => undefined;

  /** The oldest goes. */
  function note<T>(list: T[], most: number, entry: T): T {
    if (list.length >= most) list.shift();
    list.push(entry);
    return entry;
  }

  function gather(): FeedBatch {
    const changed = new Map<string, KnownMessage>();
    const found = { points: [] as RatePoint[], security: [] as SecurityView[], events: [] as EventView[] };
    let told = 0;
    let dropped = 0;
    for (const source of sources) {
      const update = takeFrom(source);
      const { key } = source;
      const before = keys.get(source);
      if (before !== undefined && before !== key) {
        network.forget(before);
        points.forget(before);
      }
      keys.set(source, key);
      if (update === undefined) continue;
      network.add(key, update);
      if (update.second !== undefined) found.points.push(points.add(key, update.second, clock.wall()));
      for (const message of update.messages) {
        const known = messages.add(key, message);
        changed.set(known.key, known);
      }
      for (const each of update.security) found.security.push(note(security, keptLimits.security, { ...each, key: ++noted, agent: key }));
      for (const each of update.events) found.events.push(note(events, keptLimits.events, { ...each, key: ++noted, agent: key }));
      told += update.messages.length;
      dropped += update.dropped;
    }
    const { shown, left } = chosen(changed);
    // What both ends told is one message.
    share.told(told / 2 + left, listeners.size > 0);
    for (const source of sources) source.look(share.now);
    const at = clock.monotonic();
    if (at - totalAt >= 950) {
      totalAt = at;
      const total = points.total(clock.wall());
      if (total !== undefined) found.points.unshift(total);
    }
    sequence += 1;
    return {
      sequence,
      at: clock.wall(),
      whole: false,
      ...network.take(),
      messages: shown,
      dropped: dropped + left,
      points: found.points,
      security: found.security.slice(-batchLimits.security),
      events: found.events.slice(-batchLimits.events),
    };
  }

  function tick(): void {
    cancel = timers.after(
      listeners.size > 0 ? batchEvery : idleEvery,
      () => {
        if (closed) return;
        const batch = gather();
        // What is not told has no number: a page would take it for one it has missed.
        if (isEmpty(batch)) sequence -= 1;
        else for (const listener of listeners) listener(batch);
        tick();
      },
      { background: true },
    );
  }

  function sourceOf(agent: string): InspectionSource {
    const source = sources.find(({ key }) => key === agent);
    if (source === undefined) throw new TightbeamError("unsupported", "This agent is not watched, or not there now.");
    return source;
  }

  /** Either end may have kept it, and let it be seen. */
  async function payload({ message }: FeedFields<"payload">): Promise<FeedAnswer<"payload">> {
    const named = readMessageKey(message);
    if (named === undefined) throw new TightbeamError("invalid_argument", "This names no message.");
    const { from, to, id } = named;
    const ends = sources.filter(({ key, reveals }) => reveals && (key === from || key === to));
    let refused: unknown = new TightbeamError("denied", "Nobody who sent or received this message reveals payloads here.");
    for (const source of ends) {
      const direction = source.key === from ? "sent" : "received";
      try {
        return await source.ask("payload", { id, direction, peer: idOf(direction === "sent" ? to : from) });
      } catch (error) {
        refused = error;
      }
    }
    throw refused;
  }

  const answers: { readonly [N in FeedRequestName]: (fields: FeedFields<N>) => Promise<FeedAnswer<N>> } = {
    letters: async (fields) => sourceOf(fields.agent).ask("letters", fields),
    letter: async (fields) => sourceOf(fields.agent).ask("letter", fields),
    contents: async (fields) => sourceOf(fields.agent).ask("contents", fields),
    replay: async (fields) => sourceOf(fields.agent).ask("replay", fields),
    discard: async (fields) => sourceOf(fields.agent).ask("discard", fields),
    payload,
    traces: async (query) => ({ traces: traces === undefined ? tracesOf(query, messages.all()) : await traces.list(query) }),
    trace: async ({ id }) => (await traces?.get(id)) ?? traceOf(id, messages.all()),
  };

  gather();
  tick();

  return {
    whole() {
      const batch = gather();
      for (const listener of listeners) listener(batch);
      return {
        ...batch,
        whole: true,
        about: { version: 1, actions, reveal: sources.some(({ reveals }) => reveals), traces: traces !== undefined, latencyBounds },
        ...network.all(),
        messages: [...messages.all()].map(messageView),
        points: points.all(),
        security: security.slice(),
        events: events.slice(),
      };
    },
    subscribe(listener) {
      listeners.add(listener);
      cancel();
      tick();
      return () => void listeners.delete(listener);
    },
    ask: (name, fields) => answers[name](fields),
    close() {
      closed = true;
      cancel();
      for (const source of sources) source.close();
    },
  };
}

/** An agent that cannot say how it is must not end the process of those who look. */
function takeFrom(source: InspectionSource): SourceUpdate | undefined {
  try {
    return source.take();
  } catch {
    return undefined;
  }
}

/** Failures first, then the newest. */
function chosen(changed: ReadonlyMap<string, KnownMessage>): { readonly shown: MessageView[]; readonly left: number } {
  const all = [...changed.values()];
  const most = batchLimits.messages;
  if (all.length <= most) return { shown: all.map(messageView), left: 0 };
  const failed = all.filter(({ sent, received }) => (sent?.code ?? received?.code) !== undefined).slice(-most);
  const rest = failed.length < most ? all.filter((each) => !failed.includes(each)).slice(failed.length - most) : [];
  return { shown: [...failed, ...rest].map(messageView), left: all.length - failed.length - rest.length };
}

const isEmpty = ({ dropped, ...batch }: FeedBatch): boolean =>
  dropped === 0 &&
  [batch.agents, batch.links, batch.gone, batch.messages, batch.points, batch.breakers, batch.security, batch.events].every(({ length }) => length === 0);
