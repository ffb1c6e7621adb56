// Contracts: what a caller and a handler agree on.
export { type HandlerInput, type HandlerOutput, type Method, type MethodInput, type MethodOptions, type MethodOutput, method } from "./method.js";
export { validate, type Where } from "./validate.js";
