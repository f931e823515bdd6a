import type { RunState } from '@leat/core';
import { type Role, serve, type Service } from '@leat/host';
import type { Call, Command, CommandOption } from '../command.ts';
import { EXIT, exitCodeOfState } from '../exit-code.ts';
import { serviceOptions } from '../service-options.ts';
import { listenForShutdown } from '../shutdown.ts';

const SERVICE_SETTINGS = ['nats', 'queues', 'work', 'service'] as const;

const once: CommandOption = {
  type: 'boolean',
  meaning: 'End when no run is pending or running, rather than wait for the next.',
};

export const fetcherCommand: Command = {
  name: 'fetcher',
  settings: SERVICE_SETTINGS,
  examples: ['fetcher pipeline.ts', 'fetcher pipeline.ts --http-port 8080'],
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Hosts the fetcher; further ones share the runs and stand by for each other.',
  options: { once },
  run: (call) => host(call, 'fetcher'),
};

export const mapperCommand: Command = {
  name: 'mapper',
  settings: SERVICE_SETTINGS,
  examples: ['mapper pipeline.ts', 'mapper pipeline.ts --stage squares'],
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Hosts the mappers; start as many as you want.',
  options: {
    stage: { type: 'string', value: 'NAME', meaning: 'Only this mapper (default: all of them).' },
    once,
  },
  run: (call) => host(call, 'mapper'),
};

export const saverCommand: Command = {
  name: 'saver',
  settings: SERVICE_SETTINGS,
  examples: ['saver pipeline.ts', 'saver pipeline.ts --once'],
  operands: '<pipeline>',
  operandCount: [1, 1],
  summary: 'Hosts the savers; start as many as the sink can bear.',
  options: {
    stage: { type: 'string', value: 'NAME', meaning: 'Only this saver (default: all of them).' },
    once,
  },
  run: (call) => host(call, 'saver'),
};

async function host(call: Call, role: Role): Promise<number> {
  const [file = ''] = call.operands;
  const { httpPort, httpHost, stopGraceMs, nats } = call.settings;
  const stage = call.flags['stage'] as string | undefined;
  const isOnce = call.flags['once'] === true;
  const shutdown = listenForShutdown((line) => call.logger.warn(line), stopGraceMs);
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
