import { LeatError } from '@leat/core';
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
 * The stages that are hosted, in the pipeline's order.
 *
 * @throws LeatError `invalid-configuration` if a role has no stage in the pipeline, or there is no stage of that name
 */
export function hostedStages(
  pipeline: Pipeline,
  { roles = ROLES, stage: wanted }: HostedStages,
): readonly Stage[] {
  const ofRoles = pipeline.stages.filter(({ kind }) => roles.includes(kind));
  if (roles.length === 0) refuse(`No role is given: name at least one of ${ROLES.join(', ')}.`);
  const unknown = roles.find((role) => !ROLES.includes(role));
  if (unknown !== undefined) {
    refuse(`There is no role ${JSON.stringify(unknown)}: use ${ROLES.join(', ')}.`);
  }
  if (wanted !== undefined) {
    const stage = ofRoles.find(({ name }) => name === wanted);
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
  return ofRoles;
}

function refuse(sentence: string): never {
  throw new LeatError('invalid-configuration', sentence);
}
