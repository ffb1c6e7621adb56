// What the story needs of a place where the two agents live, whatever the transport.
import type { Alice, Bob } from "./app.js";

export interface IssuedToken {
  readonly id: string;
  /** Absent for tokens that peers see. */
  readonly audience: string | undefined;
  readonly thumbprint: string;
  /** Wall ms. */
  readonly expiresAt: number;
}

/** One frame as somebody in the middle sees it. */
export interface TappedFrame {
  readonly to: string;
  readonly frame: Uint8Array;
}

export interface Tap {
  /** Frames recorded so far that have an address. */
  frames(): readonly TappedFrame[];
  /** Everything recorded so far, addresses and logins included. */
  bytes(): Uint8Array;
  /** Asks for what is still on its way from the tap, then records no more. */
  stop(): Promise<void>;
}

export interface Stage {
  readonly title: string;
  readonly cast: readonly (readonly [name: string, what: string])[];
  /** Name of what the frames pass through: "the relay", "the nats-server", "the hub". */
  readonly middle: string;
  /** What happens to it while 20,000 requests are open, in a sentence. */
  readonly outage: string;
  /** The one line of the agents that knows the transport, and where it stands. */
  readonly transportLine: { readonly file: string; readonly text: string };
  readonly alice: Alice;
  readonly bob: Bob;
  readonly tap: Tap;
  readonly issued: readonly IssuedToken[];
  /** True when `bytes` holds a token that is only for peers. */
  leaksPeerToken(bytes: Uint8Array): boolean;
  /** Breaks the middle under everybody. Resolves with what was done, in words. */
  strike(): Promise<string>;
  /** Mends it. Resolves with what was done, in words. */
  mend(): Promise<string>;
  /** Rejects when something died that should not have. Never resolves. */
  readonly failure: Promise<never>;
  /** Ends politely. */
  close(): Promise<void>;
}
