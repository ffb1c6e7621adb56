import { type Agent, createAgent, type LinkStatus } from "@tightbeam/core";
import type { Scheduler } from "../clock/scheduler.js";
import { createChance } from "../random.js";
import type { MemoryEvent, TraceDetail } from "../trace.js";
import type { Place, Program } from "../types.js";
import { type Role, trustIn } from "./cast.js";
import { createDisk, type Disk } from "./disk.js";
import { collectLetters } from "./letters.js";
import type { Network } from "./network.js";
import { type Clocks, createClocks, createProcess, type Process } from "./process.js";
import { recordAgent } from "./record.js";
import { createTransport, type SimulatedTransport } from "./transport.js";

/** A machine with one agent: its processes come and go, its clocks stay. */
export interface Station {
  readonly clocks: Clocks;
  readonly disk: Disk;
  start(): void;
  crash(): void;
  /** The simulation is over: nothing of it runs any more. */
  end(): void;
  pause(): void;
  resume(): void;
  cut(): void;
  restore(): void;
  /** Notes how much memory its agents use. */
  sample(): void;
  /** Notes what dead letters there are, and what states were kept. */
  collect(): Promise<void>;
  /** It has no agent any more, and a disk that nobody can open. */
  readonly lost: boolean;
  /** Operations that have not settled, and a program that goes on. */
  readonly busy: boolean;
}

export interface StationOptions {
  readonly name: string;
  readonly seed: number;
  readonly program: Program;
  readonly between: ((agent: Agent, place: Place) => Agent) | undefined;
  readonly role: Role;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly healedAt: number;
  /** Of another station. */
  readonly isLost: (name: string) => boolean;
  readonly record: (agent: string, incarnation: number, detail: TraceDetail) => void;
  readonly next: () => number;
}

export function createStation({ name, seed, program, between, role, scheduler, network, healedAt, isLost, record, next }: StationOptions): Station {
  const clocks = createClocks(scheduler);
  const disk = createDisk(seed, name);
  let process: Process | undefined;
  let incarnation = -1;
  let transports: SimulatedTransport[] = [];
  let agents: Agent[] = [];
  /** Names that states were kept under. */
  const states = new Set<string>();
  /** Events that are being handled: others may wait for that. */
  const hearing = new Set<number>();
  /** States that wait to be written. */
  const keeping = new Set<number>();
  let pending = 0;
  let running = false;
  let isCut = false;

  const recorder = (mine: Process) => (detail: TraceDetail) => {
    if (!mine.alive) return;
    if (detail.type === "started") pending += 1;
    if (detail.type === "settled") pending -= 1;
    if (detail.type === "handling" && detail.what === "topic") hearing.add(detail.call);
    if (detail.type === "handled") hearing.delete(detail.call);
    if (detail.type === "keeping") states.add(detail.name);
    if (detail.type === "keeping" && detail.snapshot !== true) keeping.add(detail.keep);
    if (detail.type === "kept") keeping.delete(detail.keep);
    record(name, mine.incarnation, detail);
  };

  const placeOf = (mine: Process): Place => {
    const tell = recorder(mine);
    const { runtime } = mine;
    const place: Place = {
      name,
      incarnation: mine.incarnation,
      runtime,
      chance: createChance(seed, "program", name, mine.incarnation),
      get now() {
        return scheduler.now;
      },
      healedAt,
      disk: { open: () => disk.open(mine, tell), key: role.storeKey },
      async createAgent(options = {}) {
        const transport = createTransport(mine, network);
        if (isCut) transport.cut();
        transports.push(transport);
        const agent = await createAgent({ identity: role.identity, trust: trustIn(runtime), transport, runtime, ...options });
        tell({ type: "joined", instance: agent.instance });
        agents.push(agent);
        return recordAgent(between?.(agent, place) ?? agent, { record: tell, next });
      },
      sleep: (ms) => new Promise((resolve) => void runtime.timers.after(ms, resolve)),
      note: (noted, value) => tell({ type: "note", name: noted, value }),
    };
    return place;
  };

  const runProgram = async (mine: Process): Promise<void> => {
    const tell = recorder(mine);
    try {
      await program(placeOf(mine));
    } catch (error) {
      tell({ type: "process", what: "failed", text: error instanceof Error ? `${error.name}: ${error.message}` : "something that is no error" });
    }
    if (mine === process) running = false;
  };

  const end = (): void => {
    disk.crash();
    process?.kill();
    process = undefined;
    for (const transport of transports) transport.vanish();
    transports = [];
    agents = [];
    pending = 0;
    hearing.clear();
    keeping.clear();
    running = false;
  };

  return {
    clocks,
    disk,
    get busy() {
      return running || pending > 0 || hearing.size > 0 || keeping.size > 0 || agents.some((agent) => hasMessages(agent, isLost));
    },
    get lost() {
      return disk.lost && agents.length === 0;
    },
    start() {
      incarnation += 1;
      const mine = createProcess({ agent: name, incarnation, seed, scheduler, clocks });
      process = mine;
      running = true;
      pending = 0;
      recorder(mine)({ type: "process", what: "started" });
      void runProgram(mine);
    },
    crash() {
      if (process !== undefined) recorder(process)({ type: "process", what: "crashed" });
      end();
    },
    end,
    pause() {
      if (process !== undefined) recorder(process)({ type: "process", what: "paused" });
      process?.pause();
    },
    resume() {
      if (process !== undefined) recorder(process)({ type: "process", what: "resumed" });
      process?.resume();
    },
    cut() {
      isCut = true;
      for (const transport of transports) transport.cut();
    },
    restore() {
      isCut = false;
      for (const transport of transports) transport.restore();
    },
    async collect() {
      const tell = process === undefined ? undefined : recorder(process);
      if (tell === undefined) return;
      for (const agent of agents) {
        tell({ type: "rest", holds: holdsOf(agent), timers: process?.timers ?? 0, links: agent.status().links.map(({ peer }) => peer.id) });
        await collectLetters(agent, tell);
        for (const state of states) await agent.restore(state).catch(() => undefined);
      }
    },
    sample() {
      const mine = process;
      if (mine !== undefined) for (const agent of agents) recorder(mine)(memoryOf(agent));
    },
  };
}

function memoryOf(agent: Agent): MemoryEvent {
  const { memory, links } = agent.status();
  // What is unacknowledged is counted from the oldest of it on, whatever came of the rest: that is no memory.
  const held = links.reduce((sum, { counters }) => sum + counters.queuedBytes + counters.heldBytes, 0);
  return { type: "memory", used: memory.used, most: memory.most, held };
}

/** What should be nothing when nothing goes on. */
function holdsOf(agent: Agent): Record<string, number> {
  const { calls, streams, links, memory } = agent.status();
  const { peers, receiving } = agent.durable.status();
  // For replays, and for peers that do not come back.
  const keeps = agent.topics().some(({ retained }) => retained > 0) || peers.some(({ queued }) => queued > 0);
  const sum = (of: (link: LinkStatus) => number): number => links.reduce((total, link) => total + of(link), 0);
  return {
    requests: calls.waiting,
    calls: calls.queued,
    streams: streams.opened + streams.served,
    "durable messages": receiving,
    "queued messages": sum(({ counters }) => counters.queuedMessages),
    "unacknowledged bytes": sum(({ counters }) => counters.unacknowledgedBytes),
    "bytes out of order": sum(({ counters }) => counters.heldBytes),
    memory: keeps ? 0 : memory.used,
  };
}

/** Messages that are under way. Of durable ones, what waits for somebody to judge a store that was rolled back, or for one that is lost, waits for ever. */
function hasMessages(agent: Agent, isLost: (name: string) => boolean): boolean {
  const { links, streams } = agent.status();
  if (streams.served > 0 || links.some(({ counters }) => counters.queuedMessages > 0 || counters.unacknowledgedBytes > 0)) return true;
  if (agent.topics().some(({ topic, subscribers }) => subscribers > 0 && agent.subscribers(topic).some(({ queued }) => queued > 0))) return true;
  const { peers, receiving, failed } = agent.durable.status();
  return (
    receiving > 0 ||
    failed !== undefined ||
    peers.some(({ peer, queued, blocked }) => queued > 0 && !isLost(peer) && blocked !== "store_rolled_back" && blocked !== "unsupported")
  );
}
