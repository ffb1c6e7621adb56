import type { Address, Clock, TransportError } from "@tightbeam/core/transport";

/** After this, one send is tried again: permissions can be given while a connection lasts. */
const rememberedMs = 60_000;
const addressesMax = 1_024;

/** Where the server lets this side not publish. It says so only after the fact, so later sends are refused here. */
export interface Denials {
  add(to: Address, error: TransportError): void;
  /** The refusal that still holds, if any. */
  of(to: Address): TransportError | undefined;
  clear(): void;
}

export function createDenials(clock: Clock): Denials {
  const denied = new Map<Address, { readonly since: number; readonly error: TransportError }>();
  return {
    add(to, error) {
      denied.delete(to);
      const [oldest] = denied.keys();
      if (denied.size >= addressesMax && oldest !== undefined) denied.delete(oldest);
      denied.set(to, { since: clock.monotonic(), error });
    },
    of(to) {
      if (denied.size === 0) return undefined;
      const entry = denied.get(to);
      if (entry === undefined) return undefined;
      if (clock.monotonic() - entry.since < rememberedMs) return entry.error;
      denied.delete(to);
      return undefined;
    },
    clear: () => denied.clear(),
  };
}
