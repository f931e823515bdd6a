import type { OpenStores } from '@leat/sdk';

/** The stores as the user's functions use them: they throw nothing but `BusyError` and `TerminalError`. */
export type StoresInUse = Pick<OpenStores, 'state' | 'data'>;
