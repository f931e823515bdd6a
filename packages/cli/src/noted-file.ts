import { readFile, rename, writeFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { checkName, messageOf } from '@leat/core';
import { makeDirectory } from '@leat/process-lock';
import { fromStart } from '@leat/sdk';
import type { Call } from './command.ts';

/**
 * Notes in the state directory which file a pipeline is in, for the commands that come after `leat dev`. What
 * a run says of itself is no use for that: it stands in a bucket, and the one who may write there would have a
 * file of his choice executed. The folder is the user's own, and nobody else may read or write in it.
 */
export async function noteFile(call: Call, pipeline: string, file: string): Promise<void> {
  const path = noteOf(call.settings.stateDir, pipeline);
  const unfinished = `${path}.${process.pid}`;
  try {
    await makeDirectory(join(path, '..'), 0o700);
    await writeFile(unfinished, `${resolve(fromStart(file))}\n`, { mode: 0o600 });
    await rename(unfinished, path);
  } catch (error) {
    call.logger.warn(
      { path },
      `verify and export will have to be told the pipeline file: it cannot be noted (${messageOf(error)})`,
    );
  }
}

/**
 * The file that was noted for a pipeline, if one was.
 *
 * @throws LeatError `invalid-name` if the pipeline has a name that leads out of the folder
 */
export async function notedFile(stateDir: string, pipeline: string): Promise<string | undefined> {
  checkName('pipeline', pipeline);
  const text = await readFile(noteOf(stateDir, pipeline), 'utf8').catch(() => '');
  const file = text.replace(/\n$/, '');
  return isAbsolute(file) ? file : undefined;
}

function noteOf(stateDir: string, pipeline: string): string {
  return join(stateDir, 'pipelines', pipeline);
}
