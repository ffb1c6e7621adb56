/** Raw NATS, with the client that our transport uses: its own request and reply, and publishes that a subscriber counts. Also the nats-server of every NATS system. */
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type Broker, startBroker } from "../broker.js";
import { type Client, closedLoop, type Load, type Side, sampleObject } from "./side.js";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

let broker: Broker | undefined;

async function answer(url: string): Promise<string> {
  const connection = await connect({ servers: url });
  let count = 0;
  connection.subscribe("echo", { callback: (_error, message) => void message.respond(message.data) });
  connection.subscribe("json", {
    callback: (_error, message) => void message.respond(encoder.encode(JSON.stringify(JSON.parse(decoder.decode(message.data))))),
  });
  connection.subscribe("take", {
    callback: () => {
      count += 1;
    },
  });
  connection.subscribe("taken", {
    callback(_error, message) {
      message.respond(encoder.encode(String(count)));
      count = 0;
    },
  });
  await connection.flush();
  return url;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const publishesPerTurn = 64;
/** Between two flushes: as many as fill the client's buffers without the server calling it slow. */
const publishesPerFlush = 2_048;

async function runOneWay(connection: NatsConnection, { bytes, ms }: Load): Promise<number> {
  const payload = new Uint8Array(bytes).fill(7);
  const began = performance.now();
  let sent = 0;
  let flushed = Promise.resolve();
  while (performance.now() - began < ms) {
    for (let index = 0; index < publishesPerTurn; index++, sent++) connection.publish("take", payload);
    if (sent % publishesPerFlush === 0) {
      await flushed;
      flushed = connection.flush();
    }
    await nextTurn();
  }
  const received = Number(decoder.decode((await connection.request("taken", undefined, { timeout: 10_000 })).data));
  const rate = (received / (performance.now() - began)) * 1_000;
  if (received !== sent) throw new Error(`${received} of ${sent} publishes came`);
  return rate;
}

async function clientOf(url: string): Promise<Client> {
  const connection = await connect({ servers: url });
  return (load) => {
    if (load.kind === "oneWay") return runOneWay(connection, load);
    if (load.kind === "json") {
      const value = sampleObject(load.bytes);
      return closedLoop(load, async () => {
        const reply = await connection.request("json", encoder.encode(JSON.stringify(value)), { timeout: 10_000 });
        if ((JSON.parse(decoder.decode(reply.data)) as typeof value).id !== value.id) throw new Error("another answer");
      });
    }
    const payload = new Uint8Array(load.bytes).fill(7);
    return closedLoop(load, async () => {
      const { data } = await connection.request("echo", payload, { timeout: 10_000 });
      if (data.length !== load.bytes) throw new Error("an echo of another length");
    });
  };
}

export const side: Side = {
  servers: {
    async server() {
      broker = await startBroker();
      return broker.url;
    },
    echo: answer,
  },
  connect: clientOf,
  besides: () => broker?.cpu() ?? 0,
};
