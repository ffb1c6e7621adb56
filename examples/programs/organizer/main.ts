import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTightbeamError } from "@tightbeam/core";
import { createChecks, type Example } from "../example.js";
import { approve, organizing } from "./contract.js";
import { presence, startOrganizer } from "./organizer.js";

export const organizer: Example = {
  name: "organizer",
  about: "An agent tidies a real folder on request, reports on a topic, asks before it deletes, and is replaced when it dies.",
  async run(place, { line }) {
    const { faults, check } = createChecks();
    const root = await mkdtemp(join(tmpdir(), "tightbeam-organizer-"));
    try {
      await fill(join(root, "inbox"));
      const owner = await place.join("owner", ["call:organizing.organize", "subscribe:*"], { presence });
      const stranger = await place.join("stranger", ["subscribe:*"], { presence });
      const asked: string[] = [];
      owner.handle(approve, ({ file }) => {
        asked.push(file);
        return { yes: !file.startsWith("precious") };
      });
      let last = { file: "", done: 0, total: 0 };
      let reports = 0;
      await owner.subscribe(organizing.methods.progress, (report) => {
        reports++;
        last = report;
      });

      // The supervisor: when there is no organizer any more, it starts another.
      let started = 1;
      await startOrganizer(place, root, { accidentAfter: 8 });
      const stopSupervising = owner.onPeer(({ type, peer }) => {
        if (type !== "gone" || !peer.kinds.includes("organizer")) return;
        line(`  the organizer is gone after ${last.done} of ${last.total} files; another one is started`);
        started++;
        void startOrganizer(place, root);
      });

      const { moved, deleted, kept } = await owner.peer({ kind: "organizer" }, organizing).organize({ folder: "inbox" });
      line(`  the second one moved ${moved}, deleted ${deleted}, kept ${kept}; it asked about ${[...new Set(asked)].join(", ")}`);
      line(`  ${reports} reports of progress, the last one ${last.done} of ${last.total}`);
      check(started === 2, "the organizer that died should have been replaced once");
      check(deleted === 1 && kept === 1, "one duplicate should be deleted with approval, one kept without");
      check(last.done === last.total && last.total > 0, "the last report should say that all is done");
      stopSupervising();
      const tree = await list(join(root, "inbox"));
      line(`  the folder now: ${tree.map(([kind, files]) => `${kind} ${files.length}`).join(", ")}`);
      check(
        tree.map(([kind, files]) => `${kind} ${files.length}`).join() === "documents 9,music 4,pictures 6,precious2.txt 0",
        "every file should be where its kind belongs",
      );

      const codes = [
        await codeOf(stranger.peer("organizer", organizing).organize({ folder: "inbox" })),
        await codeOf(owner.peer("organizer", organizing).organize({ folder: "../.." })),
      ];
      line(`  a stranger: ${codes[0]}; a folder outside: ${codes[1]}`);
      check(codes.join() === "forbidden,forbidden", "strangers and folders outside should be refused");
      return faults;
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  },
};

async function fill(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = (name: string, content = name): Promise<void> => writeFile(join(folder, name), content);
  for (let n = 1; n <= 8; n++) await write(`note ${n}.txt`);
  for (let n = 1; n <= 6; n++) await write(`holiday ${n}.jpg`);
  for (let n = 1; n <= 4; n++) await write(`song ${n}.mp3`);
  await write("precious.txt");
  await write("precious2.txt", "precious.txt");
  await write("note 9.txt", "note 1.txt");
}

/** What lies in a folder: a file has no files of its own. */
async function list(folder: string): Promise<[name: string, files: string[]][]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.map((entry) => entry.name).sort();
  return Promise.all(names.map(async (name): Promise<[string, string[]]> => [name, await readdir(join(folder, name)).catch(() => [])]));
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: unknown) => (isTightbeamError(error) ? error.code : String(error)),
  );
