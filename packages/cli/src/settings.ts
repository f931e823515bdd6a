import { LeatError, type TopologySettings } from '@leat/core';
import { type LogFormat, type NatsSettings, shownAddress, shownSetting } from '@leat/runtime';
import { fromStart } from '@leat/sdk';
import * as z from 'zod';
import {
  SETTING_SCHEMAS,
  type SettingGroup,
  type SettingMeta,
  settingMeta,
  type SettingName,
  SETTINGS_SCHEMA,
} from './settings-schema.ts';

/** One setting: a flag, a variable, a default, in that order of precedence. */
export interface SettingRow extends Omit<SettingMeta, 'description'> {
  readonly fallback: string | undefined;
  readonly meaning: string;
  /** What it may be, if that is a list. */
  readonly choices: readonly string[];
  /** Which values are right, read from text. */
  readonly schema: z.ZodType;
}

/** Every setting: flags and variables are read by it; help, `docs/configuration.md` and the chart's schema are made from it. */
export const SETTINGS: Readonly<Record<SettingName, SettingRow>> = rowsOf();

/** The settings of some groups, and what logs look like. */
export function settingsIn(groups: readonly SettingGroup[]): SettingRow[] {
  const rows = Object.values(SETTINGS);
  return rows.filter(({ group }) => group === 'log' || groups.includes(group));
}

function rowsOf(): Record<SettingName, SettingRow> {
  const rows = Object.entries(SETTING_SCHEMAS).map(([name, schema]): [string, SettingRow] => {
    const { description: meaning, ...meta } = settingMeta(name as SettingName);
    const value = schema.parse(undefined);
    const fallback = value === undefined ? undefined : `${value}`;
    return [name, { ...meta, meaning, choices: choicesOf(schema), fallback, schema }];
  });
  return Object.fromEntries(rows) as Record<SettingName, SettingRow>;
}

function choicesOf(schema: z.ZodType): readonly string[] {
  const inner = schema instanceof z.ZodDefault ? schema.unwrap() : schema;
  return inner instanceof z.ZodEnum ? inner.options.map(String) : [];
}

/** The settings of a command, read and checked. */
export interface Settings {
  readonly nats: NatsSettings;
  /** Whether somebody said where NATS is, or it is only the default. */
  readonly isNatsGiven: boolean;
  /** Each as `id:file`. */
  readonly signingKeys: readonly string[];
  readonly topology: TopologySettings;
  readonly log: { readonly format: LogFormat; readonly level: string };
  readonly stateDir: string;
  readonly httpPort: number | undefined;
  readonly httpHost: string;
  readonly otlpEndpoint: string | undefined;
  readonly stopGraceMs: number | undefined;
  readonly codeVersion: string | undefined;
}

type Texts = Readonly<Record<string, unknown>>;

/**
 * Reads the settings from flags, then variables, then defaults.
 *
 * @throws LeatError `invalid-configuration` that names the flag or variable
 */
export function readSettings(flags: Texts, variables: Texts): Settings {
  const given = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, { flag, variable }]) => [
      name,
      textIn(flags[flag]) ?? (variables[variable] || undefined),
    ]),
  );
  const { data, error } = SETTINGS_SCHEMA.safeParse(given);
  if (error !== undefined) throw refusal(given, error);
  const { url, user, password, token, credsFile, nkeyFile } = data;
  const { tlsCaFile, tlsCertFile, tlsKeyFile, logFormat, logLevel } = data;
  const { replicas, maxMessages, maxBytes, ackWaitMs, ...rest } = data;
  const login = { user, password, token, credsFile, nkeyFile, tlsCaFile, tlsCertFile, tlsKeyFile };
  return {
    nats: { url, ...withoutUndefined(login) },
    isNatsGiven: given['url'] !== undefined,
    signingKeys: rest.signingKeys?.split(',') ?? [],
    topology: { replicas, maxMessages, maxBytes, ackWaitMs },
    log: { format: logFormat, level: logLevel },
    stateDir: fromStart(rest.stateDir),
    httpPort: rest.httpPort,
    httpHost: rest.httpHost,
    otlpEndpoint: rest.otlpEndpoint,
    stopGraceMs: rest.stopGraceMs,
    codeVersion: rest.codeVersion,
  };
}

/** What a flag says that was given once, or several times. */
function textIn(flag: unknown): unknown {
  return Array.isArray(flag) ? flag.join(',') : flag;
}

/** The first thing that is wrong, as a sentence. */
function refusal(given: Texts, { issues }: z.ZodError): LeatError {
  const [issue] = issues;
  const name = issue?.path[0] as SettingName;
  const { flag, variable, value } = SETTINGS[name];
  const text = String(given[name]);
  const found = value === 'URL' ? shownAddress(text) : shownSetting(text);
  return new LeatError(
    'invalid-configuration',
    `--${flag} (${variable}) must be ${issue?.message}; it is ${found}.`,
  );
}

function withoutUndefined<T extends object>(
  fields: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
