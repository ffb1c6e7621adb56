export { decodeJson } from "./json-decode.js";
export { encodeJson } from "./json-encode.js";
