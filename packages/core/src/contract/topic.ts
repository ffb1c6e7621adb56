import type { StandardSchemaV1 } from "@standard-schema/spec";
import { checkName, checkSchema } from "./standard-schema.js";

/** What publishers and subscribers agree on. `topic()` makes one; it is frozen and may be shared by all sides. */
export interface Topic<Event extends StandardSchemaV1 = StandardSchemaV1> {
  readonly kind: "topic";
  readonly name: string;
  /** Undefined: any payload, of type unknown. */
  readonly event: Event | undefined;
}

/** What a publisher passes. */
export type TopicEvent<T extends Topic | string> = T extends Topic<infer Event> ? StandardSchemaV1.InferInput<Event> : unknown;
/** What a subscriber gets. */
export type ReceivedTopicEvent<T extends Topic | string> = T extends Topic<infer Event> ? StandardSchemaV1.InferOutput<Event> : unknown;

/** A contract: a name without wildcards and, where given, the schema of its events. The name is as a method's. Throws `invalid_argument`. */
export function topic<Event extends StandardSchemaV1 = StandardSchemaV1>(name: string, event?: Event): Topic<Event> {
  checkName("topic", name);
  checkSchema(`topic("${name}")`, "event", event);
  return Object.freeze({ kind: "topic", name, event });
}
