import type { TraceEvent } from "../trace.js";
import type { Check } from "./check.js";

/** Shorter ones turn up by themselves. */
const secretMinBytes = 8;

export const secrecy: Check = {
  name: "secrecy",
  claim: "No payload, key or token is readable in a frame, on a disk, or in what an agent says of itself.",
  run({ trace, secrets }) {
    const places = { frame: bytesOf(trace, "frame"), disk: bytesOf(trace, "write"), log: Buffer.from(trace.map(saidOf).join("\n")) };
    return Object.entries(places).flatMap(([place, bytes]) =>
      secrets.flatMap((secret, index) => {
        if (secret.length < secretMinBytes || !bytes.includes(Buffer.from(secret))) return [];
        return [`secret ${index} of ${secret.length} bytes is readable in a ${place}`];
      }),
    );
  },
};

function bytesOf(trace: readonly TraceEvent[], place: "frame" | "write"): Buffer {
  return Buffer.concat(
    trace.flatMap((event) => {
      if (place === "frame") return event.type === "frame" ? [event.frame] : [];
      return event.type === "write" ? [Buffer.from(event.key), ...(event.value === undefined ? [] : [event.value])] : [];
    }),
  );
}

function saidOf(event: TraceEvent): string {
  if (event.type === "log") return event.text;
  return event.type === "process" ? (event.text ?? "") : "";
}

/** docs/protocol.md, section 4: version 1, type 4. The header holds the receiver's session id and the counter, and is all that a nonce is made of. */
const dataFrame = 0x14;
const headerBytes = 20;

/** docs/protocol.md: a sealed value is version 1, 4 bytes of key id, 24 of nonce, and the rest. */
const nonceEnds = 29;

/** What must be unique, and what it stands before. */
function sealedIn(event: TraceEvent): { readonly nonce: string; readonly bytes: Uint8Array } | undefined {
  if (event.type === "frame" && event.frame[0] === dataFrame) return { nonce: textAt(event.frame, headerBytes), bytes: event.frame };
  // The header of a store has a byte before its value.
  const value = event.type === "write" ? event.value?.subarray(event.key.startsWith("meta/") ? 1 : 0) : undefined;
  return value === undefined || value.length <= nonceEnds ? undefined : { nonce: textAt(value, nonceEnds), bytes: value };
}

const textAt = ({ buffer, byteOffset, length }: Uint8Array, end: number): string => Buffer.from(buffer, byteOffset, Math.min(end, length)).toString("latin1");

export const nonces: Check = {
  name: "nonces",
  claim: "No two records, and no two values of a store, are sealed with the same nonce under the same key, across restarts too.",
  run({ trace }) {
    const seen = new Map<string, Uint8Array>();
    return trace.flatMap((event) => {
      const sealed = sealedIn(event);
      if (sealed === undefined) return [];
      const before = seen.get(sealed.nonce);
      seen.set(sealed.nonce, sealed.bytes);
      if (before === undefined || Buffer.compare(before, sealed.bytes) === 0) return [];
      return [`${event.agent} sealed two ${event.type === "frame" ? "records" : "values"} with one nonce, the second at ${event.at.toFixed(1)} ms`];
    });
  },
};

export const memory: Check = {
  name: "memory",
  claim: "No agent holds more memory than it was configured with, nor more in its links than it has counted.",
  run({ trace }) {
    return trace.flatMap((event) => {
      if (event.type !== "memory") return [];
      const { agent, used, most, held, at } = event;
      if (used > most) return [`${agent} used ${used} of ${most} bytes at ${at.toFixed(1)} ms`];
      return held > used ? [`${agent} held ${held} bytes in its links and had counted ${used} at ${at.toFixed(1)} ms`] : [];
    });
  },
};

export const rest: Check = {
  name: "rest",
  claim: "When everything has settled, agents hold nothing for it any more: no calls, streams, messages and bytes.",
  run({ trace, drainedAt }) {
    if (drainedAt === undefined) return [];
    const all = trace.flatMap((event) => (event.type === "rest" ? [event] : []));
    // A link that its other end has given up holds what it holds until this end knows.
    const isHalf = ({ agent, links }: (typeof all)[number]): boolean =>
      links.some((peer) => !all.some((other) => other.agent === peer && other.links.includes(agent)));
    return all.flatMap((event) =>
      !isHalf(event) ? Object.entries(event.holds).flatMap(([what, count]) => (count === 0 ? [] : [`${event.agent} still has ${what}: ${count}`])) : [],
    );
  },
};
