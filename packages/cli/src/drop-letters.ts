import { type DeadLetterChoice, isChosen, LeatError } from '@leat/core';
import { deadLetterPipelines, DeadLetterStore, type NatsSettings } from '@leat/sdk/internal';
import type { Call } from './command.ts';
import { EXIT } from './exit-code.ts';
import { pick, withRuns } from './find-run.ts';
import { withConnection } from './nats-access.ts';
import { print } from './output.ts';
import { counted } from './redrive-letters.ts';

/** Removes dead letters of a run for good; its report counts them still. */
export function dropLetters(
  call: Call,
  nats: NatsSettings,
  run: string,
  choice: DeadLetterChoice,
): Promise<number> {
  return withRuns(call, nats, async (find) => {
    const pipeline = call.flags['pipeline'] as string | undefined;
    const found = await find();
    const meant = (name: string): boolean => name === (pipeline ?? name);
    for (const { request, runs } of found) {
      if (request.run !== run || !meant(request.pipeline)) continue;
      if ((await runs.redrive(run)) === undefined) continue;
      throw new LeatError(
        'run-state',
        `Dead letters of the run ${run} are being tried again: wait until that is done.`,
      );
    }
    const dropped = await withConnection(call, nats, async (connection) => {
      const records = new Set<string>();
      for (const name of (await deadLetterPipelines(connection)).filter(meant)) {
        const store = await DeadLetterStore.open(connection, name);
        let isEmpty = true;
        for await (const { place, letter } of store.letters(run)) {
          if (!isChosen(letter, choice)) isEmpty = false;
          else if (await store.delete(place)) {
            records.add([name, letter.stage, letter.chunk, letter.index].join(' '));
          }
        }
        if (isEmpty) await store.forgetExecutions(run);
      }
      return records.size;
    });
    // The dead outlive the bucket that knows the runs.
    if (dropped === 0) pick(found, run, pipeline);
    await print(
      call.flags['json'] === true
        ? `${JSON.stringify({ run, records: dropped }, undefined, 2)}\n`
        : `${counted(dropped)} of the run ${run} ${dropped === 1 ? 'is' : 'are'} dropped.\n`,
    );
    return EXIT.ok;
  });
}
