import fc from "fast-check";
import { expect, test } from "vitest";
import { createEventReader } from "../../../src/page/connection/events.js";

function read(parts: readonly string[]): string[] {
  const events: string[] = [];
  const reader = createEventReader((data) => events.push(data));
  for (const part of parts) reader.push(part);
  return events;
}

test("reads data, joins its lines, and leaves out comments and other fields", () => {
  expect(read([": hello\n\nevent: x\nid: 1\ndata: one\n\ndata: two\ndata:  lines\ndata\n\nretry: 3\n\n"])).toEqual(["one", "two\n lines\n"]);
});

test("means the same however it is cut, with each of the three ends of a line", () => {
  const texts = fc.array(
    fc.string().map((text) => text.replaceAll(/[\r\n]/g, "")),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(texts, fc.constantFrom("\n", "\r\n", "\r"), fc.array(fc.nat(200), { maxLength: 6 }), (data, end, cuts) => {
      const whole = `${data.map((text) => `data: ${text}${end}${end}`).join("")}: the end${end}`;
      const at = [0, ...cuts.map((cut) => cut % whole.length).sort((a, b) => a - b), whole.length];
      expect(read(at.slice(1).map((to, index) => whole.slice(at[index], to)))).toEqual(data);
    }),
  );
});

test("an event that does not end is refused before it fills the memory", () => {
  const reader = createEventReader(() => undefined);
  const part = "x".repeat(1024 * 1024);
  expect(() => {
    for (let count = 0; count < 20; count += 1) reader.push(part);
  }).toThrow(RangeError);
  const lines = createEventReader(() => undefined);
  expect(() => {
    for (let count = 0; count < 20; count += 1) lines.push(`data: ${part}\n`);
  }).toThrow(RangeError);
});
