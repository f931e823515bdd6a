import { LeatError, messageOf } from '@leat/core';
import { getTsconfig } from 'get-tsconfig';

/** What Leat takes from a project's `tsconfig.json`. */
export interface Tsconfig {
  readonly path: string;
  /** Whether decorators are those of `experimentalDecorators`. */
  readonly hasDecorators: boolean;
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
    const { experimentalDecorators = false } = found.config.compilerOptions ?? {};
    return { path: found.path, hasDecorators: experimentalDecorators };
  } catch (error) {
    throw new LeatError(
      'invalid-pipeline',
      `The tsconfig.json above it cannot be read: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

/** As much of a place in a file as the plugin below uses of Babel's. */
interface SyntaxPath {
  readonly node: { readonly loc?: { readonly start: object } };
  readonly traverse: (visitor: Readonly<Record<string, (path: SyntaxPath) => void>>) => void;
}

const REFUSAL =
  'it has a decorator, and its tsconfig.json does not set "experimentalDecorators" to true: standard decorators are not supported';

/**
 * A plugin of Babel that refuses decorators: files are transformed with those of `experimentalDecorators`, which are
 * called with other arguments than the standard ones.
 */
export function refuseDecorators(): object {
  return {
    visitor: {
      Program(program: SyntaxPath): void {
        program.traverse({
          Decorator({ node }) {
            throw Object.assign(new Error(REFUSAL), { loc: node.loc?.start });
          },
        });
      },
    },
  };
}
