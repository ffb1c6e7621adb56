import { concat, encodeUtf8, type Reader, reader, toHex } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import { type CipherState, cipherState, messageMaxBytes, tooLarge } from "./cipher-state.js";
import { type HandshakeData, type HandshakeKeys, ownPair, readToken, writeToken } from "./handshake-state.js";
import { type HandshakeOptions, type Prepared, prepare } from "./options.js";
import { initializeSymmetric } from "./symmetric-state.js";
import type { Handshake } from "./types.js";

/**
 * Throws `unsupported` for a pattern, DH, cipher or hash that is not here, naming it, and `invalid_argument` for keys that are
 * missing, superfluous or of a wrong length.
 */
export async function createHandshake(options: HandshakeOptions): Promise<Handshake> {
  const prepared = await prepare(options);
  const { context, keys, protocol } = prepared;
  // Initialize, section 5.3: prologue, then the pre-messages, the initiator's first.
  const symmetric = initializeSymmetric(prepared.primitives, protocol.name);
  symmetric.mixHash(prepared.prologue);
  const publicOf = (initiator: boolean): Uint8Array => (context.initiator === initiator ? keys.s?.publicKey : keys.rs) as Uint8Array;
  if (protocol.pattern.initiatorKnown) symmetric.mixHash(publicOf(true));
  if (protocol.pattern.responderKnown) symmetric.mixHash(publicOf(false));
  return handshake(prepared, { symmetric, keys }, 0, undefined);
}

type Pending = { readonly data: HandshakeData; readonly parts: readonly Uint8Array[] } | { readonly data: HandshakeData; readonly rest: Uint8Array };

const outOfTurn = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);

/** `used`: the transcripts at which some copy of this handshake has already written or split; shared by all copies. */
function handshake(prepared: Prepared, startData: HandshakeData, startStep: number, family: Set<string> | undefined): Handshake {
  const { protocol, context, primitives } = prepared;
  const { messages, oneWay } = protocol.pattern;
  let data = startData;
  let step = startStep;
  let used = family;
  let pending: Pending | undefined;
  let over = false;

  const finished = (): boolean => step === messages.length;
  const writes = (): boolean => (step % 2 === 0) === context.initiator;

  function expect(write: boolean): void {
    if (over) throw outOfTurn("this handshake is over: its keys were split off or erased");
    if (finished()) throw outOfTurn("this handshake is finished: split it");
    if (writes() !== write) throw outOfTurn(write ? "the next message of this handshake is the peer's" : "the next message of this handshake is ours to write");
  }

  /** Runs the tokens of the next message on a copy. */
  function begin(run: (copy: HandshakeData) => Pending): Uint8Array {
    drop();
    const copy = { symmetric: data.symmetric.clone(), keys: { ...data.keys } };
    try {
      pending = run(copy);
    } catch (error) {
      copy.symmetric.erase();
      throw error;
    }
    return copy.symmetric.hash;
  }

  function drop(): void {
    pending?.data.symmetric.erase();
    pending = undefined;
  }

  function commit(next: HandshakeData): void {
    data.symmetric.erase();
    data = next;
    pending = undefined;
    step++;
  }

  /** Two copies of a handshake that came to the same transcript hold the same key at the same nonce: only one of them may use it. */
  function claim(transcript: Uint8Array): void {
    if (used === undefined) return;
    const name = toHex(transcript);
    if (used.has(name))
      throw new TightbeamError("invalid_argument", "a copy of this handshake has already used these keys: using them again would repeat a nonce");
    used.add(name);
  }

  function beginWrite(): Uint8Array {
    expect(true);
    return begin((copy) => {
      const parts: Uint8Array[] = [];
      for (const token of messages[step] ?? []) {
        const part = writeToken(context, copy, token);
        if (part !== undefined) parts.push(part);
      }
      return { data: copy, parts };
    });
  }

  function endWrite(payload: Uint8Array): Uint8Array {
    if (pending === undefined || !("parts" in pending)) throw outOfTurn("endWrite follows beginWrite");
    if (!(payload instanceof Uint8Array)) throw outOfTurn("a payload must be a Uint8Array");
    const { data: next, parts } = pending;
    const length = parts.reduce((sum, part) => sum + part.length, payload.length + next.symmetric.overhead);
    if (length > messageMaxBytes) throw tooLarge(length);
    claim(next.symmetric.hash);
    let sealed: Uint8Array;
    try {
      sealed = next.symmetric.encryptAndHash(payload);
    } catch (error) {
      drop();
      throw error;
    }
    commit(next);
    return concat(...parts, sealed);
  }

  function beginRead(message: Uint8Array): Uint8Array {
    expect(false);
    if (!(message instanceof Uint8Array)) throw outOfTurn("a message must be a Uint8Array");
    if (message.length > messageMaxBytes)
      throw new TightbeamError("malformed", `a Noise message holds at most ${messageMaxBytes} bytes, this one has ${message.length}`);
    return begin((copy) => {
      const cursor: Reader = reader(message);
      for (const token of messages[step] ?? []) readToken(context, copy, token, cursor);
      return { data: copy, rest: cursor.bytes(cursor.remaining) };
    });
  }

  function endRead(): Uint8Array {
    if (pending === undefined || !("rest" in pending)) throw outOfTurn("endRead follows beginRead");
    const { data: next, rest } = pending;
    try {
      const payload = next.symmetric.decryptAndHash(rest);
      commit(next);
      return payload;
    } catch (error) {
      drop();
      throw error;
    }
  }

  function erase(): void {
    drop();
    over = true;
    data.symmetric.erase();
    data.keys.e?.secretKey.fill(0);
    data.keys.e1?.secretKey.fill(0);
  }

  function requireFinished(what: string): void {
    if (over) throw outOfTurn("this handshake is over: its keys were split off or erased");
    if (!finished()) throw outOfTurn(`${what} comes after the last message of the handshake`);
  }

  function splitKeys(): { send: Uint8Array | undefined; receive: Uint8Array | undefined } {
    requireFinished("split");
    claim(data.symmetric.hash);
    const [first, second] = data.symmetric.split();
    erase();
    if (oneWay) second.fill(0);
    const back = oneWay ? undefined : second;
    return context.initiator ? { send: first, receive: back } : { send: back, receive: first };
  }

  return Object.freeze<Handshake>({
    protocol: protocol.name,
    role: context.initiator ? "initiator" : "responder",
    get finished() {
      return finished();
    },
    get next() {
      return finished() ? undefined : writes() ? "write" : "read";
    },
    get hash() {
      return data.symmetric.hash;
    },
    get remoteStaticKey() {
      return data.keys.rs?.slice();
    },
    writeMessage(payload = new Uint8Array(0)) {
      beginWrite();
      return endWrite(payload);
    },
    readMessage(message) {
      beginRead(message);
      return endRead();
    },
    beginWrite,
    endWrite,
    beginRead,
    endRead,
    fork() {
      expect(false);
      if (pending !== undefined) throw outOfTurn("fork before beginRead or after endRead, not between them");
      used ??= new Set();
      return handshake(prepared, { symmetric: data.symmetric.clone(), keys: ownKeys(data.keys) }, step, used);
    },
    exporter(label) {
      requireFinished("exporter");
      if (protocol.hash !== "SHA256") throw new TightbeamError("unsupported", "the exporter is defined for SHA256 protocols only");
      return data.symmetric.exporter(encodeUtf8(label));
    },
    split() {
      const { send, receive } = splitKeys();
      const state = (key: Uint8Array | undefined): CipherState | undefined =>
        key === undefined ? undefined : cipherState(primitives.aead, primitives.cipher, key);
      return { send: state(send), receive: state(receive) };
    },
    splitKeys,
    erase,
  });
}

const ownKeys = (keys: HandshakeKeys): HandshakeKeys => ({
  ...keys,
  e: keys.e === undefined ? undefined : ownPair(keys.e),
  e1: keys.e1 === undefined ? undefined : ownPair(keys.e1),
});
