import { BusyError, isA, messageOf, TerminalError } from '@leat/core';
import type { PipelineStores, StoreCall } from '@leat/runtime';
import type { StoresInUse } from './stores-in-use.ts';

/** A helper asks its parent for a call of a store: it has no connection of its own. */
export interface StoreQuestion {
  readonly storeCall: StoreCall;
  readonly call: number;
}

/** What the parent answers. */
export type StoreAnswer = { readonly storeAnswer: number } & (
  | { readonly value: unknown }
  | { readonly fault: 'busy' | 'fatal'; readonly message: string }
);

/** Makes the call that a helper asks for. It never throws. */
export async function answerStoreCall(
  stores: PipelineStores | undefined,
  { storeCall, call }: StoreQuestion,
): Promise<StoreAnswer> {
  try {
    if (stores === undefined) throw new TerminalError('its parent has no stores');
    return { storeAnswer: call, value: await stores.call(storeCall) };
  } catch (error) {
    const fault = isA(error, TerminalError) ? 'fatal' : 'busy';
    return { storeAnswer: call, fault, message: messageOf(error) };
  }
}

/** The stores of a helper: every call goes to its parent, whose one connection all helpers share. */
export class RemoteStores {
  readonly stores: StoresInUse;
  readonly #ask: (question: StoreQuestion) => void;
  readonly #waiting = new Map<
    number,
    { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }
  >();
  #calls = 0;

  constructor(ask: (question: StoreQuestion) => void) {
    this.#ask = ask;
    this.stores = {
      state: this.#remote('state', ['get', 'create', 'update', 'delete', 'deletePrefix', 'keys']),
      data: this.#remote('data', ['put', 'get', 'delete', 'deletePrefix', 'keys']),
    } as unknown as StoresInUse;
  }

  hear(answer: StoreAnswer): void {
    const waiting = this.#waiting.get(answer.storeAnswer);
    this.#waiting.delete(answer.storeAnswer);
    if ('value' in answer) waiting?.resolve(answer.value);
    else if (answer.fault === 'fatal') waiting?.reject(new TerminalError(answer.message));
    else waiting?.reject(new BusyError(answer.message));
  }

  #remote(store: StoreCall['store'], methods: readonly string[]): object {
    const call =
      (method: string) =>
      (...args: readonly unknown[]): Promise<unknown> =>
        new Promise((resolve, reject) => {
          const number = ++this.#calls;
          this.#waiting.set(number, { resolve, reject });
          this.#ask({ storeCall: { store, method, args } as StoreCall, call: number });
        });
    return Object.fromEntries(methods.map((method) => [method, call(method)]));
  }
}
