import type { RunState } from '@leat/core';
import { type Role, serve, type Service } from '@leat/host';
import { type BooleanOption, type Call, type Command, defineCommand } from '../command.ts';
import { EXIT, exitCodeOfState } from '../exit-code.ts';
import { serviceOptions } from '../service-options.ts';
import { listenForGuardedShutdown } from '../shutdown.ts';

const SETTINGS = ['nats', 'queues', 'work', 'service'] as const;

const once: BooleanOption = {
  type: 'boolean',
  meaning: 'End when no run is pending or running, rather than wait for the next.',
};

export const fetcherCommand: Command = defineCommand({
  name: 'fetcher',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Hosts the fetcher; further ones share the runs and stand by for each other.',
  options: { once },
  settings: SETTINGS,
  examples: ['fetcher pipeline.ts', 'fetcher pipeline.ts --http-port 8080'],
  run: (call) => host(call, 'fetcher'),
});

export const mapperCommand: Command = defineCommand({
  name: 'mapper',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Hosts the mappers; start as many as you want.',
  options: {
    stage: { type: 'string', value: 'NAME', meaning: 'Only this mapper (default: all of them).' },
    once,
  },
  settings: SETTINGS,
  examples: ['mapper pipeline.ts', 'mapper pipeline.ts --stage squares'],
  run: (call) => host(call, 'mapper'),
});

export const saverCommand: Command = defineCommand({
  name: 'saver',
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Hosts the savers; start as many as the sink can bear.',
  options: {
    stage: { type: 'string', value: 'NAME', meaning: 'Only this saver (default: all of them).' },
    once,
  },
  settings: SETTINGS,
  examples: ['saver pipeline.ts', 'saver pipeline.ts --once'],
  run: (call) => host(call, 'saver'),
});

/** A call of any of these commands; there is only one fetcher to choose. */
type ServiceCall = Call<{ readonly once: BooleanOption }> & {
  readonly flags: { readonly stage?: string };
};

async function host(call: ServiceCall, role: Role): Promise<number> {
  const [file = ''] = call.operands;
  const { httpPort, httpHost, stopGraceMs, nats } = call.settings;
  const stage = call.flags.stage;
  const isOnce = call.flags.once === true;
  const shutdown = listenForGuardedShutdown((line) => call.logger.warn(line), stopGraceMs);
  let last: RunState | undefined;
  let service: Service | undefined;
  try {
    service = await serve(file, {
      ...serviceOptions(call),
      roles: [role],
      ...(stage !== undefined && { stage }),
      connection: { ...nats, servers: nats.url },
      ...(httpPort !== undefined && { http: { port: httpPort, host: httpHost } }),
      once: isOnce,
      onRunEnded: ({ state }) => {
        last = state;
      },
      signal: shutdown.stop,
    });
  } catch (error) {
    if (shutdown.stop.aborted) return EXIT.ok;
    throw error;
  }
  shutdown.abort.addEventListener('abort', () => void service.stop(0));
  await service.ended;
  return isOnce && last !== undefined ? exitCodeOfState(last) : EXIT.ok;
}
