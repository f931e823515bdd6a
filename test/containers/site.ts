import { docker, LEAT_IMAGE, NATS_IMAGE } from './image.ts';

/** A NATS server and services of the cities pipeline, each in a container, as compose.yaml has them. */
export class Site implements AsyncDisposable {
  readonly #name: string = `leat-test-${process.pid}-${Date.now()}`;
  readonly #containers: string[] = [];

  static async create(): Promise<Site> {
    const site = new Site();
    await docker('network', 'create', site.#name);
    await docker('volume', 'create', site.#name);
    const store = ['--tmpfs', '/store'];
    await site.#start('nats', [
      ...store,
      '--network-alias',
      'nats',
      NATS_IMAGE,
      '-js',
      '-sd=/store',
    ]);
    return site;
  }

  /** Starts a service with as few rights as the manifests give it, and gives the name of its container. */
  service(role: 'fetcher' | 'mapper' | 'saver', ...options: readonly string[]): Promise<string> {
    return this.#start(role, [
      '--read-only',
      '--cap-drop=ALL',
      '--security-opt=no-new-privileges',
      `--volume=${this.#name}:/data`,
      '--env=NATS_URL=nats://nats:4222',
      '--env=LEAT_HTTP_PORT=8080',
      '--env=LEAT_LOG_FORMAT=json',
      ...options,
      LEAT_IMAGE,
      role,
      'cities/pipeline.ts',
    ]);
  }

  async #start(role: string, options: readonly string[]): Promise<string> {
    const name = `${this.#name}-${role}-${this.#containers.length}`;
    this.#containers.push(name);
    await docker('run', '--detach', '--name', name, '--network', this.#name, ...options);
    return name;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await docker('rm', '--force', '--volumes', ...this.#containers);
    await docker('volume', 'rm', this.#name);
    await docker('network', 'rm', this.#name);
  }
}

/** Runs `leat` in a container that has its settings. */
export async function leatIn(container: string, ...args: readonly string[]): Promise<string> {
  return (await docker('exec', container, 'leat', ...args)).trim();
}

/** What a probe of a container is answered: the status. */
export async function probe(container: string, path: string): Promise<number> {
  const script = `fetch('http://127.0.0.1:8080${path}').then((r) => console.log(r.status))`;
  return Number(await docker('exec', container, 'node', '-e', script).catch(() => 0));
}
