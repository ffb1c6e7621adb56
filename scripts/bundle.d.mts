/** Resolves with where each program, by its name in `entryPoints`, is now. */
export function bundlePrograms(name: string, entryPoints: Readonly<Record<string, string>>): Promise<(program: string) => string>;
