import { Circuit, type CircuitListener, type CircuitRules } from "./circuit.js";

/** How long a table that is full of open circuits is not searched again for room, ms. */
const searchAgainMs = 1_000;

/**
 * Circuits by peer and method, at most `most`. When there is no room, those go that say nothing; then a tenth of those that are closed, the oldest;
 * then those that are open, but whose time is over with nobody asking, each told to `changed`. What is open or held otherwise stays: then there is no
 * room, and the call goes unwatched.
 */
export class Circuits {
  size = 0;
  readonly #rules: CircuitRules;
  readonly #most: number;
  readonly #changed: CircuitListener;
  readonly #peers = new Map<string, Map<string, Circuit>>();
  #searchAt = Number.NEGATIVE_INFINITY;
  /** Asked for last, as most often again. */
  #last: Circuit | undefined;

  constructor(rules: CircuitRules, most: number, changed: CircuitListener) {
    this.#rules = rules;
    this.#most = most;
    this.#changed = changed;
  }

  find(peer: string, method: string): Circuit | undefined {
    return this.#peers.get(peer)?.get(method);
  }

  /** Undefined: there is no room. */
  get(peer: string, method: string, now: number): Circuit | undefined {
    const last = this.#last;
    if (last !== undefined && last.peer === peer && last.method === method) return last;
    const circuit = this.#peers.get(peer)?.get(method) ?? this.#add(peer, method, now);
    this.#last = circuit;
    return circuit;
  }

  *all(): IterableIterator<Circuit> {
    for (const methods of this.#peers.values()) yield* methods.values();
  }

  #add(peer: string, method: string, now: number): Circuit | undefined {
    if (this.size >= this.#most && !this.#makeRoom(now)) return undefined;
    const circuit = new Circuit(peer, method, this.#rules, now, this.#changed);
    const methods = this.#peers.get(peer);
    if (methods === undefined) this.#peers.set(peer, new Map([[method, circuit]]));
    else methods.set(method, circuit);
    this.size++;
    return circuit;
  }

  #makeRoom(now: number): boolean {
    if (now < this.#searchAt) return false;
    for (const circuit of [...this.all()]) if (circuit.isIdle(now)) this.#remove(circuit);
    if (this.size < this.#most) return true;
    let most = Math.ceil(this.#most / 10);
    for (const circuit of [...this.all()]) if (circuit.state === "closed" && most-- > 0) this.#remove(circuit);
    if (this.size < this.#most) return true;
    for (const circuit of [...this.all()]) {
      if (!circuit.isRested(now)) continue;
      this.#remove(circuit);
      this.#changed(circuit, { from: circuit.state, to: "closed", reason: "forgotten", retryAfter: undefined }, undefined);
    }
    if (this.size < this.#most) return true;
    this.#searchAt = now + searchAgainMs;
    return false;
  }

  #remove({ peer, method }: Circuit): void {
    const methods = this.#peers.get(peer);
    if (methods?.delete(method) !== true) return;
    this.size--;
    if (methods.size === 0) this.#peers.delete(peer);
  }
}
