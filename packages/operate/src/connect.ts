import { DEFAULT_TOPOLOGY_SETTINGS, type TopologySettings } from '@leat/core';
import {
  addressOf,
  connectionName,
  type ConnectionSettings,
  demandObject,
  natsSettingsOf,
  openConnection,
  openSigning,
} from '@leat/runtime';
import type { Logger } from '@leat/sdk';
import { Leat } from './leat.ts';

/** How to reach the server that runs are on. */
export interface ConnectOptions extends ConnectionSettings {
  /**
   * The limits of the streams that `start` makes where they are not there yet; give what the services are given.
   * @defaultValue one copy of each stream, 2,000 chunks and 256 MiB in front of each stage
   */
  readonly topology?: Partial<TopologySettings>;
  /**
   * The keys of the services, each as `id:file`; the first one signs, all are good for checking.
   * @defaultValue none: nothing is signed, and all is believed
   */
  readonly signingKeys?: readonly string[];
  /**
   * Told what the connection goes through, and what is left out of a list.
   * @defaultValue nobody is told
   */
  readonly logger?: Logger;
}

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * Connects to a NATS server, to start runs there, to watch and steer them, and to look at what they left. The
 * services of the pipelines run elsewhere: `serve`, or the `leat` command.
 *
 * @throws LeatError `unreachable`, `unfit-server` (too old, or without JetStream), or `invalid-configuration` if the
 *   credentials are refused, or a signing key cannot be used
 */
export async function connect(options: ConnectOptions = {}): Promise<Leat> {
  demandObject('What connect is given', options);
  const { topology, signingKeys, logger = SILENT, ...connection } = options;
  const settings = natsSettingsOf(connection);
  const name = connectionName('client');
  const signing = await openSigning(signingKeys, { name, logger });
  return new Leat({
    nats: await openConnection(settings, { name, logger }),
    signing,
    address: addressOf(settings),
    topology: { ...DEFAULT_TOPOLOGY_SETTINGS, ...topology },
    logger,
  });
}
