/**
 * Two conversations joined by nothing: no session, no transport, no faults. What the link's own bookkeeping costs.
 * `tsx --conditions=@tightbeam/source bench/conversation.ts [rounds] [part of a row's name]`
 */

import * as limits from "../packages/core/src/limits.js";
import { createMemoryBudget } from "../packages/core/src/link/budget.js";
import { createCellBuffer } from "../packages/core/src/link/cells.js";
import { createConversation } from "../packages/core/src/link/conversation.js";
import type { Delivery } from "../packages/core/src/link/message.js";
import { createReceivedCounter } from "../packages/core/src/link/order.js";

const announced = { maxMessageBytes: limits.messageMaxBytes, intakeCount: limits.intakeCount, intakeBytes: limits.intakeBytes };

function join() {
  const session = {};
  const buffer = createCellBuffer(limits.recordTargetBytes);
  const side = () => {
    const made = { onDelivery: (delivery: Delivery) => delivery.settle("ok"), counter: 0, received: createReceivedCounter() };
    const conversation = createConversation({
      own: announced,
      peer: announced,
      budget: createMemoryBudget(limits.memoryBudgetBytes),
      goneAfterMs: limits.goneAfterMs,
      sink: {
        deliver: (delivery) => made.onDelivery(delivery),
        ended: (code) => {
          throw new Error(code);
        },
        wake: () => undefined,
      },
    });
    return Object.assign(made, { conversation });
  };
  const a = side();
  const b = side();
  const pass = (from: typeof a, to: typeof a): boolean => {
    const now = performance.now();
    const length = from.conversation.fill(buffer, limits.recordTargetBytes, from.received, now, now);
    if (length === 0) return false;
    const counter = from.counter++;
    from.conversation.sent(session, counter, now);
    to.conversation.receive(buffer.bytes.slice(0, length), session, to.received, counter, now, now);
    return true;
  };
  const settleAll = (): void => {
    for (let busy = true; busy; ) {
      busy = pass(a, b);
      busy = pass(b, a) || busy;
    }
  };
  return { a, b, settleAll };
}

function oneWay(size: number, count: number): number {
  const { a, b, settleAll } = join();
  const bytes = new Uint8Array(size);
  const batch = Math.max(1, Math.min(256, Math.floor((8 * 1024 * 1024) / size)));
  let arrived = 0;
  b.onDelivery = (delivery) => {
    arrived++;
    delivery.settle("ok");
  };
  const start = performance.now();
  for (let sent = 0; sent < count; sent += batch) {
    for (let index = 0; index < batch; index++) a.conversation.send({ bytes, lane: 2, intake: true });
    settleAll();
  }
  const seconds = (performance.now() - start) / 1_000;
  if (arrived < count) throw new Error(`${arrived} of ${count} arrived`);
  return arrived / seconds;
}

function requestReply(size: number, count: number, inFlight: number): number {
  const { a, b, settleAll } = join();
  const bytes = new Uint8Array(size);
  let asked = 0;
  let answered = 0;
  const ask = (): void => {
    asked++;
    a.conversation.send({ bytes, lane: 2, intake: true });
  };
  b.onDelivery = (delivery) => {
    b.conversation.send({ bytes: delivery.bytes, lane: delivery.lane, intake: false });
    delivery.settle("ok");
  };
  a.onDelivery = (delivery) => {
    answered++;
    delivery.settle("ok");
    if (asked < count) ask();
  };
  const start = performance.now();
  for (let index = 0; index < inFlight; index++) ask();
  settleAll();
  if (answered < count) throw new Error(`${answered} of ${count} answered`);
  return answered / ((performance.now() - start) / 1_000);
}

const median = (values: number[]): number => [...values].sort((x, y) => x - y)[values.length >> 1] as number;
const rounds = Number(process.argv[2] ?? 5);
const only = process.argv[3] ?? "";
const rows = [
  { size: 64, count: 200_000 },
  { size: 256, count: 200_000 },
  { size: 16 * 1024, count: 20_000 },
  { size: 1024 * 1024, count: 300 },
];
const cases = rows
  .flatMap(({ size, count }) => [
    { name: `one way, ${size} B`, size, run: () => oneWay(size, count) },
    { name: `request and reply, ${size} B, 64 in flight`, size, run: () => requestReply(size, count / 2, 64) },
    { name: `request and reply, ${size} B, one at a time`, size, run: () => requestReply(size, count / 2, 1) },
  ])
  .filter(({ name }) => name.includes(only));
const results = cases.map(() => [] as number[]);
for (let round = 0; round <= rounds; round++) {
  for (const [index, { run }] of cases.entries()) {
    const value = run();
    if (round > 0) (results[index] as number[]).push(value);
  }
}
for (const [index, { name, size }] of cases.entries()) {
  const rates = results[index] as number[];
  const rate = median(rates);
  console.log(
    `${name.padEnd(50)} ${Math.round(rate).toLocaleString("en").padStart(12)} /s ${((rate * size) / 1e6).toFixed(0).padStart(8)} MB/s ${(1e6 / rate).toFixed(2).padStart(9)} µs each, best ${(1e6 / Math.max(...rates)).toFixed(2)}`,
  );
}
