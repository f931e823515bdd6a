import type { Tsconfig } from './tsconfig.ts';

/** As much of Babel's syntax tree as is looked at here. */
interface Syntax {
  readonly type: string;
  readonly loc?: { readonly start: object };
  readonly expression?: Syntax;
  readonly left?: Syntax;
  readonly right?: { body: object };
  readonly callee?: { readonly property?: { readonly name?: string } };
}

/** A place in the tree. */
interface SyntaxPath {
  readonly node: Syntax;
  readonly remove: () => void;
  readonly traverse: (visitor: Readonly<Record<string, (path: SyntaxPath) => void>>) => void;
}

const REFUSAL =
  'it has a decorator, and its tsconfig.json does not set "experimentalDecorators" to true: standard decorators are not supported';

/**
 * A plugin of Babel for jiti, which knows the decorators of `experimentalDecorators` alone, and adds to each what
 * `emitDecoratorMetadata` asks for. Standard decorators are called with other arguments: they are refused. And
 * where no `Reflect.metadata` is there, jiti 2.7 would put the class itself in the place of a decorated method.
 */
export function decoratorPlugin({
  hasDecorators = false,
  hasMetadata = false,
}: Partial<Tsconfig> = {}): () => object {
  const visit = (path: SyntaxPath): void => {
    const { node } = path;
    const { left, right } = node.expression ?? {};
    if (left?.callee?.property?.name === 'metadata') {
      if (!hasMetadata || right === undefined) path.remove();
      else right.body = { type: 'Identifier', name: 'undefined' };
    } else if (!hasDecorators) {
      throw Object.assign(new Error(REFUSAL), { loc: node.loc?.start });
    }
  };
  return () => ({
    visitor: { Program: (program: SyntaxPath) => program.traverse({ Decorator: visit }) },
  });
}
