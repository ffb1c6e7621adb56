import { TightbeamError } from "@tightbeam/core";
import { checkKnown } from "@tightbeam/core/transport";
import { createScheduler } from "./clock/scheduler.js";
import { drawFaults } from "./faults/draw.js";
import { listed } from "./faults/types.js";
import type { Outcome } from "./outcome.js";
import { createChance } from "./random.js";
import type { TraceDetail, TraceEvent } from "./trace.js";
import type { SimulationOptions } from "./types.js";
import { roleOf } from "./world/cast.js";
import { createNetwork } from "./world/network.js";
import { createStation, type Station } from "./world/station.js";
import { supervise } from "./world/supervisor.js";

const durationMs = 5_000;
const drainMs = 60_000;
const sampleEveryMs = 1_000;
/** How often, in the second phase, it is looked whether everything has settled. */
const lookEveryMs = 100;
/** To read what dead letters there are. */
const collectMs = 10_000;

/** One run, unjudged: starts every program, lets faults happen, heals, and waits for everything to settle. Throws `invalid_argument`. */
export async function run(options: SimulationOptions): Promise<Outcome> {
  const { seed, agents, duration = durationMs, drain = drainMs, patient = false } = options;
  const names = Object.keys(agents);
  checkOptions(options, names);
  const chosen = options.faults ?? {};
  const drawn = Array.isArray(chosen) ? chosen : drawFaults(createChance(seed, "faults"), { agents: names, duration, ...chosen });
  const faults = listed(drawn);
  const roles = new Map(await Promise.all(names.map(async (name) => [name, await roleOf(name)] as const)));
  const secrets = [...roles.values()].flatMap((role) => role.secrets).concat((options.secrets ?? []).map((secret) => Buffer.from(secret as string)));

  const scheduler = createScheduler({ patient });
  const trace: TraceEvent[] = [];
  const incarnations = new Map<string, number>();
  const record = (agent: string, incarnation: number, detail: TraceDetail): void => {
    incarnations.set(agent, incarnation);
    trace.push({ at: scheduler.now, agent, incarnation, ...detail });
  };
  const network = createNetwork({ seed, scheduler, record: (agent, detail) => record(agent, incarnations.get(agent) ?? 0, detail) });
  let numbers = 0;
  const next = (): number => numbers++;

  const stations = new Map<string, Station>();
  const isLost = (name: string): boolean => stations.get(name)?.lost === true;
  for (const [name, program] of Object.entries(agents)) {
    const role = roles.get(name);
    if (role !== undefined)
      stations.set(name, createStation({ name, seed, program, between: options.between, role, scheduler, network, healedAt: duration, isLost, record, next }));
  }
  const onFault = ({ id }: { id: number }, what: string): void =>
    void trace.push({ at: scheduler.now, agent: "", incarnation: 0, type: "fault", fault: id, what });
  const supervisor = supervise({ seed, faults, stations, network, scheduler, onFault });
  const sample = (): void => {
    for (const station of stations.values()) station.sample();
    scheduler.at(scheduler.now + sampleEveryMs, sample);
  };

  for (const station of stations.values()) station.start();
  sample();
  await scheduler.run(duration);
  supervisor.heal();
  const drained = (): boolean => [...stations.values()].every((station) => !station.busy);
  const bound = duration + drain;
  while (!drained() && scheduler.now < bound) await scheduler.run(Math.min(bound, scheduler.now + lookEveryMs));
  const drainedAt = drained() ? scheduler.now : undefined;
  let collected = false;
  void Promise.all([...stations.values()].map((station) => station.collect())).then(() => {
    collected = true;
  });
  await scheduler.run(scheduler.now + collectMs, () => collected);
  for (const station of stations.values()) station.end();
  return { seed, faults, trace, drainedAt, endedAt: scheduler.now, secrets };
}

const known: Readonly<Record<keyof SimulationOptions, true>> = {
  seed: true,
  agents: true,
  faults: true,
  duration: true,
  drain: true,
  secrets: true,
  between: true,
  without: true,
  check: true,
  twice: true,
  patient: true,
};

function checkOptions(options: SimulationOptions, names: readonly string[]): void {
  checkKnown("A simulation", options, Object.keys(known));
  const { seed, duration, drain, faults = [] } = options;
  if (!Array.isArray(faults)) checkKnown("A simulation under faults", faults, ["most", "kinds"]);
  const whole = (value: number | undefined): boolean => value === undefined || (Number.isSafeInteger(value) && value >= 0);
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32))
    throw new TightbeamError("invalid_argument", "A simulation's `seed` is a whole number from 0 to 2^32 - 1.");
  if (!(whole(duration) && whole(drain))) throw new TightbeamError("invalid_argument", "`duration` and `drain` are whole ms.");
  if (names.length === 0) throw new TightbeamError("invalid_argument", "A simulation needs `agents`: programs by agent id.");
}
