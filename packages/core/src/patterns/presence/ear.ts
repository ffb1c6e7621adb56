import { thumbprintOf } from "../../identity/jwk.js";
import type { VerifyKey } from "../../identity/types.js";
import { importVerifyKey } from "../../identity/verify-key.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Clock } from "../../runtime/runtime.js";
import type { Address } from "../../transport/address.js";
import { createAllowance } from "./allowance.js";
import { patience } from "./beacon.js";
import { decodeHint, type Hint, hintText, type ReadHint } from "./hint.js";

export interface PresenceCounters {
  /** Our own hints. */
  sent: number;
  /** Of others, whose signature was right. */
  heard: number;
  /** Not a hint, too old, repeated, of no interest, or not signed by whom they name. */
  refused: number;
  /** Hints that came when there was no time left to verify them, no room to keep them, or no dial to spend on them. */
  skipped: number;
  /** Handshakes that hints led to. */
  dials: number;
}

export interface EarOptions {
  readonly clock: Clock;
  readonly at: Address;
  readonly counters: PresenceCounters;
  readonly isOwn: (hint: Hint) => boolean;
  /** The last hint of this instance under this key, and the key made ready. */
  readonly known: (hint: Hint) => { readonly hint: Hint; readonly key: VerifyKey } | undefined;
  readonly linkOf: (hint: Hint) => Link | undefined;
  /** Whether anything would follow from it. */
  readonly concerns: (hint: Hint) => boolean;
  readonly onHint: (hint: Hint, key: VerifyKey) => void;
}

/** By how much clocks may differ: as for tokens. */
const skewMs = 60_000;

/** Takes what anybody says at the address: cheap checks first, and a bounded number of signatures in all. Each hint is given on once, if its signature is right. */
export function createEar({ clock, at, counters, isOwn, known, linkOf, concerns, onHint }: EarOptions): (bytes: Uint8Array) => void {
  /** Of peers we are linked with, and of everybody else: a flood of strangers does not keep us from hearing peers. */
  const ofPeers = createAllowance(clock, limits.hintChecksBurst, limits.hintChecksPerSecond);
  const ofStrangers = createAllowance(clock, limits.hintChecksBurst, limits.hintChecksPerSecond);
  let checking = 0;

  const isInTime = ({ expires, every }: Hint): boolean => {
    const now = clock.wall();
    return expires > now - skewMs && expires <= now + skewMs + Math.ceil(patience * every);
  };

  const isFresh = (hint: Hint): boolean => hint.counter > (known(hint)?.hint.counter ?? -1);

  const verify = async ({ hint, body, signature }: ReadHint): Promise<void> => {
    let key: VerifyKey | undefined;
    try {
      key = known(hint)?.key ?? (await importVerifyKey(hint.key));
      if (!(await key.verify(signature, hintText(at, body)))) key = undefined;
    } catch {
      key = undefined;
    }
    checking--;
    // Another may have been verified meanwhile.
    if (key === undefined || !isFresh(hint)) counters.refused++;
    else {
      counters.heard++;
      onHint(hint, key);
    }
  };

  return (bytes) => {
    const read = decodeHint(bytes);
    if (read === undefined || !isInTime(read.hint) || !isFresh(read.hint)) {
      counters.refused++;
      return;
    }
    const { hint } = read;
    if (isOwn(hint)) return;
    const link = linkOf(hint);
    // Who proved over the link to have another key did not say this.
    const wanted = link === undefined ? concerns(hint) || known(hint) !== undefined : thumbprintOf(hint.key) === link.peer.thumbprint;
    if (!wanted) counters.refused++;
    else if (checking >= limits.hintChecksAtOnce || !(link === undefined ? ofStrangers : ofPeers).take()) counters.skipped++;
    else {
      checking++;
      void verify(read);
    }
  };
}
