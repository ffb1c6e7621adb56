import type { Link, LinkTap, SealedMessages } from "../../link/link-types.js";
import type { LinkSession } from "../../link/sessions.js";
import type { Clock } from "../../runtime/runtime.js";
import type { SessionMoment, TelemetryEvent } from "../../telemetry/types.js";
import { natureOf, type SecurityCounts } from "./security.js";

type Session = LinkSession["session"];

interface Seen {
  epoch: Session["epoch"];
  refused: Session["counters"]["refused"];
}

/** Messages that were sealed and whose link has not been asked yet. */
export interface FilledMessages {
  messages: SealedMessages | undefined;
}

export function createLinkTap(clock: Clock, emit: (event: TelemetryEvent) => void, security: SecurityCounts, filled: FilledMessages): LinkTap {
  const seen = new WeakMap<Session, Seen>();

  const see = ({ session }: LinkSession): Seen => {
    const known = seen.get(session) ?? { epoch: session.epoch, refused: noneRefused };
    seen.set(session, known);
    return known;
  };

  const tell = ({ peer: { id, instance } }: Link, { session, generation }: LinkSession, what: SessionMoment["what"]): void =>
    emit({ kind: "session", at: clock.wall(), what, peer: { id, instance }, suite: session.suite, generation, epoch: session.epoch });

  return {
    filled(link, live, before) {
      const known = see(live);
      const { epoch } = live.session;
      if (epoch.send !== known.epoch.send || epoch.receive !== known.epoch.receive) {
        known.epoch = epoch;
        tell(link, live, "rekeyed");
      }
      const { messages } = filled;
      if (messages === undefined) return before;
      filled.messages = undefined;
      if (before === undefined) return messages;
      before.push(...messages);
      return before;
    },
    attached(link, live, first) {
      see(live);
      tell(link, live, first ? "established" : "renewed");
    },
    unopened({ peer }, live) {
      const known = see(live);
      const refused = { ...live.session.counters.refused };
      for (const reason of reasons) {
        const times = refused[reason] - known.refused[reason];
        if (times > 0) security.count(reason === "replayed" ? "replayed" : "forged", reason, { id: peer.id }, times);
      }
      known.refused = refused;
    },
    refused: (reason, peer) => security.count(natureOf(reason), reason, peer === undefined ? undefined : { id: peer }),
  };
}

const reasons = ["malformed", "replayed", "epoch", "auth"] as const;
const noneRefused = { malformed: 0, replayed: 0, epoch: 0, auth: 0 };
