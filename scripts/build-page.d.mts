export function buildPage(target?: string): Promise<void>;
export function ensurePage(): Promise<void>;
