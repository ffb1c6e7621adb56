import { type Address, address, createAddressTable } from "@tightbeam/core/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const frame = Uint8Array.of(1);
const a = address("agent", "a");

function member() {
  let frames = 0;
  return {
    deliver() {
      frames += 1;
    },
    get frames() {
      return frames;
    },
  };
}

describe("the address table", () => {
  it("gives every plain member a frame, and one member of each group, in turns", () => {
    const table = createAddressTable();
    const plain = [member(), member()];
    const groups = [
      [member(), member(), member()],
      [member(), member()],
    ];
    for (const one of plain) table.add(a, one);
    groups.forEach((members, index) => {
      for (const one of members) table.add(a, one, `group${index}`);
    });
    for (let i = 0; i < 6; i += 1) expect(table.route(a, frame)).toBe(4);
    expect(plain.map(({ frames }) => frames)).toEqual([6, 6]);
    expect(groups.map((members) => members.map(({ frames }) => frames))).toEqual([
      [2, 2, 2],
      [3, 3],
    ]);
  });

  it("reaches nobody where nobody listens", () => {
    const table = createAddressTable();
    table.add(a, member());
    for (const to of ["agent", "agent/", "agent/A", "agent/a/b", "agent/*", "__proto__", "constructor", ""]) expect(table.route(to as Address, frame)).toBe(0);
    expect(createAddressTable().route("__proto__" as Address, frame)).toBe(0);
  });

  it("keeps group names apart from everything", () => {
    const table = createAddressTable();
    const names = ["__proto__", "constructor", "", "x"];
    const members = names.map((name) => {
      const one = member();
      table.add(a, one, name);
      return one;
    });
    expect(table.route(a, frame)).toBe(names.length);
    expect(members.every(({ frames }) => frames === 1)).toBe(true);
  });

  it("removes exactly one seat, once", () => {
    const table = createAddressTable();
    const one = member();
    const remove = table.add(a, one);
    table.add(a, one);
    remove();
    remove();
    expect(table.route(a, frame)).toBe(1);
    const other = table.add(a, one, "g");
    other();
    table.add(a, one, "g");
    other();
    expect(table.route(a, frame)).toBe(2);
  });

  it("isolates a member that throws", () => {
    const table = createAddressTable();
    const [before, after, grouped] = [member(), member(), member()];
    table.add(a, before);
    table.add(a, {
      deliver() {
        throw new Error("broken socket");
      },
    });
    table.add(a, after);
    table.add(a, grouped, "g");
    expect(table.route(a, frame)).toBe(3);
    expect([before.frames, after.frames, grouped.frames]).toEqual([1, 1, 1]);
  });

  it("survives members that leave while a frame is routed", () => {
    const table = createAddressTable();
    const leaving: (() => void)[] = [];
    for (let i = 0; i < 3; i += 1) {
      const one = {
        deliver() {
          for (const leave of leaving) leave();
        },
      };
      leaving.push(table.add(a, one), table.add(a, one, "g"));
    }
    expect(() => table.route(a, frame)).not.toThrow();
    expect(table.size).toBe(0);
  });

  it("agrees with a naive model, and is empty when everyone has left", () => {
    const addresses = [a, address("agent", "b"), address("inbox", "a", "0"), address("__proto__")];
    const step = fc.oneof(
      fc.record({ add: fc.nat(3), group: fc.option(fc.constantFrom("g", "h", "__proto__"), { nil: undefined }) }),
      fc.record({ remove: fc.nat(50) }),
      fc.record({ route: fc.nat(3) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const table = createAddressTable();
        const seats: { at: Address; group: string | undefined; member: ReturnType<typeof member>; remove: () => void; live: boolean }[] = [];
        for (const one of steps) {
          if ("add" in one) {
            const at = addresses[one.add] as Address;
            const seated = member();
            seats.push({ at, group: one.group, member: seated, remove: table.add(at, seated, one.group), live: true });
          } else if ("remove" in one) {
            const seat = seats[one.remove % Math.max(1, seats.length)];
            seat?.remove();
            if (seat !== undefined) seat.live = false;
          } else {
            const to = addresses[one.route] as Address;
            const before = seats.map(({ member: { frames } }) => frames);
            const here = seats.filter(({ at, live }) => live && at === to);
            const groups = new Set(here.filter(({ group }) => group !== undefined).map(({ group }) => group));
            const plain = here.filter(({ group }) => group === undefined);
            expect(table.route(to, frame)).toBe(plain.length + groups.size);
            const taken = seats.filter(({ member: { frames } }, index) => frames > (before[index] as number));
            expect(taken.every(({ live, at }) => live && at === to)).toBe(true);
            expect(taken.filter(({ group }) => group === undefined).length).toBe(plain.length);
            for (const group of groups) expect(taken.filter((seat) => seat.group === group).length).toBe(1);
          }
          expect(table.size).toBe(new Set(seats.filter(({ live }) => live).map(({ at }) => at)).size);
        }
        for (const { remove } of seats) remove();
        expect(table.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("stays fair to those who remain", () => {
    const table = createAddressTable();
    const members = Array.from({ length: 5 }, member);
    const removes = members.map((one) => table.add(a, one, "g"));
    for (let i = 0; i < 7; i += 1) table.route(a, frame);
    removes[1]?.();
    removes[4]?.();
    const before = members.map(({ frames }) => frames);
    for (let i = 0; i < 30; i += 1) table.route(a, frame);
    expect(members.map(({ frames }, index) => frames - (before[index] as number))).toEqual([10, 0, 10, 10, 0]);
  });
});
