import { type ErrorCode, errorCodes, method, stream } from "@tightbeam/core";
import { z } from "zod";
import { batchLimits, inspectionName, keptLimits, latencyBounds } from "../feed/protocol.js";
import type { SourceUpdate } from "../source/types.js";

/** What is read here was written by an agent that may be anybody's: everything has a form, a size and a number. */
const count = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
/** Wall ms of a date that there is. */
const time = z.number().min(0).max(8.64e15);
const span = z.number().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER);
const text = (most: number) => z.string().max(most);
const code = z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]);
const agentKey = z.string().regex(/^(?:[A-Za-z0-9_-]{1,64}\/)?[A-Za-z0-9_-]{1,64}\/[A-Za-z0-9_-]{22}$/);
const priority = z.enum(["critical", "high", "normal", "low"]);
const perPriority = z.strictObject({ critical: count, high: count, normal: count, low: count });
const stage = z.enum(["queued", "sealed", "sent", "acknowledged", "answered", "delivered", "processed", "failed", "expired", "dead_lettered"]);
const hexadecimal = (length: number) =>
  z
    .string()
    .length(length)
    .regex(/^[0-9a-f]+$/);

const agent = z.strictObject({
  key: agentKey,
  id: text(129),
  instance: text(22),
  watched: z.enum(["local", "remote", "none"]),
  state: z.enum(["up", "down", "closed", "unreachable", "unknown"]),
  transport: text(64).exactOptional(),
  ready: z.boolean().exactOptional(),
  calls: z.strictObject({ waiting: count, running: count, queued: count, late: count }).exactOptional(),
  streams: z.strictObject({ opened: count, served: count }).exactOptional(),
  memory: z.strictObject({ used: count, most: count }).exactOptional(),
  deadLetters: z.strictObject({ count, bytes: count, changes: count }).exactOptional(),
  durable: z.strictObject({ count, bytes: count }).exactOptional(),
  reveals: z.boolean().exactOptional(),
  actions: z.boolean().exactOptional(),
});

const link = z.strictObject({
  key: text(400),
  edge: text(400),
  from: agentKey,
  to: agentKey,
  state: z.enum(["up", "suspect", "down", "ended"]),
  transport: text(64).exactOptional(),
  suite: z.strictObject({ id: count, name: text(100) }).exactOptional(),
  thumbprint: text(64),
  issuer: text(512),
  generation: count,
  epoch: z.strictObject({ send: count, receive: count }).exactOptional(),
  roundTrip: count,
  awaited: count,
  queue: perPriority,
  inFlight: z.strictObject({ messages: count, bytes: count, limit: count }),
  credit: z.strictObject({ messages: count, bytes: count }),
});

const message = z.strictObject({
  id: text(64).regex(/^[0-9a-f-]+$/),
  direction: z.enum(["sent", "received"]),
  peer: agentKey,
  type: z.enum(["request", "response", "notification", "event", "stream", "error"]),
  name: text(128).exactOptional(),
  correlationId: text(64).exactOptional(),
  priority,
  bytes: count,
  trace: z.strictObject({ traceId: hexadecimal(32), spanId: hexadecimal(16), parentSpanId: hexadecimal(16).exactOptional() }).exactOptional(),
  durable: z.boolean().exactOptional(),
  attempt: count.exactOptional(),
  stages: z.array(z.strictObject({ what: stage, at: time })).max(16),
  duration: span.exactOptional(),
  code: code.exactOptional(),
});

const second = z.strictObject({
  at: time,
  span: count,
  sent: count,
  received: count,
  failed: count,
  bytesSent: count,
  bytesReceived: count,
  buckets: z.array(count).length(latencyBounds.length + 1),
  slowest: count,
  queue: perPriority,
  inFlightBytes: count,
});

export const updateSchema = z.strictObject({
  at: time,
  agent: agent.exactOptional(),
  links: z.array(link).max(keptLimits.links),
  gone: z.array(agentKey).max(keptLimits.links),
  // Failures have room of their own.
  messages: z.array(message).max(batchLimits.messages * 2),
  dropped: count,
  second: second.exactOptional(),
  breakers: z
    .array(z.strictObject({ peer: text(129), method: text(128), state: z.enum(["closed", "open", "half_open"]), at: time }))
    .max(keptLimits.agentBreakers),
  security: z
    .array(
      z.strictObject({
        at: time,
        what: z.enum(["refused", "replayed", "forged", "unknown_key", "downgrade"]),
        peer: text(129).exactOptional(),
        proved: z.boolean(),
        reason: text(128),
        count,
      }),
    )
    .max(batchLimits.security),
  events: z
    .array(
      z.strictObject({
        at: time,
        kind: z.enum(["agent", "peer", "link", "session", "retry", "breaker"]),
        what: text(32),
        peer: text(160).exactOptional(),
        method: text(128).exactOptional(),
        code: text(64).exactOptional(),
        detail: text(200).exactOptional(),
      }),
    )
    .max(batchLimits.events),
}) satisfies z.ZodType<SourceUpdate>;

/** Which part of the messages whoever reads wants to hear of. */
const wish = z.strictObject({ look: z.number().min(0).max(1) });

export const inspection = stream(inspectionName, { input: z.strictObject({ version: z.literal(1) }), chunk: updateSchema, up: wish });

const letter = z.strictObject({ agent: agentKey, id: text(64) });
/** What may be asked of an agent while its stream is open. */
export const question = z.discriminatedUnion("name", [
  z.strictObject({
    name: z.literal("letters"),
    fields: z.strictObject({
      agent: agentKey,
      limit: z.number().int().min(1).max(200).exactOptional(),
      after: text(64).exactOptional(),
      reason: code.exactOptional(),
      peer: text(129).exactOptional(),
      method: text(128).exactOptional(),
    }),
  }),
  z.strictObject({ name: z.literal("letter"), fields: letter }),
  z.strictObject({ name: z.literal("contents"), fields: letter }),
  z.strictObject({ name: z.literal("payload"), fields: z.strictObject({ id: text(64), direction: z.enum(["sent", "received"]), peer: text(129) }) }),
  z.strictObject({ name: z.literal("replay"), fields: letter }),
  z.strictObject({ name: z.literal("discard"), fields: letter }),
]);

export const inspectionAsk = method(`${inspectionName}.ask`, { input: question });

const letterView = z.strictObject({
  agent: agentKey,
  id: text(64),
  reason: code,
  cause: text(512),
  side: z.enum(["sender", "receiver"]),
  peer: text(129),
  method: text(128),
  messageId: text(64).exactOptional(),
  priority,
  attempts: count,
  firstAt: time,
  lastAt: time,
  bytes: count,
  kept: z.boolean(),
});
const revealed = z.strictObject({ form: z.enum(["json", "bytes"]), text: text(20_000), bytes: count, cut: z.boolean() });

/** What they are answered with. */
export const answerSchemas = {
  letters: z.strictObject({ letters: z.array(letterView).max(200), next: text(64).exactOptional() }),
  letter: letterView,
  contents: revealed,
  payload: revealed,
  replay: z.strictObject({ replayed: z.boolean(), error: z.strictObject({ code, message: text(2_000) }).exactOptional() }),
  discard: z.strictObject({ discarded: count }),
};
