import { usageError } from "../../command-error.js";
import { readTextFile } from "../../files.js";
import type { Invocation } from "../../invocation.js";
import { oneLine } from "../../printable.js";
import { resolveSettings, type Settings } from "../../settings.js";
import { natsLogin, schemeOf } from "../../transport.js";
import { ended } from "../../until.js";
import { openFields } from "./frame.js";
import { layWire } from "./wire.js";

export interface TapCommandOptions {
  readonly profile?: string;
  readonly port: number;
  readonly host: string;
  readonly hex: number;
  readonly count?: number;
  readonly all?: boolean;
  readonly prefix?: string;
  readonly natsCreds?: string;
  readonly ca?: string;
}

interface Counted {
  frames: number;
  bytes: number;
  readonly pairs: Set<string>;
}

/** Addresses that are counted: names come from the network. */
const addressesMax = 10_000;

/** Until somebody ends it, or so many frames were shown. */
export async function tap(invocation: Invocation, options: TapCommandOptions, given: string | undefined): Promise<void> {
  const { io, output, signal } = invocation;
  const settings = await resolveSettings(io, { ...options, ...(given === undefined ? {} : { url: given }) });
  const { url } = settings;
  if (url === undefined) throw usageError("Which network?", "Give the URL of a relay (ws://) or of a NATS server (nats://, tls://).");
  const scheme = schemeOf(url);
  const counted: Counted = { frames: 0, bytes: 0, pairs: new Set() };
  let enough: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    enough = resolve;
  });
  const show = (
    to: string,
    frame: Uint8Array,
    more: { readonly from?: string | undefined; readonly connection?: number; readonly direction?: string } = {},
  ) => {
    if (counted.frames >= (options.count ?? Number.POSITIVE_INFINITY)) return;
    counted.frames += 1;
    counted.bytes += frame.length;
    if (counted.pairs.size < addressesMax) counted.pairs.add(to);
    put(invocation, to, frame, options.hex, more);
    if (counted.frames >= (options.count ?? Number.POSITIVE_INFINITY)) enough();
  };
  if (scheme === "ws") await tapRelay(invocation, options, new URL(url), show);
  else if (scheme === "nats" || scheme === "tls") await tapBroker(invocation, settings, show);
  else if (scheme === "wss")
    throw usageError("Inside TLS a wire shows nothing but TLS.", "Tap the relay behind its proxy, where it speaks ws://, or one of your own on this machine.");
  else throw usageError("A tap listens to a relay (ws://) or to a NATS server (nats://, tls://).");
  await Promise.race([ended(signal), done]);
  const { frames, bytes, pairs } = counted;
  await output.item({ type: "summary", frames, bytes, addresses: [...pairs] }, ({ bold }) =>
    bold(`${frames} frames, ${bytes} bytes, to ${pairs.size} addresses. What is in them only the agents at both ends can read: there is no key here.`),
  );
}

type Show = (to: string, frame: Uint8Array, more?: { readonly from?: string | undefined; readonly connection?: number; readonly direction?: string }) => void;

async function tapRelay({ output, later }: Invocation, { port, host, all = false }: TapCommandOptions, relay: URL, show: Show): Promise<void> {
  const wire = await layWire({
    relay,
    port,
    host,
    message({ connection, who, to, name, address, body, bytes }) {
      if (name === "SEND" || name === "MSG")
        return show(address, body, { from: name === "SEND" ? who : undefined, connection, direction: to === "relay" ? "to relay" : "from relay" });
      // A login holds the relay's token: its size is all that is told.
      if (all)
        output.offer({ type: "control", connection, to, name, address: address === "" ? null : address, bytes }, ({ dim }) =>
          dim(`#${connection} ${to === "relay" ? "->" : "<-"} ${name} ${oneLine(address)} (${bytes} bytes)`),
        );
    },
    trouble: (connection, why) =>
      output.warn(
        "connection",
        `#${connection}: ${why}${/403|wrong_origin/.test(why) ? "; start the relay with --origin for this tap's address, beside its own" : ""}`,
      ),
  });
  later(() => wire.close());
  const dial = `ws://${host.includes(":") ? `[${host}]` : host}:${wire.port}${relay.pathname}`;
  await output.item({ type: "listening", url: dial, relay: relay.href }, ({ bold, dim }) => [
    `tap listening on ${bold(dial)}, a wire to ${relay.href}`,
    dim(`Agents dial the tap; the relay must answer for that origin, too: --origin ${new URL(dial).origin}`),
  ]);
}

async function tapBroker({ io, output, later }: Invocation, settings: Settings, show: Show): Promise<void> {
  const { url = "", prefix = "tightbeam", ca } = settings;
  const { tapNats } = await import("@tightbeam/nats");
  const heard = await tapNats(
    {
      servers: url,
      prefix,
      ...(await natsLogin(io, settings)),
      ...(ca === undefined ? {} : { tls: { ca: await readTextFile(io, ca, "the certificate authority") } }),
    },
    (subject, frame) => show(subject, frame),
    (error) => output.warn("refused", `This login may not hear everything under ${prefix}: ${error.message}`),
  );
  later(() => heard.close());
  await output.item({ type: "listening", url, subject: `${prefix}.>` }, ({ bold }) => `tap listening to ${bold(`${prefix}.>`)} at ${url}`);
}

function put(
  { output, runtime }: Invocation,
  to: string,
  frame: Uint8Array,
  hexBytes: number,
  more: { readonly from?: string | undefined; readonly connection?: number; readonly direction?: string },
): void {
  const at = new Date(runtime.clock.wall()).toISOString();
  const fields = openFields(frame);
  const hex = Buffer.from(frame.subarray(Math.max(0, frame.length - fields.sealed)))
    .subarray(0, hexBytes)
    .toString("hex");
  const { from, connection, direction } = more;
  const { kind, sealed, ...open } = fields;
  output.offer(
    {
      type: "frame",
      at,
      ...(connection === undefined ? {} : { connection, direction }),
      from: from ?? null,
      to,
      bytes: frame.length,
      kind,
      ...open,
      sealed,
      hex,
    },
    ({ cyan, dim, bold }) => [
      `${dim(at)}${connection === undefined ? "" : dim(` #${connection} ${direction}`)} ${from === undefined ? "" : `${oneLine(from)} `}-> ${cyan(oneLine(to))} ${bold(kind)} ${frame.length} bytes ${dim(
        Object.entries(open)
          .map(([name, value]) => `${name} ${oneLine(String(value))}`)
          .join(", "),
      )}`,
      ...(hexBytes === 0 ? [] : [dim(`    ${hex}${sealed > hexBytes ? "…" : ""}  ${sealed} bytes sealed`)]),
    ],
  );
}
