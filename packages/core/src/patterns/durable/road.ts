import { type ErrorCode, isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Link } from "../../link/link-types.js";
import type { StoreChange } from "../../store/types.js";
import { type Answer, readAnswer, rolledBack, rolledBackError, tellStarts } from "./opening.js";
import { openingName } from "./opening-name.js";
import type { SenderHost } from "./out-host.js";
import type { Binding } from "./out-record.js";

/** Whose messages go this way. */
export interface Traveller {
  readonly peer: string;
  readonly queued: number;
  readonly forgot: string | undefined;
  readonly began: readonly number[];
  readonly next: readonly number[];
  readonly floor: readonly number[];
  /** Its entry in the store, as it is now. */
  readonly record: StoreChange;
  epoch: number;
  bound: Binding | undefined;
  /** By lane: one above the highest number that the bound store has answered as handled. */
  handled: number[];
  /** There is a link, or it is gone: go on. */
  pump(): void;
  /** What is under way is not any more. */
  recall(): void;
}

/** Which link leads to the store that a peer's messages belong to: finds it, opens it, and judges whether that store is what it was. */
export class Road {
  /** Messages go here. */
  link: Link | undefined;
  /** Why they go nowhere. */
  blocked: TightbeamError | undefined;
  readonly #host: SenderHost;
  readonly #channel: Traveller;
  /** What the other side of each link said; undefined while it is asked. */
  readonly #opened = new Map<Link, Answer | undefined>();
  /** Opening of the peer's store that the present link leads to. */
  #incarnation = 0;
  #dialling = false;
  #cancel: (() => void) | undefined;
  #rounds = 0;
  /** When the bound store was there last. */
  #lostAt: number;
  #stopped = false;

  constructor(host: SenderHost, channel: Traveller) {
    this.#host = host;
    this.#channel = channel;
    this.#lostAt = host.runtime.clock.monotonic();
  }

  get reason(): ErrorCode | undefined {
    if (this.blocked !== undefined) return this.blocked.code;
    return this.link === undefined && this.#channel.queued > 0 ? "no_answer" : undefined;
  }

  /** There is something to send, and no link for it. */
  seek(): void {
    if (this.link !== undefined || this.#stopped || this.blocked?.code === "store_rolled_back" || this.#dialling || this.#cancel !== undefined) return;
    const there = this.#host.links.list(this.#channel.peer);
    for (const link of there) this.#open(link);
    for (const [link, answer] of this.#opened) {
      if (answer === undefined) return;
      if (this.#rebinds(answer)) return this.#bind(link, answer);
    }
    this.#dial(there.length > 0);
  }

  linkUp(link: Link): void {
    if (this.blocked?.code === "unsupported") this.blocked = undefined;
    if (this.link === link) return;
    this.#rounds = 0;
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#channel.queued > 0) this.#open(link);
  }

  /** Its process may be gone, and another have its store already: whoever answers to the name is asked. */
  linkSuspect(link: Link): void {
    if (this.link === link && !this.#dialling && !this.#stopped && this.#channel.queued > 0) this.#dial(false, true);
  }

  linkEnded(link: Link): void {
    const known = this.#opened.delete(link);
    // It ended before it was opened: whoever waits for that looks for another.
    if (this.link !== link) return known ? this.#later() : undefined;
    this.#lose();
    this.#channel.pump();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** Everything that was known of the other side is forgotten: whoever is there now is asked again. */
  reset(): void {
    this.blocked = undefined;
    this.#opened.clear();
    this.#cancel?.();
    this.#cancel = undefined;
    this.#lose();
  }

  #lose(): void {
    if (this.link !== undefined) this.#lostAt = this.#host.runtime.clock.monotonic();
    this.link = undefined;
    this.#channel.recall();
  }

  #open(link: Link): void {
    if (this.#stopped || this.#opened.has(link) || link.state === "ended" || this.blocked?.code === "store_rolled_back") return;
    this.#opened.set(link, undefined);
    const { state, system } = this.#host;
    const { epoch, forgot, began, next, floor } = this.#channel;
    const kept = state.capabilities.durability !== "memory";
    const told = forgot === undefined ? {} : { forgot };
    const opening = { store: state.id, kept, starts: tellStarts(state.starts), epoch, ...told, began, next, floor };
    system
      .request(link, openingName, opening, { timeout: keptLimits.durableOpenMs })
      .then((value) => this.#answered(link, readAnswer(value)))
      .catch((error: unknown) => this.#failed(link, error));
  }

  #answered(link: Link, answer: Answer): void {
    if (this.#stopped || !this.#opened.has(link)) return;
    this.#opened.set(link, answer);
    const { bound } = this.#channel;
    if (bound?.store !== answer.store) return bound === undefined || this.#rebinds(answer) ? this.#bind(link, answer) : this.#later();
    const lost = answer.seen.findIndex((seen, lane) => seen < (this.#channel.handled[lane] as number));
    const why = rolledBack(bound.start, answer.starts) ?? (lost < 0 ? undefined : "it has forgotten messages that it answered as handled");
    if (why !== undefined) return this.#block(rolledBackError(`The store of ${this.#channel.peer}`, why));
    const start = answer.starts[0] as Answer["starts"][number];
    if (start.nonce === bound.start.nonce && bound.instance === link.peer.instance) return this.#take(link, answer);
    this.#channel.bound = { ...bound, instance: link.peer.instance, start };
    this.#write(link, answer);
  }

  #failed(link: Link, error: unknown): void {
    if (this.#stopped || !this.#opened.delete(link)) return;
    const code = isTightbeamError(error) ? error.code : "internal";
    if (code === "store_rolled_back") return this.#block(error as TightbeamError);
    // Those that are kept wait for a newer version of it.
    if (code === "no_handler") this.blocked = new TightbeamError("unsupported", `${this.#channel.peer} runs a version that takes no durable messages.`);
    this.#later();
  }

  #block(error: TightbeamError): void {
    this.#lose();
    this.blocked = error;
    this.#host.onEvent({ type: "store_rolled_back", peer: this.#channel.peer, error });
  }

  /** The bound store has been away for so long, or for good, that another may take its place. */
  #rebinds(answer: Answer): boolean {
    const { bound, peer } = this.#channel;
    // A link that is up leads to it: it is not away.
    if (bound === undefined || bound.store === answer.store || this.link !== undefined) return false;
    if (!bound.durable) return this.#host.links.find({ id: peer, instance: bound.instance }) === undefined;
    const { rebindAfter, runtime } = this.#host;
    return rebindAfter !== undefined && runtime.clock.monotonic() - this.#lostAt >= rebindAfter;
  }

  #bind(link: Link, answer: Answer): void {
    const channel = this.#channel;
    const { peer, bound } = channel;
    const { store, durable, starts } = answer;
    channel.bound = { store, durable, instance: link.peer.instance, start: starts[0] as Answer["starts"][number] };
    channel.handled = channel.handled.map(() => 0);
    if (bound === undefined) return this.#write(link, answer);
    channel.epoch++;
    this.#host.onEvent({ type: "rebound", peer, from: bound.store, to: store });
    // It was opened with the epoch before.
    this.#opened.clear();
    this.#host.writer.add({ changes: () => [channel.record], settled: (error) => (error === undefined ? this.#open(link) : this.#later()) });
  }

  /** What is remembered of the other side is flushed before anything relies on it. */
  #write(link: Link, answer: Answer): void {
    this.#host.writer.add({ changes: () => [this.#channel.record], settled: (error) => (error === undefined ? this.#take(link, answer) : this.#again(link)) });
  }

  #again(link: Link): void {
    this.#opened.delete(link);
    this.#later();
  }

  #take(link: Link, answer: Answer): void {
    if (this.#stopped || link.state === "ended" || this.#opened.get(link) !== answer) return this.#later();
    const { incarnation } = answer.starts[0] as Answer["starts"][number];
    // The same store opened once more: the process behind the link before is gone, whatever its link says.
    if (this.link !== undefined && this.link.state === "up" && incarnation <= this.#incarnation) return;
    if (this.link !== undefined) this.#channel.recall();
    this.link = link;
    this.#incarnation = incarnation;
    this.blocked = undefined;
    this.#rounds = 0;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#channel.pump();
  }

  #dial(there: boolean, anew = false): void {
    const { links } = this.#host;
    const { peer, bound } = this.#channel;
    this.#dialling = true;
    // By its name others may answer; by its address only the one that had the store last.
    const known = bound !== undefined && !anew && (there || this.#rounds % 2 === 1);
    if (there) links.seek(peer);
    const over = (): void => {
      this.#dialling = false;
      this.#later();
    };
    links
      .connect(known ? { id: peer, instance: bound.instance } : { id: peer }, { timeout: keptLimits.durableDialMs })
      .then((link) => this.#open(link))
      .then(over, over);
  }

  /** Looks again, the later the longer it has been in vain. */
  #later(): void {
    if (this.link !== undefined || this.#stopped || this.#cancel !== undefined || this.#dialling) return;
    const { clock, random, timers } = this.#host.runtime;
    const most = Math.min(keptLimits.durableDialAgainMaxMs, keptLimits.durableDialAgainMs * 2 ** Math.min(this.#rounds++, 10));
    const [high = 0, low = 0] = random.bytes(2);
    let ms = ((high * 256 + low + 1) / 65_536) * most;
    const { rebindAfter } = this.#host;
    // Not before its time, and then at once.
    if (rebindAfter !== undefined) ms = Math.min(ms, Math.max(this.#lostAt + rebindAfter - clock.monotonic(), keptLimits.durableDialAgainMs));
    this.#cancel = timers.after(ms, () => {
      this.#cancel = undefined;
      if (this.#channel.queued > 0) this.seek();
    });
  }
}
