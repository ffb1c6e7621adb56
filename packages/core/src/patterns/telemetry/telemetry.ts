import { ownPrefix } from "../../contract/standard-schema.js";
import type { Link } from "../../link/link-types.js";
import type { MessageWatch, OutgoingMessage } from "../../link/message.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { AgentMoment, TelemetryEvent } from "../../telemetry/types.js";
import type { Transport } from "../../transport/transport.js";
import type { PeerNews } from "../peers/peers.js";
import type { MessageTap, Taps } from "../taps.js";
import { type Listeners, nobody } from "./audience.js";
import { CameMessage, isRefusal, stageOf, ToldDelivery } from "./came-message.js";
import { createLinkTap, type FilledMessages } from "./link-tap.js";
import { letterMoment, momentOf } from "./moments.js";
import { createSecurityCounts } from "./security.js";
import { SentMessage } from "./sent-message.js";
import { codeOf, createTeller } from "./teller.js";

export interface TelemetryHost {
  readonly runtime: Runtime;
  readonly transport: Pick<Transport, "state" | "closed">;
  readonly taps: Taps;
  /** On the wall clock. Undefined: told. */
  openedAt: number | undefined;
  /** When the transport has closed. Undefined: nobody waits for that yet. */
  closed?: () => void;
  readonly onEvent: (listener: (event: { readonly type: string }) => void) => () => void;
  readonly onPeer: (listener: (news: PeerNews, link: Link) => void) => () => void;
  /** Once its owner closes the agent it is no news that the transport goes down with it. */
  readonly closing: { readonly begun: boolean };
}

/** Tells what the agent does from here on, until the returned function is called. */
export function beginTelling(host: TelemetryHost, listeners: Listeners): () => void {
  const { runtime, transport, taps, onEvent, onPeer, openedAt } = host;
  const { clock } = runtime;
  const filled: FilledMessages = { messages: undefined };
  const emit = (event: TelemetryEvent): void => {
    for (const one of listeners.all) if (!one.over) one.emit(event);
  };
  const security = createSecurityCounts(runtime, emit);
  const teller = createTeller({ clock, listeners, security, filled });
  let over = false;

  const agent = (what: AgentMoment["what"]): void => {
    if (!over) emit({ kind: "agent", at: clock.wall(), what });
  };
  const messages: MessageTap = {
    send(link, header, message, of, came) {
      // A request says itself what it failed with, and where its reply is lost its link is.
      const isOver = header.type === "request" || of !== undefined;
      if (isOwn((of ?? header).method)) return link.send(message);
      const request = came instanceof ToldDelivery ? teller.same(came.subject) : undefined;
      const audience = request === undefined ? teller.audience(header, of) : request.audience;
      if (isOver && audience === nobody) return link.send(message);
      const watched = new SentMessage(teller, link, header, message, of, audience, request);
      watched.queued(link.send(watchedBy(watched, message)));
      return watched;
    },
    offer(link, header, message) {
      if (isOwn(header.method)) return link.offer(message);
      const watched = new SentMessage(teller, link, header, message, undefined, teller.audience(header, undefined));
      const taken = link.offer(watchedBy(watched, message));
      if (taken) watched.queued(undefined);
      return taken;
    },
    settled(sent, error) {
      if (sent instanceof SentMessage) sent.settled(error);
    },
    answered(sent, error, request) {
      if (sent instanceof SentMessage) return sent.settled(error);
      const { link, asked, bytes, since } = request;
      if (error !== undefined && !isOwn(asked.method))
        teller.message(teller.subject("sent", link, asked, bytes, undefined, false, teller.audience(asked, undefined)), "failed", since, codeOf(error));
    },
    came(link, delivery, header) {
      if (isOwn(header.method)) return delivery;
      const audience = teller.audience(header, undefined);
      if (header.type === "request" && audience === nobody) return delivery;
      const message = new CameMessage(teller, link, header, delivery.size, audience);
      return new ToldDelivery(delivery, message, header.type === "stream" || header.type === "event");
    },
    refused(link, delivery, header, outcome, error) {
      if (delivery instanceof ToldDelivery || header.type !== "request" || isOwn(header.method)) return;
      const code = outcome === "no_handler" ? "no_handler" : codeOf(error);
      const subject = teller.subject("received", link, header, delivery.size, undefined, false, teller.audience(header, undefined));
      teller.message(subject, stageOf(code), undefined, code);
      if (isRefusal(code)) teller.refused(link, code);
    },
    handled(delivery, error) {
      if (delivery instanceof ToldDelivery) delivery.handled(error);
    },
    reply(link, { size }, header, request) {
      // From anywhere else it is no answer to it.
      const sent = request?.link === link ? request.sent : undefined;
      const told = sent instanceof SentMessage ? teller.same(sent.subject) : undefined;
      const audience = told === undefined ? teller.audience(header, request) : told.audience;
      if (audience === nobody) return;
      const of = request?.asked;
      // A caller that gave up says so in an error of its own, which answers nothing.
      if (!isOwn(of?.method) && (of !== undefined || header.error?.code !== "cancelled"))
        teller.message(teller.subject("received", link, header, size, of, false, audience, told), "delivered", undefined);
    },
    buried: (letter, instance) => emit(letterMoment(letter, instance, clock.wall())),
    held: (link, header, bytes) => new CameMessage(teller, link, header, bytes, teller.audience(header, undefined)),
  };

  taps.messages = messages;
  taps.link = createLinkTap(clock, emit, security, filled);
  const ends = [
    onEvent((event) => {
      const moment = momentOf(event, clock.wall(), security);
      if (moment !== undefined) emit(moment);
    }),
    onPeer((what, { peer: { id, instance } }) => {
      if (what !== "ready") emit({ kind: "peer", at: clock.wall(), what, peer: { id, instance } });
    }),
    transport.state.subscribe(({ type }) => {
      if (type === "up" || (type === "down" && !host.closing.begun)) agent(`transport_${type}`);
    }),
    security.end,
  ];
  // Waited for once, however often somebody begins to listen: a promise keeps what waits for it.
  if (host.closed === undefined) void transport.closed.then(() => host.closed?.());
  host.closed = () => agent("closed");
  if (openedAt !== undefined) runtime.timers.turn(() => emit({ kind: "agent", at: openedAt, what: "opened" }));
  host.openedAt = undefined;

  return () => {
    over = true;
    host.closed = nothing;
    taps.messages = undefined;
    taps.link = undefined;
    for (const end of ends) end();
  };
}

const nothing = (): void => undefined;

/** Each part by itself: a spread is of a new shape each time, and whatever reads it from then on is as slow for every other message. */
const watchedBy = (watch: MessageWatch, { bytes, lane, intake, kept = false, part = false, wantsDone = false }: OutgoingMessage): OutgoingMessage => ({
  bytes,
  lane,
  intake,
  kept,
  part,
  wantsDone,
  watch,
});

/** What agents say on their own account. */
const isOwn = (name: string | undefined): boolean => name?.startsWith(ownPrefix) === true;
