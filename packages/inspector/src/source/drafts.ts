import type { ErrorCode, MessageMoment, MessageStage } from "@tightbeam/core";
import { agentKey } from "../feed/keys.js";
import { batchLimits } from "../feed/protocol.js";
import type { SourceMessage } from "./types.js";

/** Messages whose next stage is awaited, at most; the oldest is let go. */
const openMax = 1_000;
const stagesMax = 16;
/** Failures that are told beside what there is room for. */
const failuresMax = 100;

interface Draft {
  readonly key: string;
  readonly first: MessageMoment;
  readonly stages: { what: MessageStage; at: number }[];
  name: string | undefined;
  trace: SourceMessage["trace"];
  duration: number | undefined;
  code: ErrorCode | undefined;
  changed: boolean;
  settled: boolean;
}

export interface Drafts {
  add(moment: MessageMoment): void;
  /** Those that moved, and how many more there were than fit. */
  take(): { readonly messages: SourceMessage[]; readonly dropped: number };
  readonly size: number;
}

/** The messages of one agent whose life goes on, put together from their moments. */
export function createDrafts(): Drafts {
  const open = new Map<string, Draft>();
  let changed: Draft[] = [];
  let failures = 0;
  let dropped = 0;

  function begin(key: string, first: MessageMoment): Draft {
    if (open.size >= openMax) open.delete(open.keys().next().value as string);
    const draft: Draft = {
      key,
      first,
      stages: [],
      name: first.name,
      trace: undefined,
      duration: undefined,
      code: undefined,
      changed: false,
      settled: false,
    };
    open.set(key, draft);
    return draft;
  }

  return {
    add(moment) {
      const { what, at, direction, id, peer, trace, duration, code } = moment;
      const key = `${direction} ${peer.instance} ${id}`;
      const draft = open.get(key) ?? begin(key, moment);
      if (draft.stages.length < stagesMax) draft.stages.push({ what, at });
      draft.name ??= moment.name;
      if (trace !== undefined) draft.trace = traceOf(trace);
      if (duration !== undefined && what !== "acknowledged") draft.duration = duration;
      if (code !== undefined) draft.code = code;
      draft.settled = settles(moment);
      if (draft.changed) return;
      const failed = code !== undefined && failures < failuresMax;
      if (changed.length - failures < batchLimits.messages || failed) {
        draft.changed = true;
        changed.push(draft);
        if (failed) failures += 1;
      } else {
        dropped += 1;
        if (draft.settled) open.delete(key);
      }
    },
    take() {
      const messages = changed.map(view);
      for (const draft of changed) {
        draft.changed = false;
        if (draft.settled && open.get(draft.key) === draft) open.delete(draft.key);
      }
      const taken = { messages, dropped };
      changed = [];
      failures = 0;
      dropped = 0;
      return taken;
    },
    get size() {
      return open.size;
    },
  };
}

const traceOf = ({ traceId, spanId, parentSpanId }: NonNullable<SourceMessage["trace"]>): NonNullable<SourceMessage["trace"]> =>
  parentSpanId === undefined ? { traceId, spanId } : { traceId, spanId, parentSpanId };

/** Nothing more is expected. What comes all the same, a dead letter after a failure, is told as one more stage. */
function settles({ what, direction, type }: MessageMoment): boolean {
  if (what === "failed" || what === "expired" || what === "dead_lettered" || what === "answered" || what === "processed") return true;
  if (direction === "received") return what === "delivered" && (type === "response" || type === "error");
  return what === "acknowledged" && type !== "request";
}

function view({ first, stages, name, trace, duration, code }: Draft): SourceMessage {
  const { id, direction, peer, type, correlationId, priority, bytes, durable, attempt } = first;
  return {
    id,
    direction,
    peer: agentKey(peer),
    type,
    priority,
    bytes,
    stages: stages.slice(),
    ...(name === undefined ? {} : { name }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(trace === undefined ? {} : { trace }),
    ...(durable === undefined ? {} : { durable }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(duration === undefined ? {} : { duration }),
    ...(code === undefined ? {} : { code }),
  };
}
