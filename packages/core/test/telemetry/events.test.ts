import { expect, test } from "vitest";
import { createEmitter } from "../../src/telemetry/events.js";

test("who begins to listen while an event is told hears of the next one: coming back each time is no endless loop", () => {
  const { emit, on } = createEmitter<number>();
  const heard: string[] = [];
  const listen = (name: string): (() => void) =>
    on((event) => {
      heard.push(`${name} ${event}`);
      if (heard.length > 100) throw new Error("told for ever");
      end();
      end = listen(name);
    });
  let end = listen("again");
  on((event) => heard.push(`other ${event}`));
  emit(1);
  emit(2);
  expect(heard.toSorted()).toEqual(["again 1", "again 2", "other 1", "other 2"]);
});

test.each([undefined, null, {}, "x"])("%j is no listener", (listener) => {
  expect(() => createEmitter().on(listener as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});

test("one that leaves while an event is told hears nothing of it", () => {
  const { emit, on } = createEmitter<number>();
  const heard: number[] = [];
  on(() => end());
  const end = on((event) => heard.push(event));
  emit(1);
  expect(heard).toEqual([]);
});
