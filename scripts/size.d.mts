export interface SizePart {
  readonly what: string;
  readonly counted: boolean;
  readonly gzip: number;
}

export function measureSize(): Promise<{ readonly rows: readonly SizePart[]; readonly bytes: number; readonly others: readonly Omit<SizePart, "counted">[] }>;
export function writeCounted(): Promise<string[]>;
