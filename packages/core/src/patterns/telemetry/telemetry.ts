import { ownPrefix } from "../../contract/standard-schema.js";
import type { Link } from "../../link/link-types.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { AgentMoment, TelemetryEvent } from "../../telemetry/types.js";
import type { Transport } from "../../transport/transport.js";
import type { PeerNews } from "../peers.js";
import type { MessageTap, Taps } from "../taps.js";
import type { Listening } from "./audience.js";
import { CameMessage, ToldDelivery } from "./came-message.js";
import { createLinkTap } from "./link-tap.js";
import { letterMoment, momentOf } from "./moments.js";
import { createSecurityCounts } from "./security.js";
import { SentMessage } from "./sent-message.js";
import { createTeller } from "./teller.js";

export interface TelemetryHost {
  readonly runtime: Runtime;
  readonly transport: Pick<Transport, "state" | "closed">;
  readonly taps: Taps;
  readonly onEvent: (listener: (event: { readonly type: string }) => void) => () => void;
  readonly onPeer: (listener: (news: PeerNews, link: Link) => void) => () => void;
}

/** Tells what the agent does from here on, until the returned function is called. */
export function beginTelling({ runtime, transport, taps, onEvent, onPeer }: TelemetryHost, listeners: ReadonlySet<Listening>): () => void {
  const { clock } = runtime;
  const filled: { sent(): void }[] = [];
  const emit = (event: TelemetryEvent): void => {
    for (const one of listeners) one.emit(event);
  };
  const security = createSecurityCounts(runtime, emit);
  const teller = createTeller({ clock, listeners, emit, security, filled });
  let over = false;

  const agent = (what: AgentMoment["what"]): void => {
    if (!over) emit({ kind: "agent", at: clock.wall(), what });
  };
  const messages: MessageTap = {
    send(link, header, message, name) {
      if (isOwn(name ?? header.method)) return link.send(message);
      const watched = new SentMessage(teller, link, header, message, name);
      watched.queued(link.send({ ...message, watch: watched }));
      return watched;
    },
    offer(link, header, message) {
      if (isOwn(header.method)) return link.offer(message);
      const watched = new SentMessage(teller, link, header, message, undefined);
      const taken = link.offer({ ...message, watch: watched });
      if (taken) watched.queued(undefined);
      return taken;
    },
    settled(sent, error) {
      if (sent instanceof SentMessage) sent.settled(error);
    },
    came(link, delivery, header) {
      if (isOwn(header.method)) return delivery;
      const message = new CameMessage(teller, link, header, delivery.size, header.method ?? header.topic);
      return new ToldDelivery(delivery, message, header.type === "stream" || header.type === "event");
    },
    handled(delivery, error) {
      if (delivery instanceof ToldDelivery) delivery.handled(error);
    },
    reply(link, { size }, header, name) {
      // A caller that gave up says so in an error of its own, which answers nothing.
      if (!isOwn(name) && !(name === undefined && header.error?.code === "cancelled")) new CameMessage(teller, link, header, size, name);
    },
    buried: (letter, instance) => emit(letterMoment(letter, instance, clock.wall())),
    held: (link, header, bytes) => new CameMessage(teller, link, header, bytes, header.method),
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
      if (type === "up" || type === "down") agent(`transport_${type}`);
    }),
    security.end,
  ];
  void transport.closed.then(() => agent("closed"));

  return () => {
    over = true;
    taps.messages = undefined;
    taps.link = undefined;
    for (const end of ends) end();
  };
}

/** What agents say on their own account. */
const isOwn = (name: string | undefined): boolean => name?.startsWith(ownPrefix) === true;
