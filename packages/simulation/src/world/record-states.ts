import { isTightbeamError } from "@tightbeam/core";
import { printOf, textOf } from "../trace.js";
import type { Loose, Recorder } from "./recorder.js";

interface Names {
  readonly method: string;
}

export const codeOf = (error: unknown): string => (isTightbeamError(error) ? error.code : "not_typed");

/** A handler's context whose `commit` is told of. */
export function recordCommits<T extends object>(context: T, call: number, { record, next }: Recorder): T {
  return new Proxy(context, {
    // Its members are getters of a class with fields of its own: they want the context itself.
    get(target, member) {
      const value: unknown = Reflect.get(target, member, target);
      if (member !== "commit") return value;
      const { method } = target as unknown as Names;
      return (state: unknown, options?: { readonly name?: string }) =>
        kept({ record, next }, { name: options?.name ?? method, state, call }, () => (value as Loose)(state, options) as Promise<void>);
    },
  });
}

/** What an agent's own states are kept and restored with. */
export function recordStates(agent: Record<string, Loose>, recorder: Recorder): Record<string, Loose> {
  const { checkpoint, restore, snapshots } = agent as { readonly [name in "checkpoint" | "restore" | "snapshots"]: Loose };
  const { record, next } = recorder;
  return {
    checkpoint: (name, state, ...rest) =>
      kept(recorder, { name: String(name), state, call: undefined }, () => checkpoint(name, state, ...rest) as Promise<void>),
    snapshots: (name, state, ...rest) =>
      snapshots(
        name,
        () => {
          const value = (state as () => unknown)();
          record({ type: "keeping", keep: next(), name: String(name), print: printOf(textOf(value)), call: undefined, snapshot: true });
          return value;
        },
        ...rest,
      ),
    restore(name, options) {
      const promise = restore(name, options) as Promise<unknown>;
      const { number, orEarlier } = (options ?? {}) as { readonly number?: number; readonly orEarlier?: boolean };
      if (number === undefined && orEarlier !== true) {
        const told = (print: string | undefined, error: string | undefined): void => record({ type: "restored", name: String(name), print, error });
        promise.then(
          (state) => told(state === undefined ? undefined : printOf(textOf(state)), undefined),
          (error: unknown) => told(undefined, codeOf(error)),
        );
      }
      return promise;
    },
  };
}

interface Given {
  readonly name: string;
  readonly state: unknown;
  readonly call: number | undefined;
}

function kept({ record, next }: Recorder, { name, state, call }: Given, run: () => Promise<void>): Promise<void> {
  const keep = next();
  record({ type: "keeping", keep, name, print: printOf(textOf(state)), call });
  const promise = run();
  promise.then(
    () => record({ type: "kept", keep, error: undefined }),
    (error: unknown) => record({ type: "kept", keep, error: codeOf(error) }),
  );
  return promise;
}
