/** The settings of KEDA's trigger `nats-jetstream` by which it finds a queue. */
export interface Trigger {
  /** `host:port` of a server's monitoring. */
  readonly natsServerMonitoringEndpoint: string;
  readonly account: string;
  readonly stream: string;
  readonly consumer: string;
}

interface JetStream {
  readonly account_details?: readonly {
    readonly id: string;
    readonly name: string;
    readonly stream_detail?: readonly {
      readonly name: string;
      readonly config: { readonly num_replicas: number };
      readonly consumer_detail?: readonly Consumer[];
    }[];
  }[];
  readonly meta_cluster?: { readonly cluster_size: number };
}
interface Consumer {
  readonly name: string;
  readonly num_pending: number;
  readonly num_ack_pending: number;
  readonly cluster?: { readonly leader: string };
}
interface Server {
  readonly server_name: string;
  readonly connect_urls?: readonly string[];
}

/** What KEDA would scale by, and how many copies of the queue there are. */
export interface Lag {
  readonly lag: number;
  readonly copies: number;
}

/**
 * Asks the servers what KEDA 2.21.0 asks them (`pkg/scalers/nats_jetstream_scaler.go`), and makes of it what KEDA makes.
 *
 * @throws Error where KEDA would find nothing to scale by
 */
export async function lagOf(trigger: Trigger): Promise<Lag> {
  const first = trigger.natsServerMonitoringEndpoint;
  const answer = await jetStreamAt(first, trigger);
  if ((answer.meta_cluster?.cluster_size ?? 0) <= 1) return lagIn(answer, trigger);
  // Of a cluster, the server that leads the consumer knows best; all are taken to have the port of the first.
  const [, port = ''] = first.split(':');
  const { connect_urls: urls = [] } = await get<Server>(first, '/varz');
  for (const url of urls) {
    const endpoint = `${url.split(':')[0]}:${port}`;
    const { server_name: name } = await get<Server>(endpoint, '/varz');
    const said = await jetStreamAt(endpoint, trigger);
    if (queueIn(said, trigger).consumer.cluster?.leader === name) return lagIn(said, trigger);
  }
  throw new Error(`none of ${urls.join(', ')} leads the consumer ${trigger.consumer}`);
}

function jetStreamAt(endpoint: string, { account }: Trigger): Promise<JetStream> {
  return get(endpoint, `/jsz?acc=${encodeURIComponent(account)}&config=true&consumers=true`);
}

async function get<T>(endpoint: string, path: string): Promise<T> {
  return (await (await fetch(`http://${endpoint}${path}`)).json()) as T;
}

function queueIn(
  { account_details: accounts = [] }: JetStream,
  trigger: Trigger,
): { readonly consumer: Consumer; readonly copies: number } {
  const account = accounts.find(({ id, name }) => [id, name].includes(trigger.account));
  const stream = account?.stream_detail?.find(({ name }) => name === trigger.stream);
  const consumer = stream?.consumer_detail?.find(({ name }) => name === trigger.consumer);
  if (stream !== undefined && consumer !== undefined) {
    return { consumer, copies: stream.config.num_replicas };
  }
  const [what, name] =
    account === undefined
      ? ['account', trigger.account]
      : stream === undefined
        ? ['stream', trigger.stream]
        : ['consumer', trigger.consumer];
  throw new Error(`there is no ${what} ${name}`);
}

function lagIn(answer: JetStream, trigger: Trigger): Lag {
  const { consumer, copies } = queueIn(answer, trigger);
  return { lag: consumer.num_pending + consumer.num_ack_pending, copies };
}
