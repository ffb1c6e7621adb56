/*
 * Heap of idle link ends, of the built packages: node --expose-gc --import tsx bench/heap.ts [links] [--wait]
 * Many agents are linked to one over memory, in one process. Prints what one link end keeps alive, and which constructors it consists of.
 * --wait lets a handshake's own caches run out first (31 s): what is left then belongs to the link.
 */
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeHeapSnapshot } from "node:v8";
import { type Agent, createAgent, createAuthority } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";

interface Row {
  count: number;
  bytes: number;
}

interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
      readonly edge_fields: readonly string[];
      readonly edge_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

const { values: options, positionals } = parseArgs({ options: { wait: { type: "boolean", default: false } }, allowPositionals: true });
const links = Number(positionals[0] ?? 400);
const warmUp = 20;
const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error("Start it with --expose-gc.");
// tsx names every function it compiles, which costs 256 bytes for each closure: sources would measure tsx.
if (import.meta.resolve("@tightbeam/core").includes("/src/")) throw new Error("Heap is measured of the built packages: start it without the source condition.");
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function settled(): Promise<{ heap: number; buffers: number; constructors: Map<string, Row> }> {
  await pause(options.wait ? 31_000 : 0);
  for (let pass = 0; pass < 5; pass++) {
    collect?.();
    await pause(50);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers, constructors: constructors() };
}

/** Self sizes by kind and constructor, from a heap snapshot. Plain objects are told apart by their properties; what V8 keeps beside an object counts as its own. */
function constructors(): Map<string, Row> {
  const path = writeHeapSnapshot(join(tmpdir(), `tightbeam-${process.pid}.heapsnapshot`));
  const { snapshot, nodes, edges, strings } = JSON.parse(readFileSync(path, "utf8")) as Snapshot;
  rmSync(path);
  const { node_fields: fields, node_types: types, edge_fields: edgeFields, edge_types: edgeTypes } = snapshot.meta;
  const field = (name: string): number => fields.indexOf(name);
  const [type, name, size, edgeCount] = [field("type"), field("name"), field("self_size"), field("edge_count")];
  const owners = new Map<number, string>();
  const labels: string[] = [];
  let edge = 0;
  for (let at = 0; at < nodes.length; at += fields.length) {
    const kind = types[0][nodes[at + type] as number] as string;
    const own = strings[nodes[at + name] as number] as string;
    const properties: string[] = [];
    const beside: number[] = [];
    for (let left = nodes[at + edgeCount] as number; left > 0; left -= 1, edge += edgeFields.length) {
      const edgeKind = edgeTypes[0][edges[edge] as number];
      const what = edgeKind === "element" ? "" : (strings[edges[edge + 1] as number] as string);
      if (edgeKind === "property" && what !== "__proto__") properties.push(what.replace(/^[gs]et /, ""));
      if (edgeKind === "internal" && what === "properties") beside.push(edges[edge + 2] as number);
    }
    const label =
      kind.includes("string") || kind === "number"
        ? kind
        : kind === "object" && own === "Object"
          ? `{ ${[...new Set(properties)].join(" ").slice(0, 70)} }`
          : `${kind} ${own.slice(0, 60) || "-"}`;
    labels.push(label);
    for (const node of beside) if (node !== 0) owners.set(node, label);
  }
  const rows = new Map<string, Row>();
  for (let at = 0, index = 0; at < nodes.length; at += fields.length, index += 1) {
    const owner = owners.get(at);
    const key = owner === undefined || labels[index]?.startsWith("array") === false ? (labels[index] as string) : `properties of ${owner}`;
    const row = rows.get(key) ?? { count: 0, bytes: 0 };
    row.count += 1;
    row.bytes += nodes[at + size] as number;
    rows.set(key, row);
  }
  return rows;
}

const authority = await createAuthority();
const hub = createHub();
const enter = async (id: string): Promise<Agent> =>
  createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub) });
const center = await enter("center");
center.handle("echo", (input) => input);
const others: Agent[] = [];
for (let index = 0; index < links + warmUp; index++) others.push(await enter(`agent-${index}`));
for (const other of others.slice(0, warmUp)) await other.link("center");

const before = await settled();
const [began, cpu] = [performance.now(), process.cpuUsage()];
for (const other of others.slice(warmUp)) await other.link("center");
const { user, system } = process.cpuUsage(cpu);
const elapsed = performance.now() - began;
const after = await settled();

const ends = 2 * links;
const each = (bytes: number): string => Math.round(bytes / ends).toLocaleString("en");
console.log(`${links} links, ${ends} link ends in one process, Node ${process.version}`);
console.log(`heap per link end      ${each(after.heap - before.heap)} bytes`);
console.log(`buffers per link end   ${each(after.buffers - before.buffers)} bytes outside the heap`);
console.log(
  `handshakes, one by one ${Math.round((links / elapsed) * 1_000)} a second, ${((user + system) / 1_000 / links).toFixed(2)} ms of CPU for both sides`,
);
console.log("\nbytes/end  count/end  what");
const grown = [...after.constructors].map(([what, { count, bytes }]) => {
  const earlier = before.constructors.get(what) ?? { count: 0, bytes: 0 };
  return { what, count: count - earlier.count, bytes: bytes - earlier.bytes };
});
for (const { what, count, bytes } of grown.sort((a, b) => b.bytes - a.bytes).slice(0, 45)) {
  console.log(`${each(bytes).padStart(9)}  ${(count / ends).toFixed(1).padStart(9)}  ${what}`);
}
process.exit();
