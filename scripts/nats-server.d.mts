export const install: string;
export function findNatsServer(): string | undefined;
export function ensureNatsServer(): { path: string } | { reason: string; install: string };
