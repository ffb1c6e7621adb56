import fc from "fast-check";
import { expect, test } from "vitest";
import { createFifo } from "../../src/link/fifo.js";

test("a fifo does what an array does, whatever is asked of it in whatever order", () => {
  const action = fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 1, max: 40 }).map((count) => ({ push: count })) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 60 }).map((count) => ({ shift: count })) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: 5 }).map((divisor) => ({ retain: divisor })) },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const fifo = createFifo<number>();
      let model: number[] = [];
      let next = 0;
      for (const step of actions) {
        if ("push" in step) {
          for (let count = 0; count < step.push; count++) {
            fifo.push(next);
            model.push(next++);
          }
        } else if ("shift" in step) for (let count = 0; count < step.shift; count++) expect(fifo.shift()).toBe(model.shift());
        else {
          fifo.retain((value) => value % step.retain !== 0);
          model = model.filter((value) => value % step.retain !== 0);
        }
        expect(fifo.length).toBe(model.length);
        expect(fifo.peek()).toBe(model[0]);
        expect(fifo.at(-1)).toBeUndefined();
        expect(fifo.at(model.length)).toBeUndefined();
        expect(Array.from({ length: fifo.length }, (_, index) => fifo.at(index))).toEqual(model);
      }
    }),
  );
});
