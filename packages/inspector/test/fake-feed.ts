import type { ErrorCode, MessageStage } from "@tightbeam/core";
import { TightbeamError } from "@tightbeam/core";
import type { Feed } from "../src/feed/feed.js";
import { batchEvery, batchLimits, keptLimits, latencyBounds } from "../src/feed/protocol.js";
import type { FeedRequestName, FeedRequests, LetterView, SpanView } from "../src/feed/requests.js";
import type { AgentView, BreakerView, EventView, FeedBatch, LinkView, MessageView, RatePoint, SecurityView } from "../src/feed/types.js";

export interface FakeOptions {
  /** Default 3. */
  readonly agents?: number;
  /** Messages a second over all. Default 20. */
  readonly rate?: number;
  /** The same seed and the same ticks give the same story. Default 1. */
  readonly seed?: number;
  readonly actions?: boolean;
  readonly reveal?: boolean;
  /** Wall ms when it begins. Default: now. */
  readonly start?: number;
  /** Ids of agents and names of methods are as long as they may be. Default false. */
  readonly long?: boolean;
  /** False: it moves only by `tick`. Default true: by a timer of 200 ms. */
  readonly timer?: boolean;
}

export interface FakeFeed extends Feed {
  /** One batch further: 200 ms of the network's life. */
  tick(): void;
  /** An agent sends this now, and it succeeds: in the next batch. */
  send(method: string): void;
  stop(): void;
}

const names = ["planner", "researcher", "writer", "critic", "archivist", "translator", "scout", "editor"];
const methodNames = ["search", "summarize", "plan", "translate", "review", "fetch.page", "index.add"];
const priorities = ["critical", "high", "normal", "low"] as const;
const reasons: readonly ErrorCode[] = ["handler_failed", "timeout", "expired", "undelivered", "no_handler"];

/** A believable network: a ring with chords, requests and replies, streams, topics, failures, a breaker that trips, and somebody who knocks. */
export function createFakeFeed({
  agents: count = 3,
  rate = 20,
  seed = 1,
  actions = false,
  reveal = false,
  start,
  timer = true,
  long = false,
}: FakeOptions = {}): FakeFeed {
  const random = mulberry(seed);
  const named = (name: string, length: number): string => (long ? `${name}-${"longname".repeat(16)}`.slice(0, length) : name);
  const methods = methodNames.map((name) => named(name, 128));
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const text = (alphabet: string, length: number): string => Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join("");
  const hex = (length: number): string => text("0123456789abcdef", length);
  const base64 = (length: number): string => text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", length);

  let now = start ?? Date.now();
  let sequence = 0;
  let keys = 0;
  let tickCount = 0;
  const agents = new Map<string, AgentView>();
  const links = new Map<string, LinkView>();
  const messages = new Map<string, MessageView>();
  const breakers = new Map<string, BreakerView>();
  const letters = new Map<string, LetterView[]>();
  const security: SecurityView[] = [];
  const events: EventView[] = [];
  const totals: RatePoint[] = [];
  const ofAgent = new Map<string, RatePoint[]>();
  const listeners = new Set<(batch: FeedBatch) => void>();
  const unsettled: { message: MessageView; left: { what: MessageStage; by: "sender" | "receiver" }[] }[] = [];

  for (let index = 0; index < count; index += 1) {
    const name = `${names[index % names.length]}${index < names.length ? "" : `-${Math.floor(index / names.length) + 1}`}`;
    const id = long ? `${named(name, 64)}/${named(name, 64)}` : name;
    const instance = base64(22);
    const agent: AgentView = {
      key: `${id}/${instance}`,
      id,
      instance,
      watched: index === count - 1 && count > 3 ? "none" : index % 5 === 4 ? "remote" : "local",
      state: "up",
      transport: "websocket",
      ready: true,
      calls: { waiting: 0, running: 0, queued: 0, late: 0 },
      streams: { opened: 0, served: 0 },
      memory: { used: 1_000_000, most: 268_435_456 },
      deadLetters: { count: 0, bytes: 0, changes: 0 },
      durable: { count: 0, bytes: 0 },
      reveals: reveal,
      actions,
    };
    agents.set(agent.key, agent);
    letters.set(agent.key, []);
  }
  const agentKeys = [...agents.keys()];
  const connect = (from: string, to: string): void => {
    const edge = [from, to].sort().join(" ");
    for (const [a, b] of [
      [from, to],
      [to, from],
    ] as const) {
      if (agents.get(a)?.watched === "none") continue;
      links.set(`${a} ${b}`, {
        key: `${a} ${b}`,
        edge,
        from: a,
        to: b,
        state: "up",
        transport: "websocket",
        suite: { id: 0x0101, name: "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256" },
        thumbprint: base64(43),
        issuer: "https://auth.example",
        generation: 1,
        epoch: { send: 0, receive: 0 },
        roundTrip: 1 + random() * 20,
        awaited: 0,
        queue: { critical: 0, high: 0, normal: 0, low: 0 },
        inFlight: { messages: 0, bytes: 0, limit: 65_536 },
        credit: { messages: 1_000, bytes: 4_194_304 },
      });
    }
  };
  agentKeys.forEach((key, index) => {
    const next = agentKeys[(index + 1) % agentKeys.length] as string;
    if (next !== key) connect(key, next);
    if (count > 4) connect(key, agentKeys[(index + 2 + Math.floor(random() * (count - 3))) % count] as string);
  });
  const ends = [...links.values()];

  function message(from: string, to: string, type: MessageView["type"], name: string, more: Partial<MessageView> = {}): MessageView {
    const id = `01${hex(6)}-${hex(4)}-7${hex(3)}-8${hex(3)}-${hex(12)}`;
    const priority = random() < 0.85 ? "normal" : pick(priorities);
    const bytes = 120 + Math.floor(random() ** 4 * 60_000);
    const at = more.at ?? now - Math.floor(random() * batchEvery);
    const stages = [{ what: "queued", at, by: "sender" }] as const;
    return { key: `${from} ${to} ${id}`, id, from, to, type, name, priority, bytes, at, stages, ...more };
  }
  const life = (delivered: readonly MessageStage[]) => [
    ...(["sealed", "sent"] as const).map((what) => ({ what, by: "sender" as const })),
    ...delivered.map((what) => ({ what, by: "receiver" as const })),
    { what: "acknowledged" as const, by: "sender" as const },
  ];

  const replyTo = (request: MessageView, type: "response" | "error", more: Partial<MessageView> = {}): MessageView =>
    message(request.to, request.from, type, request.name ?? "", {
      correlationId: request.id,
      ...(request.traceId === undefined ? {} : { traceId: request.traceId }),
      ...more,
    });

  function begin(changed: Map<string, MessageView>, given?: string): void {
    const name = given ?? pick(methods);
    const link = pick(ends);
    const chance = random();
    const trace = { traceId: hex(32) };
    const type = chance < 0.7 ? "request" : chance < 0.8 ? "notification" : chance < 0.9 ? "event" : "stream";
    const first = message(link.from, link.to, type, type === "event" && given === undefined ? "progress" : name, trace);
    changed.set(first.key, first);
    const failed = random() < 0.04;
    unsettled.push({ message: first, left: life(failed ? ["delivered", "failed"] : ["delivered", "processed"]) });
  }

  /** What is under way goes one to three stages on. */
  function goOn(changed: Map<string, MessageView>): void {
    const still: typeof unsettled = [];
    for (const each of unsettled) {
      let current = changed.get(each.message.key) ?? each.message;
      for (let steps = 1 + Math.floor(random() * 5); steps > 0 && each.left.length > 0; steps -= 1) {
        const step = each.left.shift() as { what: MessageStage; by: "sender" | "receiver" };
        const last = current.stages.at(-1)?.at ?? now;
        const at = Math.max(last + Math.floor(random() ** 2 * (step.what === "processed" ? 60 : 9)), now - batchEvery);
        current = {
          ...current,
          stages: [...current.stages, { ...step, at }],
          ...(step.what === "processed" ? { handled: at - last + random() } : {}),
          ...(step.what === "failed" ? { code: pick(reasons) } : {}),
        };
      }
      changed.set(current.key, current);
      if (each.left.length > 0) still.push({ message: current, left: each.left });
      else if (current.type === "request") answer(current, changed, still);
      else if (current.type === "notification" && current.code !== undefined) bury(current);
    }
    unsettled.splice(0, unsettled.length, ...still.slice(-2_000));
  }

  function answer(request: MessageView, changed: Map<string, MessageView>, still: typeof unsettled): void {
    const last = request.stages.at(-1)?.at ?? now;
    const reply = replyTo(request, request.code === undefined ? "response" : "error", { at: last + 1 });
    changed.set(reply.key, reply);
    still.push({ message: reply, left: life(["delivered"]) });
    const at = last + 2 + Math.floor(random() * 9);
    changed.set(request.key, { ...request, answered: at - request.at + random(), stages: [...request.stages, { what: "answered", at, by: "sender" }] });
  }

  function bury({ to, from, code, name, id, priority, bytes }: MessageView): void {
    const owner = agents.get(to);
    if (owner?.deadLetters === undefined) return;
    const list = letters.get(to) as LetterView[];
    list.unshift({
      agent: to,
      id: hex(12),
      reason: code ?? "handler_failed",
      cause: "The handler failed: Error",
      side: "receiver",
      peer: from.slice(0, from.lastIndexOf("/")),
      method: name ?? "",
      messageId: id,
      priority,
      attempts: 1 + Math.floor(random() * 5),
      firstAt: now - 60_000,
      lastAt: now,
      bytes,
      // Now and then one was too large to be kept.
      kept: list.length % 4 !== 3,
    });
    recount(to);
  }

  function recount(key: string): void {
    const agent = agents.get(key) as AgentView;
    const list = letters.get(key) as LetterView[];
    const deadLetters = {
      count: list.length,
      bytes: list.reduce((sum, { bytes }) => sum + bytes, 0),
      changes: (agent.deadLetters?.changes ?? 0) + 1,
    };
    agents.set(key, { ...agent, deadLetters });
  }

  function point(agent: string, share: number): RatePoint {
    const sent = Math.round(rate * share * (0.8 + random() * 0.4));
    const buckets = [...latencyBounds, 0].map((_, at) => Math.round(sent * 0.3 * Math.exp(-((at - 5) ** 2) / 4)));
    const p50 = 2 + random() * 3;
    return {
      agent,
      at: now,
      span: 1_000,
      sent,
      received: Math.round(sent * (0.9 + random() * 0.2)),
      failed: Math.round(sent * 0.04 * random()),
      bytesSent: sent * 2_100,
      bytesReceived: sent * 2_000,
      latency: { count: buckets.reduce((sum, each) => sum + each, 0), p50, p95: p50 * 4, p99: p50 * 9, max: p50 * 20, buckets },
      queue: { critical: 0, high: Math.round(random() * 2), normal: Math.round((random() * rate) / 10), low: Math.round((random() * rate) / 5) },
      inFlightBytes: Math.round(random() * rate * 1_000),
    };
  }

  /** Once a second. */
  function second(): { points: RatePoint[]; links: LinkView[]; agents: AgentView[] } {
    const points = [point("", 1)];
    totals.push(points[0] as RatePoint);
    totals.splice(0, totals.length - keptLimits.totalPoints);
    for (const [key, agent] of agents) {
      if (agent.watched === "none") continue;
      const own = point(key, 1 / count);
      const kept = ofAgent.get(key) ?? [];
      kept.push(own);
      kept.splice(0, kept.length - keptLimits.agentPoints);
      ofAgent.set(key, kept);
      points.push(own);
      const running = Math.floor(random() * 6);
      agents.set(key, { ...agent, calls: { waiting: Math.floor(random() * 10), running, queued: Math.floor(random() * 3), late: 0 } });
    }
    for (const [key, link] of links) {
      const bytes = Math.floor(random() * 40_000);
      links.set(key, {
        ...link,
        roundTrip: Math.max(0.3, link.roundTrip * (0.9 + random() * 0.2)),
        awaited: Math.floor(random() * 5),
        queue: { critical: 0, high: Math.floor(random() * 2), normal: Math.floor(random() * 12), low: Math.floor(random() * 30) },
        inFlight: { messages: Math.ceil(bytes / 2_000), bytes, limit: 65_536 + Math.floor(random() * 200_000) },
        credit: { messages: 1_000 - Math.floor(random() * 400), bytes: 4_194_304 - bytes },
      });
    }
    return { points, links: [...links.values()], agents: [...agents.values()] };
  }

  /** Every few seconds something happens that is worth a look. */
  function incident(): { security: SecurityView[]; events: EventView[]; breakers: BreakerView[]; links: LinkView[] } {
    const found = { security: [] as SecurityView[], events: [] as EventView[], breakers: [] as BreakerView[], links: [] as LinkView[] };
    const link = pick(ends);
    const base = { at: now, agent: link.from };
    const peerId = link.to.slice(0, link.to.lastIndexOf("/"));
    const kind = Math.floor(random() * 5);
    const current = links.get(link.key) as LinkView;
    if (kind === 0) {
      const what = pick(["refused", "replayed", "forged", "unknown_key", "downgrade"] as const);
      const proved = what === "refused";
      const reason = { refused: "forbidden", replayed: "replayed", forged: "auth", unknown_key: "unknown_session", downgrade: "suite" }[what];
      found.security.push({ ...base, key: ++keys, what, proved, reason, count: 1 + Math.floor(random() * 9), ...(proved ? { peer: peerId } : {}) });
    } else if (kind === 1) {
      const method = pick(methods);
      const key = `${link.from} ${peerId} ${method}`;
      const state = { closed: "open", open: "half_open", half_open: "closed" }[breakers.get(key)?.state ?? "closed"] as BreakerView["state"];
      found.breakers.push({ key, agent: link.from, peer: peerId, method, state, at: now });
      found.events.push({ ...base, key: ++keys, kind: "breaker", what: state, peer: peerId, method });
    } else if (kind === 2) {
      const state = current.state === "up" ? "suspect" : "up";
      found.links.push({ ...current, state });
      found.events.push({ ...base, key: ++keys, kind: "link", what: state, peer: link.to });
    } else if (kind === 3) {
      const epoch = { send: (current.epoch?.send ?? 0) + 1, receive: (current.epoch?.receive ?? 0) + 1 };
      found.links.push({ ...current, epoch });
      found.events.push({ ...base, key: ++keys, kind: "session", what: "rekeyed", peer: link.to });
    } else found.events.push({ ...base, key: ++keys, kind: "retry", what: "retried", peer: peerId, method: pick(methods), code: "timeout" });
    for (const each of found.breakers) breakers.set(each.key, each);
    for (const each of found.links) links.set(each.key, each);
    security.push(...found.security);
    events.push(...found.events);
    security.splice(0, security.length - keptLimits.security);
    events.splice(0, events.length - keptLimits.events);
    return found;
  }

  const wanted: string[] = [];
  function tick(): void {
    now += batchEvery;
    tickCount += 1;
    const before = [...agents.values()];
    const changed = new Map<string, MessageView>();
    const due = (rate * batchEvery) / 1_000;
    const whole = Math.floor(due) + (random() < due % 1 ? 1 : 0);
    const shown = Math.min(whole, 60);
    for (const name of wanted.splice(0)) begin(changed, name);
    for (let each = 0; each < shown; each += 1) begin(changed);
    goOn(changed);
    const list = [...changed.values()].slice(-batchLimits.messages);
    for (const each of list) {
      messages.delete(each.key);
      messages.set(each.key, each);
    }
    for (const key of messages.keys()) {
      if (messages.size <= keptLimits.messages) break;
      messages.delete(key);
    }
    const each = tickCount % 5 === 0 ? second() : { points: [], links: [], agents: [...agents.values()].filter((agent) => !before.includes(agent)) };
    const found = random() < 0.15 ? incident() : { security: [], events: [], breakers: [], links: [] };
    const batch = { ...empty(), ...each, ...found, links: [...each.links, ...found.links], messages: list, dropped: (whole - shown) * 2 };
    sequence += 1;
    for (const listener of listeners) listener({ ...batch, sequence });
  }

  const empty = (): FeedBatch => ({
    sequence,
    at: now,
    whole: false,
    agents: [],
    links: [],
    gone: [],
    messages: [],
    dropped: 0,
    points: [],
    breakers: [],
    security: [],
    events: [],
  });

  const findLetter = (agent: string, id: string): LetterView => {
    const letter = letters.get(agent)?.find((each) => each.id === id);
    if (letter === undefined) throw new TightbeamError("unsupported", "There is no such letter any more.");
    return letter;
  };
  const revealed = (): FeedRequests["payload"]["answer"] => {
    if (!reveal) throw new TightbeamError("denied", "The agent's owner does not reveal payloads.");
    const value = JSON.stringify({ text: "the quick brown fox", words: 4 }, undefined, 2);
    return { form: "json", text: value, bytes: value.length, cut: false };
  };

  const answers: { readonly [N in FeedRequestName]: (fields: FeedRequests[N]["fields"]) => FeedRequests[N]["answer"] } = {
    letters: ({ agent, limit = 50, after, ...filter }) => {
      if (!letters.has(agent)) throw new TightbeamError("unsupported", "This agent is not watched, or not there now.");
      const all = (letters.get(agent) ?? []).filter((letter) =>
        Object.entries(filter).every(([key, value]) => value === undefined || letter[key as keyof LetterView] === value),
      );
      const begin = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
      const page = all.slice(begin, begin + limit);
      const last = page.at(-1);
      return begin + limit < all.length && last !== undefined ? { letters: page, next: last.id } : { letters: page };
    },
    letter: ({ agent, id }) => findLetter(agent, id),
    contents: revealed,
    payload: revealed,
    traces: ({ limit = 50, failed }) => {
      const requests = [...messages.values()].filter((each) => each.type === "request" && each.traceId !== undefined).reverse();
      const all = requests.map((each) => ({
        id: each.traceId as string,
        at: each.at,
        name: each.name ?? "",
        spans: 4,
        failed: each.code !== undefined,
        ...(each.answered === undefined ? {} : { duration: each.answered }),
      }));
      return { traces: all.filter((each) => failed === undefined || each.failed === failed).slice(0, limit) };
    },
    trace: ({ id }) => {
      const root = [...messages.values()].find((each) => each.traceId === id && each.type === "request");
      if (root === undefined) throw new TightbeamError("unsupported", "There is no such trace any more.");
      const third = agentKeys.find((key) => key !== root.from && key !== root.to) ?? root.from;
      const duration = root.answered ?? 20;
      const span = (at: number, part: number, own: Partial<SpanView>): SpanView => ({
        id: root.id.replaceAll("-", "").slice(at, at + 16),
        agent: root.from,
        peer: root.to,
        side: "sender",
        type: "request",
        name: root.name ?? "",
        message: root.id,
        at: root.at + duration * (1 - part) * 0.5,
        duration: duration * part,
        stages: [],
        ...own,
      });
      const top = span(0, 1, { stages: root.stages.filter(({ by }) => by === "sender") });
      const handled = span(2, 0.8, { parent: top.id, agent: root.to, peer: root.from, side: "receiver" });
      const inner = span(4, 0.5, { parent: handled.id, agent: root.to, peer: third, name: "fetch.page" });
      const last = span(6, 0.3, {
        parent: inner.id,
        agent: third,
        peer: root.to,
        side: "receiver",
        name: "fetch.page",
        ...(root.code ? { code: root.code } : {}),
      });
      return { id, from: "store", spans: [top, handled, inner, last], cut: false };
    },
    replay: ({ agent, id }) => {
      const { kept } = findLetter(agent, id);
      if (!kept) return { replayed: false, error: { code: "too_large", message: "The message was too large to be kept." } };
      remove(agent, id);
      return { replayed: true };
    },
    discard: ({ agent, id }) => {
      findLetter(agent, id);
      remove(agent, id);
      return { discarded: 1 };
    },
  };
  function remove(agent: string, id: string): void {
    letters.set(
      agent,
      (letters.get(agent) ?? []).filter((each) => each.id !== id),
    );
    recount(agent);
    sequence += 1;
    for (const listener of listeners) listener({ ...empty(), agents: [agents.get(agent) as AgentView] });
  }

  // The story so far, so that the first look is not at nothing.
  for (let each = 0; each < 60; each += 1) tick();
  for (const key of agentKeys.slice(0, 3)) bury({ ...message(pick(agentKeys), key, "notification", "index.add"), code: "handler_failed" });
  const interval = timer ? setInterval(tick, batchEvery) : undefined;
  interval?.unref();

  return {
    tick,
    send: (method) => void wanted.push(method),
    stop: () => clearInterval(interval),
    whole: () => ({
      ...empty(),
      whole: true,
      about: { version: 1, actions, reveal, traces: true, latencyBounds },
      agents: [...agents.values()],
      links: [...links.values()],
      messages: [...messages.values()],
      points: [...totals, ...[...ofAgent.values()].flat()],
      breakers: [...breakers.values()],
      security,
      events,
    }),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    ask: async (name, fields) => answers[name](fields),
  };
}

function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
