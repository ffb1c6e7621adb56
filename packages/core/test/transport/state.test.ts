import { address, createClosed, createTransportState, isTightbeamError, type StateChange, TransportError } from "@tightbeam/core/transport";
import { describe, expect, it } from "vitest";

const down: StateChange = { type: "down", cause: undefined };
const up: StateChange = { type: "up" };

describe("a transport's state", () => {
  it("has changed by the time it is told", () => {
    const { state, change } = createTransportState("up");
    const seen: string[] = [];
    state.subscribe(({ type }) => void seen.push(`${type} ${state.current}`));
    change(down);
    change(up);
    expect(seen).toEqual(["down down", "up up"]);
  });

  it("tells no news that is none", () => {
    const { state, change } = createTransportState("up");
    const seen: StateChange[] = [];
    state.subscribe((one) => void seen.push(one));
    change(up);
    change(down);
    change(down);
    expect(seen).toEqual([down]);
  });

  it("passes drops and failed sends on without moving", () => {
    const { state, change } = createTransportState("up");
    const seen: StateChange[] = [];
    state.subscribe((one) => void seen.push(one));
    const to = address("agent", "a");
    const news: StateChange[] = [
      { type: "dropped", at: to, frames: 1, bytes: 2 },
      { type: "send_failed", to, error: new TransportError("denied", "Not allowed.") },
    ];
    for (const one of news) change(one);
    expect(seen).toEqual(news);
    expect(state.current).toBe("up");
  });

  it("isolates listeners, seats each of them, and lets them leave during a call", () => {
    const { state, change } = createTransportState("up");
    let calls = 0;
    const count = () => {
      calls += 1;
    };
    state.subscribe(() => {
      throw new Error("listener");
    });
    const leave = state.subscribe(count);
    state.subscribe(() => leave());
    state.subscribe(count);
    change(down);
    expect(calls).toBe(2);
    change(up);
    expect(calls).toBe(3);
  });
});

describe("closed", () => {
  it("settles once, with the first cause", async () => {
    const end = createClosed();
    expect(end.settled).toBe(false);
    const cause = new TransportError("failed", "The wire broke.");
    expect([end.settle(cause), end.settle(), end.settled]).toEqual([true, false, true]);
    expect(await end.closed).toBe(cause);
  });

  it("gives undefined without a cause", async () => {
    const end = createClosed();
    end.settle();
    expect(await end.closed).toBeUndefined();
  });
});

it("a TransportError is a TightbeamError of a transport's codes", () => {
  const error = new TransportError("unavailable", "The relay is away.", { retryAfter: 10 });
  expect(isTightbeamError(error)).toBe(true);
  expect([error.code, error.retryable, error.retryAfter]).toEqual(["unavailable", true, 10]);
});
