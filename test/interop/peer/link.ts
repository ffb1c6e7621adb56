import type { Bytes } from "./bytes.js";
import type { Data } from "./frames.js";
import { createIncoming, type Incoming, type Message } from "./incoming.js";
import { createOutgoing, type Outgoing } from "./outgoing.js";
import type { Limits } from "./payload.js";
import { asksForAck, type Cell, type Done, readRecord, type Totals, writeRecord } from "./records.js";
import type { Session } from "./session.js";

/** docs/protocol.md, section 6: a link over its sessions. */

interface Attached {
  readonly session: Session;
  readonly generation: number;
  /** The instance of its initiator. */
  readonly initiator: string;
  /** A record was opened on it: then its initiator has READY. */
  heard: boolean;
  highest: number | undefined;
}

export interface LinkOptions {
  /** What we announced, and what the peer did. */
  readonly own: Limits;
  readonly theirs: Limits;
  now(): number;
  send(frame: Bytes): void;
  /** Its intake is given back with `giveBack`. */
  onMessage(message: Message): void;
  onDone(done: Done): void;
  onEnd(code: string): void;
}

export interface PeerLink {
  readonly generation: number;
  readonly incoming: Incoming;
  readonly outgoing: Outgoing;
  readonly ended: boolean;
  readonly session: Session | undefined;
  attach(session: Session, generation: number, initiator: string): void;
  receive(session: Session, data: Data): void;
  /** Cells of a record that was opened. */
  take(session: Session, counter: number, cells: readonly Cell[]): void;
  giveBack(message: Message): void;
  /** Sends what is due, `control` first. Called again and again, it resends what was lost. */
  pump(...control: readonly Cell[]): void;
  close(code?: string): void;
}

export function createLink({ own, theirs, now, send, onMessage, onDone, onEnd }: LinkOptions): PeerLink {
  const sessions: Attached[] = [];
  const incoming = createIncoming({ onMessage, onDone });
  const outgoing = createOutgoing({ count: theirs.intakeCount, bytes: theirs.intakeBytes });
  const windows: readonly [Totals, Totals] = [
    { count: 256, bytes: 1_048_576 },
    { count: own.intakeCount, bytes: own.intakeBytes },
  ];
  const given = windows.map(() => ({ count: 0, bytes: 0, counted: 0, told: 0 }));
  let ackDue = false;
  let grantDue = false;
  let ended = false;
  let closes = 0;

  /** Section 6.3. */
  const preferred = (): Attached | undefined => {
    const heard = sessions.filter((each) => each.heard);
    const usable = heard.length > 0 ? heard : [...sessions];
    return usable.sort((a, b) => b.generation - a.generation || (a.initiator < b.initiator ? -1 : 1))[0];
  };

  const total = (at: 0 | 1): Totals => ({
    count: windows[at].count + (given[at]?.count ?? 0),
    bytes: windows[at].bytes + (given[at]?.bytes ?? 0),
  });

  function due(session: Attached): Cell[] {
    const cells: Cell[] = [];
    if (ackDue) cells.push({ type: "ack", highest: session.highest, delay: 0, repeats: incoming.repeats, entries: incoming.entries() });
    const blocked = outgoing.blocked;
    if (grantDue || blocked) cells.push({ type: "credit", blocked, ...(grantDue ? { grant: { ordinary: total(1), critical: total(0) } } : {}) });
    ackDue = false;
    grantDue = false;
    return cells;
  }

  const link: PeerLink = {
    incoming,
    outgoing,
    get generation() {
      return preferred()?.generation ?? 0;
    },
    get ended() {
      return ended;
    },
    get session() {
      return preferred()?.session;
    },
    attach: (session, generation, initiator) => void sessions.push({ session, generation, initiator, heard: false, highest: undefined }),
    receive(session, data) {
      const { counter, record } = session.open(data, now());
      link.take(session, counter, readRecord(record));
    },
    take(session, counter, cells) {
      const attached = sessions.find((each) => each.session === session);
      if (attached !== undefined) attached.heard = true;
      if (attached !== undefined && cells.some(asksForAck)) {
        ackDue = true;
        attached.highest = Math.max(attached.highest ?? 0, counter);
      }
      const control: Cell[] = [];
      for (const cell of cells) {
        if (cell.type === "msg" || cell.type === "done") incoming.take(cell);
        else if (cell.type === "ack") outgoing.acknowledge(cell);
        else if (cell.type === "ping") control.push({ type: "pong", time: cell.time, own: now() });
        else if (cell.type === "credit") {
          if (cell.grant !== undefined) outgoing.grant(cell.grant);
          grantDue ||= cell.blocked;
        } else if (cell.type === "close") return hearClose(cell.code);
      }
      link.pump(...control);
    },
    giveBack({ intake, lane, bytes }) {
      if (!intake) return;
      const at = lane === 0 ? 0 : 1;
      const mine = given[at] as (typeof given)[number];
      mine.count++;
      mine.bytes += bytes.length;
      if (mine.count - mine.counted < windows[at].count / 4 && mine.bytes - mine.told < windows[at].bytes / 4) return;
      mine.counted = mine.count;
      mine.told = mine.bytes;
      grantDue = true;
    },
    pump(...control) {
      const session = preferred();
      if (ended || session === undefined) return;
      for (let cells = [...due(session), ...control, ...outgoing.take(now())]; cells.length > 0; cells = outgoing.take(now()))
        send(session.session.seal(writeRecord(cells)).frame);
    },
    close(code = "closed") {
      link.pump({ type: "close", code });
      if (!ended) onEnd(code);
      ended = true;
    },
  };

  function hearClose(code: string): void {
    const session = preferred();
    if (session !== undefined && closes++ < 5) send(session.session.seal(writeRecord([{ type: "close", code: "closed" }])).frame);
    if (!ended) onEnd(code);
    ended = true;
  }

  return link;
}
