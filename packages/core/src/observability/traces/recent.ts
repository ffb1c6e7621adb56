import * as keptLimits from "../../kept-limits.js";
import type { MessageMoment } from "../../telemetry/types.js";

/** The last moments of messages that nobody samples: what is left to look up when one of them fails. */
export interface RecentMoments {
  note(moment: MessageMoment): void;
  /** Of the message, and of its reply, in the order in which they came. */
  of(id: string, now: number): readonly MessageMoment[];
}

/** Noting is all that most messages cost: nothing is looked up and nothing is put together until one fails. */
export function createRecentMoments(): RecentMoments {
  const ring: (MessageMoment | undefined)[] = new Array<MessageMoment | undefined>(keptLimits.traceMoments).fill(undefined);
  let next = 0;
  return {
    note(moment) {
      ring[next] = moment;
      next = (next + 1) % keptLimits.traceMoments;
    },
    of(id, now) {
      const found: MessageMoment[] = [];
      for (let i = 0; i < keptLimits.traceMoments; i++) {
        const moment = ring[(next + i) % keptLimits.traceMoments];
        if (moment === undefined || moment.at < now - keptLimits.traceMomentsMs) continue;
        if (moment.id === id || moment.correlationId === id) found.push(moment);
      }
      return found;
    },
  };
}
