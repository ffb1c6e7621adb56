import { describe, expect, test } from "vitest";
import { fromWireError, toWireError } from "../../src/envelope/error.js";
import { decodeHeader, encodeEnvelope } from "../../src/envelope/wire.js";
import { TightbeamError } from "../../src/errors.js";
import { failure } from "./samples.js";

const across = (error: unknown) =>
  fromWireError(decodeHeader(encodeEnvelope({ ...failure, error: toWireError(error, "e-7") })).error as NonNullable<typeof failure.error>);

describe("errors that cross the wire", () => {
  test("keep code, message, id and retryAfter; cause and stack stay home", () => {
    const error = new TightbeamError("overloaded", "Busy: try again.", { retryAfter: 12.2, cause: new Error("hunter2") });
    expect(JSON.stringify(toWireError(error, "e-7"))).not.toContain("hunter2");
    const got = across(error);
    expect(got).toMatchObject({ code: "overloaded", message: "Busy: try again.", id: "e-7", retryAfter: 13, retryable: true });
    expect(got.cause).toBeUndefined();
  });

  test.each([new Error("hunter2"), "hunter2", undefined, { code: "auth", message: "hunter2" }])("TM-72 a foreign error tells nothing: %o", (error) => {
    const wire = toWireError(error, "e-7");
    expect(wire.code).toBe("handler_failed");
    expect(wire.message).not.toContain("hunter2");
  });

  test.each(["two\nlines \x1b[31m", "é".repeat(2_000), "😀".repeat(1_000), "\ud800 alone", `${"x".repeat(1_023)}é`, ""])(
    "any message can be sent: %j",
    (message) => {
      const got = across(new TightbeamError("failed", message));
      expect(new TextEncoder().encode(got.message).length).toBeLessThanOrEqual(1_024);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what must be absent
      expect(got.message).not.toMatch(/[\u0000-\u001f\ufffd]/);
    },
  );

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 1e12])("retryAfter %d can be sent or is left out", (retryAfter) => {
    const got = across(new TightbeamError("overloaded", "m", { retryAfter }));
    expect(got.retryAfter === undefined || got.retryAfter === 2 ** 32 - 1).toBe(true);
  });
});
