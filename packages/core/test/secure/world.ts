import { loadKem } from "../../src/crypto/index.js";
import { type Authority, createAuthority, type Identity, type Trust, type VerifyKey } from "../../src/identity/index.js";
import { createVirtualRuntime, type VirtualRuntime } from "../../src/runtime/index.js";
import { createHandshakes, type HandshakeEvent, type HandshakesOptions } from "../../src/secure/handshakes.js";
import type { Established, Handshakes } from "../../src/secure/types.js";
import { type Address, agentAddress, inboxAddress } from "../../src/transport/address.js";

/** Two or more parties in one process over a network that does what the test says, in virtual time. */

export interface Packet {
  readonly from: string;
  readonly to: Address;
  readonly frame: Uint8Array;
}

/** What becomes of a packet: nothing, itself, or others. */
export type Tap = (packet: Packet) => readonly Packet[];

export interface Party {
  readonly name: string;
  readonly id: string;
  readonly instance: string;
  readonly agent: Address;
  readonly inbox: Address;
  readonly identity: Identity;
  readonly handshakes: Handshakes;
  /** As responder. */
  readonly accepted: Established[];
  readonly delivered: Uint8Array[];
  readonly events: HandshakeEvent[];
}

export interface PartyOptions extends Partial<Pick<HandshakesOptions, "suites" | "localLimits" | "runtime" | "send" | "deliver" | "isSessionIdTaken">> {
  readonly id?: string;
  readonly identity?: Identity;
  readonly trust?: Trust;
  readonly instance?: string;
  readonly link?: Partial<HandshakesOptions["link"]>;
  /** Where it listens, instead of its own addresses: an impostor. */
  readonly addresses?: HandshakesOptions["addresses"];
}

export interface World {
  readonly runtime: VirtualRuntime;
  readonly authority: Authority;
  readonly log: Packet[];
  tap: Tap;
  party(name: string, options?: PartyOptions): Promise<Party>;
  /** Lets everything that needs no time happen, native crypto included. */
  settle(): Promise<void>;
  advance(ms: number): Promise<void>;
  /** Gives a frame to whoever listens, as the network could. */
  inject(to: Address, frame: Uint8Array): void;
  /** Dials and lets time pass until it settled, at most `ms`. */
  dial(from: Party, to: Address, options?: { timeout?: number; signal?: AbortSignal }): Promise<Established>;
  /** The error a dial ended with. */
  failure(from: Party, to: Address, options?: { timeout?: number; signal?: AbortSignal }): Promise<{ code: string; message: string; retryable: boolean }>;
}

export const pass: Tap = (packet) => [packet];
export const linkOf = (name: string): Uint8Array => new TextEncoder().encode(`link of ${name}`);
export const announced = { maxMessageBytes: 1_000_000, intakeCount: 64, intakeBytes: 5_000_000_000 };

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function createWorld(seed = 1): Promise<World> {
  const runtime = createVirtualRuntime({ seed });
  // Loaded on first use otherwise, which takes real time.
  await loadKem({ deterministic: true });
  const authority = await createAuthority({ runtime });
  const listeners = new Map<Address, Party[]>();
  const log: Packet[] = [];
  let busy = 0;

  const watched = async <T>(work: Promise<T>): Promise<T> => {
    busy += 1;
    try {
      return await work;
    } finally {
      busy -= 1;
    }
  };
  const watchIdentity = (identity: Identity): Identity => ({
    id: identity.id,
    get key() {
      const { key } = identity;
      return { ...key, sign: (data: Uint8Array) => watched(key.sign(data)) };
    },
    token: (audience) => watched(identity.token(audience)),
  });
  const watchTrust = (trust: Trust): Trust => ({
    async verify(token, { onKey, ...options }) {
      const keys = new WeakMap<VerifyKey, VerifyKey>();
      const watch = (key: VerifyKey): VerifyKey => {
        const known = keys.get(key) ?? { ...key, verify: (signature: Uint8Array, data: Uint8Array) => watched(key.verify(signature, data)) };
        keys.set(key, known);
        return known;
      };
      const verified = await watched(trust.verify(token, { ...options, onKey: (key) => onKey?.(watch(key)) }));
      return { ...verified, key: watch(verified.key) };
    },
    recheck: (token, options) => trust.recheck(token, options),
  });

  const receive = (packet: Packet): void => {
    const here = listeners.get(packet.to) ?? [];
    const first = here.shift();
    if (first === undefined) return;
    // A group: the next frame goes to the next member.
    here.push(first);
    first.handshakes.receive(packet.to, packet.frame.slice());
  };

  const world: World = {
    runtime,
    authority,
    log,
    tap: pass,
    async party(name, options = {}) {
      const id = options.id ?? name;
      const instance = options.instance ?? name.padEnd(22, "_").slice(0, 22);
      const identity = options.identity ?? (await authority.enroll(id));
      const accepted: Established[] = [];
      const delivered: Uint8Array[] = [];
      const events: HandshakeEvent[] = [];
      const { agent, inbox } = options.addresses ?? { agent: agentAddress(id), inbox: inboxAddress(id, instance) };
      const handshakes = createHandshakes({
        runtime: options.runtime ?? runtime,
        identity: watchIdentity(identity),
        trust: watchTrust(options.trust ?? authority.trust()),
        instance,
        limits: announced,
        addresses: { agent, inbox },
        ...(options.suites === undefined ? {} : { suites: options.suites }),
        ...(options.localLimits === undefined ? {} : { localLimits: options.localLimits }),
        ...(options.isSessionIdTaken === undefined ? {} : { isSessionIdTaken: options.isSessionIdTaken }),
        send:
          options.send ??
          (async (to, frame) => {
            const packet = { from: name, to, frame: frame.slice() };
            log.push(packet);
            const results = world.tap(packet);
            runtime.timers.after(1, () => {
              for (const result of results) receive(result);
            });
          }),
        link: {
          offer: () => linkOf(name),
          accept: () => ({ continued: false, link: linkOf(name) }),
          established: (value) => void accepted.push(value),
          ...options.link,
        },
        deliver: (frame) => void delivered.push(frame),
        onEvent: (event) => void events.push(event),
      });
      const party: Party = { name, id, instance, agent, inbox, identity, handshakes, accepted, delivered, events };
      listeners.set(agent, [...(listeners.get(agent) ?? []), party]);
      listeners.set(inbox, [party]);
      return party;
    },
    async settle() {
      for (let quiet = 0; quiet < 4; quiet++) {
        await turn();
        runtime.advanceSync(0);
        if (busy > 0) quiet = -1;
      }
    },
    async advance(ms) {
      const end = runtime.now + ms;
      await world.settle();
      while (runtime.now < end) {
        await runtime.advance(Math.min(20, end - runtime.now));
        await world.settle();
      }
    },
    inject: (to, frame) => receive({ from: "network", to, frame }),
    async dial(from, to, options = {}) {
      const timeout = options.timeout ?? 15_000;
      let over = false;
      const result = from.handshakes.dial(to, { ...options, timeout });
      const done = (): void => {
        over = true;
      };
      result.then(done, done);
      await world.settle();
      const end = runtime.now + timeout + 100;
      while (!over && runtime.now < end) {
        await runtime.advance(runtime.now < end - timeout + 20 ? 1 : 20);
        await world.settle();
      }
      if (!over) throw new Error("the dial did not settle within its own timeout");
      return result;
    },
    async failure(from, to, options) {
      return world.dial(from, to, options).then(
        () => {
          throw new Error("the dial was expected to fail");
        },
        (error: { code: string; message: string; retryable: boolean }) => error,
      );
    },
  };
  return world;
}

/** The type of a packet's frame, for scripts: 1 HS1, 2 HS2, 3 HS3, 4 DATA, 5 RETRY. */
export const typeOf = (packet: Packet): number => (packet.frame[0] as number) & 15;

/** Drops the first `count` frames of a type. */
export function dropFirst(type: number, count: number): Tap {
  let left = count;
  return (packet) => (typeOf(packet) === type && left-- > 0 ? [] : [packet]);
}
