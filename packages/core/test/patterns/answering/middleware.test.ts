import { expect, test } from "vitest";
import { createMiddleware, type IncomingCall } from "../../../src/patterns/answering/middleware.js";
import { runMiddleware } from "../../../src/patterns/answering/seen-call.js";

const call = { kind: "request", name: "work", input: 1 } as unknown as IncomingCall;

test("TM-121 a middleware that looks at what next() gives later, or never, leaves no rejection behind when a peer's call is refused", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  const chain = createMiddleware();
  chain.use(async (_, next) => {
    const result = next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    return result;
  });
  const remove = chain.use((_, next) => {
    void next();
    return "mine";
  });
  const refuse = (): never => {
    throw new Error("refused");
  };
  expect(await runMiddleware(chain.all, call, refuse)).toBe("mine");
  remove();
  await expect(runMiddleware(chain.all, call, refuse)).rejects.toThrow("refused");
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});
