import { checkName, type DeadLetterChoice, isChosen, LeatError } from '@leat/core';
import { type DeadLetter, deadLetterPipelines, readDeadLetters } from '@leat/runtime';
import { findLetters, type RunName } from '../runs/find-run.ts';
import { sayLeftOut } from './left-out.ts';
import { allExplained, explained, type Site } from '../site.ts';
import { type DroppedLetters, dropLetters } from './drop-letters.ts';
import { exportChunk } from './export-chunk.ts';
import type { FailedChunk } from './failed-chunk-file.ts';
import { type Redrive, redriveLetters } from './redrive-letters.ts';

/** Which dead letters are meant; all of the run, if nothing is said. */
export interface LetterChoice extends DeadLetterChoice {
  /** Needed if several pipelines have a run of that id. */
  readonly pipeline?: string;
}

/** How many letters of one kind there are. */
export interface DeadLetterGroup {
  readonly pipeline: string;
  readonly run: string;
  readonly stage: string;
  /** The name of the error. */
  readonly error: string;
  readonly records: number;
  /** The letter that came first. */
  readonly first: DeadLetter;
}

/** The records that were given up: read them, have them tried again, remove them, take them away as a file. */
export class DeadLetters {
  readonly #site: Site;

  constructor(site: Site) {
    this.#site = site;
  }

  /**
   * Dead letters, pipeline by pipeline, oldest first, each record once.
   *
   * @param run the id of a run; without it, of all
   * @throws LeatError `run-unknown`, or `invalid-configuration` if no letters are kept of the pipeline that is named
   */
  list(run?: string, choice: LetterChoice = {}): AsyncGenerator<DeadLetter, void> {
    return allExplained(this.#site, this.#list(run, choice));
  }

  /**
   * Dead letters, counted by run, stage and name of the error, the most frequent first. All are read; one of each
   * group is kept.
   *
   * @throws LeatError as `list`
   */
  async groups(run?: string, choice: LetterChoice = {}): Promise<DeadLetterGroup[]> {
    const groups = new Map<string, DeadLetterGroup>();
    for await (const letter of this.list(run, choice)) {
      const { pipeline, stage, error } = letter;
      const key = [pipeline, letter.run, stage, error.name].join('\n');
      const { first = letter, records = 0 } = groups.get(key) ?? {};
      const group = { pipeline, run: letter.run, stage, error: error.name };
      groups.set(key, { ...group, records: records + 1, first });
    }
    return [...groups.values()].toSorted((a, b) => b.records - a.records);
  }

  /**
   * All letters of one record: one for each stage that gave it up.
   *
   * @param at the chunk, and the record's place in it
   * @throws LeatError `invalid-configuration` if there is none
   */
  async show(
    run: string,
    at: { readonly chunk: string; readonly index: number },
    choice: Omit<LetterChoice, 'chunk' | 'index'> = {},
  ): Promise<DeadLetter[]> {
    const letters: DeadLetter[] = [];
    for await (const letter of this.list(run, { ...choice, ...at })) letters.push(letter);
    if (letters.length > 0) return letters;
    throw new LeatError(
      'invalid-configuration',
      `The run ${run} has no such dead letter of record ${at.index} of chunk ${at.chunk}: "leat dead list ${run}" lists them.`,
    );
  }

  /**
   * Asks for records of a run to be tried again, which its services do as soon as they are running.
   *
   * @throws LeatError `run-unknown`, or `run-state` unless the whole dataset of the run is settled
   */
  async redrive(run: string, choice: LetterChoice = {}): Promise<Redrive> {
    const { name, rest } = parted(run, choice);
    return await explained(this.#site, redriveLetters(this.#site, name, rest));
  }

  /**
   * Removes dead letters of a run for good; its report counts them still.
   *
   * @throws LeatError `run-unknown`, or `run-state` while dead letters of the run are being tried again
   */
  async drop(run: string, choice: LetterChoice = {}): Promise<DroppedLetters> {
    const { name, rest } = parted(run, choice);
    return await explained(this.#site, dropLetters(this.#site, name, rest));
  }

  /**
   * The records of one chunk that one stage gave up, with what is needed to try them again without a server;
   * `formatFailedChunk` makes a file of it.
   *
   * @param options.stage needed if several stages gave up records of the chunk
   * @throws LeatError `run-unknown`, or `invalid-configuration` if there are no such letters, or of several stages
   */
  async export(
    run: string,
    chunk: string,
    options: Pick<LetterChoice, 'stage' | 'pipeline'> = {},
  ): Promise<FailedChunk> {
    const { name, rest } = parted(run, options);
    return await explained(this.#site, exportChunk(this.#site, name, { chunk, ...rest }));
  }

  async *#list(
    run: string | undefined,
    { pipeline, ...choice }: LetterChoice,
  ): AsyncGenerator<DeadLetter, void> {
    checkStage(choice);
    if (run === undefined) await this.#demandPipeline(pipeline);
    const of =
      run === undefined ? pipeline : (await findLetters(this.#site, { run, pipeline })).pipeline;
    const leftOut = sayLeftOut(this.#site);
    for await (const letter of readDeadLetters(this.#site, { pipeline: of, run }, leftOut)) {
      if (isChosen(letter, choice)) yield letter;
    }
  }

  /** @throws LeatError `invalid-configuration` if no dead letters are kept of the pipeline that is named */
  async #demandPipeline(pipeline: string | undefined): Promise<void> {
    if (pipeline === undefined) return;
    const { nats, address } = this.#site;
    const found = await deadLetterPipelines(nats);
    if (found.includes(pipeline)) return;
    throw new LeatError(
      'invalid-configuration',
      `There are no dead letters of a pipeline ${JSON.stringify(pipeline)} on the NATS server at ${address}; it has those of ${found.join(', ') || 'none'}.`,
    );
  }
}

/** @throws LeatError `invalid-name`: no letter is of such a stage, which would look as if there were none */
function checkStage({ stage }: DeadLetterChoice): void {
  if (stage !== undefined) checkName('stage', stage);
}

function parted(
  run: string,
  { pipeline, ...rest }: LetterChoice,
): { readonly name: RunName; readonly rest: DeadLetterChoice } {
  checkStage(rest);
  return { name: { run, pipeline }, rest };
}
