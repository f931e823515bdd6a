import { type GivenParams, LeatError } from '@leat/core';
import { failedRecord, type FailedRecord } from '@leat/runtime';
import { z } from 'zod';

/** What the first fields of such a file say, so that no other JSON file is taken for one. */
const KIND = 'leat-failed-chunk';
const VERSION = 1;

/**
 * The records of one chunk that one stage gave up, with all that the stage was given beside them, so that they
 * can be tried again without a server: `leat dead export` writes it, and `testPipeline` replays it.
 */
export interface FailedChunkFile {
  readonly kind: typeof KIND;
  readonly version: typeof VERSION;
  readonly pipeline: string;
  readonly run: string;
  /** The parameters of the run; absent if the server does not know the run any more. */
  readonly params?: GivenParams;
  /** The parameters that are secret, by name. Their values are in no file: a replay must give them. */
  readonly secrets: readonly string[];
  /** The stage that gave the records up. */
  readonly stage: string;
  /** The chunk id. */
  readonly chunk: string;
  /** In the order of their places in the chunk, each once. */
  readonly records: readonly FailedRecord[];
}

const failedChunkFile: z.ZodType<FailedChunkFile> = z.object({
  kind: z.literal(KIND),
  version: z.literal(VERSION),
  pipeline: z.string(),
  run: z.string(),
  params: z.record(z.string(), z.json()).exactOptional(),
  secrets: z.array(z.string()),
  stage: z.string(),
  chunk: z.string(),
  records: z.array(failedRecord).min(1),
});

/** A failed chunk before it has become a file. */
export type FailedChunk = Omit<FailedChunkFile, 'kind' | 'version'>;

/** The text of a file, which {@link parseFailedChunk} reads. */
export function formatFailedChunk(chunk: FailedChunk): string {
  const file: FailedChunkFile = { kind: KIND, version: VERSION, ...chunk };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/**
 * Reads what {@link formatFailedChunk} has written.
 *
 * @param name the file's, for the sentence that says what is wrong with it
 * @throws LeatError `invalid-configuration` if it is no such file, or one of a newer Leat
 */
export function parseFailedChunk(text: string, name: string): FailedChunkFile {
  const value = jsonOf(text);
  const { kind, version } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly kind?: unknown;
    readonly version?: unknown;
  };
  if (kind !== KIND) {
    throw new LeatError(
      'invalid-configuration',
      `The file ${name} holds no failed chunk: name one that "leat dead export" has written.`,
    );
  }
  if (version !== VERSION) {
    throw new LeatError(
      'invalid-configuration',
      `The file ${name} is of version ${JSON.stringify(version)}, and this Leat reads version ${VERSION}: use the Leat that wrote it, or a newer one.`,
    );
  }
  const { success, data, error } = failedChunkFile.safeParse(value);
  if (success) return data;
  throw new LeatError(
    'invalid-configuration',
    `The file ${name} is not as "leat dead export" writes it (${z.prettifyError(error).replaceAll(/\s*\n\s*/g, ' ')}): export the chunk again.`,
    { cause: error },
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
