import { describe, expect, test } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import type { Link } from "../../../src/link/link-types.js";
import type { Desk } from "../../../src/patterns/via/desk.js";
import { createPlaces } from "../../../src/patterns/via/places.js";
import { createVirtualRuntime } from "../../../src/runtime/virtual.js";
import { address } from "../../../src/transport/address.js";
import type { TransportError } from "../../../src/transport/transport.js";

/** A desk whose intermediate answers as `answer` says, and which keeps what it was asked. */
function setUp(answer: (name: string) => unknown = () => undefined) {
  const asked: string[] = [];
  const request = async (link: Link, name: string, value: { id: number }) => {
    asked.push(`${link.peer.id} ${name} ${value.id}`);
    return answer(name);
  };
  let number = 0;
  const desk = {
    inside: { host: { runtime: createVirtualRuntime({ seed: 1 }), system: { request } } },
    listeners: new Map(),
    nextNumber: () => ++number,
  } as unknown as Desk;
  const refused: TransportError[] = [];
  const current = { link: undefined as Link | undefined };
  const places = createPlaces({
    desk,
    peer: "gate",
    signal: new AbortController().signal,
    isCurrent: (link) => link === current.link,
    onRefused: (error) => void refused.push(error),
  });
  const link = (id: string): Link => ({ peer: { id }, state: "up" }) as unknown as Link;
  const wanted = { at: address("agent", "alice"), group: undefined, hops: undefined, take: () => undefined, lost: () => undefined };
  return { asked, desk, places, refused, current, link, wanted };
}

describe("where a client listens", () => {
  test("on another link it is asked for under another number, and given up where it was", async () => {
    const { asked, desk, places, current, link, wanted } = setUp();
    const [first, second] = [link("one"), link("two")];
    const place = places.add(wanted);
    current.link = first;
    await places.put(place, first);
    expect(places.missing(first)).toEqual([]);
    current.link = second;
    expect(places.missing(second)).toEqual([place]);
    await places.put(place, second);
    expect(asked).toEqual(["one via-subscribe 1", "one via-unsubscribe 1", "two via-subscribe 2"]);
    expect([...desk.listeners.keys()]).toEqual([2]);
  });

  test("a link that is left while it lives is told, so that nobody's turn goes to who has left", async () => {
    const { asked, desk, places, current, link, wanted } = setUp();
    const only = link("one");
    current.link = only;
    await places.put(places.add(wanted), only);
    places.lose(only);
    expect(asked.at(-1)).toBe("one via-unsubscribe 1");
    expect(desk.listeners.size).toBe(0);
  });

  test("what was not answered is given up there: it may have been taken", async () => {
    const { asked, places, current, link, wanted } = setUp((name) => {
      if (name === "via-subscribe") throw new TightbeamError("timeout", "No answer.");
    });
    const only = link("one");
    current.link = only;
    await expect(places.put(places.add(wanted), only)).rejects.toMatchObject({ code: "timeout" });
    expect(asked).toEqual(["one via-subscribe 1", "one via-unsubscribe 1"]);
  });

  test("a refusal is told to who asked, and to all when it had been allowed", async () => {
    let refuses = true;
    const { places, current, refused, link, wanted } = setUp((name) => {
      if (refuses && name === "via-subscribe") throw new TightbeamError("forbidden", "No.");
    });
    const [first, second] = [link("one"), link("two")];
    current.link = first;
    const denied = places.add(wanted);
    await places.put(denied, first);
    await expect(denied.confirmed).rejects.toMatchObject({ code: "denied" });
    expect(refused).toEqual([]);
    refuses = false;
    const allowed = places.add(wanted);
    await places.put(allowed, first);
    await allowed.confirmed;
    refuses = true;
    current.link = second;
    await places.put(allowed, second);
    expect(refused.map(({ code }) => code)).toEqual(["denied"]);
    expect(places.missing(second)).toEqual([]);
  });
});
