import { LeatError, type LeatErrorCode, messageOf } from '@leat/core';
import { errors, type NatsConnection } from '@nats-io/transport-node';
import { wait } from '../wait.ts';
import { permissionRefusal } from './permission-refusal.ts';
import { apiCode } from './provision.ts';

const JETSTREAM_OFF = 10039;
/** The servers of a cluster that are up are too few to agree, or have no leader yet. */
const NO_LEADER: ReadonlySet<number | undefined> = new Set([10008, 10009]);
/** How long the server is given to answer a ping. */
const ANSWER_MS = 1_000;

/** Whether JetStream says so, or nobody answers to its requests: the client wraps either. */
function isSwitchedOff(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof errors.NoRespondersError || apiCode(each) === JETSTREAM_OFF) return true;
  }
  return false;
}

/**
 * What is wrong with a server that does not let Leat have what it needs, as a sentence with its address.
 *
 * @param answers whether it is known that the server itself is there
 */
export function jetStreamRefusal(error: unknown, address: string, answers = false): LeatError {
  const refuse = (code: LeatErrorCode, sentence: string): LeatError =>
    new LeatError(code, `The NATS server at ${address} ${sentence}`, { cause: error });
  const message = messageOf(error);
  if (error instanceof LeatError) {
    return new LeatError(error.code, `NATS server at ${address}: ${message}`, { cause: error });
  }
  const forbidden = permissionRefusal(error, address);
  if (forbidden !== undefined) return forbidden;
  if (isSwitchedOff(error)) {
    return refuse(
      'unfit-server',
      `does not let this account use JetStream (${message}): enable it for the account.`,
    );
  }
  if (NO_LEADER.has(apiCode(error))) {
    return refuse(
      'unreachable',
      `answers, and its JetStream has no leader (${message}), as with most of its servers down: bring them back, or wait.`,
    );
  }
  if (apiCode(error) === undefined) {
    return refuse(
      'unreachable',
      answers
        ? `answers, and its JetStream does not (${message}): it was switched off because its store cannot be written (a read-only or full disk), or has no leader, as with most of its servers down: see its log.`
        : `does not answer any more (${message}): see its log.`,
    );
  }
  return refuse('unfit-server', `refuses what Leat needs: ${message} (${apiCode(error)}).`);
}

/** Whether the server itself answers, whatever its JetStream does. */
export async function serverAnswers(nats: NatsConnection): Promise<boolean> {
  const over = new AbortController();
  const late = wait(ANSWER_MS, over.signal).then(
    () => false,
    () => false,
  );
  const answer = nats.flush().then(
    () => true,
    () => false,
  );
  const isThere = await Promise.race([answer, late]);
  over.abort();
  return isThere;
}
