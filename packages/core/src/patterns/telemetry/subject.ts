import type { Headers } from "../../envelope/types.js";
import type { TraceContext } from "../../telemetry/trace-context.js";
import type { FollowedMessage, MessageFollower, TelemetryPeer } from "../../telemetry/types.js";
import type { Asked, ToldHeader } from "../taps.js";
import type { Audience, Listening } from "./audience.js";
import { traceOf } from "./trace-headers.js";

/** One message, and who is told of it. What followers are not to see of it is private. */
export class Subject implements FollowedMessage {
  readonly direction: FollowedMessage["direction"];
  readonly id: string;
  readonly correlationId: string | undefined;
  readonly type: FollowedMessage["type"];
  readonly name: string | undefined;
  readonly peer: TelemetryPeer;
  readonly priority: FollowedMessage["priority"];
  readonly bytes: number;
  readonly durable: boolean;
  readonly confirmed: boolean;
  readonly #headers: Headers | undefined;
  readonly #audience: Audience;
  /** Of whom `audience` is a part. */
  readonly #among: readonly Listening[];
  /** Most have one listener that follows. */
  #listening: Listening | undefined;
  #follower: MessageFollower | undefined;
  #others: Map<Listening, MessageFollower | undefined> | undefined;

  /** `id`: the header's, as text. `of`, `request`: what is answered, and who was told of that. */
  constructor(
    direction: FollowedMessage["direction"],
    peer: TelemetryPeer,
    header: ToldHeader,
    id: string,
    bytes: number,
    of: Asked | undefined,
    confirmed: boolean,
    audience: Audience,
    among: readonly Listening[],
    request: Subject | undefined,
  ) {
    this.direction = direction;
    this.id = id;
    this.correlationId = header.correlationId;
    this.type = header.type;
    this.name = of?.method ?? header.method ?? header.topic;
    this.peer = peer;
    this.priority = header.priority;
    this.bytes = bytes;
    this.durable = header.durable !== undefined;
    this.confirmed = confirmed;
    this.#headers = (of ?? header).headers;
    this.#audience = audience;
    this.#among = among;
    if (request === undefined) return;
    this.#listening = request.#listening;
    this.#follower = request.#follower;
    this.#others = request.#others;
  }

  get audience(): Audience {
    return this.#audience;
  }

  /** These are still all who listen. */
  isAmong(all: readonly Listening[]): boolean {
    return this.#among === all;
  }

  /** A span may begin while it is under way. */
  get trace(): TraceContext | undefined {
    return traceOf(this.#headers);
  }

  /** Nobody is told of it but of its failure. */
  get isUnwanted(): boolean {
    return this.#audience?.length === 0;
  }

  wantedBy(listening: Listening): boolean {
    return this.#audience === undefined || this.#audience.includes(listening);
  }

  /** Who is told in the place of a listener that wants it. */
  followerFor(listening: Listening): MessageFollower | undefined {
    if (listening === this.#listening) return this.#follower;
    if (listening.follow === undefined) return undefined;
    if (this.#listening === undefined) {
      this.#listening = listening;
      this.#follower = this.#ask(listening.follow);
      return this.#follower;
    }
    this.#others ??= new Map();
    if (!this.#others.has(listening)) this.#others.set(listening, this.#ask(listening.follow));
    return this.#others.get(listening);
  }

  /** Who alone is told of it, where that is so: of most messages, from their second stage on. */
  followerAlone(all: readonly Listening[]): MessageFollower | undefined {
    return all === this.#among && all.length === 1 ? this.#follower : undefined;
  }

  #ask(follow: NonNullable<Listening["follow"]>): MessageFollower | undefined {
    try {
      return follow(this);
    } catch {
      return undefined;
    }
  }
}
