import { connect } from "node:net";
import type { Clock } from "@tightbeam/core/runtime";
import type { Place } from "./network.js";
import { type Finding, failed, ok, type Step, skipped, warning } from "./step.js";

/** What the thing behind the port says of itself, before anybody logs in. */
export function serverStep(place: Place): Step {
  return place.scheme === "ws" || place.scheme === "wss"
    ? { name: "relay", look: (over) => relay(place, over) }
    : { name: "broker", look: () => broker(place) };
}

/** What a relay answers to whoever comes without a WebSocket. */
const greeting = "Tightbeam relay";

async function relay({ scheme, host, port, ca }: Place, signal: AbortSignal): Promise<Finding> {
  if (ca !== undefined) return skipped("with an authority of its own it is asked at the login only");
  const answer = await fetch(`${scheme === "ws" ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${port}/`, {
    redirect: "manual",
    signal,
  }).catch(() => undefined);
  if (answer === undefined) return failed("it does not speak HTTP", "A relay does: check the port, and ws:// or wss:// in the URL.");
  const said = await beginningOf(answer);
  if (said.includes(greeting)) return ok("it is a Tightbeam relay");
  return warning(
    `something answers ${answer.status}, and does not say that it is a relay`,
    "Check the port. Where a proxy stands before it, the login below shows whether it lets WebSockets through.",
  );
}

/** It may be anything that answers there, and go on for ever. */
async function beginningOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length >= 1_000) break;
  }
  return text;
}

const leastPayload = 20 * 1024;

/** A NATS server speaks first: one line, INFO and JSON. */
async function broker({ host, port }: Place): Promise<Finding> {
  const line = await firstLine(host, port);
  if (line === undefined)
    return failed("it says nothing, and a NATS server speaks first", "Check the port: 4222 is NATS, 8222 its monitoring, 443 mostly neither.");
  if (!line.startsWith("INFO "))
    return failed("it is no NATS server: its first word is another", "Check the port: 4222 is NATS, 8222 its monitoring, 443 mostly neither.");
  const info = infoOf(line.slice(5));
  if (info === undefined) return failed("what it says of itself is no JSON, as a NATS server's is", "Check the port: 4222 is NATS, 8222 its monitoring.");
  const most = Number(info.max_payload);
  const found = `nats-server ${text(info.version)}, max_payload ${most}${info.jetstream === true ? ", JetStream" : ""}${info.auth_required === true ? ", wants a login" : ""}`;
  if (most < leastPayload) return failed(found, "max_payload is below 20 KiB: raise it in the server's configuration.");
  return info.tls_required === true ? warning(`${found}, wants TLS`, "Use tls:// in the URL if the login below fails.") : ok(found);
}

function infoOf(text: string): Record<string, unknown> | undefined {
  try {
    const info: unknown = JSON.parse(text);
    return typeof info === "object" && info !== null ? (info as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const text = (value: unknown): string => (typeof value === "string" ? value.replace(/[^\w.+-]/g, "").slice(0, 32) : "of unknown version");
const lineMax = 32 * 1024;

/** Undefined when nothing comes. */
function firstLine(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let read = "";
    const socket = connect({ host, port });
    socket.setTimeout(3_000, () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      read += chunk.toString("latin1");
      const end = read.indexOf("\r\n");
      if (end === -1 && read.length < lineMax) return;
      resolve(end === -1 ? read : read.slice(0, end));
      socket.destroy();
    });
    socket.once("error", reject);
    socket.once("close", () => resolve(undefined));
  });
}

const toleranceMs = 5_000;
const tokenToleranceMs = 60_000;

/** The clock here against the Date header of a server that keeps one: tokens and handshakes do not count when the two are far apart. */
export function clockStep(url: string, clock: Clock): Step {
  return {
    name: "clock",
    async look(signal) {
      const before = clock.wall();
      const answer = await fetch(url, { method: "GET", redirect: "manual", signal }).catch(() => undefined);
      if (answer === undefined) return failed("it cannot be asked", `Is it running? It was asked for ${url}`);
      await answer.body?.cancel();
      const date = Date.parse(answer.headers.get("date") ?? "");
      if (Number.isNaN(date)) return skipped("the server says no time");
      // The header counts whole seconds, and was written somewhere between the question and its answer.
      const off = Math.round((before + clock.wall()) / 2 - date - 500);
      const found = `${Math.abs(off) < 1_000 ? "agrees with the server's" : `${(Math.abs(off) / 1_000).toFixed(0)} s ${off > 0 ? "ahead of" : "behind"} the server's`}`;
      if (Math.abs(off) <= toleranceMs) return ok(found);
      const advice = "Set the clock (timedatectl set-ntp true): tokens are judged by it.";
      return Math.abs(off) > tokenToleranceMs ? failed(found, advice) : warning(found, advice);
    },
  };
}
