import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Clock } from "@tightbeam/core/runtime";
import { type Finding, failed, ok, type Step, warning } from "./step.js";

/** Where agents meet, taken apart. */
export interface Place {
  readonly scheme: "ws" | "wss" | "nats" | "tls";
  readonly host: string;
  readonly port: number;
  /** The certificate authority in PEM, in place of the system's. */
  readonly ca: string | undefined;
}

const ports = { ws: 80, wss: 443, nats: 4222, tls: 4222 } as const;

export function placeOf(url: URL, scheme: Place["scheme"], ca: string | undefined): Place {
  return { scheme, host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: url.port === "" ? ports[scheme] : Number(url.port), ca };
}

const soonDays = 14;
const dayMs = 86_400_000;

/** Name, connection and certificate, each on its own: the first that fails names the trouble. */
export function networkSteps(place: Place, clock: Clock): readonly Step[] {
  const { host, port, scheme } = place;
  const steps: Step[] = [];
  if (isIP(host) === 0)
    steps.push({
      name: "name",
      async look() {
        const found = await lookup(host, { all: true });
        return ok(`${host} is ${found.map(({ address }) => address).join(", ")}`);
      },
    });
  steps.push({
    name: "connection",
    async look() {
      const began = clock.monotonic();
      const socket = await opened(connectTcp({ host, port }), "connect");
      socket.destroy();
      return ok(`${host}:${port} answers after ${(clock.monotonic() - began).toFixed(1)} ms`);
    },
  });
  if (scheme === "wss" || scheme === "tls") steps.push({ name: "TLS", look: () => certificate(place, clock) });
  return steps.map((step) => ({ ...step, look: (over) => step.look(over).catch((error: { code?: string; message: string }) => unreachable(place, error)) }));
}

async function certificate({ scheme, host, port, ca }: Place, clock: Clock): Promise<Finding> {
  const greeting = scheme === "tls" ? { socket: await greeted(connectTcp({ host, port })) } : {};
  const socket = await opened(
    connectTls({ host, port, ...greeting, ...(isIP(host) === 0 ? { servername: host } : {}), ...(ca === undefined ? {} : { ca }) }),
    "secureConnect",
  );
  const until = Date.parse((socket as TLSSocket).getPeerCertificate().valid_to);
  const protocol = (socket as TLSSocket).getProtocol();
  socket.destroy();
  const days = Math.floor((until - clock.wall()) / dayMs);
  const found = `${protocol}, certificate good for ${days} days`;
  return days >= soonDays ? ok(found) : warning(found, "Renew it before it ends: agents refuse it from then on.");
}

const greetingMs = 3_000;

/** A NATS server speaks first, and TLS begins behind that; one that waits for TLS says nothing. */
function greeted(socket: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    const go = (): void => {
      socket.setTimeout(0);
      socket.off("error", reject);
      resolve(socket);
    };
    socket.setTimeout(greetingMs, go);
    socket.once("readable", () => {
      socket.read();
      go();
    });
  });
}

function opened<T extends Socket>(socket: T, event: "connect" | "secureConnect"): Promise<T> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve(socket));
    socket.once("error", reject);
  });
}

const advice: Readonly<Record<string, string>> = {
  ENOTFOUND: "The name is unknown: check its spelling, and DNS here.",
  EAI_AGAIN: "DNS does not answer here: check the network.",
  ECONNREFUSED: "Nobody listens there: start the relay or the broker, or check the port.",
  EHOSTUNREACH: "There is no way to that address: check the network, a VPN, a firewall.",
  ENETUNREACH: "There is no way to that address: check the network, a VPN.",
  ETIMEDOUT: "Nobody answers there: check address and firewall.",
  ECONNRESET: "It closed the connection at once: is this port what the URL's scheme says?",
  CERT_HAS_EXPIRED: "The certificate is too old: renew it. If it is not, the clock here is wrong.",
  CERT_NOT_YET_VALID: "The clock here is wrong, or the certificate is of tomorrow.",
  DEPTH_ZERO_SELF_SIGNED_CERT: "The certificate signs itself: give its authority with --ca <file>.",
  SELF_SIGNED_CERT_IN_CHAIN: "Its authority is not one this system knows: give it with --ca <file>.",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "The server leaves out certificates in between, or its authority is unknown here: --ca <file>.",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "Its authority is not one this system knows: give it with --ca <file>.",
  ERR_TLS_CERT_ALTNAME_INVALID: "The certificate is for another name: use that one in the URL, or get one for this.",
  ERR_SSL_WRONG_VERSION_NUMBER: "It does not speak TLS there: ws:// or nats:// in place of wss:// or tls://, or another port.",
  EPROTO: "It does not speak TLS there: ws:// or nats:// in place of wss:// or tls://, or another port.",
};

function unreachable({ host, port }: Place, { code = "", message }: { readonly code?: string; readonly message: string }): Finding {
  return failed(`${host}:${port}: ${code === "" ? message : code}`, advice[code] ?? "Check host and port of the URL.");
}
