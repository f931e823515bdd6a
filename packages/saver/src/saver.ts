import { StageTelemetry } from '@leat/runtime';
import { SaverService, type SaverServiceOptions } from './saver-service.ts';

/**
 * Hosts one saver: commits chunks and receipts together, and reports them; until it is told to stop.
 *
 * @throws LeatError `sink-unfit` if the sink can never work as it stands
 */
export async function runSaver(options: SaverServiceOptions): Promise<void> {
  const { connection, saver, logger } = options;
  const service = new SaverService(options, false);
  const stop = AbortSignal.any([options.stop, service.unfit]);
  try {
    await connection.queues.receive({
      stage: saver.name,
      telemetry: new StageTelemetry(saver.name, options.telemetry),
      slots: service.slots,
      handle: (delivery) => service.take(delivery),
      signal: stop,
      logger,
    });
    await service.idle();
    service.unfit.throwIfAborted();
  } finally {
    await service.close();
  }
}

/** Opens an inline saver: it pulls nothing, and saves what is handed over to it. */
export function openInlineSaver(options: SaverServiceOptions): SaverService {
  return new SaverService(options, true);
}
