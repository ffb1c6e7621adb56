import { fileURLToPath } from "node:url";

/** The files of a new project, as they are published with this package. */
export const templateFolder = (): string => fileURLToPath(new URL("../template/", import.meta.url));
