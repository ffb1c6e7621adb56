import { toBase64url } from "../../packages/core/src/bytes.js";
import { encodeEnvelope } from "../../packages/core/src/envelope/encode.js";
import { createIds } from "../../packages/core/src/envelope/id.js";
import { readPartBody } from "../../packages/core/src/envelope/part.js";
import { createPart, type Part, partFirstByte, readPartHead } from "../../packages/core/src/envelope/part-head.js";
import type { EnvelopeHeader } from "../../packages/core/src/envelope/types.js";
import { decodeEnvelope } from "../../packages/core/src/envelope/wire.js";
import * as cellType from "../../packages/core/src/frame/cell-type.js";
import { frameType, sessionIdOf } from "../../packages/core/src/frame/frame.js";
import * as frameTypes from "../../packages/core/src/frame/frame-types.js";
import * as msgFlag from "../../packages/core/src/frame/msg-flag.js";
import type { Identity } from "../../packages/core/src/identity/types.js";
import { createCellBuffer, noCounter, putAck, putClose, putCredit, putPing, putSequenced, totalBytes } from "../../packages/core/src/link/cells.js";
import type { Lane } from "../../packages/core/src/link/message.js";
import { readCells } from "../../packages/core/src/link/read-cells.js";
import { encodeLinkOffer, type LinkOffer } from "../../packages/core/src/link/resume.js";
import { systemRuntime } from "../../packages/core/src/runtime/system.js";
import { createHandshakes } from "../../packages/core/src/secure/handshakes.js";
import type { AnnouncedLimits, Established } from "../../packages/core/src/secure/types.js";
import { type Address, agentAddress, inboxAddress } from "../../packages/core/src/transport/address.js";
import type { Transport } from "../../packages/core/src/transport/transport.js";
import { connectWebSocket } from "../../packages/websocket/src/index.js";
import { type Field, within } from "./field.js";

/*
 * An agent with a valid token that speaks the protocol with core's own pieces, and lies where a row tells it to.
 */

export const runtime = systemRuntime();
export const newId = createIds(runtime).text;
export const noBytes = new Uint8Array(0);
const scratch = createCellBuffer(64 * 1024);
const zeros = [0, 0, 0, 0];

/** Cells, as a peer writes them. */
export const cell = {
  raw: (type: number, flags: number, body: Uint8Array): Uint8Array => Uint8Array.from([type, flags, body.length >> 8, body.length & 255, ...body]),
  msg(lane: Lane, sequence: number, flags: number, data: Uint8Array, type: number = cellType.msg): Uint8Array {
    return scratch.bytes.slice(0, putSequenced(scratch, 0, type, lane | flags, sequence, data, 0, data.length));
  },
  /** The first fragment of a message that says to have so many bytes. */
  first(lane: Lane, sequence: number, flags: number, data: Uint8Array, total: number): Uint8Array {
    const bytes = cell.msg(lane, sequence, msgFlag.first | flags, data);
    new DataView(bytes.buffer).setUint32(bytes.length - data.length - totalBytes, total);
    return bytes;
  },
  ack: (lane: Lane, next: number, ranges: { start: number; end: number }[] = [], highest: number = noCounter): Uint8Array =>
    scratch.bytes.slice(0, putAck(scratch, 0, { highest, delay: 0, repeated: 0, lanes: [{ lane, next, ranges }] })),
  ping: (wall = 1): Uint8Array => scratch.bytes.slice(0, putPing(scratch, 0, wall)),
  close: (code: string): Uint8Array => scratch.bytes.slice(0, putClose(scratch, 0, code)),
  credit: (count: number, bytes: number, blocked = false): Uint8Array =>
    scratch.bytes.slice(0, putCredit(scratch, 0, blocked, { ordinary: { count, bytes }, critical: { count, bytes } })),
  askCredit: (): Uint8Array => scratch.bytes.slice(0, putCredit(scratch, 0, true, undefined)),
};

function partOf(bytes: Uint8Array): Part {
  const part = createPart();
  if (!readPartHead(bytes, part)) throw new Error("alice said something that is no part");
  readPartBody(bytes, part);
  return part;
}

export const whole = msgFlag.first | msgFlag.last;
export const callFlags = whole | msgFlag.intake;

export function header(type: EnvelopeHeader["type"], more: Partial<EnvelopeHeader> = {}): EnvelopeHeader {
  const named =
    type === "event"
      ? { topic: "t" }
      : type === "stream"
        ? { method: "say", stream: { number: 0, credit: 1_000 } }
        : type === "request" || type === "notification"
          ? { method: "echo" }
          : {};
  return { type, id: newId(), timestamp: Date.now(), priority: "normal", ...named, ...more };
}
export const envelope = (type: EnvelopeHeader["type"], more: Partial<EnvelopeHeader> = {}, payload?: Uint8Array, kind: "json" | "bytes" = "json"): Uint8Array =>
  encodeEnvelope(header(type, more), payload === undefined ? undefined : { kind, bytes: payload }).slice();

export interface RogueLink {
  readonly established: Established;
  /** The lane's next sequence, as an honest sender would count. */
  readonly next: number[];
  /** What it expects of the victim, per lane. */
  readonly expected: number[];
  /** What came from the victim, beside what it says on its own account. */
  readonly got: { readonly header: EnvelopeHeader }[];
  /** The same of streams. */
  readonly said: Part[];
  readonly closes: string[];
  readonly credits: number;
  readonly acked: readonly number[];
  readonly pongs: number;
  /** Seals these cells as one record and sends it. */
  send(...cells: Uint8Array[]): Promise<void>;
  /** One message in one cell, counted as it should be. */
  message(bytes: Uint8Array, options?: { readonly lane?: Lane; readonly flags?: number }): Promise<void>;
  /** The first answer to this request. */
  answer(id: string): Promise<EnvelopeHeader>;
}

export interface Rogue {
  readonly id: string;
  readonly instance: string;
  readonly identity: Identity;
  readonly transport: Transport;
  readonly handshakes: ReturnType<typeof createHandshakes>;
  /** As responder: whoever dialled us. */
  readonly accepted: RogueLink[];
  /** What this rogue says in LINK, in both roles. */
  offer: Partial<LinkOffer>;
  continued: boolean;
  /** Acknowledges what comes. */
  acknowledges: boolean;
  dial(to?: Address): Promise<RogueLink>;
  /** Drops a session at its end without a word. */
  forget(link: RogueLink): void;
}

export interface RogueOptions {
  readonly announced?: Partial<AnnouncedLimits>;
  readonly identity?: Identity;
  readonly transport?: Transport;
  readonly instance?: string;
}

export async function createRogue(field: Field, id = "mallory", options: RogueOptions = {}): Promise<Rogue> {
  const identity = options.identity ?? (await field.authority.enroll(id));
  const connected = options.transport === undefined ? await connectWebSocket(field.tap.url, { identity }) : undefined;
  const transport = options.transport ?? (connected as Transport);
  const instance = options.instance ?? connected?.instance ?? toBase64url(runtime.random.bytes(16));
  const addresses = { agent: agentAddress(id), inbox: inboxAddress(id, instance) };
  const sessions = new Map<number, (frame: Uint8Array) => void>();
  const links = new WeakMap<Established, RogueLink>();
  const half = runtime.random.bytes(32);

  const begin = (established: Established): RogueLink => {
    const { session, peer } = established;
    const expected = [0, 0, 0, 0];
    let credits = 0;
    let pongs = 0;
    const acked = [0, 0, 0, 0];
    const link: RogueLink = {
      established,
      next: [0, 0, 0, 0],
      expected,
      got: [],
      said: [],
      closes: [],
      get credits() {
        return credits;
      },
      get pongs() {
        return pongs;
      },
      acked,
      async send(...cells) {
        const size = cells.reduce((sum, { length }) => sum + length, 0);
        const record = new Uint8Array(size);
        let at = 0;
        for (const bytes of cells) {
          record.set(bytes, at);
          at += bytes.length;
        }
        await transport.send(peer.inbox, session.seal(record));
      },
      message: (bytes, { lane = 2, flags = callFlags } = {}) => link.send(cell.msg(lane, (link.next[lane] as number)++, flags, bytes)),
      async answer(request) {
        const find = () => link.got.find(({ header: { correlationId } }) => correlationId === request);
        await within(5_000, "an answer", () => find() !== undefined);
        return (find() as { header: EnvelopeHeader }).header;
      },
    };
    links.set(established, link);
    const receive = (frame: Uint8Array): void => {
      const record = session.open(frame);
      if (record === undefined) return;
      let eliciting = false;
      readCells(record, {
        sequenced(type, flags, lane, sequence, start, end) {
          eliciting = true;
          if (sequence !== expected[lane]) return;
          expected[lane] = sequence + 1;
          if (type !== cellType.msg || (flags & whole) !== whole) return;
          const bytes = record.slice(start, end);
          if (bytes[0] === partFirstByte) return void link.said.push(partOf(bytes));
          const envelope = decodeEnvelope(bytes);
          if (envelope.header.method?.startsWith("tb/") !== true) link.got.push(envelope);
        },
        ack(ack) {
          for (const { lane, next } of ack.lanes) acked[lane] = next;
        },
        credit: () => void credits++,
        ping() {
          eliciting = true;
        },
        pong: () => void pongs++,
        closed: (code) => void link.closes.push(code),
      });
      if (!eliciting || !rogue.acknowledges) return;
      const length = putAck(scratch, 0, {
        highest: session.lastOpened,
        delay: 0,
        repeated: 0,
        lanes: ([0, 1, 2, 3] as const).map((lane) => ({ lane, next: expected[lane] as number, ranges: [] })),
      });
      void link.send(scratch.bytes.slice(0, length)).catch(() => undefined);
    };
    sessions.set(session.localId, receive);
    return link;
  };

  const linkValue = (): Uint8Array => encodeLinkOffer({ half, generation: 0, next: zeros, mac: undefined, ...rogue.offer });
  const handshakes = createHandshakes({
    runtime,
    identity,
    trust: field.authority.trust(),
    instance,
    limits: { maxMessageBytes: 1 << 20, intakeCount: 4_096, intakeBytes: 1 << 24, ...options.announced },
    addresses,
    send: (to, frame) => transport.send(to, frame),
    isSessionIdTaken: (session) => sessions.has(session),
    deliver: (frame) => receiveFrame(addresses.inbox, frame),
    link: {
      offer: linkValue,
      accept: () => ({ continued: rogue.continued, link: linkValue() }),
      established: (established) => void rogue.accepted.push(begin(established)),
    },
  });
  const receiveFrame = (at: Address, frame: Uint8Array): void => {
    const session = frameType(frame) === frameTypes.data ? sessions.get(sessionIdOf(frame)) : undefined;
    if (session === undefined) handshakes.receive(at, frame);
    else session(frame);
  };
  const rogue: Rogue = {
    id,
    instance,
    identity,
    transport,
    handshakes,
    accepted: [],
    offer: {},
    continued: false,
    acknowledges: true,
    async dial(to = agentAddress("alice")) {
      return begin(await handshakes.dial(to, { timeout: 5_000 }));
    },
    forget(link) {
      sessions.delete(link.established.session.localId);
      link.established.session.end();
    },
  };
  if (options.transport === undefined) {
    await transport.subscribe(addresses.inbox, (frame) => receiveFrame(addresses.inbox, frame));
    await transport.subscribe(addresses.agent, (frame) => receiveFrame(addresses.agent, frame), { group: id });
  }
  field.closeLater(async () => {
    handshakes.close();
    await transport.close();
  });
  return rogue;
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
