import { type Method, method } from "./method.js";
import { type Stream, stream } from "./stream.js";

/** `search.find@2`: the method of a contract as it travels, and as its description names it. */
const ofContract = /^(.+)@[1-9]\d{0,8}$/;

const baseOf = (name: string): string => (typeof name === "string" && name.includes("@") ? (ofContract.exec(name)?.[1] ?? name) : name);

/** For a caller that has no contract at hand: a method's name, or that of one of a contract's with its version. Throws `invalid_argument`. */
export const methodNamed = (name: string): Method => named(method(baseOf(name)), name);

/** The same for a stream. */
export const streamNamed = (name: string): Stream => named(stream(baseOf(name)), name);

const named = <T extends Method | Stream>(made: T, name: string): T => (made.name === name ? made : Object.freeze<T>({ ...made, name }));
