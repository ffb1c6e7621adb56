/** Writes vectors/*.json. Run with `npx tsx --conditions=@tightbeam/source scripts/make-vectors.ts`; a changed file is a change of protocol. */
import { mkdir, writeFile } from "node:fs/promises";
import { cellsVectors } from "./vectors/cells.js";
import { conversationVector } from "./vectors/conversation.js";
import { envelopeVectors } from "./vectors/envelope.js";
import { frameVectors } from "./vectors/frame.js";
import { handshakeVectors } from "./vectors/handshake.js";
import { partVectors } from "./vectors/part.js";
import { presenceVectors } from "./vectors/presence.js";
import { sessionVectors } from "./vectors/session.js";

const folder = new URL("../vectors/", import.meta.url);
const made: Record<string, unknown> = {
  cells: cellsVectors(),
  conversation: await conversationVector(),
  envelope: envelopeVectors(),
  frame: frameVectors(),
  part: partVectors(),
  handshake: await handshakeVectors(),
  presence: await presenceVectors(),
  session: sessionVectors(),
};

await mkdir(folder, { recursive: true });
for (const [name, value] of Object.entries(made)) await writeFile(new URL(`${name}.json`, folder), `${JSON.stringify(value, null, 2)}\n`);
process.stdout.write(`${Object.keys(made).length} files of vectors written\n`);
