// The agent that organizes: it works in one folder, says how far it is, and asks its supervisor before it deletes.
import { type Agent, TightbeamError } from "@tightbeam/core";
import type { Place } from "../place.js";
import { approve, organizing } from "./contract.js";
import { openFolder } from "./folder.js";

export const presence = { every: 200 };

/** `accidentAfter`: this one stops dead after so many files. */
export async function startOrganizer(place: Place, root: string, { accidentAfter = Number.POSITIVE_INFINITY } = {}): Promise<Agent> {
  const permissions = ["serve:organizer", "publish:*", "call:approve"];
  const agent = await place.join("organizer", permissions, { kinds: ["organizer"], policy: "token", presence });
  agent.use(async (call, next) => {
    if (call.kind === "request" && !call.peer.id.startsWith("owner")) throw new TightbeamError("forbidden", "This organizer works for its owner.");
    return next();
  });
  agent.serve(organizing, {
    async organize({ folder: name }, { peer, signal }) {
      const folder = await openFolder(root, name);
      if (folder === undefined) throw new TightbeamError("forbidden", "That folder is not one of mine.");
      const counts = { moved: 0, deleted: 0, kept: 0 };
      for (const [index, file] of folder.files.entries()) {
        signal.throwIfAborted();
        if (index === accidentAfter) {
          void agent.close();
          await new Promise(() => undefined);
        }
        const twin = await folder.place(file);
        if (twin === undefined) counts.moved++;
        else if ((await agent.request(peer.id, approve, { file, because: `it has the content of ${twin.duplicateOf}` })).yes) {
          await folder.remove(file);
          counts.deleted++;
        } else counts.kept++;
        await agent.publish(organizing.methods.progress, { file, done: index + 1, total: folder.files.length });
      }
      return counts;
    },
  });
  return agent;
}
