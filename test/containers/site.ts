import type { StartedNetwork, StartedTestContainer } from 'testcontainers';
import { GenericContainer, Network, Wait } from 'testcontainers';
import { docker, LEAT_IMAGE, NATS_IMAGE } from './image.ts';

const SETTINGS = { NATS_URL: 'nats://nats:4222', LEAT_HTTP_PORT: '8080', LEAT_LOG_FORMAT: 'json' };
const IS_READY =
  "fetch('http://127.0.0.1:8080/readyz').then((r) => process.exit(r.status === 200 ? 0 : 1))";

/** A NATS server and services of the cities pipeline, each in a container, as compose.yaml has them. */
export class Site implements AsyncDisposable {
  readonly #network: StartedNetwork;
  readonly #containers: StartedTestContainer[] = [];

  private constructor(network: StartedNetwork) {
    this.#network = network;
  }

  static async create(): Promise<Site> {
    const site = new Site(await new Network().start());
    await site.#start(
      new GenericContainer(NATS_IMAGE)
        .withCommand(['-js', '-sd=/store'])
        .withTmpFs({ '/store': 'rw' })
        .withNetworkAliases('nats')
        .withWaitStrategy(Wait.forLogMessage('Server is ready')),
    );
    return site;
  }

  /** Starts a service with as few rights as the manifests give it, and waits until it is ready. */
  service(role: 'fetcher' | 'mapper' | 'saver'): Promise<StartedTestContainer> {
    return this.#start(
      new ReadOnlyContainer(LEAT_IMAGE)
        .withCommand([role, 'cities/pipeline.ts'])
        .withEnvironment(SETTINGS)
        .withDroppedCapabilities('ALL')
        .withSecurityOpt('no-new-privileges')
        // A volume, of the network's name.
        .withBindMounts([{ source: this.#network.getName(), target: '/data' }])
        .withWaitStrategy(Wait.forSuccessfulCommand(`node -e "${IS_READY}"`)),
    );
  }

  async #start(container: GenericContainer): Promise<StartedTestContainer> {
    const started = await container.withNetwork(this.#network).start();
    this.#containers.push(started);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#containers.map((each) => each.stop()));
    await docker('volume', 'rm', '--force', this.#network.getName());
    await this.#network.stop();
  }
}

/** The library has no option for a read-only root, but lets those who extend it set the engine's. */
class ReadOnlyContainer extends GenericContainer {
  protected override hostConfig = { ReadonlyRootfs: true };
}

/** Runs `leat` in a container that has its settings. */
export async function leatIn(to: StartedTestContainer, ...args: string[]): Promise<string> {
  const { exitCode, stdout, output } = await to.exec(['leat', ...args]);
  if (exitCode !== 0) throw new Error(`leat ${args.join(' ')}: ${exitCode}\n${output}`);
  return stdout.trim();
}
