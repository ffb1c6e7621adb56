// A steady rate of requests, and what became of each.
import { type Agent, isTightbeamError } from "@tightbeam/core";
import { charge, resize } from "./contract.js";

/** `charge` may run once only, `keyed` is the same with an idempotency key, `resize` is declared idempotent. */
export type Kind = "charge" | "keyed" | "resize";
export const kinds: readonly Kind[] = ["charge", "keyed", "resize"];

export interface Outcome {
  readonly n: number;
  readonly kind: Kind;
  /** When it was asked, and how long it took: ms. */
  readonly at: number;
  readonly ms: number;
  /** Who answered. */
  readonly pid: number | undefined;
  /** The code of the error it settled with. */
  readonly failed: string | undefined;
}

export interface Load {
  readonly outcomes: readonly Outcome[];
  readonly asked: number;
  /** Requests that came back with another request's answer. */
  readonly mixedUp: number;
  /** Asks no more. Resolves when everything has settled. */
  stop(): Promise<void>;
}

const tickMs = 5;

/** `rate`: requests a second. Half of them are `charge`, a quarter each of the others. */
export function startLoad(caller: Agent, rate: number): Load {
  const outcomes: Outcome[] = [];
  const open = new Set<Promise<void>>();
  const start = performance.now();
  let asked = 0;
  let mixedUp = 0;

  const request = (n: number, kind: Kind): Promise<{ n: number; pid: number }> => {
    if (kind === "resize") return caller.request("worker", resize, { n });
    return caller.request("worker", charge, { n }, kind === "keyed" ? { idempotencyKey: `charge-${n}` } : {});
  };

  async function ask(n: number): Promise<void> {
    const kind = n % 4 === 3 ? "resize" : n % 4 === 1 ? "keyed" : "charge";
    const at = performance.now();
    const settle = (pid: number | undefined, failed?: string): void => void outcomes.push({ n, kind, at, ms: performance.now() - at, pid, failed });
    try {
      const reply = await request(n, kind);
      if (reply.n !== n) mixedUp += 1;
      settle(reply.pid);
    } catch (error) {
      settle(undefined, isTightbeamError(error) ? error.code : String(error));
    }
  }

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - start) / 1_000) * rate);
    for (; asked < due; asked += 1) {
      const one = ask(asked).finally(() => open.delete(one));
      open.add(one);
    }
  }, tickMs);

  return {
    outcomes,
    get asked() {
      return asked;
    },
    get mixedUp() {
      return mixedUp;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
    },
  };
}
