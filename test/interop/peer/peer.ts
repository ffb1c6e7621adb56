import { randomBytes } from "node:crypto";
import { type Bytes, base64url, hex, join, same } from "./bytes.js";
import { type Conversation, createConversation, type Handler } from "./conversation.js";
import { type Data, type Hs1, hashOf, makeCookie, parseFrame, parseInbox, retryFrame } from "./frames.js";
import { chooseSuite, type Established, type Initiation, initiate, type Response, respond, type Self } from "./handshake.js";
import type { Identity, Issuer } from "./identity.js";
import { createKnownPeers } from "./known-peers.js";
import { createLink, type PeerLink } from "./link.js";
import { hybrid, type NoiseKeys } from "./noise.js";
import type { Limits } from "./payload.js";
import { hmac } from "./primitives.js";
import { type Cell, readRecord, writeRecord } from "./records.js";
import { connectRelay } from "./relay.js";
import { createSession, type Session } from "./session.js";
import type { StreamHandler } from "./streams.js";

/** The second implementation: an agent made from docs/protocol.md and the relay's page, and nothing of the packages. */

export interface PeerOptions {
  readonly url: string;
  readonly identity: Identity;
  readonly issuer: Issuer;
  readonly suites?: readonly number[];
  /** Asks every initiator for a cookie. */
  readonly cookies?: boolean;
  /** Stands between the peer and the relay in both directions: gives what is to arrive, now or later. */
  readonly disturb?: (frame: Bytes, pass: (frame: Bytes) => void) => void;
}

/** What the peer holds with one other. */
export interface Contact extends Conversation {
  readonly link: PeerLink;
  readonly inbox: string;
  readonly suite: number;
}

export interface Peer {
  readonly instance: string;
  /** How many RETRYs were obeyed, and how many cookies counted. */
  readonly retries: { obeyed: number; counted: number };
  handle(method: string, handler: Handler): void;
  handleStream(method: string, handler: StreamHandler): void;
  /** A link with some instance of an agent, or with one inbox. */
  dial(address: string): Promise<Contact>;
  contact(id: string): Contact | undefined;
  close(): Promise<void>;
}

interface Attempt {
  initiation: Initiation;
  winner?: { session: Session; established: Established };
  cancel(): void;
  resolve(contact: Contact): void;
}

const limits: Limits = { messageBytes: 67_108_864, intakeCount: 64, intakeBytes: 1_048_576 };
const random = (bytes: number): Bytes => new Uint8Array(randomBytes(bytes));
const keys = (): NoiseKeys => ({ static: random(32), ephemeral: random(32), kemSeed: random(64), kemMessage: random(32) });
/** Below 2^53, and never 0. */
const sessionId = (): Bytes => join(new Uint8Array(1), Uint8Array.of(1 + ((random(1)[0] as number) & 15)), random(6));
const now = (): number => Date.now();

function uuid(): string {
  const bytes = join(new Uint8Array(Buffer.from(now().toString(16).padStart(12, "0"), "hex")), random(10));
  bytes[6] = 0x70 | ((bytes[6] as number) & 15);
  bytes[8] = 0x80 | ((bytes[8] as number) & 63);
  return hex(bytes);
}

/** The identical frame again, at these ms after the first. */
function repeat(send: () => void, ...delays: readonly number[]): () => void {
  send();
  const timers = delays.map((delay) => setTimeout(send, delay));
  return () => timers.forEach(clearTimeout);
}

export async function createPeer({
  url,
  identity,
  issuer,
  suites = [hybrid],
  cookies = false,
  disturb = (frame, pass) => pass(frame),
}: PeerOptions): Promise<Peer> {
  const instance = base64url(random(16));
  const inbox = `inbox/${identity.id}/${instance}`;
  const attempts = new Map<string, Attempt>();
  const responses = new Map<string, { response: Response; hs3?: Bytes; ready?: () => void }>();
  const answered = new Map<string, Bytes>();
  const sessions = new Map<string, { session: Session; contact: Contact }>();
  const contacts = new Map<string, Contact>();
  const handlers = new Map<string, Handler>([["tb/hello", () => undefined]]);
  const streamHandlers = new Map<string, StreamHandler>();
  const known = createKnownPeers(instance, () => random(32));
  const cookieKey = random(32);
  const retries = { obeyed: 0, counted: 0 };
  const token = await identity.token();
  const relay = await connectRelay(url, identity, instance, (reason) => console.warn(reason));
  const send = (to: string, frame: Bytes): void => disturb(frame, (each) => relay.send(to, each));
  const self = (): Self => ({ identity, token, issuer, instance, suites, limits, sessionId: sessionId(), keys: keys(), now: now() });

  /** The link goes on over this session, or begins with it. */
  function attach(established: Established, session: Session, link: PeerLink | undefined, generation: number): Contact {
    const { peer, payload } = established;
    const initiator = established.initiator ? instance : payload.instance;
    const contact = link === undefined ? begin(established) : (contacts.get(established.inbox) as Contact);
    contact.link.attach(session, generation, initiator);
    sessions.set(hex(session.own), { session, contact });
    if (link === undefined) {
      known.began(established.inbox, contact.link, peer.id);
      contacts.set(established.inbox, contact);
    }
    return contact;
  }

  function begin({ inbox: theirs, payload, suite }: Established): Contact {
    const link = createLink({
      own: limits,
      theirs: payload.limits,
      now,
      send: (frame) => send(theirs, frame),
      onMessage: (message) => conversation.receive(message),
      onDone: (done) => conversation.done(done),
      onEnd(code) {
        conversation.end(code);
        known.forget(theirs, link);
        if (contacts.get(theirs)?.link === link) contacts.delete(theirs);
      },
    });
    const conversation = createConversation(link, { handlers, streamHandlers, now, uuid });
    return { ...conversation, link, inbox: theirs, suite };
  }

  const hello = (contact: Contact): void => contact.notify("tb/hello", { protocol: 1 });

  async function receive(frame: Bytes, at: string): Promise<void> {
    const parsed = parseFrame(frame);
    if (parsed.type === "hs1") return receiveHs1(parsed, frame, at);
    if (at !== inbox) return;
    const attempt = attempts.get(hex(parsed.to));
    if (parsed.type === "retry" && attempt !== undefined) {
      const { address, initiation } = attempt.initiation.retry(parsed, frame, keys());
      retries.obeyed++;
      attempt.cancel();
      attempt.initiation = initiation;
      attempt.cancel = repeat(() => send(address, initiation.hs1), 1000, 2000, 4000);
    } else if (parsed.type === "hs2" && attempt !== undefined && attempt.winner === undefined) {
      const { hs3, address, established } = await attempt.initiation.answer(parsed, (peer, theirs, h) =>
        known.offer(theirs, peer.id, parseInbox(theirs).instance, h),
      );
      attempt.winner = { session: createSession(established), established };
      attempt.cancel();
      attempt.cancel = repeat(() => send(address, hs3), 500, 1000, 2000, 4000);
    } else if (parsed.type === "hs3") {
      const pending = responses.get(hex(parsed.to));
      if (pending?.hs3 !== undefined) return same(pending.hs3, frame) ? pending.ready?.() : undefined;
      if (pending === undefined) return;
      const { established, link: offered } = await pending.response.finish(parsed);
      pending.hs3 = frame;
      const { continued, answer } = known.judge(established, offered);
      const session = createSession(established);
      const contact = attach(established, session, continued, offered.generation);
      const ready: Cell = { type: "ready", continued: continued !== undefined, hash: established.hashOfMessage3, link: answer };
      pending.ready = () => send(established.inbox, session.seal(writeReady(ready)).frame);
      pending.ready();
      if (continued === undefined) hello(contact);
    } else if (parsed.type === "data") receiveData(parsed);
  }

  function receiveHs1(hs1: Hs1, frame: Bytes, at: string): void {
    const before = answered.get(hex(hashOf(frame)));
    if (before !== undefined) return send(hs1.replyAddress, before);
    const suite = chooseSuite(suites, hs1.suites);
    if (suite === undefined) return;
    const cookieFor = (time: number, hash: Bytes): Bytes => makeCookie((...parts) => hmac(cookieKey, ...parts), time, hash, hs1.replyAddress);
    if (hs1.asks || (hs1.cookie === undefined && (cookies || suite !== hs1.suite))) {
      const cookie = cookieFor(Math.floor(now() / 1000) % 2 ** 32, hashOf(frame));
      return send(hs1.replyAddress, retryFrame(suite, hs1.sessionId, inbox, cookie));
    }
    let retried: { hash: Bytes; retry: Bytes } | undefined;
    if (hs1.cookie !== undefined) {
      const [time, hash] = [Buffer.from(hs1.cookie).readUInt32BE(0), hs1.cookie.slice(4, 36)];
      if (!same(cookieFor(time, hash), hs1.cookie) || now() / 1000 - time > 60) return;
      retries.counted++;
      retried = { hash, retry: retryFrame(suite, hs1.sessionId, inbox, hs1.cookie) };
    }
    const response = respond(self(), hs1, at, retried);
    responses.set(hex(response.sessionId), { response });
    answered.set(hex(hashOf(frame)), response.hs2);
    send(response.address, response.hs2);
  }

  function receiveData(data: Data): void {
    const id = hex(data.to);
    const attempt = attempts.get(id);
    const established = sessions.get(id);
    if (established !== undefined) return established.contact.link.receive(established.session, data);
    if (attempt?.winner === undefined) return;
    const { session, established: winner } = attempt.winner;
    const { counter, record } = session.open(data, now());
    const [ready, ...cells] = readRecord(record);
    if (ready?.type !== "ready" || !same(ready.hash, winner.hashOfMessage3)) return;
    attempt.cancel();
    attempts.delete(id);
    const link = known.conclude(winner, ready.continued, ready.link);
    const contact = attach(winner, session, link, ready.link.generation);
    contact.link.take(session, counter, cells);
    contact.link.pump({ type: "ping", time: now() });
    if (link === undefined) hello(contact);
    attempt.resolve(contact);
  }

  let turn = Promise.resolve();
  /** One frame after the other; what throws is dropped. */
  const arrive = (at: string) => (frame: Bytes) =>
    disturb(frame, (each) => {
      turn = turn.then(() => receive(each, at)).catch(() => undefined);
    });
  await relay.subscribe(inbox, arrive(inbox));
  await relay.subscribe(`agent/${identity.id}`, arrive(`agent/${identity.id}`), identity.id);
  const ticking = setInterval(() => {
    for (const { link } of contacts.values()) link.pump();
  }, 50);

  return {
    instance,
    retries,
    handle: (method, handler) => void handlers.set(method, handler),
    handleStream: (method, handler) => void streamHandlers.set(method, handler),
    dial: (address) =>
      new Promise((resolve) => {
        const mine = self();
        const initiation = initiate(mine, address);
        const cancel = repeat(() => send(address, initiation.hs1), 1000, 2000, 4000);
        attempts.set(hex(mine.sessionId), { initiation, cancel, resolve });
      }),
    contact: (id) => [...contacts.values()].find((each) => parseInbox(each.inbox).id === id),
    async close() {
      clearInterval(ticking);
      for (const { link } of contacts.values()) link.close();
      for (const { cancel } of attempts.values()) cancel();
      await relay.close();
    },
  };
}

const writeReady = (ready: Cell): Bytes => writeRecord([ready]);
