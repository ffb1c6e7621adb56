import { otherName } from "./route.js";

/** Peers with figures of their own; the others are in one. */
const peersMax = 100;

export interface PeerRow<T> {
  readonly labels: { readonly agent: string; readonly peer: string };
  readonly all: readonly T[];
}

/** By peer, all of its instances together. */
export function rowsByPeer<T>(agent: string, all: readonly T[], peerOf: (one: T) => string): readonly PeerRow<T>[] {
  const peers = new Map<string, T[]>();
  for (const one of all) {
    const id = peerOf(one);
    const peer = peers.has(id) || peers.size < peersMax ? id : otherName;
    const rows = peers.get(peer);
    if (rows === undefined) peers.set(peer, [one]);
    else rows.push(one);
  }
  return [...peers].map(([peer, rows]) => ({ labels: { agent, peer }, all: rows }));
}

export const sumOf =
  <T>(of: (one: T) => number) =>
  (all: readonly T[]): number =>
    all.reduce((total, one) => total + of(one), 0);
