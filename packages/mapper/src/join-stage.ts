import type { JoinSpec, StageSpec } from '@leat/core';

/** A stage that puts branches together. */
export type JoinStage = StageSpec & { readonly join: JoinSpec };

export function isJoin(stage: StageSpec | undefined): stage is JoinStage {
  return stage?.join !== undefined;
}
