import { access, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { spawn } from 'node:child_process';
import { messageOf } from '@leat/core';
import { run } from './command.ts';
import { freePort } from './free-port.ts';
import { tempDir } from './temp-dir.ts';
import { until } from './until.ts';

/** Debian's `prometheus` and `promtool`. */
export interface PrometheusPrograms {
  readonly server: string;
  readonly promtool: string;
}

/** Those that are installed, else those of Debian's package, which is unpacked into Leat's cache; or why there are none. */
export async function findPrometheus(): Promise<PrometheusPrograms | { readonly lack: string }> {
  try {
    const [server = '', promtool = ''] = (await run('which', ['prometheus', 'promtool'])).split(
      '\n',
    );
    return { server, promtool };
  } catch {
    const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
    const root = join(process.env['LEAT_CACHE_DIR'] ?? join(caches, 'leat'), 'prometheus');
    const bin = join(root, 'usr', 'bin');
    try {
      await access(bin).catch(() => unpackTo(root));
    } catch (error) {
      return { lack: `apt-get install prometheus (${messageOf(error).split('\n', 1)[0]})` };
    }
    return { server: join(bin, 'prometheus'), promtool: join(bin, 'promtool') };
  }
}

/** Renamed at the end, so that nobody ever finds half of it. */
async function unpackTo(root: string): Promise<void> {
  await mkdir(dirname(root), { recursive: true });
  const work = await mkdtemp(`${root}-`);
  try {
    await run('apt-get', ['download', 'prometheus'], { cwd: work });
    const [file = ''] = await readdir(work);
    await run('dpkg-deb', ['-x', file, 'package'], { cwd: work });
    await rename(join(work, 'package'), root).catch(() => access(root));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A value of a query, with its labels. */
interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A Prometheus that scrapes; ended with the block. */
export interface Prometheus extends AsyncDisposable {
  /** The data of an answer of its API, such as `rules`. */
  readonly get: <T>(path: string) => Promise<T>;
  readonly query: (expression: string) => Promise<readonly Sample[]>;
}

/** @param targets what is scraped, twice a second, as `host:port` @param rules a file of rules */
export async function startPrometheus(
  { server }: PrometheusPrograms,
  targets: readonly string[],
  rules: string,
): Promise<Prometheus> {
  const dir = await tempDir();
  const file = join(dir.path, 'prometheus.json');
  const config = {
    global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
    rule_files: [rules],
    scrape_configs: [{ job_name: 'leat', static_configs: [{ targets }] }],
  };
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config));
  const port = await freePort();
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(dir.path, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = spawn(server, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${url}/api/v1/${path}`);
    const { status, data, error } = (await answer.json()) as {
      readonly status: string;
      readonly data: T;
      readonly error?: string;
    };
    if (status !== 'success') throw new Error(`${path}: ${error}`);
    return data;
  };
  await until('Prometheus is ready', async () => {
    if (child.exitCode !== null) throw new Error(stderr);
    return fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return {
    get,
    query: async (expression) => {
      type Found = { readonly metric: Sample['metric']; readonly value: [number, string] };
      const path = `query?query=${encodeURIComponent(expression)}`;
      const { result } = await get<{ readonly result: readonly Found[] }>(path);
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
      await dir[Symbol.asyncDispose]();
    },
  };
}
