import { decodeUtf8 } from "../../bytes.js";
import type { EncodedPayload } from "../../codec/types.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Link } from "../../link/link-types.js";
import { type Delivery, lanes } from "../../link/message.js";
import type { StoreStart } from "../../store/header.js";
import type { State } from "../../store/state.js";
import { heldBytes } from "../answering/keep-payload.js";
import type { MarkedBook } from "../checkpoints/host.js";
import type { DurableFound } from "../checkpoints/recovery.js";
import { Book, decodeBook, itemOf, placeOf } from "./book.js";
import { bookKey, bookPrefix, triesPrefix } from "./book-entry.js";
import { Held } from "./held.js";
import type { HeldHost } from "./held-host.js";
import type { createNumbers } from "./numbers.js";
import { type Opening, readOpening, rolledBack, rolledBackError, tellStarts } from "./opening.js";
import { numberedOf } from "./out-keys.js";
import type { DurableEvent } from "./types.js";

/** The durable messages that peers send here. */
export interface Taker {
  /** Answers `tb/durable`. Throws `invalid_input`, `overloaded`, `store_rolled_back`, and what the store rejects. */
  open(link: Link, value: unknown): unknown;
  /** A durable message arrived. */
  take(link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined): void;
  linkEnded(link: Link): void;
  /** What was remembered when it began. */
  readonly known: Pick<DurableFound, "senders" | "interrupted">;
  /** Senders that are linked or have messages whose handlers are done and that are not marked: with those messages. */
  settled(): readonly MarkedBook[];
  /** Messages that are not over. */
  readonly held: number;
  /** Settles when nothing is held. */
  idle(): Promise<void>;
  stop(): void;
}

export interface TakerOptions extends Omit<HeldHost, "stopped" | "onOver"> {
  /** Undefined: what is remembered is gone with this process. */
  readonly state: State | undefined;
  /** What this side is known by to senders. */
  readonly store: string;
  readonly starts: readonly StoreStart[];
  readonly onEvent: (event: DurableEvent) => void;
  readonly onDamaged: (key: string, error: TightbeamError) => void;
  /** A peer sent what it may not. */
  readonly onRefused: (refused: { readonly peer: string; readonly error: TightbeamError }) => void;
}

/** Reads what is remembered. Rejects what the store rejects. */
export async function createTaker(options: TakerOptions): Promise<Taker> {
  const { state, runtime, writer, onEvent, onRefused } = options;
  const now = (): number => runtime.clock.wall();
  const bookHost = { writer, now, timers: runtime.timers, random: runtime.random };
  const books = new Map<string, Book>();
  const opened = new Map<Link, Book>();
  let stopped = false;
  let held = 0;
  let idleWaiters: (() => void)[] = [];

  const host: HeldHost = {
    ...options,
    stopped: () => stopped,
    onOver() {
      if (--held > 0 || idleWaiters.length === 0) return;
      const waiters = idleWaiters;
      idleWaiters = [];
      for (const waiter of waiters) waiter();
    },
  };

  if (state !== undefined) {
    for await (const [key, value] of state.scan(bookPrefix)) {
      try {
        books.set(key, decodeBook(key, value, bookHost));
      } catch (error) {
        options.onDamaged(key, error as TightbeamError);
      }
    }
    for await (const [key, value] of state.scan(triesPrefix)) {
      const book = books.get(bookPrefix + key.slice(triesPrefix.length).split("/", 2).join("/"));
      const item = numberedOf(key);
      if (book !== undefined && item !== undefined) book.tries.set(placeOf(item), Number(decodeUtf8(value)) || 0);
    }
  }
  const known = {
    senders: [...books.values()].map(({ state: { peer, store }, marked }) => ({ peer, store, marked })),
    interrupted: [...books.values()].reduce((sum, { tries }) => sum + tries.size, 0),
  };

  /** Room for one more sender's store. What is forgotten for it is gone with its process, or was not heard of for long. Throws `overloaded`. */
  const makeRoom = (peer: string): void => {
    const of = [...books.values()].filter((book) => book.state.peer === peer);
    const full = of.length >= keptLimits.durableStoresPerPeer ? of : books.size >= keptLimits.durableStores ? [...books.values()] : undefined;
    if (full === undefined) return;
    const idle = full.filter(
      ({ links, held: running, state: { kept, at } }) => links.size + running.size === 0 && (!kept || now() - at > keptLimits.durableMarksMs),
    );
    const [oldest] = idle.sort((a, b) => a.state.at - b.state.at);
    if (oldest === undefined) throw new TightbeamError("overloaded", "This agent remembers as many senders' stores as it can.");
    books.delete(oldest.key);
    const changes = [{ remove: oldest.key }, ...[...oldest.tries.keys()].map((place) => ({ remove: oldest.tryKey(itemOf(place)) }))];
    writer.add({ changes: () => changes, settled: () => undefined });
  };

  const bookOf = (link: Link, { store, starts, epoch, forgot, kept }: Opening): Book => {
    const { id: peer } = link.peer;
    const key = bookKey(state?.digest(peer) ?? peer, store);
    const known = books.get(key);
    if (known !== undefined) return known;
    makeRoom(peer);
    const start = starts[0] as StoreStart;
    const book = new Book(key, { peer, store, kept, epoch, start, forgets: forgot === undefined ? [] : [forgot], at: now() }, link, bookHost);
    books.set(key, book);
    return book;
  };

  const judge = (book: Book, { starts, epoch, began, next, forgot }: Opening): void => {
    if (forgot !== undefined && !book.state.forgets.includes(forgot)) return book.forget(forgot);
    // In a process that we have not met, all numbers that we have met were given before it.
    const given = starts[0]?.nonce === book.state.start.nonce ? next : began;
    const reused = book.met.some((met, lane) => (given[lane] as number) < met);
    const why =
      rolledBack(book.state.start, starts) ??
      (reused ? "it would give numbers again that came here before" : epoch < book.state.epoch ? "it goes by an older epoch" : undefined);
    if (why === undefined) return;
    const error = rolledBackError(`The store of ${book.state.peer}`, why);
    onEvent({ type: "store_rolled_back", peer: book.state.peer, error });
    throw error;
  };

  const refuse = (link: Link, delivery: Delivery, message: string): void => {
    delivery.settle("refused");
    onRefused({ peer: link.peer.id, error: new TightbeamError("flow", message) });
  };

  return {
    open(link, value) {
      if (writer.failed !== undefined) throw new TightbeamError("overloaded", "The store of this agent has failed: it takes no durable messages for now.");
      // It ended while this was being loaded, and is not heard of again.
      if (link.state === "ended") throw new TightbeamError("closed", "The link ended before its durable messages began.");
      const opening = readOpening(value);
      const before = opened.get(link);
      if (before !== undefined && before.state.store !== opening.store) throw new TightbeamError("invalid_input", "The messages of one link are of one store.");
      const book = bookOf(link, opening);
      judge(book, opening);
      const { seen } = book;
      book.state.epoch = opening.epoch;
      book.state.start = opening.starts[0] as StoreStart;
      for (const lane of lanes) book.raise(lane, opening.floor[lane] as number);
      book.seat.link = link;
      book.links.add(link);
      opened.set(link, book);
      return { store: options.store, durable: state !== undefined, starts: tellStarts(options.starts), seen };
    },
    take(link, delivery, header, payload) {
      const book = opened.get(link);
      const numbered = header.durable;
      if (book === undefined || numbered === undefined) return refuse(link, delivery, "A durable message came before its sender said what store it is of.");
      if (!delivery.wantsDone) return refuse(link, delivery, "A durable message came that asks for no DONE.");
      if (stopped) return;
      const { lane } = delivery;
      const item = { lane, number: numbered.number };
      const place = placeOf(item);
      const marks = book.marks[lane] as ReturnType<typeof createNumbers>;
      book.raise(lane, numbered.floor);
      if (marks.has(item.number)) return delivery.settle(book.outcomeOf(place));
      const known = book.held.get(place);
      if (known !== undefined) {
        if (known.header.id !== header.id) return refuse(link, delivery, "Two durable messages came with one number.");
        return known.join(link, delivery);
      }
      const bytes = heldBytes(header, payload) + keptLimits.durableHeldCost;
      const full = book.held.size >= keptLimits.durableHeldMax || book.ranges + book.held.size >= keptLimits.durableRangesMax;
      if (writer.failed !== undefined || delivery.refused === "overloaded" || full || !link.budget.take(bytes)) return delivery.settle("again");
      const message = new Held(host, book, link, delivery, header, payload, bytes);
      held++;
      book.held.set(place, message);
      message.start();
      message.keep();
    },
    linkEnded(link) {
      const book = opened.get(link);
      if (book === undefined) return;
      opened.delete(link);
      book.links.delete(link);
      for (const message of book.held.values()) message.linkEnded(link);
    },
    known,
    settled: () =>
      [...books.values()].flatMap((entry) => {
        const items = [...entry.held.values()].filter(({ handled }) => handled);
        return items.length + entry.links.size > 0 ? [{ entry, items }] : [];
      }),
    get held() {
      return held;
    },
    idle: () =>
      new Promise((resolve) => {
        if (held === 0) return resolve();
        idleWaiters.push(resolve);
      }),
    stop() {
      stopped = true;
      for (const book of books.values()) {
        book.flush();
        for (const message of book.held.values()) message.stop();
      }
    },
  };
}
