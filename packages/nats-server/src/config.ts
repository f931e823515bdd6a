export interface ServerConfig {
  readonly port: number;
  readonly storeDir: string;
  readonly portsDir: string;
  readonly jetstream: boolean;
  /** Extra lines; a setting that is given here wins over the same one of ours. */
  readonly extra: string;
}

/** Writes nats-server's configuration. */
export function formatConfig(config: ServerConfig): string {
  return [
    'host: 127.0.0.1',
    `port: ${config.port}`,
    `ports_file_dir: ${quote(config.portsDir)}`,
    // Beside the block, so that an extra `jetstream { … }` need not repeat it.
    ...(config.jetstream
      ? [
          `store_dir: ${quote(config.storeDir)}`,
          // The server's own default of two minutes loses that much when the machine dies.
          'jetstream { sync_interval: "1s" }',
        ]
      : []),
    config.extra,
    '',
  ].join('\n');
}

/** JSON's escapes are a subset of those in nats-server's strings, Windows' backslashes included. */
function quote(text: string): string {
  return JSON.stringify(text);
}
