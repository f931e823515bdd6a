import { type DeadLetterChoice, isChosen, LeatError } from '@leat/core';
import { deadLetterPipelines, DeadLetterStore, type NatsSettings } from '@leat/sdk/internal';
import type { Call } from './command.ts';
import { EXIT } from './exit-code.ts';
import { pick, withRuns } from './find-run.ts';
import { withConnection } from './nats-access.ts';
import { counted } from './redrive-letters.ts';

/** Removes dead letters of a run for good; its report counts them still. */
export function dropLetters(
  call: Call,
  nats: NatsSettings,
  run: string,
  choice: DeadLetterChoice,
): Promise<number> {
  return withRuns(call, nats, async (find) => {
    const found = (await find()).filter(({ request }) => request.run === run);
    for (const { runs } of found) {
      if ((await runs.redrive(run)) === undefined) continue;
      throw new LeatError(
        'run-state',
        `Dead letters of the run ${run} are being tried again: wait until that is done.`,
      );
    }
    const dropped = await withConnection(call, nats, async (connection) => {
      const records = new Set<string>();
      for (const pipeline of await deadLetterPipelines(connection)) {
        const store = await DeadLetterStore.open(connection, pipeline);
        let isEmpty = true;
        for await (const { place, letter } of store.letters(run)) {
          if (!isChosen(letter, choice)) isEmpty = false;
          else if (await store.delete(place)) {
            records.add([pipeline, letter.stage, letter.chunk, letter.index].join(' '));
          }
        }
        if (isEmpty) await store.forgetExecutions(run);
      }
      return records.size;
    });
    // The dead outlive the bucket that knows the runs.
    if (dropped === 0) pick(found, run);
    process.stdout.write(
      call.flags['json'] === true
        ? `${JSON.stringify({ run, records: dropped }, undefined, 2)}\n`
        : `${counted(dropped)} of the run ${run} ${dropped === 1 ? 'is' : 'are'} dropped.\n`,
    );
    return EXIT.ok;
  });
}
