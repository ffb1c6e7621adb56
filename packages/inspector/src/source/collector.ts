import type { AgentStatus, AgentTelemetry, BreakerMoment, TelemetryEvent, TelemetryPeer } from "@tightbeam/core";
import type { Runtime } from "@tightbeam/core/runtime";
import { agentKey, isShared } from "../feed/keys.js";
import { batchLimits, inspectionName, keptLimits } from "../feed/protocol.js";
import type { AgentView, LinkView } from "../feed/types.js";
import { createDrafts } from "./drafts.js";
import { createSeconds } from "./seconds.js";
import { agentView, counted, linkView } from "./status.js";
import type { SourceUpdate } from "./types.js";

/** What is asked of an agent to see what it does. */
export interface CollectedAgent {
  readonly id: string;
  readonly instance: string;
  readonly telemetry: AgentTelemetry;
  status(): AgentStatus;
}

export interface Collector {
  look(share: number): void;
  take(): SourceUpdate | undefined;
  /** Letters came or went by what was asked here. */
  lettersChanged(): void;
  close(): void;
}

const noLetters = { count: 0, bytes: 0 };

/** ms between two looks at the agent's status while nothing says that it changed. */
const statusEvery = 1_000;

/** Gathers what one agent tells until somebody takes it. Everything in it is bounded, whoever takes it and however late. */
export function createCollector(agent: CollectedAgent, { clock }: Runtime, own: Pick<AgentView, "reveals" | "actions">): Collector {
  const key = agentKey(agent);
  const drafts = createDrafts();
  const seconds = createSeconds();
  let share = 0;
  let dropped = 0;
  let letterChanges = 0;
  let letters = noLetters;
  let links = new Map<string, LinkView>();
  let shown = "";
  let breakers = new Map<string, SourceUpdate["breakers"][number]>();
  let security: SourceUpdate["security"][number][] = [];
  let events: SourceUpdate["events"][number][] = [];
  let statusAt = Number.NEGATIVE_INFINITY;
  let stale = true;

  // Those that are open already are told of by nobody; of all others moments tell.
  for (const { peer, method, state } of agent.status().breakers) trip({ kind: "breaker", at: clock.wall(), what: state, peer, method });

  const stop = agent.telemetry.on(listen, {
    messages(id) {
      const wanted = isShared(id, share);
      if (!wanted && share > 0) dropped += 1;
      return wanted;
    },
  });

  function listen(event: TelemetryEvent): void {
    if (event.kind === "message") {
      if (event.name !== undefined && isOwn(event.name)) return;
      if (event.what === "dead_lettered") letterChanges += 1;
      seconds.add(event, share);
      drafts.add(event);
    } else if (event.kind === "security") {
      const { at, what, peer, instance, reason, count } = event;
      keep(security, batchLimits.security, { at, what, proved: instance !== undefined, reason, count, ...(peer === undefined ? {} : { peer }) });
    } else {
      if (event.kind !== "retry") stale = true;
      if (event.kind === "breaker") trip(event);
      keep(events, batchLimits.events, eventOf(event));
    }
  }

  function trip({ at, what, peer, method }: BreakerMoment): void {
    const name = JSON.stringify([peer, method]);
    breakers.delete(name);
    breakers.set(name, { peer, method, state: what, at });
    if (breakers.size > keptLimits.agentBreakers) breakers.delete(breakers.keys().next().value as string);
  }

  /** Undefined: it is not time for it. */
  function look(now: number): Pick<SourceUpdate, "agent" | "links" | "gone" | "second"> {
    const due = now - statusAt >= statusEvery;
    if (!due && !stale) return { links: [], gone: [] };
    stale = false;
    const status = agent.status();
    const views = status.links.map((link) => linkView(key, status.medium, link));
    const { count, bytes } = status.deadLetters ?? noLetters;
    if (count !== letters.count || bytes !== letters.bytes) letterChanges += 1;
    letters = { count, bytes };
    const known = links;
    links = new Map(views.map((view) => [view.to, view]));
    const changed = views.filter((view) => !same(view, known.get(view.to)));
    const gone = [...known.keys()].filter((peer) => !links.has(peer));
    const view = { ...agentView(status, letterChanges), ...own };
    const text = JSON.stringify(view);
    const agentChanged = text !== shown;
    shown = text;
    const at = clock.wall();
    const span = now - statusAt;
    if (due) statusAt = now;
    const second = due
      ? seconds.end(
          at,
          span,
          status.links.map((link, index) => counted(views[index] as LinkView, link)),
        )
      : undefined;
    return { links: changed, gone, ...(agentChanged ? { agent: view } : {}), ...(second === undefined || span === Number.POSITIVE_INFINITY ? {} : { second }) };
  }

  return {
    look(value) {
      share = value;
    },
    take() {
      const seen = look(clock.monotonic());
      const { messages, dropped: tooMany } = drafts.take();
      const update = { at: clock.wall(), ...seen, messages, dropped: dropped + tooMany, breakers: [...breakers.values()], security, events };
      if (isEmpty(update)) return undefined;
      dropped = 0;
      breakers = new Map();
      security = [];
      events = [];
      return update;
    },
    lettersChanged() {
      letterChanges += 1;
      stale = true;
    },
    close: stop,
  };
}

/** What an inspector says to agents elsewhere is not what it is there to show. */
export const isOwn = (name: string): boolean => name === inspectionName || name.startsWith(`${inspectionName}.`);

type PlainEvent = Exclude<TelemetryEvent, { readonly kind: "message" | "security" }>;

/** The oldest goes. */
function keep<T>(list: T[], most: number, entry: T): void {
  if (list.length >= most) list.shift();
  list.push(entry);
}

const peerOf = (peer: string | TelemetryPeer): string => (typeof peer === "string" ? peer : agentKey(peer));

function eventOf(event: PlainEvent): SourceUpdate["events"][number] {
  const { at, kind, what } = event;
  const detail = detailOf(event);
  return {
    at,
    kind,
    what,
    ...("peer" in event ? { peer: peerOf(event.peer) } : {}),
    ...("method" in event ? { method: event.method } : {}),
    ...("code" in event && event.code !== undefined ? { code: event.code } : {}),
    ...(detail === undefined ? {} : { detail }),
  };
}

function detailOf(event: PlainEvent): string | undefined {
  if (event.kind === "session") return `generation ${event.generation}`;
  if (event.kind === "link" && event.undelivered !== undefined && event.undelivered > 0) return `${event.undelivered} not acknowledged`;
  if (event.kind === "retry" && event.attempt !== undefined) return `try ${event.attempt}`;
  return undefined;
}

/** Members are the same ones, and flat but for one level. */
function same(one: object, other: object | undefined): boolean {
  if (other === undefined) return false;
  const a = one as Record<string, unknown>;
  const b = other as Record<string, unknown>;
  for (const key in a) {
    const value = a[key];
    if (value === b[key]) continue;
    if (typeof value !== "object" || value === null || typeof b[key] !== "object" || !same(value, b[key] as object)) return false;
  }
  return true;
}

const isEmpty = ({ agent, second, dropped, ...lists }: SourceUpdate): boolean =>
  agent === undefined &&
  second === undefined &&
  dropped === 0 &&
  [lists.links, lists.gone, lists.messages, lists.breakers, lists.security, lists.events].every(({ length }) => length === 0);
