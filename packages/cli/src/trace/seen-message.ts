import type { InspectionSource } from "@tightbeam/inspector";

/** A message as one of its ends saw it. */
export type SourceMessage = NonNullable<ReturnType<InspectionSource["take"]>>["messages"][number];
