import type { ServiceOptions } from '@leat/host';
import type { Call } from './command.ts';

/** What the settings say of every process that hosts stages. */
export function serviceOptions({ settings, logger }: Call): ServiceOptions {
  const { topology, signingKeys, log, codeVersion, otlpEndpoint } = settings;
  return {
    topology,
    signingKeys,
    logger,
    log,
    ...(codeVersion !== undefined && { codeVersion }),
    ...(otlpEndpoint !== undefined && { otlpEndpoint }),
  };
}
