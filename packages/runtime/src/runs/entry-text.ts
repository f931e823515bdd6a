import { type Format, writtenVersion } from '@leat/core';
import type { StoredMsg } from '@nats-io/jetstream';

/** The formats of entries, by how their keys begin. */
const FORMAT_OF: Readonly<Record<string, Format>> = {
  run: 'request',
  progress: 'progress',
  wish: 'wish',
  redrive: 'redrive',
  code: 'note',
  sink: 'note',
  trouble: 'note',
};

/** What is no JSON is nothing that Leat has written. */
export function jsonIn(entry: Pick<StoredMsg, 'json'>): unknown {
  try {
    return entry.json();
  } catch {
    return undefined;
  }
}

export function formatOf(key: string): Format {
  return FORMAT_OF[key.slice(0, key.indexOf('.'))] ?? 'note';
}

/** An entry as it is written. What is no object has no room for a version: it is of version 1. */
export function textOf(key: string, value: unknown): string {
  const isObject = typeof value === 'object' && value !== null;
  return JSON.stringify(isObject ? { ...value, v: writtenVersion(formatOf(key), value) } : value);
}

export function withoutVersion(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('v' in value)) return value;
  const { v: _, ...rest } = value;
  return rest;
}

export function fieldsOf(value: unknown): { readonly v?: unknown } {
  return value as { readonly v?: unknown };
}
