import { LeatError } from '@leat/core';

/**
 * What a run had saved is not there any more, whichever replica looks: only a person can mend it. A LeatError with the
 * code `sink-taken`.
 */
export class SinkGone extends LeatError {
  constructor(stage: string, run: string, place: string) {
    super(
      'sink-taken',
      `The saver ${stage} has written the run ${run} into ${place}, and what is there now is not that: put it back, or cancel the run by "leat cancel ${run}" and start a new one.`,
    );
  }
}
