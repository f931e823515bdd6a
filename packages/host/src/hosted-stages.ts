import { hostOf, inlineStagesOf, LeatError } from '@leat/core';
import type { Pipeline, Stage } from '@leat/sdk';
import { type Role, ROLES } from './role.ts';

/** Which stages of a pipeline a process hosts. */
export interface HostedStages {
  /**
   * All stages of these roles.
   * @defaultValue all roles
   */
  readonly roles?: readonly Role[];
  /**
   * Only the stage of this name, of those that the roles have.
   * @defaultValue all of them
   */
  readonly stage?: string;
}

/**
 * The stages that are hosted, in the pipeline's order; the inline ones come with those that have queues.
 *
 * @throws LeatError `invalid-configuration` if a role has no stage in the pipeline, or there is no stage of that name,
 * or another role does its work
 */
export function hostedStages(
  pipeline: Pipeline,
  { roles = ROLES, stage: wanted }: HostedStages,
): readonly Stage[] {
  const ofRoles = pipeline.stages.filter(({ kind }) => roles.includes(kind));
  const queued = queuedOf(pipeline, ofRoles);
  if (roles.length === 0) refuse(`No role is given: name at least one of ${ROLES.join(', ')}.`);
  const unknown = roles.find((role) => !ROLES.includes(role));
  if (unknown !== undefined) {
    refuse(`There is no role ${JSON.stringify(unknown)}: use ${ROLES.join(', ')}.`);
  }
  if (wanted !== undefined) {
    const stage = ofRoles.find(({ name }) => name === wanted);
    if (stage !== undefined && !queued.includes(stage)) refuseInline(pipeline, stage);
    if (stage !== undefined) return [stage];
    const names = ofRoles.map(({ name }) => name).join(', ') || 'none';
    refuse(
      `The pipeline ${pipeline.name} has no ${roles.join(' or ')} named ${JSON.stringify(wanted)}; it has ${names}.`,
    );
  }
  const isWhole = ROLES.every((role) => roles.includes(role));
  const missing = roles.find((role) => !ofRoles.some(({ kind }) => kind === role));
  if (missing !== undefined && !isWhole) {
    refuse(`The pipeline ${pipeline.name} has no ${missing}.`);
  }
  for (const stage of ofRoles) {
    const host = hostOf(pipeline.spec, stage.name);
    const isAlone = !queued.some(({ name, kind }) => name === host || kind === stage.kind);
    if (isAlone) refuseInline(pipeline, stage);
  }
  return queued;
}

/** Those of some stages that are not inline. */
export function queuedOf({ spec }: Pipeline, stages: readonly Stage[]): readonly Stage[] {
  return stages.filter(({ name }) => hostOf(spec, name) === name);
}

/** The names of stages, and of the inline ones that are worked on with them. */
export function namesWithInline({ spec }: Pipeline, stages: readonly Stage[]): readonly string[] {
  return stages.flatMap(({ name }) => [
    name,
    ...inlineStagesOf(spec, name).map((inline) => inline.name),
  ]);
}

function refuseInline({ spec }: Pipeline, { kind, name }: Stage): never {
  const host = hostOf(spec, name);
  refuse(
    `The ${kind} ${name} is inline: the service of the mapper ${host} does its work. Start "leat mapper", or leave out its inline.`,
  );
}

function refuse(sentence: string): never {
  throw new LeatError('invalid-configuration', sentence);
}
