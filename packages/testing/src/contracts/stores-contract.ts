import { TerminalError } from '@leat/core';
import type { OpenStores, StoresContext } from '@leat/sdk';
import { afterEach, describe, expect, test } from 'vitest';

/** Stores as the suite opens them. */
export interface StoresUnderTest {
  /** Opens the same stores, as another process would. */
  readonly open: (context: StoresContext) => Promise<OpenStores>;
  /** Where values have a limit, one that is too large. */
  readonly tooLarge?: string;
}

let pipelines = 0;

/** What every {@link OpenStores} must do. */
export function storesContract(name: string, setup: () => StoresUnderTest): void {
  describe(`${name} keeps the contract of stores`, () => {
    const opened: OpenStores[] = [];
    const open = async (pipeline: string): Promise<OpenStores> => {
      const logger = { warn: () => undefined } as unknown as StoresContext['logger'];
      const stores = await setup().open({ pipeline, logger });
      opened.push(stores);
      return stores;
    };
    const newPipeline = (): string => `s${process.pid}-${++pipelines}`;

    afterEach(async () => {
      for (const stores of opened.splice(0)) await stores.close();
    });

    test('gives what was written, to everybody and at once', async () => {
      const pipeline = newPipeline();
      const [{ state }, { state: other }] = [await open(pipeline), await open(pipeline)];
      expect(await state.get('r.1.a')).toBeUndefined();
      expect(await state.create('r.1.a', 'one')).toBe(true);
      const found = await other.get('r.1.a');
      expect(found?.value).toBe('one');
      expect(await other.update('r.1.a', 'two', found?.revision ?? 0)).toBe(true);
      expect((await state.get('r.1.a'))?.value).toBe('two');
      await state.delete('r.1.a');
      expect(await other.get('r.1.a')).toBeUndefined();
      await other.delete('r.1.a');
    });

    test('creates a key once, also after it was deleted', async () => {
      const { state } = await open(newPipeline());
      for (const round of ['first', 'second']) {
        expect(await state.create('p.k', round)).toBe(true);
        expect(await state.create('p.k', 'other')).toBe(false);
        expect((await state.get('p.k'))?.value).toBe(round);
        await state.delete('p.k');
      }
    });

    test('updates no revision but the last, and none of a key that was deleted', async () => {
      const { state } = await open(newPipeline());
      expect(await state.update('p.k', 'x', 1)).toBe(false);
      await state.create('p.k', 'a');
      const { revision = 0 } = (await state.get('p.k')) ?? {};
      expect(await state.update('p.k', 'b', revision)).toBe(true);
      expect(await state.update('p.k', 'c', revision)).toBe(false);
      expect((await state.get('p.k'))?.value).toBe('b');
      const before = (await state.get('p.k'))?.revision ?? 0;
      await state.delete('p.k');
      expect(await state.update('p.k', 'd', before)).toBe(false);
      await state.create('p.k', 'b');
      expect(await state.update('p.k', 'e', before)).toBe(false);
      expect((await state.get('p.k'))?.value).toBe('b');
    });

    test('lets one of many create a key, and loses none of many updates', async () => {
      const pipeline = newPipeline();
      const replicas = [await open(pipeline), await open(pipeline), await open(pipeline)];
      const created = await Promise.all(
        replicas.map(({ state }, nth) => state.create('p.first', `${nth}`)),
      );
      expect(created.filter(Boolean)).toHaveLength(1);
      await replicas[0]?.state.create('p.sum', '0');
      const add = async ({ state }: OpenStores): Promise<void> => {
        for (;;) {
          const found = await state.get('p.sum');
          const next = `${Number(found?.value) + 1}`;
          if (await state.update('p.sum', next, found?.revision ?? 0)) return;
        }
      };
      await Promise.all(Array.from({ length: 5 }, () => Promise.all(replicas.map(add))));
      expect((await replicas[0]?.state.get('p.sum'))?.value).toBe('15');
    });

    test('keeps every character of a text', async () => {
      const { state } = await open(newPipeline());
      const texts = ['', ' x ', '{"v":1,"value":"\\u0000"}', 'Zoë 北京 😀\u2028', `a'b"c\\d\n%_`];
      for (const [nth, text] of texts.entries()) {
        await state.create(`p.t${nth}`, text);
        expect((await state.get(`p.t${nth}`))?.value).toBe(text);
      }
    });

    test('deletes what begins with whole parts, and nothing else', async () => {
      const [pipeline, neighbour] = [newPipeline(), newPipeline()];
      const [{ state, data }, others] = [await open(pipeline), await open(neighbour)];
      const below = ['r.1.2.a', 'r.1.2.b.c', 'r.1.2._x-y=z'];
      const beside = ['r.1.2', 'r.1.20.a', 'r.1.2a.b', 'r.1.3.a', 'r.11.2.a', 'r.1.2-a.b'];
      for (const key of [...below, ...beside]) {
        await state.create(key, key);
        await data.put(key, Buffer.from(key));
        await others.state.create(key, key);
      }
      for (const store of [state, data]) {
        expect([...(await store.keys('r.1.2'))].toSorted()).toEqual(below.toSorted());
        await store.deletePrefix('r.1.2');
        expect(await store.keys('r.1.2')).toEqual([]);
        await store.deletePrefix('r.1.2');
      }
      for (const key of below) {
        expect([await state.get(key), await data.get(key)]).toEqual([undefined, undefined]);
        expect((await others.state.get(key))?.value).toBe(key);
      }
      for (const key of beside) {
        expect((await state.get(key))?.value).toBe(key);
        expect(Buffer.from((await data.get(key)) ?? []).toString()).toBe(key);
      }
    });

    test('takes any key of its grammar', async () => {
      const { state, data } = await open(newPipeline());
      const parts = ['0', 'A', 'a', '-', '_', '=', '--x', 'constructor', '_=-'.repeat(14)];
      const long = parts
        .map((part) => part.padEnd(44, 'z'))
        .join('.')
        .slice(0, 399);
      const keys = [...parts, ...parts.map((part) => `p.${part}.${part}`), `${long}x`];
      for (const key of keys) {
        expect(await state.create(key, key)).toBe(true);
        await data.put(key, Buffer.from(key));
      }
      for (const key of keys) {
        expect((await state.get(key))?.value).toBe(key);
        expect(Buffer.from((await data.get(key)) ?? []).toString()).toBe(key);
      }
    });

    test('keeps bytes, and those of the last who wrote them', async () => {
      const pipeline = newPipeline();
      const [{ data }, { data: other }] = [await open(pipeline), await open(pipeline)];
      expect(await data.get('p.blob')).toBeUndefined();
      await data.delete('p.blob');
      const large = Buffer.alloc(3_000_000, 'leat');
      for (const bytes of [Buffer.from([0, 255, 10, 0]), Buffer.alloc(0), large]) {
        await data.put('p.blob', bytes);
        expect(Buffer.compare((await other.get('p.blob')) ?? Buffer.from('?'), bytes)).toBe(0);
      }
      await other.delete('p.blob');
      expect(await data.get('p.blob')).toBeUndefined();
    });

    test('says that a value is too large, if it has a limit', async (context) => {
      const { tooLarge } = setup();
      if (tooLarge === undefined) return context.skip('it has none');
      const { state } = await open(newPipeline());
      await expect(state.create('p.k', tooLarge)).rejects.toBeInstanceOf(TerminalError);
      expect(await state.get('p.k')).toBeUndefined();
    });
  });
}
