import { concat, empty, encodeUtf8, type Reader, reader, toHex } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import { type CipherState, type cipherState, messageMaxBytes, tooLarge } from "./cipher-state.js";
import { type HandshakeContext, type HandshakeData, type HandshakeKeys, readToken, release, releaseMade, share, writeToken } from "./handshake-state.js";
import type { Token } from "./patterns.js";
import type { Protocol } from "./protocol-name.js";
import { initializeSymmetric, type Primitives } from "./symmetric-state.js";
import type { Handshake } from "./types.js";

/** What a handshake is made of, checked. `keys` belongs to it from here on. */
export interface Prepared {
  readonly protocol: Protocol;
  readonly primitives: Primitives;
  readonly context: HandshakeContext;
  readonly keys: HandshakeKeys;
  /** What `split` makes its cipher states with. Links number their records themselves and leave it out. */
  readonly cipherState: typeof cipherState | undefined;
}

/** Initialize, section 5.3: prologue, then the pre-messages, the initiator's first. */
export function initialize(prepared: Prepared, prologue: Uint8Array): Handshake {
  const { context, keys, protocol } = prepared;
  const symmetric = initializeSymmetric(prepared.primitives, protocol.name);
  symmetric.mixHash(prologue);
  const publicOf = (initiator: boolean): Uint8Array => (context.initiator === initiator ? keys.s?.publicKey : keys.rs) as Uint8Array;
  if (protocol.pattern.initiatorKnown) symmetric.mixHash(publicOf(true));
  if (protocol.pattern.responderKnown) symmetric.mixHash(publicOf(false));
  return new State(prepared, { symmetric, keys }, 0, undefined);
}

type Pending = { readonly data: HandshakeData; readonly parts: readonly Uint8Array[] } | { readonly data: HandshakeData; readonly rest: Uint8Array };

const outOfTurn = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);

class State implements Handshake {
  readonly protocol: string;
  readonly role: "initiator" | "responder";
  readonly #prepared: Prepared;
  #data: HandshakeData;
  #step: number;
  /** The transcripts at which some copy of this handshake has already written or split; shared by all copies. */
  #used: Set<string> | undefined;
  #pending: Pending | undefined;
  #over = false;

  constructor(prepared: Prepared, data: HandshakeData, step: number, used: Set<string> | undefined) {
    this.protocol = prepared.protocol.name;
    this.role = prepared.context.initiator ? "initiator" : "responder";
    this.#prepared = prepared;
    this.#data = data;
    this.#step = step;
    this.#used = used;
  }

  get finished(): boolean {
    return this.#step === this.#prepared.protocol.pattern.messages.length;
  }

  get next(): "write" | "read" | undefined {
    if (this.finished) return undefined;
    return (this.#step % 2 === 0) === this.#prepared.context.initiator ? "write" : "read";
  }

  get hash(): Uint8Array {
    return this.#data.symmetric.hash;
  }

  get remoteStaticKey(): Uint8Array | undefined {
    return this.#data.keys.rs?.slice();
  }

  writeMessage(payload = empty): Uint8Array {
    this.beginWrite();
    return this.endWrite(payload);
  }

  readMessage(message: Uint8Array): Uint8Array {
    this.beginRead(message);
    return this.endRead();
  }

  beginWrite(): Uint8Array {
    this.#expect("write");
    return this.#begin((copy, tokens) => {
      const parts: Uint8Array[] = [];
      for (const token of tokens) {
        const part = writeToken(this.#prepared.context, copy, token);
        if (part !== undefined) parts.push(part);
      }
      return { data: copy, parts };
    });
  }

  endWrite(payload: Uint8Array): Uint8Array {
    const pending = this.#pending;
    if (pending === undefined || !("parts" in pending)) throw outOfTurn("endWrite follows beginWrite");
    if (!(payload instanceof Uint8Array)) throw outOfTurn("a payload must be a Uint8Array");
    const { data: next, parts } = pending;
    const length = parts.reduce((sum, part) => sum + part.length, payload.length + next.symmetric.overhead);
    if (length > messageMaxBytes) throw tooLarge(length);
    this.#claim(next.symmetric.hash);
    let sealed: Uint8Array;
    try {
      sealed = next.symmetric.encryptAndHash(payload);
    } catch (error) {
      this.#drop();
      throw error;
    }
    this.#commit(next);
    return concat(...parts, sealed);
  }

  beginRead(message: Uint8Array): Uint8Array {
    this.#expect("read");
    if (!(message instanceof Uint8Array)) throw outOfTurn("a message must be a Uint8Array");
    if (message.length > messageMaxBytes)
      throw new TightbeamError("malformed", `a Noise message holds at most ${messageMaxBytes} bytes, this one has ${message.length}`);
    return this.#begin((copy, tokens) => {
      const cursor: Reader = reader(message);
      for (const token of tokens) readToken(this.#prepared.context, copy, token, cursor);
      return { data: copy, rest: cursor.bytes(cursor.remaining) };
    });
  }

  endRead(): Uint8Array {
    const pending = this.#pending;
    if (pending === undefined || !("rest" in pending)) throw outOfTurn("endRead follows beginRead");
    const { data: next, rest } = pending;
    try {
      const payload = next.symmetric.decryptAndHash(rest);
      this.#commit(next);
      return payload;
    } catch (error) {
      this.#drop();
      throw error;
    }
  }

  fork(): Handshake {
    this.#expect("read");
    if (this.#pending !== undefined) throw outOfTurn("fork before beginRead or after endRead");
    this.#used ??= new Set();
    return new State(this.#prepared, { symmetric: this.#data.symmetric.clone(), keys: share(this.#data.keys) }, this.#step, this.#used);
  }

  exporter(label: string): Uint8Array {
    this.#requireFinished("exporter");
    if (this.#prepared.protocol.hash !== "SHA256") throw new TightbeamError("unsupported", "the exporter is defined for SHA256 protocols only");
    return this.#data.symmetric.exporter(encodeUtf8(label));
  }

  split(): { send: CipherState | undefined; receive: CipherState | undefined } {
    const { cipherState, primitives } = this.#prepared;
    if (cipherState === undefined) throw outOfTurn("this handshake gives only splitKeys");
    const { send, receive } = this.splitKeys();
    const state = (key: Uint8Array | undefined): CipherState | undefined =>
      key === undefined ? undefined : cipherState(primitives.aead, primitives.cipher, key);
    return { send: state(send), receive: state(receive) };
  }

  splitKeys(): { send: Uint8Array | undefined; receive: Uint8Array | undefined } {
    this.#requireFinished("split");
    this.#claim(this.hash);
    const { context, protocol } = this.#prepared;
    const [first, second] = this.#data.symmetric.split();
    this.erase();
    if (protocol.pattern.oneWay) second.fill(0);
    const back = protocol.pattern.oneWay ? undefined : second;
    return context.initiator ? { send: first, receive: back } : { send: back, receive: first };
  }

  erase(): void {
    this.#drop();
    if (this.#over) return;
    this.#over = true;
    this.#data.symmetric.erase();
    release(this.#data.keys);
  }

  #expect(turn: "write" | "read"): void {
    if (this.#over) throw isOver();
    if (this.finished) throw outOfTurn("this handshake is finished: split it");
    if (this.next !== turn) throw outOfTurn(`the next message of this handshake is ${turn === "write" ? "the peer's" : "ours"}`);
  }

  #requireFinished(what: string): void {
    if (this.#over) throw isOver();
    if (!this.finished) throw outOfTurn(`${what} comes after the last message of the handshake`);
  }

  /** Runs the tokens of the next message on a copy. */
  #begin(run: (copy: HandshakeData, tokens: readonly Token[]) => Pending): Uint8Array {
    this.#drop();
    const copy = { symmetric: this.#data.symmetric.clone(), keys: { ...this.#data.keys } };
    try {
      this.#pending = run(copy, this.#prepared.protocol.pattern.messages[this.#step] ?? []);
    } catch (error) {
      copy.symmetric.erase();
      releaseMade(copy.keys, this.#data.keys);
      throw error;
    }
    return copy.symmetric.hash;
  }

  #drop(): void {
    const pending = this.#pending?.data;
    this.#pending = undefined;
    if (pending === undefined) return;
    pending.symmetric.erase();
    releaseMade(pending.keys, this.#data.keys);
  }

  #commit(next: HandshakeData): void {
    this.#data.symmetric.erase();
    this.#data = next;
    this.#pending = undefined;
    this.#step += 1;
  }

  /** Two copies of a handshake that came to the same transcript hold the same key at the same nonce: only one of them may use it. */
  #claim(transcript: Uint8Array): void {
    if (this.#used === undefined) return;
    const name = toHex(transcript);
    if (this.#used.has(name)) throw new TightbeamError("invalid_argument", "a copy of this handshake has used these keys: a nonce would repeat");
    this.#used.add(name);
  }
}

const isOver = (): TightbeamError => outOfTurn("this handshake is over: its keys were split off or erased");
