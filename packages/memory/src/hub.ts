import {
  type Address,
  type AddressTable,
  type AwaitUsing,
  awaitUsing,
  checkKnown,
  createAddressTable,
  type Runtime,
  systemRuntime,
  TightbeamError,
  TransportError,
} from "@tightbeam/core/transport";

/** The largest frame unless the hub is told otherwise. */
const defaultMaxFrameBytes = 1024 * 1024;
/** What the contract lets every link count on. */
const smallestMaxFrameBytes = 21 * 1024;

export interface HubOptions {
  /** Time for the hub and its transports. Default: the machine's. */
  readonly runtime?: Runtime | undefined;
  /** Default 1 MiB, at least 21 KiB. */
  readonly maxFrameBytes?: number | undefined;
}

const names: readonly (keyof HubOptions)[] = ["runtime", "maxFrameBytes"];

/** An in-process network: a table of addresses that copies frames between transports on a later turn of the event loop. */
export interface Hub extends AwaitUsing {
  /** Loses the medium for every transport at once, until `restore`: they go down, and sends reject `unavailable`. What was accepted before still arrives. */
  cut(): void;
  /** Brings every transport up again with its subscriptions. */
  restore(): void;
  /** Shows every frame that is sent, as a copy: what the network sees. Returns the function that ends it. */
  tap(listener: (to: Address, frame: Uint8Array) => void): () => void;
  /** Ends every transport with the cause `closed`, for good. */
  close(): void;
}

/** What a transport needs of its hub. */
export interface Medium {
  readonly runtime: Runtime;
  readonly maxFrameBytes: number;
  readonly table: AddressTable;
  readonly up: boolean;
  readonly ended: TransportError | undefined;
  /** Shows the frame to whoever taps, then routes it. */
  carry(to: Address, frame: Uint8Array): number;
  attach(port: Port): void;
  detach(port: Port): void;
}

/** What a hub tells a transport. */
export interface Port {
  readonly instance: string | undefined;
  up(): void;
  down(cause: TransportError): void;
  end(cause: TransportError): void;
}

const media = new WeakMap<Hub, Medium>();

export function mediumOf(hub: Hub): Medium {
  const medium = media.get(hub);
  if (medium === undefined) throw new TightbeamError("invalid_argument", "connectMemory takes a hub made by createHub().");
  return medium;
}

export function createHub(options: HubOptions = {}): Hub {
  checkKnown("createHub", options, names);
  const { runtime = systemRuntime(), maxFrameBytes = defaultMaxFrameBytes } = options;
  if (!Number.isSafeInteger(maxFrameBytes) || maxFrameBytes < smallestMaxFrameBytes) {
    throw new TightbeamError("invalid_argument", `maxFrameBytes is a whole number of at least ${smallestMaxFrameBytes}.`);
  }
  const table = createAddressTable();
  const ports = new Set<Port>();
  const instances = new Map<string, Port>();
  const taps = new Set<{ readonly call: (to: Address, frame: Uint8Array) => void }>();
  let up = true;
  let ended: TransportError | undefined;

  const showTaps = (to: Address, frame: Uint8Array) => {
    for (const tap of [...taps]) {
      try {
        tap.call(to, new Uint8Array(frame));
      } catch {
        // A listener that throws changes nothing on the network.
      }
    }
  };

  const medium: Medium = {
    runtime,
    maxFrameBytes,
    table,
    get up() {
      return up;
    },
    get ended() {
      return ended;
    },
    carry(to, frame) {
      if (taps.size > 0) showTaps(to, frame);
      return table.route(to, frame);
    },
    attach(port) {
      ports.add(port);
      if (port.instance === undefined) return;
      const earlier = instances.get(port.instance);
      instances.set(port.instance, port);
      earlier?.end(new TransportError("replaced", "Another transport connected as the same instance and took its place."));
    },
    detach(port) {
      ports.delete(port);
      if (port.instance !== undefined && instances.get(port.instance) === port) instances.delete(port.instance);
    },
  };

  const hub = awaitUsing<Hub>({
    cut() {
      if (!up || ended !== undefined) return;
      up = false;
      for (const port of [...ports]) port.down(new TransportError("unavailable", "The memory hub was cut; it works again after hub.restore()."));
    },
    restore() {
      if (up || ended !== undefined) return;
      up = true;
      for (const port of [...ports]) port.up();
    },
    tap(call) {
      const listener = { call };
      taps.add(listener);
      return () => {
        taps.delete(listener);
      };
    },
    close() {
      if (ended !== undefined) return;
      ended = new TransportError("closed", "The memory hub was closed.");
      for (const port of [...ports]) port.end(ended);
      taps.clear();
    },
  });
  media.set(hub, medium);
  return hub;
}
