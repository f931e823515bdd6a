import { inlineStagesOf } from '@leat/core';
import { type MapperService, openInlineMapper } from '@leat/mapper';
import { InlineStages, StageTelemetry } from '@leat/runtime';
import { openInlineSaver, type SaverService } from '@leat/saver';
import type { Mapper, Saver } from '@leat/sdk';
import { optionsOf, type ServiceHost } from './service-host.ts';

/** The inline stages of a mapper in this process. All its replicas here share them, and so they share one sink. */
export class InlineGroup {
  readonly stages: InlineStages = new InlineStages();
  /** Aborted when one of its savers has to end: see `SaverService.unfit`. */
  readonly unfit: AbortSignal;
  readonly #mappers: MapperService[] = [];
  readonly #savers: SaverService[] = [];

  constructor(host: ServiceHost, mapper: Mapper) {
    const { pipeline, telemetry } = host;
    const inline = inlineStagesOf(pipeline.spec, mapper.name);
    const names = new Set(inline.map(({ name }) => name));
    for (const stage of pipeline.stages) {
      if (stage.kind === 'fetcher' || !names.has(stage.name)) continue;
      const service = this.#open(host, stage);
      const take = service.take.bind(service);
      this.stages.add(stage.name, { take, telemetry: new StageTelemetry(stage.name, telemetry) });
    }
    this.unfit = AbortSignal.any(this.#savers.map(({ unfit }) => unfit));
  }

  /**
   * Waits until nothing is in hand, and closes them.
   *
   * @param noMore settles when the replicas of the mapper have ended
   * @throws LeatError `sink-unfit`, as a saver of its own would
   */
  async end(noMore: Promise<unknown>): Promise<void> {
    const services = [...this.#mappers, ...this.#savers];
    await Promise.all(services.map((service) => service.idle(noMore)));
    for (const service of services) await service.close();
    this.unfit.throwIfAborted();
  }

  #open(host: ServiceHost, stage: Mapper | Saver): MapperService | SaverService {
    if (stage.kind === 'mapper') {
      const service = openInlineMapper({
        ...optionsOf(host, stage),
        mapper: stage,
        inline: this.stages,
      });
      this.#mappers.push(service);
      return service;
    }
    const service = openInlineSaver({ ...optionsOf(host, stage), saver: stage });
    this.#savers.push(service);
    return service;
  }
}
