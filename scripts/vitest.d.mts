export interface VitestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { readonly status: string }[] }[];
}
export function judge(report: VitestReport, exitOk: boolean, output: string): { ok: boolean; output: string; passed: number; failed: number; skipped: number };
