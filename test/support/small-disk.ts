import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A mount, gone at the end of the block. */
export interface SmallDisk extends AsyncDisposable {
  /** Why nothing is mounted, if nothing is. */
  readonly failure?: string;
}

/** Mounts a small file system, for which one has to be root. */
export async function mountSmall(directory: string, size: string): Promise<SmallDisk> {
  const execute = promisify(execFile);
  try {
    await execute('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]);
  } catch (error) {
    return { failure: (error as Error).message, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  return {
    [Symbol.asyncDispose]: async () => {
      await execute('umount', ['-l', directory]);
    },
  };
}

/** Lets nobody open a file of a folder to write, for which one has to be root; what is open stays so. */
export async function mountReadOnly(directory: string): Promise<SmallDisk> {
  const execute = promisify(execFile);
  const unmount = async (): Promise<void> => {
    await execute('umount', ['-l', directory]);
  };
  try {
    await execute('mount', ['--bind', directory, directory]);
  } catch (error) {
    return { failure: (error as Error).message, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  await execute('mount', ['-o', 'remount,bind,ro', directory]).catch(async (error: unknown) => {
    await unmount();
    throw error;
  });
  return { [Symbol.asyncDispose]: unmount };
}
