import { join } from 'node:path';
import { startNatsServer } from '@leat/nats-server';
import type { DeadLetter } from '@leat/runtime';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

/** Reads the dead letters of a pipeline from the NATS store that a `leat dev` left in `dir`. */
export async function deadLettersIn(dir: string, pipeline: string): Promise<DeadLetter[]> {
  await using server = await startNatsServer({ storeDir: join(dir, '.leat', 'nats') });
  return await readDeadLetters(server.url, pipeline);
}

/** Reads the dead letters of a pipeline from a NATS server. */
export async function readDeadLetters(url: string, pipeline: string): Promise<DeadLetter[]> {
  const connection = await connect({ servers: url });
  try {
    const manager = await jetstreamManager(connection);
    const stream = `leat_${pipeline}_dead`;
    const { state } = await manager.streams.info(stream);
    const letters: DeadLetter[] = [];
    for (let seq = state.first_seq; state.messages > 0 && seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(stream, { seq });
      // Beside them stands which of them count.
      const isLetter = message !== null && !message.subject.endsWith('.settled');
      if (isLetter) letters.push(message.json<DeadLetter>());
    }
    return letters;
  } finally {
    await connection.close();
  }
}
