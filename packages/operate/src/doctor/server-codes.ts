import type { CodeMeaning, ServerCode } from './finding-code.ts';

/** What the codes mean that are about the server itself. */
export const SERVER_CODES: Readonly<Record<ServerCode, CodeMeaning>> = {
  'server-too-old': {
    severity: 'error',
    what: 'A server is older than 2.10.27. Leat refuses to connect to one; others of its cluster are seen with `--monitor`.',
    consequence: 'Servers of that age were seen to lose messages that they had acknowledged.',
    remedy: 'Upgrade the server.',
  },
  'server-loses-messages': {
    severity: 'error',
    what: 'A server is 2.12.3 or 2.12.4 and has queues in several copies.',
    consequence: 'Work queues with three copies lose messages (nats-server #7817).',
    remedy: 'Upgrade the server to a version that has the correction of nats-server #7845.',
  },
  'single-server': {
    severity: 'warning',
    what: '`--production` was given, and the server is not part of a cluster.',
    consequence:
      'While it is down, everything stands still; if its disk is lost, dead letters and the progress of runs are too.',
    remedy: 'Run three servers as a cluster.',
  },
  'sync-interval-long': {
    severity: 'warning',
    what: 'A server’s `sync_interval` is longer than 10 s; its default is 2 minutes. Seen with `--monitor`.',
    consequence:
      'When its machine loses power or its kernel crashes, what it acknowledged in that time is lost: chunks are sent again, dead letters are gone.',
    remedy:
      'Set `jetstream { sync_interval: "1s" }` (costs next to nothing), or `always` where there is one copy of what cannot be made again.',
  },
  'sync-interval-unseen': {
    severity: 'note',
    what: 'No monitoring endpoint was given, and `sync_interval` can be seen nowhere else.',
    consequence:
      'At the default of 2 minutes, a power loss takes what was acknowledged in that time.',
    remedy: 'Name the endpoint of each server: `--monitor http://host:8222`.',
  },
  'monitor-unreachable': {
    severity: 'warning',
    what: 'A monitoring endpoint that was given does not answer as a NATS server does.',
    consequence: 'The `sync_interval`, version and storage of that server were not checked.',
    remedy: 'Check the address, and that the server’s configuration has `http: 8222`.',
  },
  'clock-skew': {
    severity: 'warning',
    what: 'The clock of the server and of this machine differ by more than 2 s beyond the round trip.',
    consequence:
      'Runs are taken up and shown in the order of their clocks, times in reports and dead letters are wrong, and credentials that expire may be refused.',
    remedy: 'Let both machines follow a time server (NTP).',
  },
  'payload-small': {
    severity: 'note',
    what: '`max_payload` is below 1 MiB, the default of servers.',
    consequence:
      'More bodies go by the object store, which is slower, and a run whose ledger is larger than a message fails.',
    remedy: 'Raise `max_payload` to what it was: `1MB` or more.',
  },
  'storage-full': {
    severity: 'error',
    what: 'More than 95 % of the storage or memory that the account may have is used.',
    consequence: 'Publishes are refused, and every run waits.',
    remedy:
      'Raise the account’s limit, or remove what is not needed: dead letters of old runs, streams of old pipelines.',
    holdsUp: true,
  },
  'storage-nearly-full': {
    severity: 'warning',
    what: 'More than 80 % of a limit is used: of the account (storage, memory, streams, consumers), of a server’s storage (seen with `--monitor`), or of a bucket.',
    consequence: 'When it is full, publishes are refused and every run waits.',
    remedy:
      'Raise the limit, or remove what is not needed: dead letters of old runs, streams of old pipelines.',
  },
};
