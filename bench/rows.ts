import type { System } from "./processes.js";
import type { Load } from "./sides/side.js";

export interface Systems {
  readonly direct: System;
  readonly relayed: System;
  /** The same with an agent between, which carries the frames inside its links with both. */
  readonly through: System;
  /** The processes of `direct`, which say the same objects without schemas. */
  readonly untyped: System;
  /** The processes of `direct`, with retry, breaker and timeout around each request. */
  readonly policy: System;
  /** Both sides with a performance monitor. */
  readonly monitored: System;
  /** Both sides with somebody who listens to all they tell. */
  readonly listened: System;
  /** Both sides with the built-in tracer, which samples everything. */
  readonly traced: System;
  /** Both sides with a tracer and a trace store in memory, a tenth sampled. */
  readonly kept: System;
  /** Both sides with a store in LMDB. */
  readonly durable: System;
  /** The processes of `direct`, which send the same messages and keep nothing. */
  readonly plain: System;
  readonly raw: System;
  readonly tls: System;
  readonly forwarded: System;
  readonly mcp: System;
  readonly a2a: System;
  /** Agents over a nats-server, and its client alone over another. */
  readonly nats: System;
  readonly rawNats: System;
}

/** A floor that the order of work sets for `ours / theirs`. */
export interface Bar {
  readonly against: keyof Systems;
  readonly least: number;
}

export interface Row {
  readonly name: string;
  readonly load: Omit<Load, "ms">;
  readonly ours: "direct" | "policy" | "monitored" | "listened" | "traced" | "kept" | "relayed" | "through" | "nats" | "durable";
  /** The first one is what the ratio column says. */
  readonly against: readonly (keyof Systems)[];
  readonly bars: readonly Bar[];
}

const KiB = 1024;
const MiB = 1024 * KiB;
const sizeName = (bytes: number): string => (bytes < KiB ? `${bytes} B` : bytes < MiB ? `${bytes / KiB} KiB` : `${bytes / MiB} MiB`);
const flightName = (inFlight: number): string => (inFlight === 1 ? "one at a time" : `${inFlight} in flight`);

const echo = (bytes: number, inFlight: number, bars: readonly Bar[] = []): Row => ({
  name: `request and reply, ${sizeName(bytes)}, ${flightName(inFlight)}`,
  load: { kind: "echo", bytes, inFlight },
  ours: "direct",
  against: bytes === MiB ? ["tls", "raw"] : ["raw"],
  bars,
});

const bars: Record<string, readonly Bar[]> = {
  "256/64": [{ against: "raw", least: 0.6 }],
  "256/1": [{ against: "raw", least: 0.4 }],
  [`${MiB}/1`]: [{ against: "tls", least: 0.9 }],
  [`${MiB}/64`]: [{ against: "tls", least: 0.9 }],
};

/** 256 of 1 MiB is left out: it is all of an agent's memory budget (256 MiB), which refuses the last of them. */
const direct = [64, 256, KiB, 16 * KiB, MiB].flatMap((bytes) =>
  [1, 64, 256].filter((inFlight) => bytes * inFlight < 256 * MiB).map((inFlight) => echo(bytes, inFlight, bars[`${bytes}/${inFlight}`])),
);

const oneWay: readonly Row[] = [256, KiB].map((bytes) => ({
  name: `one way, ${sizeName(bytes)}`,
  load: { kind: "oneWay", bytes, inFlight: 1 },
  ours: "direct",
  against: ["raw"],
  bars: bytes === 256 ? [{ against: "raw", least: 3 }] : [],
}));

const durable: readonly Row[] = [256, 1_024].map((inFlight) => ({
  name: `durable one way, 256 B, ${flightName(inFlight)}, LMDB`,
  load: { kind: "durable", bytes: 256, inFlight },
  ours: "durable",
  against: ["plain"],
  bars: inFlight === 256 ? [{ against: "plain", least: 0.25 }] : [],
}));

const streams: readonly Row[] = [
  { bytes: KiB, bars: [{ against: "raw", least: 1.2 }] },
  {
    bytes: 64 * KiB,
    bars: [
      { against: "raw", least: 0.35 },
      { against: "tls", least: 0.9 },
    ],
  },
].map(({ bytes, bars: floors }) => ({
  name: `stream, ${sizeName(bytes)} chunks`,
  load: { kind: "stream", bytes, inFlight: 1 },
  ours: "direct",
  against: bytes === KiB ? ["raw"] : ["raw", "tls"],
  bars: floors as readonly Bar[],
}));

const json: readonly Row[] = [1, 64].map((inFlight) => ({
  name: `typed request (JSON and zod both ways), 256 B, ${flightName(inFlight)}`,
  load: { kind: "json", bytes: 256, inFlight },
  ours: "direct",
  against: ["untyped", "raw"],
  // At most a quarter more time than without schemas.
  bars: [{ against: "untyped", least: 0.8 }],
}));

const policies: readonly Row[] = [1, 64].map((inFlight) => ({
  name: `with a policy (retry, breaker, timeout), 256 B, ${flightName(inFlight)}`,
  load: { kind: "policy", bytes: 256, inFlight },
  ours: "policy",
  against: ["direct"],
  // At most a twentieth more time than without.
  bars: [{ against: "direct", least: 0.95 }],
}));

const monitored: readonly Row[] = [1, 64].map((inFlight) => ({
  name: `with a performance monitor, 256 B, ${flightName(inFlight)}`,
  load: { kind: "echo", bytes: 256, inFlight },
  ours: "monitored",
  against: ["direct"],
  bars: [],
}));

const watched: readonly Row[] = (["listened", "traced"] as const).flatMap((ours) =>
  [1, 64].map((inFlight) => ({
    name: `${ours === "listened" ? "with telemetry listened to" : "with a tracer"}, 256 B, ${flightName(inFlight)}`,
    load: { kind: "echo", bytes: 256, inFlight },
    ours,
    against: ["direct"],
    bars: [],
  })),
);

const kept: readonly Row[] = [1, 64].map((inFlight) => ({
  name: `with a trace store at 10 %, 256 B, ${flightName(inFlight)}`,
  load: { kind: "echo", bytes: 256, inFlight },
  ours: "kept",
  against: ["direct"],
  // At most a tenth more time than without.
  bars: [{ against: "direct", least: 0.9 }],
}));

const relayed: readonly Row[] = [
  { bytes: 256, inFlight: 1 },
  { bytes: 256, inFlight: 64 },
  { bytes: 16 * KiB, inFlight: 1 },
].map(({ bytes, inFlight }) => ({
  name: `through a relay, ${sizeName(bytes)}, ${flightName(inFlight)}`,
  load: { kind: "echo", bytes, inFlight },
  ours: "relayed",
  against: ["forwarded"],
  bars: bytes === 256 && inFlight === 1 ? [{ against: "forwarded", least: 0.6 }] : [],
}));

const through: readonly Row[] = [
  { bytes: 256, inFlight: 1 },
  { bytes: 256, inFlight: 64 },
  { bytes: 16 * KiB, inFlight: 1 },
].map(({ bytes, inFlight }) => ({
  name: `through one intermediate agent, ${sizeName(bytes)}, ${flightName(inFlight)}`,
  load: { kind: "echo", bytes, inFlight },
  ours: "through",
  against: ["relayed"],
  bars: [],
}));

const peers: readonly Row[] = [1, 64].map((inFlight) => ({
  name: `beside MCP and A2A, 256 B, ${flightName(inFlight)}`,
  load: { kind: "echo", bytes: 256, inFlight },
  ours: "direct",
  against: ["mcp", "a2a"],
  bars:
    inFlight === 64
      ? [
          { against: "mcp", least: 25 },
          { against: "a2a", least: 25 },
        ]
      : [],
}));

const natsRow = (name: string, load: Row["load"], least?: number): Row => ({
  name: `over NATS, ${name}`,
  load,
  ours: "nats",
  against: ["rawNats"],
  bars: least === undefined ? [] : [{ against: "rawNats", least }],
});

const nats: readonly Row[] = [
  ...[
    { bytes: 256, inFlight: 1, least: 0.9 },
    { bytes: 256, inFlight: 64, least: 1.5 },
    { bytes: 256, inFlight: 256 },
    { bytes: 16 * KiB, inFlight: 1 },
  ].map(({ bytes, inFlight, least }) => natsRow(`request and reply, ${sizeName(bytes)}, ${flightName(inFlight)}`, { kind: "echo", bytes, inFlight }, least)),
  natsRow("one way, 256 B", { kind: "oneWay", bytes: 256, inFlight: 1 }, 0.6),
];

export const rows: readonly Row[] = [
  ...direct,
  ...oneWay,
  ...durable,
  ...streams,
  ...json,
  ...policies,
  ...monitored,
  ...watched,
  ...kept,
  ...relayed,
  ...through,
  ...nats,
  ...peers,
];
