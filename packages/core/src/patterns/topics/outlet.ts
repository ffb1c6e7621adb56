import { createFifo } from "../../link/fifo.js";
import type { Link } from "../../link/link-types.js";
import type { MessageWatch } from "../../link/message.js";
import type { Timers } from "../../runtime/runtime.js";
import type { Taps } from "../taps.js";
import type { QueueAccount } from "./account.js";
import type { TopicPattern } from "./pattern.js";
import type { Published, TopicSettings } from "./published.js";

export interface OutletHost {
  readonly taps: Taps;
  readonly timers: Timers;
  /** There is room again, or its subscriber is waited for no longer. */
  onRoom(): void;
  onSlow(outlet: Outlet, topic: string): void;
  /** It was too slow for a topic whose policy that is. */
  disconnect(outlet: Outlet): void;
  onTooLarge(outlet: Outlet, event: Published): void;
}

/** One of its peer's subscriptions. */
export interface Held {
  readonly id: string;
  readonly pattern: TopicPattern;
  /** What the peer was answered. */
  readonly after: string | undefined;
}

/** What is given to the link at once where it takes more than the next record: the rest waits here, where it can still be dropped. */
const batchBytes = 32 * 1024;
const retryMs = 100;
/** A subscriber that took this part of a full queue while a publisher waits is not slow. */
const progressPart = 16;

/** One subscriber: the events on their way to the instance at the other end of a link, within its credit and a bounded queue. */
export class Outlet implements MessageWatch {
  readonly link: Link;
  /** Whose permissions its topics were chosen by. */
  peer: Link["peer"];
  readonly subscriptions = new Map<string, Held>();
  /** The edition of all subscriptions with which its own changed last. */
  changed = 0;
  slow = false;
  sent = 0;
  dropped = 0;
  queuedBytes = 0;
  readonly #host: OutletHost;
  readonly #account: QueueAccount;
  readonly #queue = createFifo<Published>();
  /** Absolute totals since the link began: what was sent, and what the subscriber takes. */
  #spent = 0;
  #granted = 0;
  /** The link has what fills more than its next record. */
  #unsealed = false;
  #patience: (() => void) | undefined;
  /** Whose publisher waited last, and what went since. */
  #settings: TopicSettings | undefined;
  #topic = "";
  #eventsSince = 0;
  #bytesSince = 0;
  #retry: (() => void) | undefined;

  constructor(link: Link, account: QueueAccount, host: OutletHost) {
    this.link = link;
    this.peer = link.peer;
    this.#account = account;
    this.#host = host;
  }

  get queued(): number {
    return this.#queue.length;
  }

  hasRoom({ events, bytes }: TopicSettings): boolean {
    return this.#queue.length < events && this.queuedBytes < bytes;
  }

  grant(total: number): void {
    if (total <= this.#granted) return;
    this.#granted = total;
    this.#pump();
  }

  /** Sends it, queues it, or does with it what its topic's policy says. False: it was dropped. */
  push(event: Published): boolean {
    // It may have ended since it was chosen, by what the application does when it is asked or told.
    if (this.subscriptions.size === 0) return false;
    if (this.#queue.length === 0 && event.bytes.length <= this.peer.limits.maxMessageBytes && this.#offer(event)) {
      this.#spent += event.cost;
      this.sent++;
      return true;
    }
    if (!this.#makeRoom(event) || !this.#hold(event)) {
      this.dropped++;
      return false;
    }
    this.#queue.push(event);
    this.queuedBytes += event.cost;
    this.#pump();
    return true;
  }

  #hold(event: Published): boolean {
    if (!this.#account.take(event)) return false;
    if (event.hold()) return true;
    this.#account.give(event);
    return false;
  }

  #letGo(event: Published): void {
    this.queuedBytes -= event.cost;
    this.#account.give(event);
    event.letGo();
  }

  #makeRoom(event: Published): boolean {
    if (event.bytes.length > this.peer.limits.maxMessageBytes) {
      this.#host.onTooLarge(this, event);
      return false;
    }
    const { settings } = event.topic;
    if (this.hasRoom(settings)) return true;
    if (settings.slow === "disconnect") this.#host.disconnect(this);
    return settings.slow === "drop-oldest" && this.#dropOldest();
  }

  /** A publisher waits for room here: its patience begins, unless it has begun. */
  waitFor(topic: string, settings: TopicSettings): void {
    if (this.#patience !== undefined || this.slow) return;
    this.#settings = settings;
    this.#topic = topic;
    this.#eventsSince = 0;
    this.#bytesSince = 0;
    this.#patience = this.#host.timers.after(settings.patience, this.#tired, { background: true });
  }

  /** Nothing of it is sent any more. */
  end(): void {
    this.subscriptions.clear();
    this.#patience?.();
    this.#retry?.();
    this.#patience = undefined;
    this.#retry = undefined;
    this.slow = false;
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) this.#letGo(event);
  }

  sealed(): void {
    this.#unsealed = false;
    // The record is being filled: what is given to the link now would not go into it.
    if (this.#queue.length > 0) void Promise.resolve().then(this.#pump);
  }

  #offer({ bytes, lane, header }: Published): boolean {
    if (this.#unsealed || this.#spent >= this.#granted) return false;
    const { messages } = this.#host.taps;
    const message = { bytes, lane, kept: true, intake: true };
    return messages === undefined ? this.link.offer(message) : messages.offer(this.link, header, message);
  }

  readonly #pump = (): void => {
    let went = false;
    while (!this.#unsealed && this.#spent < this.#granted) {
      const event = this.#queue.peek();
      if (event === undefined) break;
      if (this.#offer(event)) this.#went(event);
      else if (!this.#sendBatch()) break;
      went = true;
    }
    if (went) this.#host.onRoom();
  };

  /** What the link's next record has no room for: it says when it has sent the last of it. */
  #sendBatch(): boolean {
    let total = 0;
    try {
      while (!this.#unsealed) {
        const event = this.#queue.peek() as Published;
        total += event.cost;
        const last = this.#queue.length === 1 || total >= batchBytes || this.#spent + event.cost >= this.#granted;
        const { bytes, lane, header } = event;
        const message = { bytes, lane, kept: true, intake: true, ...(last ? { watch: this } : undefined) };
        const { messages } = this.#host.taps;
        if (messages === undefined) this.link.send(message);
        else messages.send(this.link, header, message);
        this.#unsealed = last;
        this.#went(event);
      }
      return true;
    } catch {
      // The link ended, and with it this; or the agent's memory is used up for now.
      if (this.link.state !== "ended") {
        this.#retry ??= this.#host.timers.after(retryMs, () => {
          this.#retry = undefined;
          this.#pump();
        });
      }
      return false;
    }
  }

  #went(event: Published): void {
    this.#queue.shift();
    this.#spent += event.cost;
    this.sent++;
    this.#letGo(event);
    if (this.#settings === undefined) return;
    const { events, bytes } = this.#settings;
    this.#eventsSince++;
    this.#bytesSince += event.cost;
    const moves = this.#eventsSince >= events / progressPart || this.#bytesSince >= bytes / progressPart;
    if (moves && this.#patience !== undefined) {
      this.#patience();
      this.#patience = undefined;
    }
    if (this.slow && this.#queue.length <= events / 2 && this.queuedBytes <= bytes / 2) {
      this.slow = false;
      this.#host.onSlow(this, this.#topic);
    }
  }

  readonly #tired = (): void => {
    this.#patience = undefined;
    // Our own transport is down: that is no subscriber's fault.
    if (this.link.state === "down" && this.#settings !== undefined) return this.waitFor(this.#topic, this.#settings);
    this.slow = true;
    this.#host.onSlow(this, this.#topic);
    this.#host.onRoom();
  };

  /** The oldest of a topic that drops its oldest. */
  #dropOldest(): boolean {
    let victim: Published | undefined;
    for (let index = 0; index < this.#queue.length && victim === undefined; index++) {
      const event = this.#queue.at(index) as Published;
      if (event.topic.settings.slow !== "drop-oldest") continue;
      victim = event;
      if (index === 0) this.#queue.shift();
      else this.#queue.retain((each) => each !== event);
    }
    if (victim === undefined) return false;
    this.dropped++;
    this.#letGo(victim);
    return true;
  }
}
