import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedNats } from '@leat/host';
import { connect, type Leat } from '@leat/operate';
import type { NatsSettings } from '@leat/runtime';
import type { Call, StringOption } from './command.ts';
import { pipelineFlag } from './flags.ts';

/** The option of every command that takes a run's id, which several pipelines may have. */
export const PIPELINE_OPTION: StringOption = {
  type: 'string',
  value: 'NAME',
  meaning: 'Of which pipeline; needed if several have a run of that id.',
};

/** What `--pipeline` says, as the client takes it. */
export function pipelineChoice(call: Parameters<typeof pipelineFlag>[0]): {
  readonly pipeline?: string;
} {
  const pipeline = pipelineFlag(call);
  return pipeline === undefined ? {} : { pipeline };
}

/**
 * Does something over the NATS server that the runs are on: the one that was given; else that of a
 * `leat dev` that is running here; else, where `leat dev` was run before, its data under a server that
 * is started for the purpose; else the default address.
 *
 * @param use also told whether it is the server of a `leat dev`, over the state directory of this command
 */
export async function withLeat<T>(
  call: Call,
  use: (leat: Leat, isOfDev: boolean) => Promise<T>,
): Promise<T> {
  const { settings, logger } = call;
  const over = async (nats: NatsSettings, isOfDev: boolean): Promise<T> => {
    await using leat = await connectTo(call, nats);
    return await use(leat, isOfDev);
  };
  if (settings.isNatsGiven) return over(settings.nats, false);
  const url = await EmbeddedNats.runningUrl(settings.stateDir);
  if (url !== undefined) return over({ url }, true);
  if (!existsSync(join(settings.stateDir, 'nats'))) return over(settings.nats, false);
  const server = await EmbeddedNats.start(settings.stateDir, {
    debug: () => undefined,
    info: () => undefined,
    warn: logger.warn.bind(logger),
    error: logger.error.bind(logger),
  });
  try {
    return await over({ url: server.url }, true);
  } finally {
    await server.stop();
  }
}

/** Connects to one server. */
export function connectTo({ settings, logger }: Call, nats: NatsSettings): Promise<Leat> {
  const { url, ...credentials } = nats;
  const { topology, signingKeys } = settings;
  return connect({ ...credentials, servers: url, topology, signingKeys, logger });
}
