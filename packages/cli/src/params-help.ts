import { loadPipeline } from '@leat/runtime';
import { z } from 'zod';

/** What of a JSON schema says what a parameter may be. */
interface ParamSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
}

/**
 * The parameters of a pipeline, as rows of the help: those that `--param` takes, and what each is.
 *
 * @returns none if the pipeline declares none
 * @throws LeatError `invalid-pipeline` if the file cannot be loaded
 */
export async function paramRows(file: string): Promise<readonly (readonly [string, string])[]> {
  const { params } = await loadPipeline(file);
  if (params === undefined) return [];
  const schema = z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' });
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const about = property as ParamSchema;
    const standard = about.default === undefined ? '' : `default ${JSON.stringify(about.default)}`;
    const need = required.has(name) ? 'required' : standard;
    const kind = about.enum?.map(String).join('|') ?? about.type ?? 'value';
    const meaning = [about.description, need && `(${need})`].filter(Boolean).join(' ');
    return [`${name}=${kind}`, meaning] as const;
  });
}
