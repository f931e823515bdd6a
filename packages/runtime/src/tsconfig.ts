import { LeatError, messageOf } from '@leat/core';
import { getTsconfig } from 'get-tsconfig';

/** What Leat takes from a project's `tsconfig.json`. */
export interface Tsconfig {
  readonly path: string;
  /** Whether decorators are those of `experimentalDecorators`, and not the standard ones. */
  readonly hasDecorators: boolean;
  /** Whether decorators are given the types of what they decorate: `emitDecoratorMetadata`. */
  readonly hasMetadata: boolean;
}

/**
 * The `tsconfig.json` that is nearest above a file, with what it extends; undefined if there is none.
 *
 * @throws LeatError `invalid-pipeline` if it cannot be read
 */
export function readTsconfig(file: string): Tsconfig | undefined {
  try {
    const found = getTsconfig(file);
    if (found === null) return undefined;
    const { experimentalDecorators = false, emitDecoratorMetadata = false } =
      found.config.compilerOptions ?? {};
    return {
      path: found.path,
      hasDecorators: experimentalDecorators,
      hasMetadata: emitDecoratorMetadata,
    };
  } catch (error) {
    throw new LeatError(
      'invalid-pipeline',
      `The tsconfig.json above it cannot be read: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}
