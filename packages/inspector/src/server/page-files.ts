import { readdir, readFile } from "node:fs/promises";
import { TightbeamError } from "@tightbeam/core";

export interface PageFile {
  readonly type: string;
  readonly body: Uint8Array;
}

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  woff2: "font/woff2",
};

/** The same from the sources and from the build: what scripts/build-page.mjs wrote. */
const folder = new URL("../../dist/page/", import.meta.url);

/** The page's files by the path they are served under; read once, so that no path of a request ever reaches the disk. Rejects `failed`. */
export async function loadPage(from: URL = folder): Promise<ReadonlyMap<string, PageFile>> {
  const names = await readdir(from).catch(() => []);
  const files = new Map<string, PageFile>();
  for (const name of names) {
    const type = types[name.slice(name.lastIndexOf(".") + 1)];
    if (type !== undefined) files.set(name === "index.html" ? "/" : `/${name}`, { type, body: await readFile(new URL(name, from)) });
  }
  if (!files.has("/"))
    throw new TightbeamError("failed", "The inspector's page is not built: install the published package, or run npm run build in the repository.");
  return files;
}
