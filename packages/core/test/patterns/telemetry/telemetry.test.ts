import { expect, test } from "vitest";
import { createTaps } from "../../../src/patterns/taps.js";
import { createTelemetry } from "../../../src/patterns/telemetry/telemetry-on-demand.js";
import { createVirtualRuntime } from "../../../src/runtime/virtual.js";
import type { TelemetryEvent } from "../../../src/telemetry/types.js";
import type { Transport, TransportError } from "../../../src/transport/transport.js";

function scene() {
  let close: (why: TransportError | undefined) => void = () => undefined;
  let waiting = 0;
  const closed = new Promise<TransportError | undefined>((resolve) => {
    close = resolve;
  });
  const transport: Pick<Transport, "state" | "closed"> = {
    state: { current: "up", subscribe: () => () => undefined },
    get closed() {
      waiting++;
      return closed;
    },
  };
  const listen = () => () => undefined;
  const runtime = createVirtualRuntime({ seed: 1 });
  const telemetry = createTelemetry({ runtime, transport, taps: createTaps(), openedAt: undefined, onEvent: listen, onPeer: listen });
  return { telemetry, close: () => close(undefined), runtime, waiting: () => waiting };
}

test("the end of the transport is waited for once, however often somebody begins to listen; who listens then is told", async () => {
  const { telemetry, close, runtime, waiting } = scene();
  const early: TelemetryEvent[] = [];
  const late: TelemetryEvent[] = [];
  for (let round = 0; round < 50; round++) telemetry.on((event) => void early.push(event))();
  telemetry.on((event) => void late.push(event));
  expect(waiting()).toBe(1);
  close();
  await runtime.advance(1);
  expect(late).toMatchObject([{ kind: "agent", what: "closed" }]);
  expect(early).toEqual([]);
});

test.each([
  [undefined, undefined],
  [() => undefined, { messages: true }],
])("refuses what is no listener, or no wish: %j, %j", (listener, wishes) => {
  const { telemetry } = scene();
  expect(() => telemetry.on(listener as never, wishes as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  expect(telemetry.listened).toBe(false);
});

test("when nobody listens any more nobody is told", async () => {
  const { telemetry, close, runtime } = scene();
  const heard: TelemetryEvent[] = [];
  telemetry.on((event) => void heard.push(event))();
  close();
  await runtime.advance(1);
  expect(heard).toEqual([]);
});
