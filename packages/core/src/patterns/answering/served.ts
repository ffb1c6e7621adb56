import { type Contract, invalid, type Topic } from "../../contract/index.js";
import * as limits from "../../limits.js";
import type { ServedContract } from "../peers/hello.js";

/** The contracts that are served here, each in one version or several. */
export interface Served {
  /** Throws `invalid_argument` when this version is served already, or with it too much to tell a peer. Returns what ends it. */
  add(contract: Contract): () => void;
  readonly contracts: readonly Contract[];
  /** For peers. */
  readonly list: readonly ServedContract[];
}

export interface ServedOptions {
  /** `list` is another one. */
  readonly changed: () => void;
  /** Declares a topic as published. Returns what ends that. Throws when it is declared already. */
  readonly publishes: (topic: Topic) => () => void;
}

export function createServed({ changed, publishes }: ServedOptions): Served {
  const contracts = new Set<Contract>();
  /** How many contracts each topic belongs to, and what ends it with the last. */
  const topics = new Map<string, { count: number; end: (() => void) | undefined }>();

  const declare = (topic: Topic): void => {
    const known = topics.get(topic.name);
    if (known !== undefined) known.count++;
    else topics.set(topic.name, { count: 1, end: attempt(() => publishes(topic)) });
  };

  const withdraw = ({ name }: Topic): void => {
    const known = topics.get(name);
    if (known === undefined || --known.count > 0) return;
    topics.delete(name);
    known.end?.();
  };

  const list = (all: Iterable<Contract>): readonly ServedContract[] => {
    const versions = new Map<string, number[]>();
    for (const { name, version } of all) versions.set(name, [...(versions.get(name) ?? []), version].sort(ascending));
    return [...versions].map(([name, each]) => ({ name, versions: each }));
  };

  return {
    add(contract) {
      const { name, version } = contract;
      const made = `contract "${name}" version ${version}`;
      const next = list([...contracts, contract]);
      const versions = next.find((each) => each.name === name)?.versions ?? [];
      if (versions.filter((each) => each === version).length > 1) throw invalid(`${made} is served already. End that first by calling what serve() returned.`);
      if (next.length > limits.helloContracts || versions.length > limits.helloVersions || next.reduce((sum, each) => sum + each.name.length, 0) > namesMax)
        throw invalid(
          `${made} is one too many: at most ${limits.helloContracts} contracts, ${limits.helloVersions} versions of each, ${namesMax} characters of names.`,
        );
      contracts.add(contract);
      for (const topic of topicsOf(contract)) declare(topic);
      changed();
      return () => {
        if (!contracts.delete(contract)) return;
        for (const topic of topicsOf(contract)) withdraw(topic);
        changed();
      };
    },
    get contracts() {
      return [...contracts];
    },
    get list() {
      return list(contracts);
    },
  };
}

const topicsOf = ({ methods }: Contract): readonly Topic[] => Object.values(methods).filter((member) => member.kind === "topic");

/** The application may have declared it itself, with settings of its own: then it ends it itself. */
function attempt(declare: () => () => void): (() => void) | undefined {
  try {
    return declare();
  } catch {
    return undefined;
  }
}

/** Half of what a peer takes: the other half is for kinds. */
const namesMax = limits.helloTextMax / 2;

const ascending = (one: number, other: number): number => one - other;
