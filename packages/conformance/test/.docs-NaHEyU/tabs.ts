// tabs.ts
import {
  createAddressTable,
  createClosed,
  createInbox,
  createTransportState,
  type Inbox,
  systemRuntime,
  type Transport,
  TransportError,
} from "@tightbeam/core/transport";

const maxFrameBytes = 256 * 1024;
const highWaterBytes = 512 * 1024;

export async function connectTabs(name: string): Promise<Transport> {
  const { timers } = systemRuntime();
  const { state, change } = createTransportState("up");
  const end = createClosed();
  const table = createAddressTable();
  const inboxes = new Set<Inbox>();
  const outgoing = new BroadcastChannel(name);
  const incoming = new BroadcastChannel(name); // a channel does not hear itself
  let posted = 0;

  incoming.onmessage = ({ data }: MessageEvent) => {
    // Any script of this origin can post here (T12).
    if (typeof data?.to === "string" && data.frame instanceof Uint8Array) table.route(data.to, data.frame);
  };

  return {
    capabilities: { maxFrameBytes, groups: false, fanout: true },
    state,
    closed: end.closed,
    async send(to, frame) {
      if (end.settled) throw new TransportError("closed", "This transport has ended; connect another one.");
      if (frame.byteLength > maxFrameBytes) throw new TransportError("too_large", `A frame holds at most ${maxFrameBytes} bytes.`);
      // Copied first: a structured clone would carry the whole buffer around a view (T11).
      outgoing.postMessage({ to, frame: new Uint8Array(frame) });
      posted += frame.byteLength;
      if (posted <= highWaterBytes) return;
      // The channel tells nothing of its buffers, so every 512 KiB the browser gets a turn to move them (T4).
      await new Promise<void>((resolve) => timers.turn(resolve));
      posted = 0;
    },
    async subscribe(at, receive, { group } = {}) {
      if (end.settled) throw new TransportError("closed", "This transport has ended; connect another one.");
      if (group !== undefined) throw new TransportError("unsupported", "Tabs have no groups; subscribe without one.");
      const inbox = createInbox({ at, receive, timers, onDropped: change });
      const remove = table.add(at, { deliver: (frame) => void inbox.push(new Uint8Array(frame)) });
      inboxes.add(inbox);
      return async () => {
        remove();
        inbox.close();
        inboxes.delete(inbox);
      };
    },
    async close() {
      if (!end.settle()) return;
      for (const inbox of inboxes) inbox.close();
      outgoing.close();
      incoming.close();
      change({ type: "down", cause: undefined });
    },
  };
}
