import type { SinkContext } from '@leat/sdk';
import { errorCode } from '../sink/error-code.ts';
import { fenced } from '../sink/fenced.ts';
import type { Staging } from './staging.ts';

/**
 * Throws why a commit failed. Where a file is gone, a session with a higher fence may have taken it away; or
 * somebody tidied up.
 */
export async function explainLoss(
  error: unknown,
  staging: Staging,
  context: SinkContext,
): Promise<never> {
  if (errorCode(error) !== 'ENOENT') throw error;
  const higher = await staging.claim();
  throw higher === undefined ? error : fenced(context, higher);
}
