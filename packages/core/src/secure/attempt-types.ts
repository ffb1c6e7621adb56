import type { TightbeamError } from "../errors.js";
import type { Address } from "../transport/address.js";
import type { Established, SuiteId } from "./types.js";

/** One run of the handshake as initiator, as a dial sees it. */
export interface Attempt {
  readonly localId: number;
  /** The suite a RETRY asked for: where the next attempt begins. */
  readonly wanted: SuiteId | undefined;
  start(): void;
  receive(frame: Uint8Array): void;
  /** True when the frame is this attempt's own HS1. */
  reflected(at: Address, frame: Uint8Array): boolean;
  /** Why this attempt has not succeeded, as far as it knows. */
  verdict(): TightbeamError;
  end(): void;
}

export interface AttemptEvents {
  established(value: Established): void;
  /** Something of our own makes every attempt useless. */
  fatal(error: unknown): void;
  /** The deadline has passed. */
  over(verdict: TightbeamError): void;
}
