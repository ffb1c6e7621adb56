import { type Contract, checkContract, type HandlerInput, type HandlerOutput, invalid, type Method, type Stream } from "../../contract/index.js";
import type { MembersOf } from "../asking/client.js";
import type { StreamHandleOptions, StreamHandler } from "../streams/types.js";
import type { HandlerContext } from "./context.js";
import type { HandleOptions } from "./handlers.js";

export type MethodHandler<T extends Method> = (input: HandlerInput<T>, context: HandlerContext) => HandlerOutput<T> | Promise<HandlerOutput<T>>;

/** What answers a stream, a method, or a method that only its name is known of. */
export type HandlerOf<T extends Method | Stream | string> = T extends Stream
  ? StreamHandler<T>
  : T extends Method
    ? MethodHandler<T>
    : (input: unknown, context: HandlerContext) => unknown;

export type HandleOptionsOf<T extends Method | Stream | string> = T extends Stream ? StreamHandleOptions : HandleOptions;

/** A handler for each method and each stream of a contract: none may be missing. */
export type ContractHandlers<C extends Contract> = {
  readonly [Key in MembersOf<C, "method">]: C["methods"][Key] extends infer T extends Method ? MethodHandler<T> : never;
} & {
  readonly [Key in MembersOf<C, "stream">]: C["methods"][Key] extends infer T extends Stream ? StreamHandler<T> : never;
};

/** And none may be too much. */
export type NoOthers<Given, C extends Contract> = { readonly [Key in Exclude<keyof Given, keyof ContractHandlers<C>>]: never };

/** What serving needs of an agent. */
export interface Serves {
  handle(member: Method | Stream, handler: (input: never, context: never) => unknown): () => void;
  /** Says from now on that the contract is served. */
  announce(contract: Contract): () => void;
}

/** Answers all of a contract, or nothing of it. Throws `invalid_argument`. */
export function serve(agent: Serves, contract: Contract, handlers: Readonly<Record<string, unknown>>): () => void {
  const { methods } = checkContract(contract);
  const made = `contract "${contract.name}" version ${contract.version}`;
  if (typeof handlers !== "object" || handlers === null) throw invalid(`The handlers of ${made} are an object of functions.`);
  const handled = Object.entries(methods).flatMap(([key, member]) => (member.kind === "topic" ? [] : [[key, member] as const]));
  for (const [key] of handled)
    if (!Object.hasOwn(handlers, key) || typeof handlers[key] !== "function") throw invalid(`${made} has a method '${key}': its handler is missing.`);
  for (const key of Object.keys(handlers)) if (!handled.some(([name]) => name === key)) throw invalid(`${made} has no method '${key.slice(0, 64)}' to handle.`);
  const ends: (() => void)[] = [];
  const end = (): void => {
    for (const each of ends.splice(0)) each();
  };
  try {
    ends.push(agent.announce(contract));
    for (const [key, member] of handled) ends.push(agent.handle(member, handlers[key] as (input: never, context: never) => unknown));
  } catch (error) {
    end();
    throw error;
  }
  return end;
}
