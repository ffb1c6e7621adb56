import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type EnvelopeVectors, envelopeVectors } from "../../../../scripts/vectors/envelope.js";
import { fromHex, toHex } from "../../src/bytes.js";
import { decodePayload, encodePayload } from "../../src/codec/index.js";
import { decodeEnvelope, encodeEnvelope } from "../../src/envelope/wire.js";

const frozen = JSON.parse(readFileSync(new URL("../../../../vectors/envelope.json", import.meta.url), "utf8")) as EnvelopeVectors;

describe("vectors/envelope.json", () => {
  test("is what the script makes: a change is a change of protocol", () => {
    expect(JSON.parse(JSON.stringify(envelopeVectors()))).toEqual(frozen);
    expect(frozen.envelopes.length).toBeGreaterThanOrEqual(14);
    expect(frozen.refused.length).toBeGreaterThanOrEqual(18);
  });

  test.each(frozen.envelopes)("$description", ({ header, payload, wire }) => {
    const value = payload === undefined ? undefined : "hex" in payload ? fromHex(payload.hex) : payload.json;
    const got = decodeEnvelope(fromHex(wire));
    expect(got.header).toEqual(header);
    expect(decodePayload(got.payload)).toEqual(value);
    expect(toHex(encodeEnvelope(header, encodePayload(value)))).toBe(wire);
  });

  test.each(frozen.refused)("refused: $description", ({ wire, path }) => {
    expect(() => decodeEnvelope(fromHex(wire))).toThrow(
      expect.objectContaining({ code: "invalid_envelope", message: expect.stringContaining(`invalid at ${path}:`) }),
    );
  });
});
