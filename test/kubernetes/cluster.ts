import { copyFile, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunReport } from '@leat/core';
import {
  buildLeatImage,
  buildNatsImage,
  LEAT_IMAGE,
  NATS_IMAGE,
  whyNoDocker,
} from '../containers/image.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import { whyNoControlPlane, whyNoNode } from './components.ts';
import { ControlPlane } from './control-plane.ts';
import { giveVolume, startNode } from './node.ts';
import { Sandbox } from './sandbox.ts';

const OVERLAYS = fileURLToPath(new URL('../../k8s/overlays', import.meta.url));
const DEADLINE_MS = 240_000;

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  }[];
}

/** Says why there can be no cluster; undefined if there can. */
export async function whyNoCluster(): Promise<string | undefined> {
  return (await whyNoControlPlane()) ?? (await whyNoNode()) ?? whyNoDocker();
}

/** A cluster of one node, which has the images; what is done in it is done in the namespace `leat`. */
export class Cluster implements AsyncDisposable {
  readonly plane: ControlPlane;
  readonly sandbox: Sandbox;

  private constructor(plane: ControlPlane, sandbox: Sandbox) {
    this.plane = plane;
    this.sandbox = sandbox;
  }

  static async start(): Promise<Cluster> {
    await buildLeatImage();
    await buildNatsImage();
    const sandbox = await Sandbox.start();
    const plane = await ControlPlane.start(sandbox.prefix).catch(async (error: unknown) => {
      await sandbox[Symbol.asyncDispose]();
      throw error;
    });
    const cluster = new Cluster(plane, sandbox);
    try {
      const images = { [LEAT_IMAGE]: LEAT_IMAGE, [NATS_IMAGE]: 'nats:2.15.2-alpine' };
      await startNode(plane, sandbox, images);
      for (const claim of ['data', 'store-nats-0']) await giveVolume(plane, claim);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return this.plane.kubectl('--namespace=leat', ...args);
  }

  /** Runs `leat` where the fetcher runs. */
  async leat(...args: readonly string[]): Promise<string> {
    return (await this.kubectl('exec', 'deployment/fetcher', '--', 'leat', ...args)).trim();
  }

  /**
   * Applies an overlay with changes, as somebody would who has an overlay of his own over it.
   *
   * @param files what the changes name
   */
  async apply(
    overlay: 'dev' | 'prod',
    changes: Readonly<Record<string, unknown>> = {},
    files: readonly string[] = [],
  ): Promise<void> {
    await using dir = await tempDir();
    for (const file of files) await copyFile(file, join(dir.path, basename(file)));
    const resources = [relative(dir.path, join(OVERLAYS, overlay))];
    const kustomization = { namespace: 'leat', resources, ...changes };
    await writeFile(join(dir.path, 'kustomization.yaml'), JSON.stringify(kustomization));
    await this.plane.kubectl('apply', '--validate=strict', `--kustomize=${dir.path}`);
  }

  /** Waits until all replicas of Leat and of its NATS are there, and ready. */
  async rolledOut(): Promise<void> {
    const names = await this.kubectl('get', 'deployments,statefulsets', '--output=name');
    for (const name of names.trim().split('\n')) {
      await this.kubectl('rollout', 'status', name, '--timeout=240s');
    }
  }

  /** Kills a pod without a word. */
  async kill(selector: string): Promise<void> {
    const { items } = await this.plane.get<Pods>('pods', '-n=leat', `--selector=${selector}`);
    const living = items.find(({ metadata }) => metadata.deletionTimestamp === undefined);
    const name = living?.metadata.name ?? '';
    await this.kubectl('delete', 'pod', name, '--force', '--grace-period=0');
  }

  async reportOf(run: string): Promise<RunReport> {
    return JSON.parse(await this.leat('status', run, '--json')) as RunReport;
  }

  untilSaved(run: string, chunks: number): Promise<void> {
    const what = `${chunks} chunks of ${run} are saved`;
    return this.#until(what, run, (report) => report.chunks.saved >= chunks);
  }

  /**
   * Waits for the end of a run, and holds its report against the sink.
   *
   * @param file the pipeline's, in the image or mounted
   */
  async ended(run: string, file = 'cities/pipeline.ts'): Promise<RunReport> {
    await this.#until(`${run} has ended`, run, (report) => report.endedAt !== null);
    await this.leat('verify', run, file);
    const report = await this.reportOf(run);
    process.stderr.write(`pods: ${JSON.stringify(report)}\n`);
    return report;
  }

  #until(what: string, run: string, condition: (report: RunReport) => boolean): Promise<void> {
    // A fetcher that was killed a moment ago answers nobody.
    const holds = (): Promise<boolean> => this.reportOf(run).then(condition, () => false);
    return until(what, holds, DEADLINE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The sandbox first: what a kubelet has mounted goes with it.
    await this.sandbox[Symbol.asyncDispose]();
    await this.plane[Symbol.asyncDispose]();
  }
}
