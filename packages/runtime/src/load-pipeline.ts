import { lstatSync, mkdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LeatError, messageOf } from '@leat/core';
import { createJiti } from 'jiti';
import { fromStart, type Pipeline } from '@leat/sdk';
import { decoratorPlugin } from './decorators.ts';
import { isPipeline } from './demand.ts';
import { placeOf } from './place-of-error.ts';
import { readTsconfig, type Tsconfig } from './tsconfig.ts';

/**
 * Loads a pipeline file: a module, in TypeScript or JavaScript, that exports a pipeline as default. What its
 * imports and decorators mean, the nearest `tsconfig.json` says.
 *
 * @throws LeatError `invalid-pipeline` that says what is wrong with the file, or whatever LeatError the
 * file's own definitions throw
 */
export async function loadPipeline(file: string): Promise<Pipeline> {
  const path = resolve(fromStart(file));
  const refuse = (sentence: string, cause?: unknown): LeatError =>
    new LeatError('invalid-pipeline', `The pipeline file ${file} ${sentence}.`, { cause });
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw refuse('does not exist');
  if (!found.isFile()) throw refuse('is not a file');
  let module: PipelineModule;
  try {
    module = await importOf(path);
  } catch (error) {
    if (error instanceof LeatError) {
      throw new LeatError(error.code, `In the pipeline file ${file}: ${error.message}`, {
        cause: error,
      });
    }
    throw refuse(`cannot be loaded: ${firstLine(messageOf(error))}${placeOf(error)}`, error);
  }
  const exported = module.default;
  if (exported === undefined) {
    throw refuse('exports no pipeline: end it with "export default pipeline(…)"');
  }
  if (!isPipeline(exported)) {
    throw refuse(
      'exports something else than a pipeline as default: use "export default pipeline(…)"',
    );
  }
  return exported;
}

interface PipelineModule {
  readonly default?: unknown;
}

async function importOf(path: string): Promise<PipelineModule> {
  const tsconfig = readTsconfig(path);
  const load = (fsCache: string | false): Promise<PipelineModule> => {
    const jiti = createJiti(path, {
      // Native import first, so that the file and Leat itself share one copy of every package.
      tryNative: true,
      interopDefault: false,
      tsconfigPaths: tsconfig?.path ?? false,
      fsCache,
      transformOptions: { babel: { plugins: [decoratorPlugin(tsconfig)] } },
    });
    return unlessIdle(jiti.import(pathToFileURL(path).href));
  };
  const cache = cacheFor(tsconfig);
  return load(cache).catch((error: unknown) => {
    // The folder for temporary files is full, most likely.
    const isOfWriting = error instanceof Error && 'syscall' in error && error.syscall === 'write';
    if (cache !== false && isOfWriting) return load(false);
    throw error;
  });
}

/**
 * Where transformed files are kept; nowhere, if there is no folder for temporary files. Jiti tells them apart by their
 * text alone, and another tsconfig.json makes other ones.
 */
function cacheFor({ hasDecorators = false, hasMetadata = false }: Partial<Tsconfig> = {}):
  | string
  | false {
  const decorators = hasDecorators ? `decorators${hasMetadata ? '-metadata' : ''}` : 'plain';
  const own = join(tmpdir(), `leat-jiti-${process.getuid?.() ?? 0}`);
  const cache = join(own, decorators);
  return isOwnFolder(own) && isOwnFolder(cache) && cache;
}

/** Makes a folder, if it is not there. One of another user might hold code of his choice. */
function isOwnFolder(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch {
    return isOfThisUser(path);
  }
}

function isOfThisUser(path: string): boolean {
  try {
    const found = lstatSync(path);
    return found.isDirectory() && found.uid === (process.getuid?.() ?? found.uid);
  } catch {
    return false;
  }
}

/** Waits for a module, unless the process has nothing left to do: then it would end without a word. */
async function unlessIdle<T>(loading: Promise<T>): Promise<T> {
  const watch = new AbortController();
  const idle = new Promise<never>((_, reject) => {
    const onIdle = (): void => reject(new Error('it waits for something that will never come'));
    process.once('beforeExit', onIdle);
    watch.signal.addEventListener('abort', () => process.off('beforeExit', onIdle));
  });
  try {
    return await Promise.race([loading, idle]);
  } finally {
    watch.abort();
  }
}

function firstLine(text: string): string {
  const [line = ''] = text.trim().split('\n', 1);
  return line
    .trim()
    .replace(/^TRANSFORM_ERROR: /, '')
    .replace(/\.$/, '');
}
