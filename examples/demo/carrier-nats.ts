// Over NATS: a nats-server of the demo's own, and a tap that is one more client of it, subscribed to everything.
import { connect } from "@nats-io/transport-node";
import { TightbeamError } from "@tightbeam/core";
import type { StartBroker, StartedBroker } from "./broker.js";
import type { Carrier, Medium } from "./carrier.js";
import type { Sources } from "./sources.js";
import type { TappedFrame } from "./stage.js";

/** Throws `unavailable`, with what to install, when there is no nats-server and none could be installed. */
export function findBroker(sources: Sources): string {
  const found = sources.natsServer();
  if ("path" in found) return found.path;
  throw new TightbeamError("unavailable", `The demo over NATS needs a nats-server (${found.reason}): ${found.install}.`);
}

export const broker = (path: string): Medium => ({
  agentFile: "agent-nats.ts",
  connect: "connectNats(",
  agentScript: ({ agents }) => agents.nats,
  async start({ children, sources }): Promise<Carrier> {
    const keeper = children.start("nats-server", sources.broker);
    const start = (port: number): Promise<StartedBroker> => keeper.calls.call("start", { path, port } satisfies StartBroker);
    let { pid, port } = await start(0);
    const url = `nats://127.0.0.1:${port}`;
    const tapper = await connect({ servers: url, name: "tap" });
    const frames: TappedFrame[] = [];
    const subjects: Buffer[] = [];
    tapper.subscribe(">", {
      callback(_error, { subject, data }) {
        const [, ...address] = subject.split(".");
        frames.push({ to: address.join("/"), frame: data.slice() });
        subjects.push(Buffer.from(subject));
      },
    });
    await tapper.flush();
    return {
      name: "nats-server",
      get pid() {
        return pid;
      },
      url,
      tap: {
        frames: () => frames,
        bytes: () => Buffer.concat(frames.flatMap(({ frame }, index) => [subjects[index] as Buffer, frame])),
        async stop() {
          await tapper.flush();
          await tapper.close();
        },
      },
      kill: () => keeper.calls.call("kill"),
      async restart() {
        ({ pid, port } = await start(port));
      },
      async close() {
        await tapper.close();
        keeper.release();
        await keeper.calls.call("kill");
        await keeper.kill();
      },
    };
  },
});
