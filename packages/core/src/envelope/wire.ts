/** The envelope's bytes: layout.ts says what they are, encode.ts writes them, decode.ts reads them. */
export { decodeEnvelope, decodeHeader } from "./decode.js";
export { dropEnvelope, encodeEnvelope } from "./encode.js";
