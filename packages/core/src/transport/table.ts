import type { Address } from "./address.js";

/** Where a hub puts a frame. `deliver` must not wait; what it throws is swallowed, so one broken member costs the others nothing. */
export interface Member {
  deliver(frame: Uint8Array): void;
}

/** Who listens where (clauses T9 and T10): the heart of the memory hub and of the relay. */
export interface AddressTable {
  /** Addresses with at least one member. */
  readonly size: number;
  /** Seats a member. Returns the function that removes exactly this seat; calling it again does nothing. */
  add(at: Address, member: Member, group?: string): () => void;
  /** Hands the frame to every plain member and to one member of each group, taking turns. Everyone gets the same bytes: members copy. Returns how many took it. */
  route(to: Address, frame: Uint8Array): number;
}

interface Seat {
  readonly member: Member;
  index: number;
}
interface Group {
  readonly seats: Seat[];
  turn: number;
}
interface Entry {
  readonly plain: Set<Seat>;
  readonly groups: Map<string, Group>;
}

export function createAddressTable(): AddressTable {
  const entries = new Map<Address, Entry>();

  const entryAt = (at: Address): Entry => {
    const known = entries.get(at);
    if (known !== undefined) return known;
    const entry: Entry = { plain: new Set(), groups: new Map() };
    entries.set(at, entry);
    return entry;
  };
  const groupIn = (entry: Entry, name: string): Group => {
    const known = entry.groups.get(name);
    if (known !== undefined) return known;
    const group: Group = { seats: [], turn: 0 };
    entry.groups.set(name, group);
    return group;
  };
  const forgetIfEmpty = (at: Address, entry: Entry) => {
    if (entry.plain.size === 0 && entry.groups.size === 0) entries.delete(at);
  };

  return {
    get size() {
      return entries.size;
    },
    add(at, member, group) {
      const entry = entryAt(at);
      let seated = true;
      if (group === undefined) {
        const seat = { member, index: 0 };
        entry.plain.add(seat);
        return () => {
          if (!seated) return;
          seated = false;
          entry.plain.delete(seat);
          forgetIfEmpty(at, entry);
        };
      }
      const { seats } = groupIn(entry, group);
      const seat = { member, index: seats.length };
      seats.push(seat);
      return () => {
        if (!seated) return;
        seated = false;
        removeSeat(seats, seat);
        if (seats.length === 0) entry.groups.delete(group);
        forgetIfEmpty(at, entry);
      };
    },
    route(to, frame) {
      const entry = entries.get(to);
      if (entry === undefined) return 0;
      let taken = 0;
      for (const seat of entry.plain) taken += hand(seat, frame);
      for (const group of entry.groups.values()) taken += hand(takeTurn(group), frame);
      return taken;
    },
  };
}

/** The last seat moves into the gap: constant time however large the group. */
function removeSeat(seats: Seat[], seat: Seat): void {
  const last = seats.pop();
  if (last === undefined || last === seat) return;
  last.index = seat.index;
  seats[seat.index] = last;
}

function takeTurn(group: Group): Seat | undefined {
  if (group.turn >= group.seats.length) group.turn = 0;
  return group.seats[group.turn++];
}

function hand(seat: Seat | undefined, frame: Uint8Array): 0 | 1 {
  if (seat === undefined) return 0;
  try {
    seat.member.deliver(frame);
    return 1;
  } catch {
    return 0;
  }
}
