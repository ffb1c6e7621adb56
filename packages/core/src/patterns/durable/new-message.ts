import type { EncodedPayload } from "../../codec/types.js";
import type { Method } from "../../contract/index.js";
import type { Ids } from "../../envelope/id.js";
import { durableBytes } from "../../envelope/layout.js";
import type { OutgoingHeader } from "../../envelope/types.js";
import { encodeEnvelope } from "../../envelope/wire.js";
import { TightbeamError } from "../../errors.js";
import type { NotifyOptions } from "../asking/operation.js";
import type { Departure } from "../taps.js";
import type { SenderHost } from "./out-host.js";
import type { Draft, Waiter } from "./out-message.js";
import { segmentOverhead } from "./out-segment.js";

/** A durable message that is about to be accepted. */
export class NewMessage implements Draft {
  readonly #host: SenderHost;
  readonly #ids: Ids;
  readonly #peer: string;
  readonly #method: Method;
  readonly #payload: EncodedPayload | undefined;
  readonly #operation: NotifyOptions;
  #departure: Departure | undefined;

  constructor(host: SenderHost, ids: Ids, peer: string, method: Method, payload: EncodedPayload | undefined, operation: NotifyOptions) {
    this.#host = host;
    this.#ids = ids;
    this.#peer = peer;
    this.#method = method;
    this.#payload = payload;
    this.#operation = operation;
  }

  /** Who waits for it. */
  waiter(resolve: () => void, reject: (error: TightbeamError) => void): Waiter {
    const { confirm } = this.#operation;
    if (this.#host.taps.tracing === undefined) return { confirm, resolve, reject };
    return {
      confirm,
      resolve: () => {
        this.#departure?.end();
        resolve();
      },
      reject: (error) => {
        this.#departure?.end(error);
        reject(error);
      },
    };
  }

  encode(number: number, floor: number): { readonly envelope: Uint8Array; readonly at: number; readonly expires: number } {
    const { runtime, state, taps } = this.#host;
    const payload = this.#payload;
    const now = runtime.clock.wall();
    const { ttl, idempotencyKey, priority = "normal" } = this.#operation;
    const name = this.#method.name;
    const id = taps.tracing === undefined ? this.#ids.bytes(now) : this.#ids.text(now);
    if (typeof id === "string")
      this.#departure = taps.tracing?.sending(
        { type: "notification", name, id, peer: { id: this.#peer }, bytes: payload?.bytes.length ?? 0, durable: true },
        this.#operation,
      );
    const headers = this.#departure?.headers ?? this.#operation.headers;
    const header: { -readonly [name in keyof OutgoingHeader]: OutgoingHeader[name] } = {
      type: "notification",
      id,
      timestamp: now,
      priority,
      method: name,
      durable: { number, floor, again: false },
    };
    if (ttl !== undefined) header.ttl = ttl;
    if (idempotencyKey !== undefined) header.idempotencyKey = idempotencyKey;
    if (headers !== undefined) header.headers = headers;
    const envelope = encodeEnvelope(header, payload);
    const most = state.capabilities.maxValueBytes - segmentOverhead;
    if (envelope.length > most) throw new TightbeamError("too_large", `The message has ${envelope.length} bytes; the store takes at most ${most}.`);
    return { envelope, at: envelope.length - (payload?.bytes.length ?? 0) - durableBytes, expires: ttl === undefined ? 0 : now + ttl };
  }
}
