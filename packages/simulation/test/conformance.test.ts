import { type StoreEnv, type TransportEnv, testStore, testTransport, writeUntilKilled } from "@tightbeam/conformance";
import { createScheduler } from "../src/clock/scheduler.js";
import { createDisk } from "../src/world/disk.js";
import { createNetwork } from "../src/world/network.js";
import { createClocks, createProcess } from "../src/world/process.js";
import { createTransport, type SimulatedTransport } from "../src/world/transport.js";

/** Virtual time that goes on by itself, as fast as it can, while a rule waits by the machine's. */
function world() {
  const scheduler = createScheduler();
  const clocks = createClocks(scheduler);
  let over = false;
  const ended = (async () => {
    while (!over) {
      await scheduler.run(scheduler.now + 1);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  let incarnation = 0;
  return {
    scheduler,
    start: (agent: string) => createProcess({ agent, incarnation: incarnation++, seed: 1, scheduler, clocks }),
    async close() {
      over = true;
      await ended;
    },
  };
}

const nothing = (): void => undefined;

function diskEnv(): StoreEnv {
  const here = world();
  const disk = createDisk(1, "alice");
  return {
    open: async () => disk.open(here.start("alice"), nothing),
    async startWriter(confirmed) {
      const process = here.start("alice");
      void writeUntilKilled(disk.open(process, nothing), (batch) => process.alive && confirmed(batch)).catch(nothing);
      return {
        async kill() {
          if (!process.alive) return;
          disk.crash();
          process.kill();
        },
      };
    },
    breakFlush: () => disk.failFlush(true),
    close: here.close,
  };
}

function networkEnv(): TransportEnv {
  const here = world();
  const network = createNetwork({ seed: 1, scheduler: here.scheduler, record: nothing });
  const transports: SimulatedTransport[] = [];
  let isCut = false;
  return {
    async connect(id) {
      const transport = createTransport(here.start(id), network);
      if (isCut) transport.cut();
      transports.push(transport);
      return transport;
    },
    cut() {
      isCut = true;
      for (const transport of transports) transport.cut();
    },
    restore() {
      isCut = false;
      for (const transport of transports) transport.restore();
    },
    close: here.close,
  };
}

testStore({ name: "the simulated disk", create: diskEnv });
testTransport({ name: "the simulated network", create: networkEnv });
