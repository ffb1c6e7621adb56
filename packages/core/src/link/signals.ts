import { type CellBuffer, pingBytes, putClose, putCredit, putPing, putPong } from "./cells.js";
import type { ReceiveCredits } from "./credit.js";
import type { SendWindow } from "./types.js";

/** What records say beside acknowledgements and messages: probes, pings and their answers, credit, the end. */
export interface Signals {
  /** Peer's wall clock minus ours in ms, by the last PONG; undefined before one. */
  readonly clockOffset: number | undefined;
  /** There is something to say. */
  readonly due: boolean;
  /** What is due ends the link. */
  readonly closing: boolean;
  /** The record just written asks for an acknowledgement even without cells of a lane. */
  readonly asks: boolean;
  /** With the oldest unacknowledged cell, else with PING. */
  probe(): void;
  ping(): void;
  /** Messages wait for nothing but credit. */
  askCredit(): void;
  /** Answers a PING that said `wall`. */
  pong(wall: number): void;
  close(code: string): void;
  /** PONG came: the peer read its clock half way between our PING and now. */
  ponged(echoed: number, theirs: number, wall: number): void;
  /** Puts all that is due into the record. Called for every record; returns where the next cell goes. */
  write(buffer: CellBuffer, at: number, room: number, wall: number): number;
  /** Behind cells whose acknowledgement somebody waits for: a PONG is said at once, and brings it along. */
  writePing(buffer: CellBuffer, at: number, room: number, wall: number): number;
  sent(): void;
  /** What was written is due again. */
  notSent(): void;
}

interface Due {
  probe: boolean;
  ping: boolean;
  askCredit: boolean;
  credit: boolean;
  pong: number;
  close: string;
}

class LinkSignals implements Signals {
  clockOffset: number | undefined;
  asks = false;
  readonly #window: SendWindow;
  readonly #credit: ReceiveCredits;
  #next: Due | undefined;
  #said: Due | undefined;
  #pinged = -1;

  constructor(window: SendWindow, credit: ReceiveCredits) {
    this.#window = window;
    this.#credit = credit;
  }

  get due(): boolean {
    return this.#next !== undefined || this.#credit.due();
  }

  get closing(): boolean {
    return this.#next !== undefined && this.#next.close !== "";
  }

  probe(): void {
    this.#make().probe = true;
  }

  ping(): void {
    this.#make().ping = true;
  }

  askCredit(): void {
    this.#make().askCredit = true;
  }

  pong(wall: number): void {
    this.#make().pong = wall;
  }

  close(code: string): void {
    this.#make().close = code;
  }

  ponged(echoed: number, theirs: number, wall: number): void {
    if (echoed === this.#pinged) this.clockOffset = theirs - (echoed + wall) / 2;
    this.#pinged = -1;
  }

  write(buffer: CellBuffer, start: number, room: number, wall: number): number {
    this.asks = false;
    this.#said = undefined;
    if (!this.due) return start;
    const due = this.#make();
    this.#said = due;
    this.#next = undefined;
    let at = start;
    due.credit ||= this.#credit.due();
    if (due.credit || due.askCredit) {
      at = putCredit(buffer, at, due.askCredit, due.credit ? this.#credit.tell() : undefined);
      // So that a peer that is gone is noticed although nothing else can be sent.
      if (due.askCredit && !this.#window.outstanding) due.ping = true;
    }
    if (due.pong >= 0) at = putPong(buffer, at, due.pong, wall);
    if (due.close !== "") return putClose(buffer, at, due.close);
    if (due.probe) {
      const probed = this.#window.fillProbe(buffer, at, room);
      due.ping ||= probed === at;
      at = probed;
    }
    return due.ping ? this.writePing(buffer, at, room, wall) : at;
  }

  writePing(buffer: CellBuffer, at: number, room: number, wall: number): number {
    if (at + pingBytes > room) {
      this.ping();
      return at;
    }
    this.#pinged = wall;
    this.asks = true;
    return putPing(buffer, at, wall);
  }

  sent(): void {
    this.#said = undefined;
  }

  notSent(): void {
    this.#next = this.#said;
  }

  #make(): Due {
    this.#next ??= { probe: false, ping: false, askCredit: false, credit: false, pong: -1, close: "" };
    return this.#next;
  }
}

export const createSignals = (window: SendWindow, credit: ReceiveCredits): Signals => new LinkSignals(window, credit);
