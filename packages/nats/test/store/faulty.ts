import type { JetStreamConnection, NatsReply } from "../../src/store/index.js";

/** What becomes of a request: sent and answered, sent and its answer lost, not sent; or never heard of again, as of a process that was killed. */
export type Fate = "ok" | "answer_lost" | "lost" | "killed";

/** A connection whose requests fare as `fate` says. A loss is told at once, as a timeout. */
export function faulty(connection: JetStreamConnection, fate: (subject: string) => Fate): JetStreamConnection {
  const run = async <T>(subject: string, request: () => Promise<T>): Promise<T> => {
    const chosen = fate(subject);
    if (chosen === "killed") return new Promise(() => undefined);
    if (chosen === "lost") throw new Error("timeout");
    const reply = await request();
    if (chosen === "answer_lost") throw new Error("timeout");
    return reply;
  };
  return {
    get info() {
      return connection.info;
    },
    publish: (subject, payload) => connection.publish(subject, payload),
    subscribe: (subject, options) => connection.subscribe(subject, options),
    flush: () => connection.flush(),
    close: () => connection.close(),
    closed: () => connection.closed(),
    isClosed: () => connection.isClosed(),
    status: () => connection.status(),
    request: (subject, payload, options): Promise<NatsReply> => run(subject, () => connection.request(subject, payload, options)),
    requestMany: (subject, payload, options) => run(subject, () => connection.requestMany(subject, payload, options)),
  };
}
